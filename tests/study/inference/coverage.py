"""How often intervals cover the truth: the table of `docs/statistics.md`.

``python -m tests.study.inference.coverage`` prints it; a slow test reproduces a part of it.
`objectives.csv` holds the objectives of 600 episodes, from ``gridhaul compare ieee33 --controllers
idle,greedy --replications 600 --verify off --keep summary``: drawn from with replacement, they are
a population whose mean is known.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from sim.study.inference.statistics import estimate
from sim.units import FloatArray

SEED = 21
STUDIES = 10_000
REPLICATIONS = (10, 30, 50, 100)


class Population(NamedTuple):
    """Values that studies draw, and their true mean."""

    title: str
    draw: Callable[[np.random.Generator, int], FloatArray]
    mean: float


class Coverage(NamedTuple):
    """Shares of studies whose interval covers the true mean [-], and the ratio of widths."""

    student: float
    ours: float
    width: float  # median of ours over Student's


def populations() -> tuple[Population, ...]:
    """Return what is drawn from."""
    table = pd.read_csv(Path(__file__).with_name("objectives.csv"))
    difference = (table["greedy"] - table["idle"]).to_numpy()
    objective = table["greedy"].to_numpy()
    return (
        Population("normal", lambda rng, n: rng.normal(size=n), 0.0),
        Population("exponential", lambda rng, n: rng.exponential(size=n), 1.0),
        Population("log-normal, σ = 0.5", lambda rng, n: rng.lognormal(0, 0.5, n), math.exp(0.125)),
        Population("log-normal, σ = 1", lambda rng, n: rng.lognormal(0, 1, n), math.exp(0.5)),
        Population(
            "objective of `greedy` on `ieee33`",
            lambda rng, n: rng.choice(objective, n),
            float(objective.mean()),
        ),
        Population(
            "`greedy` less `idle`, paired",
            lambda rng, n: rng.choice(difference, n),
            float(difference.mean()),
        ),
    )


def coverage(population: Population, replications: int, studies: int = STUDIES) -> Coverage:
    """Return how often intervals cover, by simulation; keyed by its arguments."""
    key = [SEED, replications, *population.title.encode()]
    rng = np.random.default_rng(key)
    quantile = float(stats.t.ppf(0.975, replications - 1))
    student = ours = 0
    widths = []
    for _ in range(studies):
        values = population.draw(rng, replications)
        half = quantile * float(values.std(ddof=1)) / math.sqrt(replications)
        found = estimate(values)
        student += abs(found.mean - population.mean) <= half
        ours += found.ci95_low <= population.mean <= found.ci95_high
        widths.append((found.ci95_high - found.ci95_low) / (2 * half))
    return Coverage(student / studies, ours / studies, float(np.median(widths)))


if __name__ == "__main__":
    head = " | ".join(f"{n} replications" for n in REPLICATIONS)
    sys.stdout.write(f"| drawn from | {head} |\n|---|{'---|' * len(REPLICATIONS)}\n")
    for drawn in populations():
        cells = []
        for n in REPLICATIONS:
            found = coverage(drawn, n)
            cells.append(f"{found.ours:.1%} ({found.student:.1%}; {found.width:.2f})")
        sys.stdout.write(f"| {drawn.title} | {' | '.join(cells)} |\n")
