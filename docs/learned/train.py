"""Train the policy by random search on `tiny` and on `ieee33` with one truck; write the weights.

``python docs/learned/train.py`` takes some minutes. Held out are the days 0 to 99: training draws
none of them. The search is a (1+1) evolution strategy with the 1/5 success rule (Rechenberg,
*Evolutionsstrategie*, 1973).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import gridhaul as gh

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from policy import LOOK_AHEAD, act, n_weights, whole  # noqa: E402 - it lies beside this file

FIRST_TRAINING_DAY = 1000


def one_truck(folder: Path) -> gh.Scenario:
    """Return `ieee33` with the first of its trucks only."""
    from sim.scenario.export import export_scenario

    export_scenario("ieee33", folder)
    vehicles = folder / "vehicles.csv"
    vehicles.write_text("".join(vehicles.read_text().splitlines(keepends=True)[:2]))
    return gh.load_scenario(folder)


def train(
    scenario: gh.Scenario, orders: tuple[str, ...], *, days: int, trials: int, seed: int
) -> tuple[np.ndarray, float]:
    """Return the best weights that so many trials have found, and their mean cost [USD]."""
    env = gh.make_env(scenario, orders=orders, look_ahead=LOOK_AHEAD)
    n_generators = len(scenario.system.generators.name)

    def cost_usd(weights: np.ndarray) -> float:
        """Return the mean over the training days [USD]."""
        total = 0.0
        for day in range(FIRST_TRAINING_DAY, FIRST_TRAINING_DAY + days):
            seen, _ = env.reset(seed=day)
            over = False
            while not over:
                action = whole(act(weights, seen, orders), n_generators, orders)
                seen, reward, over, _, _ = env.step(action)
                total -= reward
        return total / days

    rng = np.random.default_rng(seed)
    best = np.zeros(n_weights(scenario.system, orders))
    best_usd, step = cost_usd(best), 0.5
    for _ in range(trials):
        tried = best + step * rng.standard_normal(len(best))
        usd = cost_usd(tried)
        better = usd < best_usd
        step = float(np.clip(step * (1.5 if better else 0.9), 0.1, 1.5))
        if better:
            best, best_usd = tried, usd
    return best, best_usd


def trained(name: str) -> tuple[dict[str, object], float]:
    """Return what the file of weights holds, and their mean cost in training [USD]."""
    if name == "tiny":
        scenario, orders, days, trials = gh.load_scenario("tiny"), ("departures", "power"), 1, 600
    else:
        with tempfile.TemporaryDirectory() as folder:
            scenario = one_truck(Path(folder) / "one_truck")
        orders, days, trials = ("departures", "power", "reactive", "caps"), 10, 120
    weights, usd = train(scenario, orders, days=days, trials=trials, seed=1)
    return {"orders": list(orders), "weights": weights.round(6).tolist()}, usd


def main() -> None:
    """Train both and write the weights beside this file."""
    for name in ("tiny", "one_truck"):
        started = time.perf_counter()
        content, usd = trained(name)
        file = HERE / f"weights_{name}.json"
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{name}: {usd:.2f} USD a day, {time.perf_counter() - started:.0f} s\n")


if __name__ == "__main__":
    main()
