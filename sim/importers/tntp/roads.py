"""Write the roads of a TNTP network into a scenario's folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from sim.importers.folder import write_rows
from sim.importers.links import both_ways
from sim.importers.positions import DEGREES, check_units
from sim.importers.tntp.network import Link, Network, Units, read_network
from sim.importers.tntp.positions import Places, lay_out, read_positions
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow

LOGGER = logging.getLogger("gridhaul")


def write_roads_from_tntp(
    net_file: str | Path,
    node_file: str | Path | None,
    folder: str | Path,
    *,
    length_unit_km: float = 1.0,
    time_unit_h: float = 1.0 / 60.0,
    coordinate_unit_km: float | str = 1.0,
    capacity_unit_veh_h: float = 1.0,
) -> dict[str, object]:
    """Write ``road_nodes.csv`` and ``road_links.csv`` from ``_net.tntp`` and ``_node.tntp``.

    Zones (nodes below ``<FIRST THRU NODE>``) are where trips begin and end, not places on the road:
    they and the connectors that lead to them are left out. The ends of links without length or
    driving time become one node, the one with the lowest number. Two links that differ only in
    direction become one two-way row. Tolls, speed limits and link types are not read: the speed on
    an empty road is its length over its free-flow time. What was joined or laid out is told by a
    warning of the logger ``gridhaul``.

    Parameters
    ----------
    net_file, node_file
        The two files; node files hold number, x and y. Without a node file, positions are laid out
        by the lengths of the roads.
    folder
        The scenario's folder; made if it does not exist.
    length_unit_km
        Length of the files' unit of length [km]: 1 for kilometres, 1.609344 for miles, 0.0003048
        for feet.
    time_unit_h
        Length of the files' unit of time [h]: 1/60 for minutes.
    coordinate_unit_km
        Length of the unit of the nodes' positions [km], or ``"degrees"`` of longitude and latitude.
        Positions only serve maps.
    capacity_unit_veh_h
        What the files' capacities are counted in [vehicles/h]: 1/24 for vehicles a day.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` with the volume-delay function (``traffic.alpha`` and
        ``traffic.beta``) if all links have the same. Otherwise it is empty, and the links have
        columns ``alpha`` and ``beta`` of their own.

    Raises
    ------
    InputError
        Names everything that is wrong, by line: missing columns, values that are no numbers,
        speeds above 1,000 km/h, numbers of links that differ from the metadata.
    """
    problems = Problems()
    units = {
        "length_unit_km": length_unit_km,
        "time_unit_h": time_unit_h,
        "capacity_unit_veh_h": capacity_unit_veh_h,
    }
    if coordinate_unit_km != DEGREES:
        units["coordinate_unit_km"] = coordinate_unit_km  # type: ignore[assignment]
    check_units(units, problems)
    problems.raise_if_any()
    net_file, folder = Path(net_file), Path(folder)
    network = read_network(
        net_file,
        Units(length_km=length_unit_km, time_h=time_unit_h, capacity_veh_h=capacity_unit_veh_h),
        problems,
    )
    places: Places = {}
    if node_file is not None:
        places = read_positions(Path(node_file), coordinate_unit_km, problems)
        if network is not None and places:
            _check_places(network.links, places, net_file.name, Path(node_file).name, problems)
    if network is not None and not network.links and not len(problems):
        message = "holds no link between nodes on the road"
        remedy = "Check <FIRST THRU NODE>: nodes below it are zones"
        problems.add(net_file.name, "file", str(net_file), message, remedy)
    problems.raise_if_any()
    assert network is not None  # a problem has been raised
    nodes = _nodes_on_the_road(network, places)
    said = list(network.said)
    if node_file is None:
        places = lay_out(nodes, network.links)
        said.append("there is no node file: positions are laid out by the lengths of the roads")
    write_rows(
        folder,
        "road_nodes.csv",
        [RoadNodeRow(name=str(node), x_km=places[node][0], y_km=places[node][1]) for node in nodes],
    )
    laws = {(link.alpha, link.beta) for link in network.links}
    write_rows(folder, "road_links.csv", _rows(network.links, own_laws=len(laws) > 1))
    if said:
        LOGGER.warning("%s:\n  %s", net_file.name, "\n  ".join(said))
    if len(laws) > 1:
        return {}
    ((alpha, beta),) = laws
    return {"traffic": {"alpha": alpha, "beta": beta}}


def _check_places(
    links: Sequence[Link], places: Places, net: str, file: str, problems: Problems
) -> None:
    for link in links:
        for number in (link.start, link.end):
            if number not in places:
                message = f"is no node of {file}"
                problems.add(net, f"line {link.line}, node", number, message, "Add its position")


def _nodes_on_the_road(network: Network, places: Places) -> list[int]:
    """Return the nodes that are no zones and were not joined to another one."""
    linked = {node for link in network.links for node in (link.start, link.end)}
    alone = {node for node in places if node >= network.first and node not in network.joined}
    return sorted(linked | alone)


def _rows(links: Sequence[Link], *, own_laws: bool) -> list[RoadLinkRow]:
    return both_ways(
        RoadLinkRow(
            from_node=str(link.start),
            to_node=str(link.end),
            length_km=link.length_km,
            free_speed_kmh=link.speed_kmh,
            capacity_veh_h=link.capacity_veh_h,
            two_way=False,
            alpha=link.alpha if own_laws else None,
            beta=link.beta if own_laws else None,
        )
        for link in links
    )
