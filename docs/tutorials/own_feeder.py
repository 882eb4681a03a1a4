# %% [markdown]
# # Your own feeder
#
# Ten minutes: a grid from pandapower, distances, meters and a tariff become a scenario, and
# trucks are tried on it. Replace the numbers by yours, one section at a time. [Bring your own
# data](../bring_your_own_data.md) lists the other formats: MATPOWER, OpenDSS, SimBench, TNTP.

# %%
from pathlib import Path

import numpy as np
import pandapower
import pandas as pd

import gridhaul as gh
from sim.importers.distances import write_roads_from_distances
from sim.importers.folder import write_settings
from sim.importers.pandapower import write_network
from sim.importers.profiles import write_profiles
from sim.inspect.check import check

# %% [markdown]
# ## The grid
#
# Any balanced pandapower net will do, also one read by `pandapower.from_json`. This one has a
# substation and four villages on one line; the last but one has a solar park.

# %%
net = pandapower.create_empty_network()
buses = [
    pandapower.create_bus(net, vn_kv=12.66, name=name)
    for name in ("substation", "Aston", "Brook", "Cleeve", "Dunmore")
]
pandapower.create_ext_grid(net, buses[0], vm_pu=1.0)
for start, end, km in zip(buses[:-1], buses[1:], (2.0, 4.0, 4.5, 3.0), strict=True):
    pandapower.create_line_from_parameters(
        net, start, end, km, r_ohm_per_km=0.4, x_ohm_per_km=0.32, c_nf_per_km=0, max_i_ka=0.25
    )
for bus, p_mw in zip(buses[1:], (0.7, 0.9, 0.8, 1.1), strict=True):
    name = f"homes {net.bus.name[bus]}"
    pandapower.create_load(net, bus, p_mw=p_mw, q_mvar=0.3 * p_mw, name=name)
pandapower.create_sgen(net, buses[3], p_mw=4.0, name="Cleeve park", type="PV")

grid = write_network(net, "valley", load_profiles="homes", generator_profiles={"pv": "sun"})
grid

# %% [markdown]
# `write_network` writes `buses.csv`, `lines.csv`, `loads.csv` and `generators.csv` into the
# folder `valley`. Loads follow the profile `homes`, the park follows `sun`: both are columns of
# your meters, below. The returned piece goes into the settings.
#
# ## Roads, stations, trucks
#
# Where driving distances are all you know, a matrix of them is enough. Stations join a place on
# the road with a bus.

# %%
Path("distances.csv").write_text(
    "from,Depot,Brook,Cleeve,Dunmore\n"
    "Depot,0,6,11,14\n"
    "Brook,6,0,5,8\n"
    "Cleeve,11,5,0,3\n"
    "Dunmore,14,8,3,0\n"
)
write_roads_from_distances("distances.csv", "valley", speed_kmh=45, capacity_veh_h=900)
tables = {
    "stations.csv": """\
name,bus,road_node
Depot,substation,Depot
Brook,Brook,Brook
Cleeve,Cleeve,Cleeve
Dunmore,Dunmore,Dunmore
""",
    "vehicles.csv": """\
name,battery,initial_station,usd_per_km,labour_usd_per_h
truck 1,trailer,Depot,0.7,25
truck 2,trailer,Dunmore,0.7,25
""",
}
for name, text in tables.items():
    Path("valley", name).write_text(text)

# %% [markdown]
# ## Meters
#
# A data frame or a CSV file with a column `time` and one column per meter. These are made up;
# yours are there already. Whole days, standard time, evenly spaced. `columns` names what is
# taken and what it is called here.

# %%
time = pd.date_range("2024-04-01", "2024-06-01", freq="15min", inclusive="left")
hour = (time.hour + time.minute / 60).to_numpy()
rng = np.random.default_rng(1)
days = len(time) // 96
evening = np.exp(-(((hour - 19.5) / 2.5) ** 2))
morning = np.exp(-(((hour - 7.5) / 1.5) ** 2))
load = (0.35 + 0.3 * morning + 0.65 * evening) * np.repeat(rng.uniform(0.8, 1.1, days), 96)
sun = np.clip(np.sin((hour - 5.5) / 14 * np.pi), 0, None) * np.repeat(rng.uniform(0.3, 1, days), 96)
meters = pd.DataFrame({"time": time, "meter 17": load, "roof 3": sun})
profiles = write_profiles(
    meters, "valley", columns={"meter 17": "homes", "roof 3": "sun"}, step_min=15
)
meters.set_index("time")[:"2024-04-02"].plot(backend="plotly", title="Two days of the meters")

# %% [markdown]
# ## What only you know
#
# Batteries, prices, what a violated limit costs, how well load and sun can be foreseen, and how
# much traffic varies. [The reference](../reference.md) lists every key with its unit and
# default.

# %%
settings = {
    "title": "Two battery trucks in a valley",
    "grid": {"v_min_pu": 0.95, "v_max_pu": 1.05},
    "battery": {
        "trailer": {
            "energy_mwh": 2.0,
            "p_charge_max_mw": 0.7,
            "p_discharge_max_mw": 0.7,
            "s_mva": 0.8,
            "efficiency_charge": 0.95,
            "efficiency_discharge": 0.95,
            "wear_usd_per_mwh": 6.0,
        }
    },
    "tariff": {
        "stored_usd_per_mwh": 60.0,
        "block": [
            {"from_h": 0, "import_usd_per_mwh": 45.0, "export_usd_per_mwh": 35.0},
            {"from_h": 7, "import_usd_per_mwh": 75.0, "export_usd_per_mwh": 55.0},
            {"from_h": 17, "import_usd_per_mwh": 120.0, "export_usd_per_mwh": 90.0},
            {"from_h": 22, "import_usd_per_mwh": 60.0, "export_usd_per_mwh": 45.0},
        ],
    },
    "penalties": {"voltage_usd_per_pu_h": 20000.0, "loading_usd_per_percent_h": 10.0},
    "forecast": {"load": {"near": 0.15, "far": 0.4}, "pv": {"near": 0.25, "far": 0.6}},
    "traffic": {"sigma": 0.25, "demand": [0.1] * 6 + [0.8] * 4 + [0.5] * 6 + [0.8] * 3 + [0.3] * 5},
}
write_settings("valley", grid, profiles, settings)

# %% [markdown]
# ## Is it sound?
#
# `check` looks at a day without storage and at what is often a mistake: loads in kW, stations
# that no road reaches, limits that nobody can keep. A file that is wrong is refused before,
# with every problem at once. On the command line: `gridhaul check valley`.

# %%
valley = gh.load_scenario("valley")
findings = check(valley)
print(findings.base_case)
print(findings.warnings or "nothing looks like a mistake")

# %% [markdown]
# A mistake looks like this:

# %%
try:
    gh.load_scenario("valley", {"traffic.sgima": 0.2})
except gh.InputError as error:
    print(error)

# %% [markdown]
# ## What are the trucks worth?

# %%
study = gh.compare(valley, ["idle", "curtail", "rolling"], replications=3, out="results")
study

# %%
gh.plot.costs(study)

# %% [markdown]
# `curtail` may only throw sun away; `rolling` has the trucks. The day that was worst for the
# voltages:

# %%
gh.plot.vehicles(study)

# %%
gh.plot.voltage_map(study)

# %% [markdown]
# The folder `valley` is plain TOML and CSV: edit it, put it under version control, hand it on.
# Next: [your own controller](own_controller.md).
