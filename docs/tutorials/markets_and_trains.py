# %% [markdown]
# # Markets and trains
#
# Ten minutes: a transmission grid with thermal units and prices at every bus, and a battery
# train that moves between three stations. What is the train worth, and where does its money
# come from?

# %%
import pandas as pd

import gridhaul as gh

rail = gh.load_scenario("six_bus_rail")
rail

# %% [markdown]
# [`six_bus_rail`](../scenarios/six_bus_rail/README.md) holds the data of a published study:
# three thermal units, 125 MW of wind at bus 1, load at buses 3, 4 and 5, and one line, 1-4,
# that is soon full. Trains leave every two hours and take two hours between any two stations.
#
# ## Nobody plans
#
# `idle` leaves the units as they are. In the evening the wind falls and load is shed.

# %%
idle = gh.run(rail, "idle")
gh.plot.dispatch(idle)

# %% [markdown]
# ## A market
#
# `market` commits units, clears energy bus by bus by the forecast, sends the train, and
# dispatches again every hour with the voltages in view.

# %%
market = gh.run(rail, "market")
gh.plot.dispatch(market)

# %%
figures = ["welfare_usd", "unserved_mwh", "curtailed_mwh", "penalty_usd"]
pd.DataFrame({"idle": idle.metrics, "market": market.metrics}).loc[figures].round(1)

# %% [markdown]
# ## Prices
#
# A locational marginal price is what one more megawatt-hour at a bus would cost. While line 1-4
# is full, energy behind it costs more than before it.

# %%
gh.plot.prices(market)

# %% [markdown]
# The train lives on that: it charges where and when energy is cheap, and discharges behind the
# full line. Its timetable, with what it does at the stations:

# %%
gh.plot.timetable(market)

# %%
gh.plot.energy(market)

# %% [markdown]
# ## What the train is worth
#
# The same market without a train, with its battery standing at each of the stations, and with
# the train. `market_day_ahead` clears the day once; `cleared_welfare_usd` is the welfare that
# it finds.

# %%
welfare = {}
for fleet in ("none", "fixed:A", "fixed:B", "fixed:C", "train"):
    scenario = gh.load_scenario("six_bus_rail", {"fleet": fleet})
    day = gh.run(scenario, "market_day_ahead", verify="off")
    welfare[fleet] = day.metrics["cleared_welfare_usd"]
welfare = pd.Series(welfare, name="cleared welfare [USD]")
gain = (welfare - welfare["none"]).drop("none").rename("gain over no storage [USD]")
gain.plot.bar(backend="plotly", labels={"index": "", "value": "USD", "variable": ""})

# %% [markdown]
# Against a battery at A the train wins by far. A battery that stands at B is worth as much, and
# pays for no moves: one line makes nearly all of the price differences, and moving is worth
# little where the trouble stays at one place. [Published and
# ours](../reproduction/six_bus_rail.md) has the figures side by side, over scenarios and with
# missing wind, too.
#
# ## Days that nobody knows
#
# As it stands every replication lives the published day. With `uncertainty=on` load and wind
# differ from day to day and from their forecasts, and trains are late:

# %%
uncertain = gh.load_scenario("six_bus_rail", {"uncertainty": "on"})
study = gh.compare(uncertain, ["idle", "market_day_ahead"], replications=2, verify="off")
study.metrics[["welfare_usd", "unserved_mwh", "curtailed_mwh"]].round(1)

# %% [markdown]
# Put `market` in the place of `market_day_ahead` to dispatch again every hour; a day then takes
# most of a minute. `gridhaul describe controller market` lists what it can be told: scenarios
# of the load, missing wind, segments of costs.
