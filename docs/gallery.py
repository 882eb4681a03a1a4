# %% [markdown]
# # Gallery
#
# Every figure of `gridhaul.plot`, with the call that draws it. Each is a plotly figure:
# `.show()`, `.write_html(file)`, `.update_layout(...)`. The report of a study holds them all,
# and a map on which the trucks drive.

# %%
import gridhaul as gh

ieee33 = gh.load_scenario("ieee33")
day = gh.run(ieee33, "rolling", replication=1, verify="off")
study = gh.compare(
    ieee33, ["idle", "greedy", "stationary"], replications=4, verify="off", out="study"
)
both = [gh.run(ieee33, "greedy", replication=1, verify="off"), day]

# %% [markdown]
# ## A day
#
# These take an episode, several episodes of one day, a study, or its folder.

# %%
gh.plot.dispatch(day)

# %%
gh.plot.voltages(both)

# %%
gh.plot.voltage_map(day)

# %%
gh.plot.loadings(both)

# %%
gh.plot.penalty(both)

# %%
gh.plot.penalty(both, by="place")

# %%
gh.plot.vehicles(day)

# %%
gh.plot.energy(day)

# %%
gh.plot.electric_cars(day)

# %% [markdown]
# ## Trains and markets

# %%
rail = gh.run("six_bus_rail", "market_day_ahead", verify="off")
gh.plot.timetable(rail)

# %%
gh.plot.prices(rail)

# %% [markdown]
# ## All days of a study

# %%
gh.plot.comparison(study)

# %%
gh.plot.distribution(study)

# %%
gh.plot.costs(study)

# %%
gh.plot.waterfall(study)

# %%
gh.plot.fan(study)

# %% [markdown]
# ## Stress studies and fronts

# %%
stress = gh.stress(
    ieee33,
    ["greedy", "idle"],
    axes={"traffic.intensity": [0.5, 1, 2, 4]},
    replications=4,
    verify="off",
)
gh.plot.curves(stress)

# %% [markdown]
# `tiny` with 24 times the sun. What the operator takes of it is paid for, so that cost and
# curtailed energy conflict.

# %%
sunny = gh.load_scenario("tiny", {"pv.scale": 24})
front = gh.pareto(sunny, gh.ControllerSpec(name="multi_objective"), points=6)
gh.plot.front(front)
