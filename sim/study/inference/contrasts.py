"""What a study says of mobility, of recourse, of information: differences that have a name.

All are differences of the objective on the same days between two controllers that share everything
but one thing; positive means that having the thing is worth money.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from sim.study.inference.days import Days
from sim.study.inference.statistics import Estimate, difference_of, estimate, of_controller

OBJECTIVE = "objective_usd"
REGRET = "regret_usd"


class Contrast(NamedTuple):
    """A named difference: objective of `without` less that of `having`."""

    name: str
    without: str
    having: str
    meaning: str


CONTRASTS = (
    Contrast(
        "value of mobility",
        "stationary",
        "rolling",
        "the same batteries, the same rolling dispatch, but the vehicles may move",
    ),
    Contrast(
        "value of recourse",
        "day_ahead",
        "rolling",
        "the same model, solved every period instead of once a day",
    ),
    Contrast(
        "value of information",
        "rolling",
        "clairvoyant",
        "the same model, fed with what will happen",
    ),
)


def contrasts(
    metrics: pd.DataFrame, controllers: Sequence[str], days: Days | None = None
) -> tuple[tuple[Contrast, Estimate], ...]:
    """Return the contrasts that the controllers of a study allow, with 95 % intervals.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``.
    controllers
        Names of the controllers, as registered.
    days
        Which replications share a day; None if none do.
    """
    present = set(metrics.index.get_level_values("controller"))
    return tuple(
        (each, _estimate(metrics, each, days or Days()))
        for each in CONTRASTS
        if {each.without, each.having} <= present.intersection(controllers)
    )


def with_regret(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return `metrics` with the column ``regret_usd``.

    Regret is the objective less the best that any controller of the study reached on that day. A
    clairvoyant controller counts like the others: what it reaches is a reference, not a bound, and
    where another one beats it, the clairvoyant has the regret. Alone nobody regrets anything.
    """
    if metrics.index.get_level_values("controller").nunique() < 2:
        return metrics
    best = metrics[OBJECTIVE].groupby(level="replication").transform("min")
    return metrics.assign(**{REGRET: metrics[OBJECTIVE] - best})


def _estimate(metrics: pd.DataFrame, contrast: Contrast, days: Days) -> Estimate:
    without = of_controller(metrics, contrast.without)[OBJECTIVE]
    having = of_controller(metrics, contrast.having)[OBJECTIVE]
    common = without.index.intersection(having.index)
    worth = difference_of(
        having.loc[common].to_numpy(dtype=float), without.loc[common].to_numpy(dtype=float)
    )
    return estimate(worth, days.clusters(common), days.in_profile)
