"""What is uncertain in the hours ahead: innovations of the forecast, in a budgeted box.

The error of a profile is ``deviation[t] = sum_s factor[t, s] e[s]`` over ``s <= t`` with
innovations ``e``, uncorrelated over time, of which ``e[s]`` is observed in period ``s``; ``factor``
is the standard deviation times the Cholesky factor of the forecast's correlation over leads. A set
of innovations is a dynamic set of errors: what is seen early tells what may come (Lorca and Sun,
"Multistage robust unit commitment with dynamic uncertainty sets and energy storage", IEEE Trans.
Power Systems 32, 2017). Its radius is fitted to samples of the forecast so that whole paths of all
profiles lie inside with a given probability.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.coverage import fit_radius
from sim.control import Forecast
from sim.units import FloatArray

# Keeps correlations of one positive definite.
_JITTER = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Innovations:
    """A set of paths of innovations, and what they do to the profiles.

    Attributes
    ----------
    box
        The set, in standard deviations, ``(period, profile)``.
    factor
        Deviation of a profile by the innovations so far, ``(profile, period, period)`` [pu].
    latest
        Deviation by the innovation of the period itself and the ripple inside it, which nobody
        sees before, ``(period, profile)`` [pu].
    """

    box: BudgetedBox
    factor: FloatArray
    latest: FloatArray

    @classmethod
    def of(
        cls,
        forecast: Forecast,
        n_periods: int,
        *,
        coverage: float,
        samples: int,
        over_components: float,
        over_time: float,
        rng: np.random.Generator,
    ) -> Innovations:
        """Return the set that contains a path with probability `coverage`.

        Parameters
        ----------
        forecast
            Conditional on all that was metered; so is the set.
        n_periods
            Periods ahead.
        coverage
            Share of whole paths inside: all profiles, all periods.
        samples
            Paths to which the radius is fitted.
        over_components, over_time
            Budgets in standard deviations over the profiles of a period, and over the periods of a
            profile, as multiples of the radius.
        rng
            Random stream of the samples.
        """
        near = _leads(forecast, n_periods)
        std, step_std = near.profile_std, near.profile_step_std
        n_profiles = std.shape[1]
        jitter = _JITTER * np.eye(n_periods)
        lower = np.linalg.cholesky(near.profile_correlation + jitter)
        varies = (std > 0).astype(np.float64)
        box = BudgetedBox.around(
            np.zeros((n_periods, n_profiles)),
            varies,
            varies,
            over_components=over_components,
            over_time=over_time,
        )
        if not varies.any():
            box = box.scaled(0.0)
        else:
            paths = near.scenarios(samples, rng)
            box = box.scaled(fit_radius(box.gauge(whitened(near, lower, paths)), coverage))
        own = np.diagonal(lower, axis1=1, axis2=2).T * std
        ripple = np.maximum(step_std**2 - std**2, 0.0)
        return cls(box=box, factor=std.T[:, :, None] * lower, latest=np.sqrt(own**2 + ripple))

    def largest_latest(self, slope: FloatArray, period: int) -> FloatArray:
        """Return the most that ``slope @ deviation`` can rise by the last innovations of a period.

        `slope` is ``(row, profile)`` per pu of the profile. Where hours vary inside only, as sun
        whose mean is certain does, the ripple counts like an innovation.
        """
        return self._largest(np.abs(slope * self.latest[period])[:, None, :])

    def largest_known(self, slope: FloatArray, period: int) -> FloatArray:
        """Return the same for the innovations of all periods before, ``(row,)``.

        These are known when the period begins, and unknown now.
        """
        by = slope[:, :, None] * self.factor[None, :, period, :period]
        return self._largest(np.abs(by).transpose(0, 2, 1))

    def largest_sum(self, size: FloatArray) -> float:
        """Return the most of ``sum of size |e|``, from sizes ``(period, profile)``."""
        return float(self._largest(size[None])[0])

    def _largest(self, size: FloatArray) -> FloatArray:
        """Return the most of ``sum of size |e|``, ``(row,)``, of ``(row, period, profile)``.

        The less of what either kind of budget allows alone: an outer approximation where both bind.
        """
        box = self.box
        each = _knapsack(size, float(box.over_components[0])).sum(axis=1)
        of_time = float(box.over_time[0]) if len(box.over_time) else np.inf
        other = _knapsack(size.transpose(0, 2, 1), of_time).sum(axis=1)
        largest: FloatArray = box.radius * np.minimum(each, other)
        return largest


def whitened(forecast: Forecast, lower: FloatArray, paths: FloatArray) -> FloatArray:
    """Return the innovations of paths ``(path, period, profile)``, same shape; 0 where certain.

    `lower` are the Cholesky factors ``(profile, period, period)`` of the correlation over leads.
    """
    std = forecast.profile_std
    varies = std > 0
    score = np.where(varies, paths - forecast.profile_mean, 0.0) / np.where(varies, std, 1.0)
    found = np.empty_like(score)
    for i, factor in enumerate(lower):
        found[:, :, i] = solve_triangular(factor, score[:, :, i].T, lower=True).T
    return np.where(varies, found, 0.0)


def _leads(forecast: Forecast, n: int) -> Forecast:
    """Return what a forecast says of the profiles in the first `n` periods."""
    parts = ("mean", "lower", "upper", "std", "step_std")
    first = {f"profile_{name}": getattr(forecast, f"profile_{name}")[:n] for name in parts}
    return dataclasses.replace(
        forecast, profile_correlation=forecast.profile_correlation[:, :n, :n], **first
    )


def _knapsack(size: FloatArray, budget: float) -> FloatArray:
    """Return sums of the `budget` largest values along the last axis, a fraction of the next."""
    n = size.shape[-1]
    share = np.clip(budget - np.arange(n), 0.0, 1.0)
    total: FloatArray = (np.sort(size, axis=-1)[..., ::-1] * share).sum(axis=-1)
    return total
