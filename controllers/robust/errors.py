"""What is uncertain in the hours ahead: errors of the forecast, along what the grid feels.

The error of a profile in a period has two parts. One is known when the period begins: it is what
the forecast will have changed by then, given the errors before. The other becomes known in the
period itself. Both are linear in the path, by the correlation over leads that the forecast states.
The set bounds both parts of every profile, with budgets the first along a few directions, sums of
profiles that move voltages and currents most, and most tightly what rows of the grid feel: each
bounds the paths by a strip, so many of its own standard deviations wide. So what nobody can see
coming is told apart from what powers can follow, and errors of many profiles are not added up as if
all came at once (Lorca and Sun, "Multistage robust unit commitment with dynamic uncertainty sets
and energy storage", IEEE Trans. Power Systems 32, 2017; Bertsimas and Sim, Operations Research 52,
2004). Its size is fitted to samples so that whole paths lie inside with a given probability.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from controllers.robust.error_parts import NOTHING, Felt, first_leads, split
from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.coverage import fit_radius
from sim.control import Forecast
from sim.units import FloatArray

# Shares of the errors that count as 1, along a direction and of one profile.
ALONG, ALONE = 0.99, 0.999


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Budgets:
    """Budgets in radii, infinite for none.

    Attributes
    ----------
    over_components
        Of a period, over the directions.
    over_time
        Of a direction, over the periods.
    """

    over_components: float
    over_time: float


class Margin(NamedTuple):
    """Room for errors.

    Attributes
    ----------
    most
        The most that rows can rise beside what signals explain, ``(row,)``.
    now
        What of it becomes known in the period itself only, so that whoever decides when the period
        begins has to leave that much, ``(row,)``.
    of_signal
        Slopes along the signals, ``(row, direction)``.
    """

    most: FloatArray
    now: FloatArray
    of_signal: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForecastErrors:
    """A set of paths of errors.

    Attributes
    ----------
    directions
        ``(direction, profile)`` [1/pu].
    known
        The part along the directions that is known when the period begins, ``(period, direction)``.
    known_pu, latest_pu
        The most that both parts can be for every profile, ``(period, profile)`` [pu].
    covariance
        Of both parts, the latest first, ``(period, 2 * profile, 2 * profile)`` [pu**2].
    strip
        Half the width of the rows' strips, in their standard deviations [-].
    std_pu
        Standard deviation of the whole error, ``(period, profile)`` [pu].
    ripple_pu
        Standard deviation of steps about the mean of their period, same shape [pu].
    ripples
        So many standard deviations of the ripple are kept free.
    follows
        Whether powers follow signals.
    """

    directions: FloatArray
    known: BudgetedBox
    known_pu: FloatArray
    latest_pu: FloatArray
    covariance: FloatArray
    strip: float
    std_pu: FloatArray
    ripple_pu: FloatArray
    ripples: float
    follows: bool

    @classmethod
    def of(
        cls,
        forecast: Forecast,
        n_periods: int,
        directions: FloatArray,
        felt: Felt,
        *,
        coverage: float,
        samples: int,
        budgets: Budgets,
        rng: np.random.Generator,
        follows: bool = True,
    ) -> ForecastErrors:
        """Return the set that contains a path with probability `coverage`.

        Parameters
        ----------
        forecast
            Conditional on all that was metered; so is the set.
        n_periods
            Periods ahead.
        directions
            ``(direction, profile)``.
        felt
            Rows that bound the set by their strips.
        coverage
            Share of whole paths inside, all profiles in all periods; and share of the ripple inside
            periods.
        samples
            Paths drawn: half of them give the shape of the set, the others its size.
        budgets
            Budgets.
        rng
            Random stream of the samples.
        follows
            Whether powers follow signals; otherwise rows leave room for all that is known.
        """
        near = first_leads(forecast, n_periods)
        paths = near.scenarios(samples, rng)
        known, latest = split(near, paths)
        along = known @ directions.T
        sizes = [
            _spread(part[::2], share, part)
            for part, share in ((along, ALONG), (known, ALONE), (latest, ALONE))
        ]
        both = np.concatenate([latest, known], axis=2)[::2]
        both = both - both.mean(axis=0)
        std, step_std = near.profile_std, near.profile_step_std
        unit = cls(
            directions=directions,
            known=BudgetedBox.around(
                np.zeros_like(sizes[0]),
                sizes[0],
                sizes[0],
                over_components=budgets.over_components,
                over_time=budgets.over_time,
            ),
            known_pu=sizes[1],
            latest_pu=sizes[2],
            covariance=np.einsum("nti,ntk->tik", both, both) / len(both),
            strip=_normal(ALONG),
            std_pu=std,
            ripple_pu=np.sqrt(np.maximum(step_std**2 - std**2, 0.0)),
            ripples=NormalDist().inv_cdf(max(coverage, 0.5)),
            follows=follows,
        )
        gauges = unit._gauge(known[1::2], latest[1::2], felt)
        radius = fit_radius(gauges, coverage) if gauges.any() else 0.0
        return dataclasses.replace(
            unit,
            known=unit.known.scaled(radius),
            known_pu=radius * unit.known_pu,
            latest_pu=radius * unit.latest_pu,
            strip=radius * unit.strip,
        )

    def contains(self, forecast: Forecast, paths: FloatArray, felt: Felt) -> np.ndarray:
        """Return which paths ``(path, period, profile)`` [pu] are inside, ``(path,)``.

        `felt` are the rows that bound the set.
        """
        known, latest = split(first_leads(forecast, len(self.std_pu)), paths)
        return np.asarray(self._gauge(known, latest, felt) <= 1 + 1e-9)

    def _gauge(self, known: FloatArray, latest: FloatArray, felt: Felt) -> FloatArray:
        """Return how far paths use the set, 1 on its boundary, ``(path,)``."""
        box = self.known.gauge(known @ self.directions.T)
        used = [_share(box, np.full_like(box, self.known.radius))]
        for part, most in ((known, self.known_pu), (latest, self.latest_pu)):
            used.append(_share(np.abs(part), most).max(axis=(1, 2)))
        for t in range(len(self.std_pu)):
            slope = felt.slope[felt.period == t]
            beside = self._beside(slope, t)
            rises = latest[:, t] @ slope.T
            for rise, rest in ((rises, 0 * beside), (rises + known[:, t] @ beside.T, beside)):
                most = self.strip * self._std(slope, rest, t)
                used.append(_share(np.abs(rise), most).max(axis=1, initial=0.0))
        found: FloatArray = np.max(used, axis=0)
        return found

    def margin(self, slope: FloatArray, period: int) -> Margin:
        """Return the most that ``slope @ error`` can be beside what signals explain.

        What is known, what is not, and the ripple are independent: the root of the sum of squares.

        Parameters
        ----------
        slope
            ``(row, profile)``, per pu.
        period
            The period.
        """
        ripple = self.ripples**2 * (slope**2 @ self.ripple_pu[period] ** 2)
        now, most = (
            np.sqrt((self.strip * self._std(slope, rest, period)) ** 2 + ripple)
            for rest in (np.zeros_like(slope), self._beside(slope, period))
        )
        along = self.explained(slope, period) * self.follows
        return Margin(np.maximum(now, most), now, along)

    def explained(self, slope: FloatArray, period: int) -> FloatArray:
        """Return the slopes along the directions that leave the least, ``(row, direction)``."""
        weighted = self.directions * self.std_pu[period] ** 2
        square = weighted @ self.directions.T
        along = slope @ weighted.T @ np.linalg.pinv(square, rcond=1e-8, hermitian=True)
        return np.where(self.known.above[period] > 0, along, 0.0)

    def _beside(self, slope: FloatArray, period: int) -> FloatArray:
        """Return slopes along what is known and no signal explains, ``(row, profile)``."""
        if not self.follows:
            return slope
        beside: FloatArray = slope - self.explained(slope, period) @ self.directions
        return beside

    def _std(self, of_latest: FloatArray, of_known: FloatArray, period: int) -> FloatArray:
        """Return standard deviations of rows by their slopes along both parts, ``(row,)``."""
        slope = np.concatenate([of_latest, of_known], axis=1)
        variance = ((slope @ self.covariance[period]) * slope).sum(axis=1)
        std: FloatArray = np.sqrt(np.maximum(variance, 0.0))
        return std


def _normal(share: float) -> float:
    """Return the size of which a standard normal variable stays within by a share."""
    return NormalDist().inv_cdf((1 + share) / 2)


def _share(size: FloatArray, most: FloatArray) -> FloatArray:
    """Return sizes as shares of the most they can be; nothing of nothing is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size > NOTHING * (most == 0), size / most, 0.0)


def _spread(part: FloatArray, share: float, everything: FloatArray) -> FloatArray:
    """Return what counts as 1: quantiles of sizes, ``(period, component)``.

    At least that of a normal law: what is usually 0 and rarely much has quantiles that say too
    little, and where `part` holds none of it, `everything` may.
    """
    size = np.sort(np.abs(part), axis=0)[math.ceil(share * len(part)) - 1]
    spread: FloatArray = np.maximum(size, _normal(share) * part.std(axis=0))
    return np.where(spread > 0, spread, _normal(share) * everything.std(axis=0))
