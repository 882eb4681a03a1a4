"""Paired statistics: what many days say about a controller, and about two on the same days."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from sim.units import FloatArray

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A mean with Student's 95 % interval.

    Attributes
    ----------
    mean
        NaN where there is no value.
    ci95_low, ci95_high
        Ends of the interval, NaN for fewer than two values.
    episodes
        Number of values.
    """

    mean: float
    ci95_low: float
    ci95_high: float
    episodes: int

    @property
    def has_interval(self) -> bool:
        """Whether there were enough values for an interval."""
        return math.isfinite(self.ci95_low)


def estimate(values: FloatArray) -> Estimate:
    """Return the mean of independent values and its interval.

    Values that are not finite (a voltage where no power flow converged) do not count.
    """
    finite = values[np.isfinite(values)]
    n = len(finite)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = float(finite.mean())
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * finite.std(ddof=1) / math.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def at(table: pd.DataFrame, controller: str, metric: str) -> Estimate:
    """Return one estimate of a table that `summarise` or `paired` has made."""
    row = table.loc[[(controller, metric)]].to_numpy(dtype=float)[0]
    return Estimate(float(row[0]), float(row[1]), float(row[2]), int(row[3]))


def summarise(metrics: pd.DataFrame, controllers: Sequence[str]) -> pd.DataFrame:
    """Return mean and interval of every metric and controller.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``, one column per metric.
    controllers
        Controllers in the order of the result.

    Returns
    -------
    pandas.DataFrame
        Index ``(controller, metric)``, columns ``mean, ci95_low, ci95_high, episodes``.
    """
    return _table(
        (name, metric, _of(metrics, name)[metric].to_numpy(dtype=float))
        for name in controllers
        for metric in metrics.columns
    )


def paired(metrics: pd.DataFrame, controllers: Sequence[str]) -> pd.DataFrame:
    """Return mean and interval of the differences from the first controller on the same days.

    Common random numbers make the days equal, so a difference is free of what they share: the
    interval of the mean difference is usually far narrower than those of the means. Only days that
    both controllers finished count.

    Returns
    -------
    pandas.DataFrame
        Index ``(controller, metric)`` without the first controller, columns as in `summarise`.
    """
    first = _of(metrics, controllers[0])
    differences = {name: (_of(metrics, name) - first) for name in controllers[1:]}
    return _table(
        (name, metric, difference[metric].to_numpy(dtype=float))
        for name, difference in differences.items()
        for metric in metrics.columns
    )


def _of(metrics: pd.DataFrame, controller: str) -> pd.DataFrame:
    return metrics[metrics.index.get_level_values("controller") == controller].droplevel(
        "controller"
    )


def _table(rows: Iterable[tuple[str, str, FloatArray]]) -> pd.DataFrame:
    index, data = [], []
    for name, metric, values in rows:
        index.append((name, metric))
        data.append(estimate(values))
    return pd.DataFrame(
        data,
        index=pd.MultiIndex.from_tuples(index, names=["controller", "metric"]),
        columns=list(Estimate._fields),
    )
