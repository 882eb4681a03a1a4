# %% [markdown]
# # A first study
#
# Ten minutes: one day of a feeder, then a comparison of controllers with intervals. You need
# `pip install .` in the source, or the wheel. This page is a notebook; the link at its end
# downloads it.

# %%
import gridhaul as gh

scenario = gh.load_scenario("ieee33")
scenario

# %% [markdown]
# [`ieee33`](../scenarios/ieee33/README.md) is the feeder of Baran and Wu: 33 buses with load,
# sun and wind of 2016, and three battery trucks on 26 roads between six stations. At noon the
# sun lifts voltages above their limit, and in the evening load pulls them below it, at other
# places. What does a controller cost that does nothing?
#
# ## One day
#
# `run` lives one day. `replication` says which one: weather, loads, forecasts and traffic
# follow from it, whatever the controller does.

# %%
idle = gh.run(scenario, "idle", replication=1)
idle

# %%
gh.plot.voltages(idle)

# %% [markdown]
# Voltages leave their limits (dashed), and that is where the objective comes from: cost plus a
# penalty for every violated limit. Now the same day with `rolling`, which plans routes and
# powers of all trucks anew every hour by optimisation.

# %%
rolling = gh.run(scenario, "rolling", replication=1)
rolling

# %%
gh.plot.voltages(rolling)

# %% [markdown]
# Who did it? The trucks, the inverters and the caps on the sun. The figure shows where each
# truck was and what it did there.

# %%
gh.plot.vehicles(rolling)

# %%
gh.plot.dispatch(rolling)

# %% [markdown]
# Every episode is a set of tables. `timed` gives one with a time index:

# %%
rolling.timed("steps")[["load_mw", "import_mw", "vm_pu_min", "vm_pu_max"]].resample("3h").mean()

# %% [markdown]
# ## Many days
#
# One day proves nothing. `compare` runs controllers on *common* days, and the difference of two
# controllers on the same day is far surer than the difference of their means. Two rules and two
# optimisers on eight days:

# %%
study = gh.compare(scenario, ["idle", "greedy", "stationary", "rolling"], replications=8)
study.paired.xs("objective_usd", level="metric")

# %%
gh.plot.comparison(study)

# %% [markdown]
# A negative difference is money saved against `idle`; an interval that excludes zero says that
# it is no luck. For `greedy` it does not: these eight days do not tell. Intervals are lopsided
# because days are: a few sunny ones cost most. What is driving itself worth? `stationary` has
# the same optimiser, but its trucks never leave their station:

# %%
gh.plot.waterfall(study)

# %% [markdown]
# Eight days are few. [Statistics](../statistics.md) says how far an interval can be trusted,
# and the table warns below 50 days.
#
# ## Keep it
#
# With `out=` a study is kept in a folder: the same call again runs only what is missing, and
# the report is one HTML file.

# %%
study = gh.compare(scenario, ["idle", "greedy"], replications=4, out="results/first")
gh.write_report("results/first")

# %% [markdown]
# On the command line this is
#
# ```bash
# gridhaul compare ieee33 --controllers idle,greedy --replications 4 --out results/first
# gridhaul report results/first
# ```
#
# Next: [your own feeder](own_feeder.md), or [your own controller](own_controller.md).
