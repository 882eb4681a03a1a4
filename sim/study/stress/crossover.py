"""Crossovers: where one controller overtakes another along an axis.

Both run on the same replications at every point, so their difference at each point is paired, and
the curve of its mean is interpolated linearly between the points. Where it changes its sign, one
overtakes the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

from sim.study.inference.statistics import CONFIDENCE
from sim.units import FloatArray

RESAMPLES = 4000
CHUNK_VALUES = 4_000_000  # of resampled rows in memory at a time
FEWEST_REPLICATIONS = 5  # with fewer, resamples say nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A place where the difference changes its sign.

    Attributes
    ----------
    at
        Where the interpolated mean difference is zero.
    low, high
        Its 95 % interval; infinite where that reaches beyond the points, NaN where there are too
        few replications.
    rises
        Whether the difference rises there from negative to positive.
    share
        Share of the resamples that have such a crossing between the points.
    """

    at: float
    low: float
    high: float
    rises: bool
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceCurve:
    """A mean difference along an axis.

    Attributes
    ----------
    mean
        Mean difference at each position, ``(position,)``.
    crossings
        Where it changes its sign, by position.
    same_sign
        Share of the resamples that have the sign of the mean everywhere; NaN where there is a
        crossing, or too few replications.
    replications
        How many count: those that both finished at all points.
    """

    mean: FloatArray
    crossings: tuple[Crossing, ...]
    same_sign: float
    replications: int


def difference_curve(
    position: FloatArray, difference: FloatArray, rng: np.random.Generator
) -> DifferenceCurve:
    """Return where the mean of `difference` changes its sign, and how sure that is.

    A bootstrap over replications: each resample draws replications, with all their points, so what
    points have in common stays in common. Replications are independent draws from the profile year,
    days included. A crossing of a resample is the nearest one in the same direction; where there is
    none it lies beyond the points, on the side that the sign tells. The interval is the expanded
    percentile interval, whose level allows for few replications. Source: Hesterberg, What teachers
    should know about the bootstrap, The American Statistician 69 (2015) 371.

    Parameters
    ----------
    position
        Rising positions on the axis, ``(position,)``.
    difference
        Difference of the objective, ``(replication, position)``; rows with a gap do not count.
    rng
        Draws the resamples.
    """
    whole = difference[np.isfinite(difference).all(axis=1)]
    n = len(whole)
    if n == 0:
        nothing = np.full(len(position), np.nan)
        return DifferenceCurve(mean=nothing, crossings=(), same_sign=math.nan, replications=0)
    mean = whole.mean(axis=0)
    found = _crossings(position, mean[None, :])
    resampled = _resampled_means(whole, rng) if n >= FEWEST_REPLICATIONS else None
    crossings = tuple(
        _crossing(position, float(found[0, k]), bool(_sign(mean)[k] < 0), resampled, n)
        for k in np.flatnonzero(np.isfinite(found[0]))
    )
    same_sign = math.nan
    if not crossings and resampled is not None:
        same_sign = float((np.sign(resampled) == np.sign(mean)).all(axis=1).mean())
    return DifferenceCurve(mean=mean, crossings=crossings, same_sign=same_sign, replications=n)


def _resampled_means(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the means of resamples of the rows, ``(resample, position)``."""
    n = len(values)
    means = []
    rows = max(CHUNK_VALUES // n, 1)
    for first in range(0, RESAMPLES, rows):
        own = min(rows, RESAMPLES - first)
        drawn = rng.integers(n, size=(own, n)) + n * np.arange(own)[:, None]
        times = np.bincount(drawn.ravel(), minlength=own * n).reshape(own, n)
        means.append(times @ values / n)
    return np.concatenate(means)


def _sign(mean: FloatArray) -> FloatArray:
    """Return the signs along the last axis; a zero has the sign before it, or else after it."""
    sign = np.sign(mean)
    for k in range(1, sign.shape[-1]):
        sign[..., k] = np.where(sign[..., k] == 0, sign[..., k - 1], sign[..., k])
    for k in range(sign.shape[-1] - 2, -1, -1):
        sign[..., k] = np.where(sign[..., k] == 0, sign[..., k + 1], sign[..., k])
    return sign


def _crossings(position: FloatArray, mean: FloatArray) -> FloatArray:
    """Return where curves cross zero between neighbouring positions, NaN where they do not.

    ``(curve, position)`` in, ``(curve, position - 1)`` out.
    """
    sign = _sign(mean)
    left, right = np.abs(mean[:, :-1]), np.abs(mean[:, 1:])
    total = left + right
    share = np.divide(left, total, out=np.zeros_like(left), where=total > 0)
    found: FloatArray = np.where(
        sign[:, :-1] * sign[:, 1:] < 0, position[:-1] + share * np.diff(position), np.nan
    )
    return found


def _crossing(
    position: FloatArray, at: float, rises: bool, resampled: FloatArray | None, n: int
) -> Crossing:
    if resampled is None:
        return Crossing(at=at, low=math.nan, high=math.nan, rises=rises, share=math.nan)
    found = _crossings(position, resampled)
    found[(_sign(resampled)[:, :-1] < 0) != rises] = np.nan
    gap = np.where(np.isfinite(found), np.abs(found - at), np.inf)
    nearest = gap.argmin(axis=1)
    has_one = np.isfinite(gap.min(axis=1))
    # Without a crossing: on the side of the points to which the sign at the estimate points.
    here = np.array([np.interp(at, position, own) for own in resampled[~has_one]])
    places = np.empty(len(resampled))
    places[has_one] = found[has_one, nearest[has_one]]
    places[~has_one] = np.where((here > 0) == rises, -np.inf, np.inf)
    quantile = math.sqrt(n / (n - 1)) * float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))
    tail = float(ndtr(-quantile))
    low = float(np.quantile(places, tail, method="lower"))
    high = float(np.quantile(places, 1 - tail, method="higher"))
    return Crossing(at=at, low=low, high=high, rises=rises, share=float(has_one.mean()))
