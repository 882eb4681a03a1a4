"""Paired statistics: what many days say about a controller, and about two on the same days."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from sim.units import FloatArray

CONFIDENCE = 0.95


def mean_and_interval(values: FloatArray) -> tuple[float, float, float, int]:
    """Return mean, lower and upper end of Student's 95 % interval, and the number of values.

    Values that are not finite (a gap where nothing was solved) do not count. The interval is NaN
    for fewer than two values, the mean for none.
    """
    finite = values[np.isfinite(values)]
    n = len(finite)
    if n == 0:
        return math.nan, math.nan, math.nan, 0
    mean = float(finite.mean())
    if n == 1:
        return mean, math.nan, math.nan, 1
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * finite.std(ddof=1) / math.sqrt(n))
    return mean, mean - half, mean + half, n


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
        data.append(mean_and_interval(values))
    return pd.DataFrame(
        data,
        index=pd.MultiIndex.from_tuples(index, names=["controller", "metric"]),
        columns=["mean", "ci95_low", "ci95_high", "episodes"],
    )
