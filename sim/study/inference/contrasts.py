"""What a study says of mobility, of recourse, of information: differences that have a name.

Controllers declare them (`Capabilities.contrasts`). All are differences of the objective on common
days between two controllers that share everything but one thing; positive means that having the
thing is worth money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from sim.episode.specification import ControllerSpec, declared_capabilities
from sim.study.inference.days import Days
from sim.study.inference.statistics import Estimate, difference_of, estimate, of_controller

OBJECTIVE = "objective_usd"
REGRET = "regret_usd"


class NamedDifference(NamedTuple):
    """A difference between two controllers of a study: objective of `without` less of `having`."""

    name: str
    without: str
    having: str
    meaning: str


def declared(specs: Mapping[str, ControllerSpec]) -> tuple[NamedDifference, ...]:
    """Return the differences that controllers declare and a study can tell.

    Parameters
    ----------
    specs
        Controllers of the study by label; one that is declared by name is looked for by label.
    """
    return tuple(
        NamedDifference(each.name, each.without, label, each.meaning)
        for label, spec in specs.items()
        for each in declared_capabilities(spec).contrasts
        if each.without in specs
    )


def contrasts(
    metrics: pd.DataFrame, wanted: Sequence[NamedDifference], days: Days | None = None
) -> tuple[tuple[NamedDifference, Estimate], ...]:
    """Return named differences with 95 % intervals, those whose controllers have finished episodes.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``.
    wanted
        Which differences.
    days
        Which replications share a day; None if none do.
    """
    present = set(metrics.index.get_level_values("controller"))
    return tuple(
        (each, _estimate(metrics, each, days or Days()))
        for each in wanted
        if {each.without, each.having} <= present
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


def _estimate(metrics: pd.DataFrame, contrast: NamedDifference, days: Days) -> Estimate:
    without = of_controller(metrics, contrast.without)[OBJECTIVE]
    having = of_controller(metrics, contrast.having)[OBJECTIVE]
    common = without.index.intersection(having.index)
    worth = difference_of(
        having.loc[common].to_numpy(dtype=float), without.loc[common].to_numpy(dtype=float)
    )
    return estimate(worth, days.clusters(common), days.in_profile)
