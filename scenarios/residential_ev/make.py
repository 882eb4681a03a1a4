"""Make the tables of this folder that follow from case33bw: grid, load, plants, roads.

Run ``python scenarios/residential_ev/make.py``. What is chosen by hand (``scenario.toml``,
``stations.csv``, ``vehicles.csv``) is not touched.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pandapower as pp
from pandapower.networks import case33bw

from sim.importers.folder import write_rows
from sim.importers.pandapower import write_network
from sim.scenario.schema.csv_rows import RoadLinkRow, RoadNodeRow

HERE = Path(__file__).parent
KM_PER_UNIT = 5.0  # of the positions in case33bw
MAX_I_KA = 0.4  # the published case has no thermal limits
# Published buses count from 1, pandapower from 0. [bus, MW, profile]
PLANTS = ((3, 1.43, "sun_3"), (14, 2.25, "sun_14"), (21, 3.17, "sun_21"), (28, 2.64, "sun_28"))
BUSINESS = (1, 2, 6, 7, 22, 23, 24)  # all others are homes
JUNCTIONS = {
    "Westbridge": (-9.0, -3.0),
    "Cross": (2.0, 4.0),
    "Northfield": (6.0, 16.0),
    "Southfield": (2.0, -10.0),
    "Eastfork": (14.0, 2.0),
}
ROADS = (
    ("Gate", "Mill"), ("Gate", "Westbridge"), ("Westbridge", "Quarry"), ("Westbridge", "Cross"),
    ("Mill", "Cross"), ("Mill", "Northfield"), ("Northfield", "Meadow"), ("Northfield", "Orchard"),
    ("Northfield", "Cross"), ("Cross", "Southfield"), ("Cross", "Eastfork"),
    ("Eastfork", "Orchard"), ("Eastfork", "Summit"), ("Eastfork", "Southfield"),
    ("Southfield", "Quarry"), ("Southfield", "Harbour"), ("Harbour", "Summit"),
)  # fmt: skip
DETOUR = 1.2  # of roads over straight lines
SPEED_KMH = 40.0
CAPACITY_VEH_H = 1000.0


def make(folder: Path) -> None:
    """Write grid, load, plants and roads into `folder`."""
    net = feeder()
    write_network(
        net,
        folder,
        load_profiles={name: name.split()[0] for name in net.load["name"]},
        generator_profiles={f"plant {bus}": profile for bus, _, profile in PLANTS},
    )
    _write_roads(net, folder)


def feeder() -> Any:
    """Return case33bw with its open ties, the published plants and limits, as a net."""
    net = case33bw()
    net.line["max_i_ka"] = MAX_I_KA
    net.bus["name"] = [str(bus) for bus in net.bus.index]
    net.bus["geo"] = [_point(*(KM_PER_UNIT * x for x in _position(net, b))) for b in net.bus.index]
    # The limits are those of the scenario.
    net.bus = net.bus.drop(columns=["max_vm_pu", "min_vm_pu"])
    net.line["name"] = [
        f"{start}-{end}"
        for start, end in zip(net.line["from_bus"], net.line["to_bus"], strict=True)
    ]
    net.load["name"] = [
        f"{'business' if bus in BUSINESS else 'homes'} {bus}" for bus in net.load["bus"]
    ]
    for bus, p_mw, _ in PLANTS:
        pp.create_sgen(net, bus, p_mw=p_mw, name=f"plant {bus}", type="PV")
    return net


def _point(x: float, y: float) -> str:
    return json.dumps({"type": "Point", "coordinates": [round(x, 3), round(y, 3)]})


def _position(net: Any, bus: int) -> tuple[float, float]:
    x, y = json.loads(net.bus.loc[bus, "geo"])["coordinates"]
    return float(x), float(y)


def _write_roads(net: Any, folder: Path) -> None:
    """Write the roads between stations, at the positions of their buses, and junctions."""
    with (HERE / "stations.csv").open(encoding="utf-8", newline="") as stream:
        places = {
            row["road_node"]: _position(net, int(row["bus"])) for row in csv.DictReader(stream)
        }
    places |= JUNCTIONS
    nodes = [
        RoadNodeRow(name=name, x_km=round(x, 3), y_km=round(y, 3))
        for name, (x, y) in places.items()
    ]
    links = [
        RoadLinkRow(
            from_node=start,
            to_node=end,
            length_km=round(DETOUR * math.dist(places[start], places[end]), 2),
            free_speed_kmh=SPEED_KMH,
            capacity_veh_h=CAPACITY_VEH_H,
        )
        for start, end in ROADS
    ]
    write_rows(folder, "road_nodes.csv", nodes)
    write_rows(folder, "road_links.csv", links)


if __name__ == "__main__":
    make(HERE)
