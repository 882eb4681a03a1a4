"""Write the roads of an OpenStreetMap file into a scenario's folder."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sim.importers.folder import write_rows
from sim.importers.links import both_ways
from sim.importers.osm.graph import read_graph
from sim.importers.osm.stations import snapped
from sim.importers.positions import on_a_plane
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow, StationRow

LOGGER = logging.getLogger("gridhaul")
LONGEST_KM = 20_000.0


def write_roads(
    file: str | Path, folder: str | Path, *, stations: str | Path | None = None
) -> dict[str, object]:
    """Write ``road_nodes.csv`` and ``road_links.csv`` from a local file of OpenStreetMap.

    Roads are those of the classes of `sim.importers.osm.classes.CLASSES` that are not closed to
    trucks. The speed on the empty road is ``maxspeed``, otherwise that of the class; the capacity
    is ``lanes``, otherwise the lanes of the class, times the capacity of a lane. Of a road whose
    class, speed or lanes change on the way, driving times add up and the least capacity holds.
    Kept is the largest strongly connected part; a node stays where roads meet or end. What was
    left out is told by a warning of the logger ``gridhaul``. Nothing is downloaded.

    Parameters
    ----------
    file
        ``.osm`` (XML), or ``.graphml`` as `osmnx.save_graphml` writes it.
    folder
        The scenario's folder; made if it does not exist.
    stations
        CSV file of stations with the columns ``name``, ``bus``, ``longitude`` and ``latitude``
        [degrees], and optional ``plugs`` and ``set_up_min``. They are put at the nearest nodes and
        written to ``stations.csv``. Without a file ``stations.csv`` is left as it is.

    Returns
    -------
    dict
        Empty: roads need no settings.

    Raises
    ------
    InputError
        If OSMnx is not installed, if a file cannot be read, and by element what is wrong: nodes
        without position, stations more than 10 km away from a road.
    """
    path, folder = Path(file), Path(folder)
    problems = Problems()
    graph, said = read_graph(path, problems)
    problems.raise_if_any()
    degrees = {str(node): (data["x"], data["y"]) for node, data in graph.nodes(data=True)}
    links = _links(graph, path.name, problems)
    rows: list[StationRow] = []
    if stations is not None:
        rows, how = snapped(Path(stations), degrees, problems)
        said += how
    problems.raise_if_any()
    places = on_a_plane(degrees)
    nodes = [RoadNodeRow(name=name, x_km=x, y_km=y) for name, (x, y) in places.items()]
    write_rows(folder, "road_nodes.csv", nodes)
    write_rows(folder, "road_links.csv", both_ways(links))
    if rows:
        write_rows(folder, "stations.csv", rows)
    if said:
        LOGGER.warning("%s:\n  %s", path.name, "\n  ".join(said))
    return {}


def _links(graph: Any, where: str, problems: Problems) -> list[RoadLinkRow]:
    """Return the edges as one-way links; ways back add up in another order, so sums are rounded."""
    links = []
    for start, end, data in graph.edges(data=True):
        length_km = data["length"] / 1000
        if length_km > LONGEST_KM:
            key = f"nodes {start} and {end}"
            message = f"are further apart than {LONGEST_KM:,.0f} km"
            problems.add(where, key, length_km, message, "Correct their positions")
            continue
        links.append(
            RoadLinkRow(
                from_node=str(start),
                to_node=str(end),
                length_km=round(length_km, 6),
                free_speed_kmh=round(length_km / data["hours"], 3),
                capacity_veh_h=data["capacity"],
                two_way=False,
            )
        )
    return links
