# %% [markdown]
# # Learning
#
# Ten minutes: a scenario as a Gymnasium environment, a policy with eleven weights found by
# random search, and a comparison with rules on days that it has not seen. It needs the extra
# `gym` (`pip install ".[gym]"` in the source, or `pip install
# "gridhaul-0.1.0-py3-none-any.whl[gym]"`), and beside this notebook a folder `learned` with
# [policy.py](../learned/policy.py), [weights_tiny.json](../learned/weights_tiny.json) and
# [weights_one_truck.json](../learned/weights_one_truck.json);
# [train.py](../learned/train.py) has found the weights.

# %%
import json
import sys

import numpy as np
import pandas as pd

import gridhaul as gh

# %% [markdown]
# ## The environment
#
# [`tiny`](../scenarios/tiny/README.md) has two buses, one truck and four hours; its optimum by
# hand is 259.48 USD. A step is a decision, the reward is what an hour has cost, negative.
# Rewards of a day sum to minus the objective.

# %%
ORDERS = ("departures", "power")
tiny = gh.load_scenario("tiny")
env = gh.make_env(tiny, orders=ORDERS, look_ahead=6)
print(env.action_space)
pd.Series({name: space.shape for name, space in env.observation_space.items()}, name="shape")

# %% [markdown]
# A random policy, ten days:

# %%
env.action_space.seed(1)
costs = []
for day in range(10):
    env.reset(seed=day)
    over, cost = False, 0.0
    while not over:
        _, reward, over, _, info = env.step(env.action_space.sample())
        cost -= reward
    costs.append(cost)
print(f"random: {np.mean(costs):.0f} USD a day")

# %% [markdown]
# ## A policy
#
# `act` of `policy.py` is linear in a few numbers: time of day, price against its mean, load,
# sun, stored energy, and a score for each station. For `tiny` that is eleven weights.

# %%
sys.path.insert(0, "learned")
from policy import act, n_weights

n_weights(tiny.system, ORDERS)

# %% [markdown]
# ## A search
#
# A (1+1) evolution strategy: change all weights at random, keep what is better, and adapt the
# step. It is the simplest search that works; any library for Gymnasium takes its place. `tiny`
# is the same every day, so one day a trial is enough.


# %%
def cost_usd(weights):
    seen, _ = env.reset(seed=1000)
    over, total = False, 0.0
    while not over:
        seen, reward, over, _, _ = env.step(act(weights, seen, ORDERS))
        total -= reward
    return total


rng = np.random.default_rng(0)
best = np.zeros(n_weights(tiny.system, ORDERS))
best_usd, step, history = cost_usd(best), 0.5, []
for _ in range(400):
    tried = best + step * rng.standard_normal(len(best))
    usd = cost_usd(tried)
    step = np.clip(step * (1.5 if usd < best_usd else 0.9), 0.1, 1.5)
    if usd < best_usd:
        best, best_usd = tried, usd
    history.append(best_usd)

found = pd.Series(history, name="best so far").rename_axis("trial")
figure = found.plot(backend="plotly", labels={"value": "USD a day", "variable": ""})
figure.add_hline(y=259.475, line_dash="dot", annotation_text="optimum by hand")

# %% [markdown]
# ## What was learned
#
# A trained policy is a controller: `policy.py:Learned` reads weights from a file. Those that
# lie beside it were found by the same search in 600 trials. Same day, three controllers:

# %%
learned = gh.ControllerSpec(
    name="learned/policy.py:Learned", parameters=(("file", "learned/weights_tiny.json"),)
)
study = gh.compare(tiny, ["greedy", "rolling", learned], replications=2, verify="off")
study.metrics["objective_usd"].unstack("controller")

# %% [markdown]
# ## A feeder, on days it has not seen
#
# Now [`ieee33`](../scenarios/ieee33/README.md) with one of its trucks, where every day differs.
# The 25 weights were trained on days from 1000 on; days 0 to 9 are new to them.

# %%
from pathlib import Path

from sim.scenario.export import export_scenario

export_scenario("ieee33", "one_truck")
vehicles = Path("one_truck/vehicles.csv")
vehicles.write_text("".join(vehicles.read_text().splitlines(keepends=True)[:2]))
feeder = gh.load_scenario("one_truck")

spec = gh.ControllerSpec(
    name="learned/policy.py:Learned", parameters=(("file", "learned/weights_one_truck.json"),)
)
study = gh.compare(feeder, ["greedy", spec], replications=10, verify="off")
gh.plot.distribution(study)

# %%
gh.plot.comparison(study)

# %% [markdown]
# It is better than the rules, and not because it drives: the orders it was given include caps
# on generators and reactive power, which `greedy` has not.

# %%
json.loads(Path("learned/weights_one_truck.json").read_text())["orders"]

# %% [markdown]
# Fair comparisons give both the same means: `reactive` has caps and reactive power, too, and
# costs far less. [Reinforcement learning](../learning.md) has the figures on 100 days,
# observations, actions and masks. Next: [markets and trains](markets_and_trains.md).
