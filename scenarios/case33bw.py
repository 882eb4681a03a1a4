"""What the scenarios on pandapower's case33bw make alike: places of buses, straight roads."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pandapower.networks import case33bw

from sim.importers.folder import write_rows
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow

SPEED_KMH = 40.0
CAPACITY_VEH_H = 1000.0


def placed(km_per_unit: float) -> Any:
    """Return case33bw with named buses in kilometres, without limits of voltage."""
    net = case33bw()
    net.bus["name"] = [str(bus) for bus in net.bus.index]
    net.bus["geo"] = [_point(*(km_per_unit * x for x in position(net, b))) for b in net.bus.index]
    # The limits are those of the scenario.
    net.bus = net.bus.drop(columns=["max_vm_pu", "min_vm_pu"])
    return net


def name_lines(net: Any) -> None:
    """Name lines by the buses at their ends."""
    ends = zip(net.line["from_bus"], net.line["to_bus"], strict=True)
    net.line["name"] = [f"{start}-{end}" for start, end in ends]


def position(net: Any, bus: int) -> tuple[float, float]:
    """Return where a bus is [km]."""
    x, y = json.loads(net.bus.loc[bus, "geo"])["coordinates"]
    return float(x), float(y)


def stations(file: Path, net: Any) -> dict[str, tuple[float, float]]:
    """Return the road nodes of stations, at the positions of their buses [km]."""
    with file.open(encoding="utf-8", newline="") as stream:
        return {row["road_node"]: position(net, int(row["bus"])) for row in csv.DictReader(stream)}


def write_roads(
    folder: Path,
    places: dict[str, tuple[float, float]],
    roads: Iterable[tuple[str, str]],
    detour: float,
) -> None:
    """Write roads between places, longer than straight lines by the factor `detour`."""
    nodes = [
        RoadNodeRow(name=name, x_km=round(x, 3), y_km=round(y, 3))
        for name, (x, y) in places.items()
    ]
    links = [
        RoadLinkRow(
            from_node=start,
            to_node=end,
            length_km=round(detour * math.dist(places[start], places[end]), 2),
            free_speed_kmh=SPEED_KMH,
            capacity_veh_h=CAPACITY_VEH_H,
        )
        for start, end in roads
    ]
    write_rows(folder, "road_nodes.csv", nodes)
    write_rows(folder, "road_links.csv", links)


def _point(x: float, y: float) -> str:
    return json.dumps({"type": "Point", "coordinates": [round(x, 3), round(y, 3)]})
