"""How normal scores move on from one period to the next: periodic autoregression.

The score of a period follows from those metered before it and an innovation::

    z(t) = c + sum_k a_k z(t - k) + d e(t),   k = 1 .. LAGS,   mean e = 0, mean e^2 = 1

with coefficients of the month and the period of the day (Pagano, "On periodic and multiple
autoregressions", Annals of Statistics 6, 1978). Innovations of one profile are uncorrelated over
time; those of different profiles in the same period are correlated as the record has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from scipy.optimize import nnls

from sim.system.timing import Timing
from sim.uncertainty.climatology import ENOUGH_DAYS, Z_MAX, Z_NODES, Climatology, climatology
from sim.uncertainty.model import Record, Uncertainty
from sim.units import FloatArray, IntArray, frozen

# Lags FIRST to LAST share a coefficient: hours long gone are seen through their means (Corsi, "A
# simple approximate long-memory model of realized volatility", J. Financial Econometrics 7, 2009).
FIRST = (1, 2, 3, 4, 9, 25)
LAST = (1, 2, 3, 8, 24, 72)
LAGS = 72
GATHERED = 5  # periods; what comes from one profile to the other within them counts
SMALLEST = 1e-9  # share left open by a forecast that is not perfect


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dynamics:
    """Autoregression of the scores of every profile by month and period of the day.

    Attributes
    ----------
    coefficient
        ``a``, ``(table, period of day, profile, group of lags)`` [-].
    offset, deviation
        ``c`` and ``d``, ``(table, period of day, profile)`` [-]; 0 where the record has a single
        value.
    innovation
        ``e``, ``(period of record, profile)`` [-].
    score
        Scores of the record after `LAGS` rows of 0, ``(LAGS + period of record, profile)`` [-];
        0 where they are certain.
    sample
        Innovations of each month at each period of the day, one row a day, scaled so that their
        squares sum to 1, ``(table, period of day, day, profile)``; rows that a month lacks are 0.
    correlation
        Correlation of what the errors of two profiles gather over `GATHERED` periods, where both
        are uncertain, ``(table, profile, profile)`` [-]; positive semi-definite.
    """

    coefficient: FloatArray
    offset: FloatArray
    deviation: FloatArray
    innovation: FloatArray
    score: FloatArray
    sample: FloatArray
    correlation: FloatArray


@lru_cache(maxsize=8)  # as the climatology
def dynamics(record: Record, period_s: int) -> Dynamics:
    """Return the dynamics of the scores of `record` in periods of `period_s`.

    Coefficients by least squares over the days of the climatology; spreads are those of the
    month's own days. Where these days are few, scores are taken as independent.
    """
    known = climatology(record, period_s)
    n_tables, per_day, n_profiles = known.quantile.shape[:3]
    n_periods = len(known.score)
    uncertain = known.uncertain[known.table, known.period_of_day]
    score = np.where(uncertain, known.score, 0.0)
    before = np.vstack([np.zeros((LAGS, n_profiles)), score])
    seen = np.stack(
        [
            *(
                sum(before[LAGS - k :][:n_periods] for k in range(first, last + 1))
                for first, last in zip(FIRST, LAST, strict=True)
            ),
            np.ones_like(score),
        ],
        axis=-1,
    )

    found = np.zeros((n_tables, per_day, n_profiles, len(FIRST) + 1))
    deviation = np.zeros((n_tables, per_day, n_profiles))
    innovation = np.zeros((n_periods, n_profiles))
    days = np.bincount(known.table[known.period_of_day == 0], minlength=n_tables)
    sample = np.zeros((n_tables, per_day, int(days.max()), n_profiles))
    for m in range(n_tables):
        for p in range(per_day):
            rows = known.rows(m, p)
            own = rows[known.table[rows] == m]
            if not len(own):
                continue
            if len(rows) >= ENOUGH_DAYS:
                x, y = seen[rows], score[rows] * known.uncertain[m, p]
                # The pseudo-inverse leaves out what was certain before.
                inverse = np.linalg.pinv(
                    np.einsum("rik,ril->ikl", x, x), rcond=1e-6, hermitian=True
                )
                found[m, p] = np.einsum("ikl,il->ik", inverse, np.einsum("ril,ri->il", x, y))
            rest = score[own] - np.einsum("rik,ik->ri", seen[own], found[m, p])
            rest[:, ~known.uncertain[m, p]] = 0.0
            deviation[m, p] = d = np.sqrt(np.square(rest).mean(axis=0))
            innovation[own] = rest / np.where(d > 0, d, 1.0)
            sample[m, p, : len(own)] = innovation[own] / math.sqrt(len(own))
    return Dynamics(
        coefficient=frozen(found[..., :-1]),
        offset=frozen(found[..., -1]),
        deviation=frozen(deviation),
        innovation=frozen(innovation),
        score=frozen(before),
        sample=frozen(sample),
        correlation=frozen(
            _correlation(
                _gathered(found[..., :-1], deviation, innovation, known), known.table, n_tables
            )
        ),
    )


def _gathered(
    coefficient: FloatArray, deviation: FloatArray, innovation: FloatArray, known: Climatology
) -> FloatArray:
    """Return the errors of forecasts made `GATHERED` periods ago, ``(period, profile)`` [pu].

    They follow the autoregression from 0, driven by the innovations; scores become values by the
    slope of the quantile function between -1 and 1. So clouds that reach one plant after the other
    count, and an hour counts by what is uncertain in it.
    """
    a = coefficient[known.table, known.period_of_day]
    driven = deviation[known.table, known.period_of_day] * innovation
    errors: list[FloatArray] = []
    for lead in range(GATHERED):
        error = driven.copy()
        for k in range(1, lead + 1):
            group = next(g for g, last in enumerate(LAST) if k <= last)
            error[k:] += a[k:, :, group] * errors[lead - k][:-k]
        errors.append(error)
    nodes = np.searchsorted(np.linspace(-Z_MAX, Z_MAX, Z_NODES), (-1.0, 1.0))
    low, high = np.moveaxis(known.quantile[..., nodes], -1, 0)
    slope = (high - low)[known.table, known.period_of_day] / 2
    gathered: FloatArray = errors[-1] * slope
    return gathered


def _correlation(error: FloatArray, table: IntArray, n_tables: int) -> FloatArray:
    """Return the correlations by month, each pair where both are uncertain.

    What pairs say of different hours need not fit together: all are drawn towards 0 by the same
    factor, just enough to make the matrix positive semi-definite.
    """
    n_profiles = error.shape[1]
    found = np.empty((n_tables, n_profiles, n_profiles))
    for m in range(n_tables):
        e = error[table == m]
        squares = np.square(e).T @ (e != 0)
        scale = np.sqrt(squares * squares.T)
        pairs = e.T @ e / np.where(scale > 0, scale, 1.0)
        np.fill_diagonal(pairs, 1.0)
        lowest = float(np.linalg.eigvalsh(pairs)[0])
        if lowest < 0:
            pairs = (pairs - lowest * np.eye(n_profiles)) / (1 - lowest)
        found[m] = pairs
    return found


def error_share(
    known: Dynamics, tables: IntArray, uncertainty: Uncertainty, timing: Timing
) -> FloatArray:
    """Return the share ``r`` of an innovation's variance that forecasts leave open.

    A forecast leaves ``sum_j psi(lead - j)^2 d^2 r(j)`` of the score's variance open, with the
    response ``psi`` of the score to innovations. `r` is fitted to the skill in the mean over all
    hours of the months in `tables`, by least squares of relative errors. It never falls with lead,
    since what is known is not forgotten, and is 1 at most, where what has been metered says more
    than the skill asks for. Then the noise is scaled by the skill's `error`.

    Returns
    -------
    numpy.ndarray
        ``(lead, profile)`` [-]; 0 where the skill is perfect.
    """
    lead_h = np.arange(timing.horizon, dtype=np.float64) * timing.period_h
    share = np.zeros((timing.horizon, len(uncertainty.record.kind)))
    for i, kind in enumerate(uncertainty.record.kind):
        skill = uncertainty.skill[kind]
        wanted = np.square(skill.share(lead_h))
        if not wanted[0]:
            continue
        response = _mean_response(
            known.coefficient[tables, :, i], known.deviation[tables, :, i], timing.horizon
        )
        growth, _ = nnls(response @ np.tri(timing.horizon) / wanted[:, None], np.ones(len(wanted)))
        share[:, i] = skill.scaled(np.clip(np.cumsum(growth), SMALLEST, 1.0))
    return share


@njit(cache=True)
def _moved(coefficient: FloatArray, total: FloatArray, at: int) -> float:
    """Return ``sum_k a_k x(at - k)`` over ``at - k >= 0``, with ``total[n] = sum_{i < n} x(i)``."""
    value = 0.0
    for g in range(len(FIRST)):
        if at < FIRST[g]:
            break
        value += coefficient[g] * (total[at - FIRST[g] + 1] - total[max(at - LAST[g], 0)])
    return value


@njit(cache=True)
def _mean_response(coefficient: FloatArray, deviation: FloatArray, horizon: int) -> FloatArray:
    """Return the mean of ``psi(lead - j)^2 d^2`` over uncertain periods, ``(lead, j)``."""
    n_tables, per_day = deviation.shape
    squares = np.zeros((horizon, horizon))
    count = np.zeros(horizon)
    total = np.zeros((horizon, horizon + 1))  # of the responses to innovation j
    for m in range(n_tables):
        for first in range(per_day):
            for lead in range(horizon):
                period = (first + lead) % per_day
                uncertain = deviation[m, period] > 0.0
                count[lead] += uncertain
                for j in range(lead + 1):
                    if j == lead:
                        total[j, : lead + 1] = 0.0
                        psi = deviation[m, period]
                    else:
                        psi = _moved(coefficient[m, period], total[j], lead)
                    total[j, lead + 1] = total[j, lead] + psi
                    if uncertain:
                        squares[lead, j] += psi * psi
    for lead in range(horizon):
        squares[lead] /= max(count[lead], 1.0)
    return squares


@njit(cache=True)
def score_means(
    coefficient: FloatArray,
    offset: FloatArray,
    deviation: FloatArray,
    innovation: FloatArray,
    score: FloatArray,
) -> FloatArray:
    """Return the conditional means of scores, ``(issue, lead, profile)``.

    Parameters
    ----------
    coefficient, offset, deviation
        ``(period, profile, group of lags)`` and twice ``(period, profile)``.
    innovation
        Conditional means of innovations by the period they belong to, ``(period, lead, profile)``.
    score
        Scores from `LAGS` periods before the first one on, ``(LAGS + period, profile)``; each issue
        reads those that are over.
    """
    n_periods, horizon, n_profiles = innovation.shape
    mean = np.zeros((n_periods, horizon, n_profiles))
    total = np.zeros(LAGS + horizon + 1)
    for issue in range(n_periods):
        for i in range(n_profiles):
            for k in range(LAGS):
                total[k + 1] = total[k] + score[issue + k, i]
            for lead in range(min(horizon, n_periods - issue)):
                period, at = issue + lead, LAGS + lead
                mean[issue, lead, i] = (
                    offset[period, i]
                    + _moved(coefficient[period, i], total, at)
                    + deviation[period, i] * innovation[period, lead, i]
                )
                total[at + 1] = total[at] + mean[issue, lead, i]
    return mean


@njit(cache=True)
def error_moments(
    coefficient: FloatArray, deviation: FloatArray, share: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return spread ``(lead, profile)`` and correlation ``(profile, lead, lead)`` of the errors.

    The errors follow the autoregression from 0, driven by what is open of each innovation, so
    ``C(a, b) = sum_k a_k C(a - k, b)`` for ``b < a``.

    Parameters
    ----------
    coefficient, deviation
        Of the periods ahead, ``(lead, profile, group of lags)`` and ``(lead, profile)``.
    share
        ``r``, ``(lead, profile)``.
    """
    horizon, n_profiles, _ = coefficient.shape
    spread = np.empty((horizon, n_profiles))
    correlation = np.zeros((n_profiles, horizon, horizon))
    total = np.zeros((horizon, horizon + 1))  # over a, of C(a, b)
    for i in range(n_profiles):
        own = correlation[i]
        if not deviation[:, i].any():  # all is certain
            spread[:, i] = 0.0
            np.fill_diagonal(own, 1.0)
            continue
        for a in range(horizon):
            for b in range(a):
                own[a, b] = own[b, a] = _moved(coefficient[a, i], total[b], a)
            for b in range(a):
                total[a, b + 1] = total[a, b] + own[b, a]
                total[b, a + 1] = total[b, a] + own[a, b]
            variance = share[a, i] * deviation[a, i] ** 2 + _moved(coefficient[a, i], total[a], a)
            own[a, a] = max(variance, 0.0)
            total[a, a + 1] = total[a, a] + own[a, a]
            spread[a, i] = math.sqrt(own[a, a])
        for a in range(horizon):
            for b in range(a):
                scale = spread[a, i] * spread[b, i]
                own[a, b] = own[b, a] = own[a, b] / scale if scale > 0.0 else 0.0
            own[a, a] = 1.0
    return spread, correlation
