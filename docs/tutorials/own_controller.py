# %% [markdown]
# # Your own controller
#
# Ten minutes: look at what a controller sees, write one, compare it, and let the laws judge it.
# A controller is any class with two methods, `start` and `decide`; nothing is inherited or
# registered.

# %%
import numpy as np
import pandas as pd

import gridhaul as gh
from gridhaul import FleetPlan, Plan, Visit

scenario = gh.load_scenario("ieee33")

# %% [markdown]
# ## What it sees
#
# `gridhaul.begin` opens a day and waits for a plan, so that one can look around.

# %%
episode = gh.begin(scenario, replication=4, verify="off")
seen = episode.observation
print("hours ahead:", len(seen.forecast.load_mw))
print("stations:   ", [station.name for station in episode.system.stations])
print("trucks at:  ", [episode.system.stations[i].name for i in seen.vehicles.station])
print("energy:     ", seen.vehicles.energy_mwh, "MWh")

# %% [markdown]
# The forecast is a mean with bounds for every load and generator, conditional on everything
# metered so far. Net load of the feeder, hour by hour:

# %%
forecast = seen.forecast
ahead = pd.DataFrame(
    {
        "load": forecast.load_mw.sum(axis=1),
        "sun and wind": forecast.available_mw.sum(axis=1),
    }
).rename_axis("hours from now")
ahead.plot(backend="plotly", labels={"value": "MW", "variable": ""})

# %% [markdown]
# ## What it orders
#
# A `Plan` is made of parts; what is left out stays as it is. `FleetPlan` has visits (where to
# go, when to leave) and powers of shape `(period, vehicle)`, positive where the truck feeds the
# grid. One order, two hours:

# %%
episode.step(gh.Plan(fleet=gh.FleetPlan(p_mw=np.full((2, 3), 0.4))))
episode.step(gh.Plan())
print(episode.observation.vehicles.energy_mwh, "MWh")
day = episode.close()

# %% [markdown]
# ## Rules that follow the sun
#
# This controller sends each truck to a station and uses the forecast there: it charges while
# sun and wind exceed what the feeder needs, and discharges when prices are highest. Energy is
# kept within what the battery can hold. `depart_h` counts hours from the start of the episode, so
# the trucks leave at five in the morning.


# %%
class SunFollower:
    """Park at the parks, charge on surplus, discharge in the dearest hours."""

    def start(self, system, rng):
        self.system = system
        self.goals = [system.station(name) for name in ("Sunfield", "Lakeside", "Hillcrest")]
        self.battery = [truck.battery for truck in system.vehicles]

    def decide(self, observation):
        forecast, hours = observation.forecast, self.system.timing.period_h
        price = forecast.import_usd_per_mwh[:, 0]
        surplus = forecast.available_mw.sum(axis=1) > forecast.load_mw.sum(axis=1)
        sign = np.where(surplus, -1.0, np.where(price >= np.quantile(price, 0.8), 1.0, 0.0))
        p_mw = np.outer(sign, [battery.p_discharge_max_mw for battery in self.battery])
        for i, battery in enumerate(self.battery):
            energy = observation.vehicles.energy_mwh[i]
            room = (battery.energy_max_mwh - energy) / battery.efficiency_charge / hours
            left = (energy - battery.energy_min_mwh) * battery.efficiency_discharge / hours
            p_mw[0, i] = np.clip(p_mw[0, i], -room, left)
        visits = None
        if observation.period == 0:
            visits = tuple((Visit(station=goal, depart_h=5.0),) for goal in self.goals)
        return Plan(fleet=FleetPlan(visits=visits, p_mw=p_mw))


day = gh.run(scenario, SunFollower, replication=4)
gh.plot.vehicles(day)

# %%
gh.plot.energy(day)

# %% [markdown]
# ## Is it any good?
#
# On the same days as doing nothing, and as the bundled rules:

# %%
study = gh.compare(scenario, ["idle", "greedy", SunFollower], replications=10, verify="off")
gh.plot.comparison(study)

# %%
study.paired.xs("objective_usd", level="metric")

# %% [markdown]
# The objective is cost and penalty together. Which of them moved?

# %%
gh.plot.costs(study)

# %% [markdown]
# ## Is it honest?
#
# Laws hold for every controller: one seed gives one result, no decision depends on the future,
# nothing is ordered that a battery cannot do, energy and money balance. `check_controller` runs
# them on short episodes. It takes a file and a class, so save the cell above as `sun.py`; here
# we check a bundled one on `tiny`.

# %%
report = gh.check_controller("greedy", gh.load_scenario("tiny"))
report.kept

# %% [markdown]
# On the command line, `gridhaul new my_study` writes a folder with a commented scenario and a
# controller to change:
#
# ```bash
# gridhaul new my_study
# cd my_study
# gridhaul run . --controller controller.py:Mine
# gridhaul check-controller controller.py:Mine .
# ```
#
# [Add a controller](../add_a_controller.md) has the whole contract: parameters, re-planning
# between the periods, capabilities, registration. Next: [learning](learning.md).
