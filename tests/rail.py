"""A small railway, written as a scenario folder.

Four stations on single track: west -- halt -- east -- far in a row, and a branch halt -- mine.
`halt` has no connection to the grid. Two trains start in the west and in the east.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sim.scenario import Scenario, load_scenario

TOML = """\
title = "Two trains on single track"
seed = 1

[timing]
step_min = 15
period_min = 60
horizon_h = 12
hours = 12

[grid]
source = [{ bus = "west" }]

[battery.wagon]
energy_mwh = 2.0
p_charge_max_mw = 0.5
p_discharge_max_mw = 0.5
s_mva = 0.5
efficiency_charge = 0.9
efficiency_discharge = 0.9
soc_initial = 0.5
soc_terminal = 0.5

[[tariff.block]]
from_h = 0
import_usd_per_mwh = 50
export_usd_per_mwh = 0

[rails]
slot_h = 1
usd_per_span = 200

[rails.delay]
probability = 0.5
mean_h = 0.3

[profiles]
file = "profiles.csv"
"""

TABLES = {
    "buses.csv": "name,vn_kv,x_km,y_km\nwest,10,0,0\neast,10,20,0\nfar,10,30,0\nmine,10,10,9\n",
    "lines.csv": """\
name,from_bus,to_bus,length_km,r_ohm_per_km,x_ohm_per_km,max_i_ka
one,west,east,1,0.05,0.05,1
two,east,far,1,0.05,0.05,1
three,west,mine,1,0.05,0.05,1
""",
    "loads.csv": "name,bus,p_mw,q_mvar,profile\ntown,east,1.0,0.1,town\n",
    "profiles.csv": "time,town\n"
    + "".join(f"2016-01-01 {hour:02}:00,{0.8 + 0.02 * hour}\n" for hour in range(24)),
    "rail_nodes.csv": "name,x_km,y_km\nwest,0,0\nhalt,10,0\neast,20,0\nfar,30,0\nmine,10,9\n",
    "rail_tracks.csv": """\
from_node,to_node,running_h
west,halt,0.5
halt,east,0.75
east,far,0.25
halt,mine,0.4
""",
    "stations.csv": """\
name,bus,rail_node,plugs,set_up_min
west,west,west,2,0
east,east,east,2,15
far,far,far,1,0
mine,mine,mine,2,0
""",
    "trains.csv": "name,battery,wagons,initial_station\neast bound,wagon,4,west\n"
    "west bound,wagon,2,east\n",
}


def write_railway(folder: Path, **tables: str) -> Path:
    """Write the folder; `tables` replace those of the same name, without the ending."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(TOML, encoding="utf-8")
    content = TABLES | {f"{name}.csv": text for name, text in tables.items()}
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def railway(folder: Path, overrides: dict[str, Any] | None = None, **tables: str) -> Scenario:
    """Return the scenario of such a folder."""
    return load_scenario(write_railway(folder, **tables), overrides or {})
