"""What is uncertain in the hours ahead: errors of the forecast, along what the grid feels.

The error of a profile in a period has two parts. One is known when the period begins: it is what
the forecast will have changed by then, given the errors before. The other becomes known in the
period itself. Both are linear in the path, by the correlation over leads that the forecast states.
The set bounds both parts of every profile, and more tightly, with budgets, those along a few
directions: sums of profiles that move voltages and currents most. So what nobody can see coming is
told apart from what powers can follow, and errors of many small loads are not added up as if all
came at once (Lorca and Sun, "Multistage robust unit commitment with dynamic uncertainty sets and
energy storage", IEEE Trans. Power Systems 32, 2017; Bertsimas and Sim, Operations Research 52,
2004). Its size is fitted to samples so that whole paths lie inside with a given probability.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.coverage import fit_radius
from sim.control import Forecast
from sim.units import FloatArray

# Keeps correlations of one positive definite.
_JITTER = 1e-9

# Shares of the errors that count as 1, along a direction and of one profile.
ALONG, ALONE = 0.99, 0.999

# Errors that are smaller than this do not count [pu].
_NOTHING = 1e-7


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
    known, latest
        The parts along the directions, ``(period, direction)``: what is known when the period
        begins, and the rest.
    known_pu, latest_pu
        The most they can be for every profile, ``(period, profile)`` [pu].
    std_pu
        Standard deviation of the whole error, same shape [pu].
    ripple_pu
        Standard deviation of steps about the mean of their period, same shape [pu].
    ripples
        So many standard deviations of the ripple are kept free.
    """

    directions: FloatArray
    known: BudgetedBox
    latest: BudgetedBox
    known_pu: FloatArray
    latest_pu: FloatArray
    std_pu: FloatArray
    ripple_pu: FloatArray
    ripples: float

    @classmethod
    def of(
        cls,
        forecast: Forecast,
        n_periods: int,
        directions: FloatArray,
        *,
        coverage: float,
        samples: int,
        budgets: Budgets,
        rng: np.random.Generator,
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
        coverage
            Share of whole paths inside, all profiles in all periods; and share of the ripple inside
            periods.
        samples
            Paths drawn: half of them give the shape of the set, the others its size.
        budgets
            Budgets.
        rng
            Random stream of the samples.
        """
        near = first_leads(forecast, n_periods)
        paths = near.scenarios(samples, rng)
        parts = [np.concatenate([part, part @ directions.T], axis=2) for part in split(near, paths)]
        shape, fresh = ([part[k::2] for part in parts] for k in (0, 1))
        n = near.profile_std.shape[1]
        # The directions are what counts: the profiles alone get a little more room.
        share = np.concatenate([np.full(n, ALONE), np.full(len(directions), ALONG)])
        size = [_spread(own, share, part) for own, part in zip(shape, parts, strict=True)]
        sets = [_box(own[:, n:], budgets) for own in size] + [
            _box(own[:, :n], Budgets(over_components=np.inf, over_time=np.inf)) for own in size
        ]
        along = [part[..., n:] for part in fresh] + [part[..., :n] for part in fresh]
        gauges = np.max([own.gauge(part) for own, part in zip(sets, along, strict=True)], axis=0)
        radius = fit_radius(gauges, coverage) if gauges.any() else 0.0
        std, step_std = near.profile_std, near.profile_step_std
        return cls(
            directions=directions,
            known=sets[0].scaled(radius),
            latest=sets[1].scaled(radius),
            known_pu=radius * size[0][:, :n],
            latest_pu=radius * size[1][:, :n],
            std_pu=std,
            ripple_pu=np.sqrt(np.maximum(step_std**2 - std**2, 0.0)),
            ripples=NormalDist().inv_cdf(max(coverage, 0.5)),
        )

    def contains(self, forecast: Forecast, paths: FloatArray) -> np.ndarray:
        """Return which paths ``(path, period, profile)`` [pu] are inside, ``(path,)``."""
        known, latest = split(first_leads(forecast, len(self.std_pu)), paths)
        inside = self.known.contains(known @ self.directions.T)
        inside &= self.latest.contains(latest @ self.directions.T)
        for part, most in ((known, self.known_pu), (latest, self.latest_pu)):
            inside &= (np.abs(part) <= most * (1 + 1e-12) + 1e-9).all(axis=(1, 2))
        return inside

    def margin(self, slope: FloatArray, period: int, *, follows: bool) -> Margin:
        """Return the most that ``slope @ error`` can be beside what signals explain.

        Parameters
        ----------
        slope
            ``(row, profile)``, per pu.
        period
            The period.
        follows
            Whether rows may follow signals; otherwise these are part of the most.
        """
        along = self._explained(slope, period)
        rest = np.abs(slope - along @ self.directions)
        now = rest @ self.latest_pu[period] + self._support(self.latest, along, period)
        now = now + self.ripples * np.sqrt((slope**2) @ (self.ripple_pu[period] ** 2))
        most = now + rest @ self.known_pu[period]
        if follows:
            return Margin(most, now, np.where(self.known.above[period] > 0, along, 0.0))
        return Margin(most + self._support(self.known, along, period), now, np.zeros_like(along))

    def _explained(self, slope: FloatArray, period: int) -> FloatArray:
        """Return the slopes along the directions that leave the least, ``(row, direction)``."""
        weighted = self.directions * self.std_pu[period] ** 2
        square = weighted @ self.directions.T
        found: FloatArray = slope @ weighted.T @ np.linalg.pinv(square, rcond=1e-8, hermitian=True)
        return found

    @staticmethod
    def _support(box: BudgetedBox, along: FloatArray, period: int) -> FloatArray:
        """Return the most of ``along @ part`` over one period of a symmetric box, ``(row,)``."""
        size = np.sort(np.abs(along) * box.above[period], axis=1)[:, ::-1]
        share = np.clip(box.over_components[period] - np.arange(size.shape[1]), 0.0, 1.0)
        most: FloatArray = box.radius * (size * share).sum(axis=1)
        return most


def split(forecast: Forecast, paths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the errors of paths that are known when each period begins, and the rest [pu].

    Parameters
    ----------
    forecast
        States means, standard deviations, and the correlation over leads.
    paths
        ``(path, period, profile)`` [pu]; so are the parts.
    """
    error, std = paths - forecast.profile_mean, forecast.profile_std
    n_periods = len(std)
    factor = np.linalg.cholesky(forecast.profile_correlation + _JITTER * np.eye(n_periods))
    score = np.where(std > 0, error, 0.0) / np.where(std > 0, std, 1.0)
    latest = np.empty_like(error)
    for i, lower in enumerate(factor):
        innovation = solve_triangular(lower, score[:, :, i].T, lower=True).T
        latest[:, :, i] = innovation * np.diagonal(lower) * std[:, i]
    parts = (error - latest, latest)
    known, latest = (np.where((std > 0) & (np.abs(part) > _NOTHING), part, 0.0) for part in parts)
    return known, latest


def felt_directions(slope: FloatArray, std_pu: FloatArray, n: int) -> FloatArray:
    """Return the sums of profiles that rows feel most, ``(direction, profile)``.

    Leading right singular vectors of the rows' standard deviations by profile, every row counting
    alike (principal components; Jolliffe, *Principal Component Analysis*, 2002).

    Parameters
    ----------
    slope
        Rows by profile, ``(row, profile)``, per pu.
    std_pu
        Standard deviations of the rows' profiles, ``(row, profile)`` [pu].
    n
        Directions.
    """
    felt = slope * std_pu
    size = np.linalg.norm(felt, axis=1)
    some = size > 0
    if not some.any():
        return np.zeros((0, slope.shape[1]))
    felt = felt[some] / size[some, None]
    values, vectors = np.linalg.eigh(felt.T @ felt)
    leading = vectors[:, ::-1][:, :n].T
    leading = leading[values[::-1][:n] > 1e-6 * values[-1]]
    typical = np.sqrt((std_pu**2).mean(axis=0))
    return np.where(typical > 0, leading, 0.0) / np.where(typical > 0, typical, 1.0)


def _spread(part: FloatArray, share: FloatArray, everything: FloatArray) -> FloatArray:
    """Return what counts as 1: quantiles of sizes, ``(period, component)``.

    `share` says which, ``(component,)``. At least that of a normal law: what is usually 0 and
    rarely much has quantiles that say too little, and where `part` holds none of it, `everything`
    may.
    """
    size = np.sort(np.abs(part), axis=0)
    rank = np.ceil(share * len(size)).astype(np.int64) - 1
    normal = np.array([NormalDist().inv_cdf((1 + own) / 2) for own in share.tolist()])
    spread: FloatArray = np.maximum(
        np.take_along_axis(size, rank[None, None, :], axis=0)[0], normal * part.std(axis=0)
    )
    return np.where(spread > 0, spread, normal * everything.std(axis=0))


def _box(spread: FloatArray, budgets: Budgets) -> BudgetedBox:
    return BudgetedBox.around(
        np.zeros_like(spread),
        spread,
        spread,
        over_components=budgets.over_components,
        over_time=budgets.over_time,
    )


def first_leads(forecast: Forecast, n: int) -> Forecast:
    """Return what a forecast says of the profiles in the first `n` periods."""
    parts = ("mean", "lower", "upper", "std", "step_std")
    first = {f"profile_{name}": getattr(forecast, f"profile_{name}")[:n] for name in parts}
    return dataclasses.replace(
        forecast, profile_correlation=forecast.profile_correlation[:, :n, :n], **first
    )
