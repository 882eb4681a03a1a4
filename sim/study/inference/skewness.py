"""Confidence intervals of means of skewed data: Hall's monotone transformation of Student's t.

The mean of few skewed values is skewed too, and so is Student's statistic ``t``: the long tail is
seldom seen, and an interval symmetric around the mean misses most of what lies there. With ``a``
the skewness of the mean (that of the values over the root of their number), the statistic

    g(t) = t + a t^2 / 3 + a^2 t^3 / 27 + a / 6

has no skewness to the order at which ``t`` has, and rises everywhere, so that an interval for ``g``
is one for the mean. For symmetric values it is Student's. Source: Hall, On the removal of skewness
by transformation, Journal of the Royal Statistical Society B 54 (1992) 221, equation 2.3 and
section 3. Its quantiles are Student's here. `docs/statistics.md` has the measured coverage, which
is that of the bootstrap-t, without resampling.
"""

from __future__ import annotations

import math

import numpy as np

from sim.units import FloatArray, IntArray

# A skewness below this changes no digit of an interval, and the inverse divides by it.
_NONE = 1e-6


def skewness_of_mean(values: FloatArray, clusters: IntArray | None = None) -> float:
    """Return the estimated skewness of the mean of `values` [-].

    ``sum u^3 / (sum u^2)^(3/2)`` over independent groups with ``u`` the sum of their deviations
    from the mean: the third cumulant of a sum of independent terms is the sum of theirs. Where
    every value is a group this is the skewness of the values over the root of their number.

    Parameters
    ----------
    values
        One value per replication.
    clusters
        The group of each as a number from 0; None if every value is one.
    """
    if len(values) < 2:
        return 0.0
    deviation = values - values.mean()
    own = deviation if clusters is None else np.bincount(clusters, deviation)
    largest = float(np.abs(own).max())
    if largest == 0.0:
        return 0.0
    own = own / largest  # cubes of very small and very large numbers leave the range of floats
    return float((own**3).sum() / (own**2).sum() ** 1.5)


def without_skewness(t: float, skewness: float) -> float:
    """Return ``g(t)`` of a Student statistic; see the module."""
    a = skewness
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def with_skewness(g: float, skewness: float) -> float:
    """Return the Student statistic whose ``g`` it is, the inverse of `without_skewness`."""
    a = skewness
    if abs(a) < _NONE:
        return g
    # g - a/6 = ((1 + a t / 3)^3 - 1) / a
    return 3 / a * (math.cbrt(1 + a * (g - a / 6)) - 1)
