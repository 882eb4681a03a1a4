"""Means and paired differences over replications, with 95 % intervals and p-values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from sim.study.inference.days import Days, variance_of_mean
from sim.study.inference.skewness import skewness_of_mean, with_skewness, without_skewness
from sim.units import FloatArray, IntArray

CONFIDENCE = 0.95
ROUNDING = 1e-12  # relative; what differs by less is an artefact of adding floats


class Estimate(NamedTuple):
    """A mean with its 95 % interval.

    Attributes
    ----------
    mean
        NaN where there is no value.
    ci95_low, ci95_high
        Ends of the interval, NaN where there are too few values or days.
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


class Difference(NamedTuple):
    """A paired difference from the first controller.

    Attributes
    ----------
    mean, ci95_low, ci95_high, episodes
        As in `Estimate`.
    p_value
        Of the test that the mean is zero, by the statistic of its interval, after Holm's correction
        over the controllers.
    variance_reduction
        How many times more episodes independent days would take for the same precision; NaN where
        the difference does not vary.
    """

    mean: float
    ci95_low: float
    ci95_high: float
    episodes: int
    p_value: float
    variance_reduction: float

    @property
    def estimate(self) -> Estimate:
        """The mean with its interval."""
        return Estimate(self.mean, self.ci95_low, self.ci95_high, self.episodes)


def estimate(
    values: FloatArray, clusters: IntArray | None = None, in_profile: int | None = None
) -> Estimate:
    """Return the mean and its 95 % interval.

    The interval is Student's with Hall's correction for skewness (`sim.study.inference.skewness`),
    around the variance of `sim.study.inference.days.variance_of_mean`. Where the days of the
    profile are known, replications are independent draws from them and each counts for itself in
    the skewness; else days do.

    Values that are not finite (a voltage where no power flow converged) do not count.

    Parameters
    ----------
    values
        One value per replication.
    clusters
        The day of each as a number, see `Days.clusters`; None if no day repeats.
    in_profile
        Number of days they were drawn from; see `sim.study.inference.days.variance_of_mean`.
    """
    return _moments(values, clusters, in_profile).interval()


def estimate_at(table: pd.DataFrame, controller: str, metric: str) -> Estimate:
    """Return one estimate of a table that `summarise` or `paired` has made."""
    row = table.loc[[(controller, metric)]].to_numpy(dtype=float)[0]
    return Estimate(float(row[0]), float(row[1]), float(row[2]), int(row[3]))


def difference_at(table: pd.DataFrame, controller: str, metric: str) -> Difference:
    """Return one difference of a table that `paired` has made."""
    row = table.loc[[(controller, metric)]].to_numpy(dtype=float)[0]
    return Difference(*estimate_at(table, controller, metric), float(row[4]), float(row[5]))


def summarise(
    metrics: pd.DataFrame, controllers: Sequence[str], days: Days | None = None
) -> pd.DataFrame:
    """Return mean and interval of every metric and controller.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``, one column per metric.
    controllers
        Controllers in the order of the result.
    days
        Which replications share a day; None if none do.

    Returns
    -------
    pandas.DataFrame
        Index ``(controller, metric)``, columns ``mean, ci95_low, ci95_high, episodes``.
    """
    known = days or Days()
    index, data = [], []
    for name in controllers:
        table = of_controller(metrics, name)
        clusters = known.clusters(table.index)
        for metric in metrics.columns:
            index.append((name, metric))
            values = table[metric].to_numpy(dtype=float)
            data.append(estimate(values, clusters, known.in_profile))
    return _table(index, data, Estimate._fields)


def paired(
    metrics: pd.DataFrame, controllers: Sequence[str], days: Days | None = None
) -> pd.DataFrame:
    """Return the differences from the first controller on the same days.

    Common random numbers make the days equal, so a difference is free of what they share: the
    interval of the mean difference is usually far narrower than those of the means. Only days that
    both controllers finished count.

    Returns
    -------
    pandas.DataFrame
        Index ``(controller, metric)`` without the first controller, columns as in `Difference`.
    """
    known = days or Days()
    first = of_controller(metrics, controllers[0])
    index, data = [], []
    for name in controllers[1:]:
        other = of_controller(metrics, name)
        common = first.index.intersection(other.index)
        clusters = known.clusters(common)
        for metric in metrics.columns:
            index.append((name, metric))
            a = first.loc[common, metric].to_numpy(dtype=float)
            b = other.loc[common, metric].to_numpy(dtype=float)
            data.append(_difference(a, b, clusters, known.in_profile))
    table = _table(index, data, Difference._fields)
    # Over the controllers that are compared: each metric is a question of its own.
    table["p_value"] = table.groupby(level="metric", sort=False)["p_value"].transform(holm)
    return table


def of_controller(metrics: pd.DataFrame, controller: str) -> pd.DataFrame:
    """Return the rows of a controller, index ``replication``."""
    return metrics[metrics.index.get_level_values("controller") == controller].droplevel(
        "controller"
    )


def holm(p_values: pd.Series[float]) -> pd.Series[float]:
    """Return p-values adjusted for the number of tests, NaN where there was none.

    Each is the smallest level at which Holm's step-down procedure rejects. Source: Holm,
    Scandinavian Journal of Statistics 6 (1979) 65.
    """
    tested = p_values.dropna().sort_values(kind="stable")
    steps = np.arange(len(tested), 0, -1) * tested.to_numpy()
    adjusted = pd.Series(np.minimum(np.maximum.accumulate(steps), 1.0), index=tested.index)
    return adjusted.reindex(p_values.index)


def difference_of(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return ``b - a``, zero where they differ by no more than adding floats in another order."""
    difference = b - a
    rounding = np.abs(difference) <= ROUNDING * np.maximum(np.abs(a), np.abs(b))
    return np.where(rounding, 0.0, difference)


def _difference(
    a: FloatArray, b: FloatArray, clusters: IntArray, in_profile: int | None
) -> Difference:
    both = np.isfinite(a) & np.isfinite(b)
    a, b, clusters = a[both], b[both], clusters[both]
    difference = difference_of(a, b)
    moments = _moments(difference, clusters, in_profile)
    return Difference(*moments.interval(), moments.p_value(), _variance_reduction(a, b, difference))


def _variance_reduction(a: FloatArray, b: FloatArray, difference: FloatArray) -> float:
    """Return ``(var a + var b) / var(a - b)``; Law, Simulation Modeling and Analysis, section 11.2.

    The numerator is the variance of a difference between independent days.
    """
    if len(a) < 2 or not difference.var() > 0:
        return math.nan
    reduction = (a.var(ddof=1) + b.var(ddof=1)) / difference.var(ddof=1)
    return float(reduction)


class _Moments(NamedTuple):
    """What an interval of a mean is made of; NaN where unknown."""

    mean: float
    n: int
    standard_error: float
    degrees_of_freedom: float
    skewness: float  # of the mean

    def interval(self) -> Estimate:
        """Return the mean and its interval."""
        if math.isnan(self.standard_error):
            return Estimate(self.mean, math.nan, math.nan, self.n)
        quantile = float(stdtrit(self.degrees_of_freedom, 0.5 + CONFIDENCE / 2))
        low, high = (with_skewness(own, self.skewness) for own in (quantile, -quantile))
        error = self.standard_error
        return Estimate(self.mean, self.mean - low * error, self.mean - high * error, self.n)

    def p_value(self) -> float:
        """Return the two-sided p-value that the mean is zero, below 5 % outside the interval."""
        if math.isnan(self.standard_error):
            return math.nan
        if self.standard_error == 0:
            return 1.0 if self.mean == 0 else 0.0
        found = without_skewness(self.mean / self.standard_error, self.skewness)
        return float(2 * stdtr(self.degrees_of_freedom, -abs(found)))


def _moments(values: FloatArray, clusters: IntArray | None, in_profile: int | None) -> _Moments:
    """Return mean, standard error and skewness of the mean of the finite values."""
    finite = np.isfinite(values)
    own = np.arange(len(values)) if clusters is None else clusters
    kept, own = values[finite], own[finite]
    mean = float(kept.mean()) if len(kept) else math.nan
    variance, freedom = variance_of_mean(kept, own, in_profile)
    skewness = skewness_of_mean(kept, own if in_profile is None else None)
    return _Moments(mean, len(kept), math.sqrt(variance), freedom, skewness)


def _table(
    index: list[tuple[str, str]], data: Sequence[tuple[float, ...]], columns: Sequence[str]
) -> pd.DataFrame:
    return pd.DataFrame(
        data,
        index=pd.MultiIndex.from_tuples(index, names=["controller", "metric"]),
        columns=list(columns),
    )
