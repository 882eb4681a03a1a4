"""Climatology of profiles, and the normal scores by which forecasts are expressed.

A profile value is mapped to a standard normal score ``z`` through its climatological distribution
at that hour of that month, ``z = inverse_normal(F(value))``, and back through the quantile function
``Q(z)``. In ``z`` forecast errors are Gaussian; mapped back they are bounded by what the record has
seen: photovoltaic errors scale with clear-sky output and vanish at night. The transform is the one
of Pinson et al., "From probabilistic forecasts to statistical scenarios of short-term wind power
production", Wind Energy 12, 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sim.uncertainty.model import Record
from sim.uncertainty.streams import stream
from sim.units import HOURS_PER_DAY, BoolArray, FloatArray, IntArray, frozen

LEVEL = 0.95
QUANTILE = 1.6448536269514722  # of the standard normal law, at LEVEL
Z_MAX = 3.0
Z_NODES = 201  # a coarser curve cuts corners, and errors are wider than it says
WINDOW_DAYS = 15
ENOUGH_DAYS = 20  # to tell how one period follows from another
ALL_DAY = ("wind",)

DateArray: TypeAlias = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Climatology:
    """Distribution of the period means of every profile by month and period of the day.

    Attributes
    ----------
    quantile
        ``Q`` on a uniform grid of `Z_NODES` scores in ``[-Z_MAX, Z_MAX]``,
        ``(table, period of day, profile, node)`` [pu].
    uncertain
        Whether the distribution has more than one value, ``(table, period of day, profile)``.
    table
        Row of `quantile` that holds for each period of the record, ``(period of record,)``.
    period_of_day, date
        Of each period of the record, ``(period of record,)``.
    ripple
        Standard deviation of steps about the mean of their period, ``(table, period of day,
        profile)`` [pu].
    mean
        Period means of the record, ``(period of record, profile)`` [pu].
    score
        Their normal scores, ``(period of record, profile)`` [-]. Ties, for example the zeros of
        photovoltaics at night, are broken at random, by a key of their own.
    """

    quantile: FloatArray
    uncertain: BoolArray
    table: IntArray
    period_of_day: IntArray
    date: DateArray
    ripple: FloatArray
    mean: FloatArray
    score: FloatArray

    def tables_of(self, months: Sequence[int]) -> IntArray:
        """Return the tables of these months (1 to 12), all if the record has none of them."""
        found, first = np.unique(self.table, return_index=True)
        month = self.date[first].astype("datetime64[M]").astype(np.int64) % 12 + 1
        inside = np.isin(month, months)
        return found[inside] if inside.any() else found

    def rows(self, table: int, period_of_day: int) -> IntArray:
        """Return the periods of the record that are like one period of the day in one month.

        Those of all days of the month, and of `WINDOW_DAYS` before and after it.
        """
        month = self.date[np.argmax(self.table == table)].astype("datetime64[M]")
        return _near(self.date, self.period_of_day, month, period_of_day)


@lru_cache(maxsize=8)  # scenarios that differ in other things share a record
def climatology(record: Record, period_s: int) -> Climatology:
    """Return the climatology of `record` for periods of `period_s`.

    The distribution at one period of the day in one month is that of all days of the month and
    `WINDOW_DAYS` before and after it. Wind has one distribution for the whole day: hours differ
    less than samples of 60 days, and what differs is in the mean that scores move to.
    """
    per_period = period_s // record.step_s
    n_periods = len(record.values) // per_period
    n_profiles = record.values.shape[1]
    steps = record.values[: n_periods * per_period].reshape(n_periods, per_period, n_profiles)
    mean, variance = steps.mean(axis=1), steps.var(axis=1)
    per_day = max(round(HOURS_PER_DAY * 3600) // period_s, 1)
    day = np.arange(n_periods) // per_day
    period_of_day = np.arange(n_periods) % per_day
    date = record.start.astype("datetime64[D]") + day
    month = date.astype("datetime64[M]")
    months, table = np.unique(month, return_inverse=True)

    grid = np.linspace(-Z_MAX, Z_MAX, Z_NODES)
    quantile = np.zeros((len(months), per_day, n_profiles, Z_NODES))
    ripple = np.zeros((len(months), per_day, n_profiles))
    score = np.zeros((n_periods, n_profiles))
    # Prices, which come last, have ties of their own, so that they change nothing else.
    n_prices = record.kind.count("price")
    ties = (("climatology.ties", n_profiles - n_prices), ("climatology.ties.prices", n_prices))
    tie_break = np.hstack([stream(0, 0, key).random((n_periods, n)) for key, n in ties])
    for m, first in enumerate(months):
        for p in range(per_day):
            rows = _near(date, period_of_day, first, p)
            if not len(rows):
                continue
            ripple[m, p] = np.sqrt(variance[rows].mean(axis=0))
            for i, kind in enumerate(record.kind):
                alike = rows
                if kind in ALL_DAY and len(rows) >= ENOUGH_DAYS:
                    if p > 0:  # done at p = 0
                        continue
                    alike = _near(date, period_of_day, first)
                position = (np.arange(len(alike)) + 0.5) / len(alike)
                order = np.lexsort((tie_break[alike, i], mean[alike, i]))
                curve = np.interp(ndtr(grid), position, mean[alike[order], i])
                quantile[m, slice(None) if alike is not rows else p, i] = curve
                z = np.empty(len(alike))
                z[order] = ndtri(position)
                own = table[alike] == m
                score[alike[own], i] = z[own]
    return Climatology(
        quantile=frozen(quantile),
        uncertain=frozen(quantile[..., -1] > quantile[..., 0], np.bool_),
        table=frozen(table, np.int64),
        period_of_day=frozen(period_of_day, np.int64),
        date=frozen(date, np.datetime64),
        ripple=frozen(ripple),
        mean=frozen(mean),
        score=frozen(score),
    )


def _near(
    date: DateArray, period_of_day: IntArray, month: np.datetime64, wanted: int | None = None
) -> IntArray:
    """Return the periods of the day that is wanted, or all, in a month and days about it."""
    near = (date >= month.astype("datetime64[D]") - WINDOW_DAYS) & (
        date < (month + 1).astype("datetime64[D]") + WINDOW_DAYS
    )
    return np.flatnonzero(near if wanted is None else near & (period_of_day == wanted))
