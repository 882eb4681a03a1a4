"""Make the tables of this folder that follow from case33bw: grid, load, plants, roads.

Run ``python scenarios/residential_ev/make.py``. What is chosen by hand (``scenario.toml``,
``stations.csv``, ``vehicles.csv``) is not touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandapower as pp

from scenarios import case33bw
from sim.importers.pandapower import write_network

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


def make(folder: Path) -> None:
    """Write grid, load, plants and roads into `folder`."""
    net = feeder()
    write_network(
        net,
        folder,
        load_profiles={name: name.split()[0] for name in net.load["name"]},
        generator_profiles={f"plant {bus}": profile for bus, _, profile in PLANTS},
    )
    places = case33bw.stations(HERE / "stations.csv", net) | JUNCTIONS
    case33bw.write_roads(folder, places, ROADS, DETOUR)


def feeder() -> Any:
    """Return case33bw with its open ties, the published plants and limits, as a net."""
    net = case33bw.placed(KM_PER_UNIT)
    net.line["max_i_ka"] = MAX_I_KA
    case33bw.name_lines(net)
    net.load["name"] = [
        f"{'business' if bus in BUSINESS else 'homes'} {bus}" for bus in net.load["bus"]
    ]
    for bus, p_mw, _ in PLANTS:
        pp.create_sgen(net, bus, p_mw=p_mw, name=f"plant {bus}", type="PV")
    return net


if __name__ == "__main__":
    make(HERE)
