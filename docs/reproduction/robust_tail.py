"""Write the tail of ``robust_rolling.md`` anew: ``make reproduction``, or run this file.

`rolling` runs on many days, `robust` on those that were worst for it and on a sample of the others:
a sample stratified by `rolling`'s objective, weighted by the probability of inclusion (Horvitz and
Thompson, Journal of the American Statistical Association 47 (1952) 663). With a folder finished
days are kept in it, and another run goes on from there.
"""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from page import put, table
from robust_rolling import PAGE, TRAFFIC

import gridhaul as gh
from sim.episode.specification import ControllerSpec
from sim.units import FloatArray, IntArray

TAIL_SHARE = 0.05
RESAMPLES, CONFIDENCE = 10_000, 0.95
SEED, WORKERS = 3, 2


def main() -> None:
    """Run the days and put the figures into the page."""
    asked = _asked()
    with tempfile.TemporaryDirectory() as nowhere:
        asked.folder = asked.folder or Path(nowhere)
        usd = _rolling(asked)
        rng = np.random.default_rng(SEED)
        order = np.argsort(-usd, kind="stable")
        worst, others = order[: asked.worst], order[asked.worst :]
        drawn = rng.choice(others, asked.others, replace=False)
        days = np.concatenate([worst, drawn])
        found = {"rolling": usd[days]}
        for coverage in asked.coverage:
            found[f"robust, {coverage:g}"] = _robust(asked, coverage, days)
    # How many days each one stands for.
    weight = np.repeat([1.0, len(others) / len(drawn)], [len(worst), len(drawn)])
    draws = [
        np.concatenate([_again(rng, 0, len(worst)), _again(rng, len(worst), len(drawn))])
        for _ in range(RESAMPLES)
    ]
    rows = []
    for name, own in found.items():
        row = [f"`{name}`"]
        for figure in (weighted_mean, weighted_cvar):
            differences = [
                figure(own[at], weight[at]) - figure(found["rolling"][at], weight[at])
                for at in (np.arange(len(days)), *draws)
            ]
            low, high = np.quantile(differences[1:], [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
            row += [
                f"{figure(own, weight):,.1f}",
                f"{differences[0]:,.1f}",
                f"{low:,.1f} to {high:,.1f}",
            ]
        rows.append((*row, f"{effective_days(own, weight):.0f}"))
    all_days = np.ones(len(usd))
    said = (
        f"{len(usd)} days of `{asked.scenario}`, seed {SEED}: the {len(worst)} worst of `rolling` "
        f"and {len(drawn)} of the others. On all days `rolling` has a mean of {usd.mean():,.1f} "
        f"and a CVaR 95 of {weighted_cvar(usd, all_days):,.1f} USD."
    )
    against = ("- `rolling`", "95 % interval")
    header = ("", "mean", *against, "CVaR 95", *against, "days in the tail")
    part = f"tail of {asked.scenario}"
    put(PAGE, part, f"{said}\n\n{table(header, rows)}", script=Path(__file__).stem)


def weighted_mean(usd: FloatArray, weight: FloatArray) -> float:
    """Return the mean of days that stand for `weight` days each, both ``(day,)``."""
    return float(weight @ usd / weight.sum())


def weighted_cvar(usd: FloatArray, weight: FloatArray) -> float:
    """Return the mean of the worst 5 % by weight; the last day counts by its part."""
    part = _part(usd, weight)
    return float(part @ usd / part.sum())


def effective_days(usd: FloatArray, weight: FloatArray) -> float:
    """Return how many equally weighted days tell as much of the tail.

    Source: Kish, Survey Sampling, 1965, section 11.7.
    """
    part = _part(usd, weight)
    return float(part.sum() ** 2 / (part @ part))


def _part(usd: FloatArray, weight: FloatArray) -> FloatArray:
    """Return by how much of its weight each day lies in the worst 5 %."""
    order = np.argsort(-usd, kind="stable")
    before = np.cumsum(weight[order]) - weight[order]
    part = np.empty(len(usd))
    part[order] = np.clip(TAIL_SHARE * weight.sum() - before, 0.0, weight[order])
    return part


def _again(rng: np.random.Generator, first: int, count: int) -> IntArray:
    """Draw days of a stratum with replacement."""
    return first + rng.integers(count, size=count)


def _rolling(asked: argparse.Namespace) -> FloatArray:
    """Return the objective of `rolling` on all days, ``(day,)`` [USD]."""
    study = gh.compare(
        gh.load_scenario(asked.scenario, TRAFFIC),
        ["rolling"],
        replications=asked.days,
        seed=SEED,
        workers=WORKERS,
        out=asked.folder / f"{asked.scenario}_tail",
        verify="off",
        keep="summary",
    )
    return study.metrics["objective_usd"].loc["rolling"].to_numpy()


def _robust(asked: argparse.Namespace, coverage: float, days: IntArray) -> FloatArray:
    """Return the objective of `robust` on given days, ``(day,)`` [USD]."""
    kept = asked.folder / f"{asked.scenario}_robust_{coverage:g}.csv"
    known = pd.read_csv(kept, index_col=0)["usd"].to_dict() if kept.exists() else {}
    missing = [day for day in days.tolist() if day not in known]
    with ProcessPoolExecutor(WORKERS) as pool:
        for day, usd in zip(
            missing, pool.map(partial(_day, asked.scenario, coverage), missing), strict=True
        ):
            known[day] = usd
            pd.Series(known, name="usd").to_csv(kept)
    return np.array([known[day] for day in days.tolist()])


def _day(scenario: str, coverage: float, day: int) -> float:
    spec = ControllerSpec(name="robust", parameters=(("coverage", coverage),))
    loaded = gh.load_scenario(scenario, TRAFFIC)
    episode = gh.run(loaded, spec, seed=SEED, replication=day, verify="off")
    return float(episode.metrics["objective_usd"])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where finished days are kept")
    parser.add_argument("--scenario", default="ieee33")
    parser.add_argument("--days", type=int, default=500)
    parser.add_argument("--worst", type=int, default=50)
    parser.add_argument("--others", type=int, default=100)
    parser.add_argument("--coverage", type=float, nargs="+", default=[0.95])
    return parser.parse_args()


if __name__ == "__main__":
    main()
