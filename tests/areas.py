"""Two feeders on paper: two areas, two tariffs, and one truck between them."""

from __future__ import annotations

from pathlib import Path

TOML = """
title = "Two feeders and a truck"
uncertainty = "off"
parties = ["north", "south", "haulier"]

[timing]
step_min = 15
period_min = 60
horizon_h = {hours}
hours = {hours}

[grid]
source = [{{ bus = "north source", vm_pu = 1.0 }}, {{ bus = "south source", vm_pu = 1.0 }}]

[battery.trailer]
energy_mwh = 1.0
p_charge_max_mw = 0.5
p_discharge_max_mw = 0.5
s_mva = 0.5
efficiency_charge = 0.9
efficiency_discharge = 0.9
soc_initial = 0.0
soc_terminal = 0.0
wear_usd_per_mwh = 5.0

[tariff]
block = [{{ from_h = 0, import_usd_per_mwh = 20.0, export_usd_per_mwh = 0.0 }}]

[[area]]
name = "north"
sources = ["north source"]
operator = "north"

[[area]]
name = "south"
sources = ["south source"]
operator = "south"
{south}

[profiles]
file = "profiles.csv"
{more}"""

SOUTH = (
    "tariff = { feed_in_usd_per_mwh = 7.0, block = [{ from_h = 0, import_usd_per_mwh = 100.0, "
    "export_usd_per_mwh = 0.0, retail_usd_per_mwh = 30.0 }] }"
)

TABLES = {
    "buses.csv": """name,vn_kv
north source,10
south source,10
north,10
south,10
""",
    "lines.csv": """name,from_bus,to_bus,length_km,r_ohm_per_km,x_ohm_per_km,max_i_ka
to the north,north source,north,1,{r_ohm},0.001,1
to the south,south source,south,1,{r_ohm},0.001,1
""",
    "loads.csv": """name,bus,p_mw,q_mvar,profile
north,north,1.0,0.0,flat
south,south,2.0,0.0,flat
""",
    "generators.csv": """name,kind,bus,p_mw,profile
roofs,pv,south,0.1,sun
""",
    "stations.csv": """name,bus,road_node,plugs,set_up_min
north,north,north,1,0
south,south,south,1,0
""",
    "road_nodes.csv": "name,x_km,y_km\nnorth,0,0\nsouth,0,30\n",
    "road_links.csv": """from_node,to_node,length_km,free_speed_kmh,capacity_veh_h
north,south,30,60,1000
""",
    "vehicles.csv": """name,battery,initial_station,usd_per_km,owner
truck,trailer,north,0.5,haulier
""",
}


def write(
    folder: Path,
    *,
    hours: int = 5,
    r_ohm: float = 0.0,
    more: str = "",
    ripple: tuple[float, ...] = (1.0,),
    changes: dict[str, str] | None = None,
) -> Path:
    """Write the scenario.

    `ripple` are the values of all loads within an hour, repeated; `changes` replace one text by
    another in all files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    toml = TOML.format(hours=hours, south=SOUTH, more=more)
    record = ["time,flat,sun"]
    for hour in range(72):
        for place, value in enumerate(ripple):
            minute = place * 60 // len(ripple)
            stamp = f"2016-01-0{1 + hour // 24} {hour % 24:02}:{minute:02}"
            record.append(f"{stamp},{value},1.0")
    files = {
        "scenario.toml": toml,
        "profiles.csv": "\n".join(record) + "\n",
        **{name: table.replace("{r_ohm}", str(r_ohm)) for name, table in TABLES.items()},
    }
    for name, content in files.items():
        for old, new in (changes or {}).items():
            content = content.replace(old, new)
        (folder / name).write_text(content)
    return folder
