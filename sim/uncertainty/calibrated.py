"""Calibrated forecasts: what has been metered, what is known of the future, and no more.

Scores follow an autoregression, ``z(t) = c + sum_k a_k z(t - k) + d e(t)``. The innovation ``e`` of
a future period is observed through noise whose precision ``pi(lead)`` grows as the period draws
near; every issue adds an independent piece of evidence. Its conditional mean is::

    e_hat = (pi e + B(pi)) / (1 + pi) = (1 - r) e + sqrt(r (1 - r)) eta,   r = 1 / (1 + pi)

with a Brownian motion ``B`` in precision: ``E[e | e_hat] = e_hat``, ``var[e | e_hat] = r``. Scores
that are metered reveal the innovations that are over, and tell nothing of those to come. So the
conditional law of the scores ahead, given all that has been metered and all evidence, is the
autoregression started from the metered scores and driven by ``e_hat``; the errors follow it from 0,
driven by ``e - e_hat``. Forecasts of one period are a martingale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.control import EvStates, Forecast
from sim.uncertainty.climatology import QUANTILE, Z_MAX
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.delays import forecast_delay_h
from sim.uncertainty.dynamics import score_means
from sim.uncertainty.forecaster import Profiles, compose
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import SECONDS_PER_HOUR, BoolArray, FloatArray, IntArray, frozen

# Evenly spaced: the curves that are integrated have corners, and Gauss-Hermite nodes miss them.
_NODES = np.linspace(-4.5, 4.5, 37)
_WEIGHTS = np.exp(-(_NODES**2) / 2)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CalibratedForecaster:
    """Forecasts of one replication.

    Attributes
    ----------
    nature, realisation, conditions
        What there is, what will be, and the roads among it.
    score_mean
        ``z_hat``, ``(issue period, lead, profile)``.
    together
        What the correlation of two profiles' innovations is multiplied by to be that of their
        errors, ``(profile, profile)``: 1 for equal skill.
    """

    nature: Nature
    realisation: Realisation
    conditions: RoadConditions
    score_mean: FloatArray
    together: FloatArray

    @classmethod
    def build(cls, nature: Nature, realisation: Realisation) -> CalibratedForecaster:
        """Accumulate the evidence, and foresee all scores from what is metered at each issue."""
        known, (table, period_of_day) = nature.dynamics, realisation.climatology_row.T
        coefficient = np.ascontiguousarray(known.coefficient[table, period_of_day])
        deviation = known.deviation[table, period_of_day]
        share = nature.error_share
        noise = realisation.forecast_noise @ known.sample[table, period_of_day]
        foreseen = _foreseen(share, realisation.period_innovation, noise)
        own = np.sqrt(np.where(share > 0, share, 1.0))
        rest = np.sqrt(1 - own**2)
        return cls(
            nature=nature,
            realisation=realisation,
            conditions=realisation.conditions(nature.system),
            score_mean=frozen(
                score_means(
                    coefficient,
                    known.offset[table, period_of_day],
                    deviation,
                    foreseen,
                    realisation.score,
                )
            ),
            together=frozen((own.T @ own + rest.T @ rest) / len(share)),
        )

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast; see `Forecaster.issue`.

        Profiles are forecast at the start of each period; what is known of the roads and of the
        cars is of this moment.
        """
        timing, realisation = self.nature.system.timing, self.realisation
        n = min(timing.horizon, timing.n_periods - period)
        ahead = slice(period, period + n)
        spread, correlation = self.nature.errors.moments(realisation.climatology_row[ahead])
        mean, lower, upper, std = _profile_moments(
            self.nature.climatology.quantile,
            realisation.climatology_row[ahead],
            realisation.period_mean[ahead],
            self.score_mean[period, :n],
            spread,
            self.nature.error_share[0] == 0,
            _NODES,
            _WEIGHTS,
        )
        for k in self.nature.system.tariff.series:  # the price of this period is known as it begins
            mean[0, k] = lower[0, k] = upper[0, k] = realisation.period_mean[period, k]
            std[0, k] = 0.0
        depart_h = (period + np.arange(n, dtype=np.float64)) * timing.period_h
        quarter = min(int(now_h * 4), len(realisation.link_state) - 1)
        travel = self.nature.travel.forecast(
            realisation.link_state[quarter],
            self.conditions.stretch_now(now_h * SECONDS_PER_HOUR),
            now_h,
            np.maximum(depart_h - now_h, 0.0),
            self._late_h(now_h, depart_h),
        )
        return compose(
            self.nature,
            period,
            now_h,
            Profiles(
                mean=mean,
                lower=lower,
                upper=upper,
                std=std,
                step_std=np.hypot(std, self._ripple(ahead)),
            ),
            correlation.copy(),
            self._series_correlation(period),
            (
                self.nature.evs.forecast(period, n, evs),
                self.nature.evs.envelopes.forecast(now_h, period, n, evs),
            ),
            travel,
            self.nature.rail.expected_h(np.maximum(depart_h, now_h)),
        )

    def _late_h(
        self, now_h: float, depart_h: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Return mean and quantiles of the delays of starting trips, ``(H,)`` [h]; None if none."""
        delays, timing = self.nature.uncertainty.delays, self.nature.system.timing
        if not delays.mean_h.any():
            return None
        state = self.realisation.delay_state
        step = min(int(now_h / timing.step_h + 1e-9), len(state) - 1)
        departs_h = np.maximum(depart_h, now_h)
        return forecast_delay_h(delays, timing, float(state[step]), now_h, departs_h)

    def _series_correlation(self, period: int) -> FloatArray:
        """Return how the errors of profiles correlate in one period, ``(profile, profile)``."""
        table = self.realisation.climatology_row[period, 0]
        found: FloatArray = self.nature.dynamics.correlation[table] * self.together
        return found

    def _ripple(self, ahead: slice) -> FloatArray:
        """Return the usual spread of steps inside their periods, ``(H, profile)`` [pu]."""
        table, period_of_day = self.realisation.climatology_row[ahead].T
        ripple: FloatArray = self.nature.climatology.ripple[table, period_of_day]
        return ripple


def _foreseen(share: FloatArray, innovation: FloatArray, noise: FloatArray) -> FloatArray:
    """Return the conditional means of innovations, ``(period, lead, profile)``.

    ``e_hat = (pi e + B(pi)) / (1 + pi)`` with the precision ``pi = 1 / r - 1`` and a Brownian
    motion ``B`` in it.

    Parameters
    ----------
    share
        ``r``, ``(lead, profile)``; nothing is made of profiles where it is 0.
    innovation
        ``e``, ``(period, profile)``.
    noise
        Standard normal, new at each lead, ``(period, lead, profile)``.
    """
    precision = 1 / np.where(share > 0, share, 1.0) - 1
    gained = np.sqrt(-np.diff(precision, axis=0, append=0.0))
    evidence = np.cumsum((gained * noise)[:, ::-1], axis=1)[:, ::-1]
    foreseen: FloatArray = (precision * innovation[:, None] + evidence) / (1 + precision)
    return foreseen


@njit(cache=True)
def _profile_moments(
    quantile: FloatArray,
    row: IntArray,
    truth: FloatArray,
    score_mean: FloatArray,
    spread: FloatArray,
    exact: BoolArray,
    nodes: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Map conditional laws of scores to mean, 5 %, 95 % quantile and deviation of profiles.

    Expectations by the trapezoidal rule.
    """
    n_leads, n_profiles = score_mean.shape
    mean = np.empty((n_leads, n_profiles))
    lower = np.empty_like(mean)
    upper = np.empty_like(mean)
    std = np.empty_like(mean)
    n_nodes = quantile.shape[-1]
    scale = (n_nodes - 1) / (2 * Z_MAX)
    for h in range(n_leads):
        for i in range(n_profiles):
            s = spread[h, i]
            if exact[i]:
                mean[h, i] = lower[h, i] = upper[h, i] = truth[h, i]
                std[h, i] = 0.0
                continue
            curve = quantile[row[h, 0], row[h, 1], i]
            centre = score_mean[h, i]
            first, second = 0.0, 0.0
            for k in range(len(nodes)):
                value = _interpolate(curve, (centre + s * nodes[k] + Z_MAX) * scale, n_nodes)
                first += weights[k] * value
                second += weights[k] * value * value
            mean[h, i] = first
            std[h, i] = math.sqrt(max(second - first * first, 0.0))
            lower[h, i] = _interpolate(curve, (centre - s * QUANTILE + Z_MAX) * scale, n_nodes)
            upper[h, i] = _interpolate(curve, (centre + s * QUANTILE + Z_MAX) * scale, n_nodes)
    return mean, lower, upper, std


@njit(cache=True)
def _interpolate(curve: FloatArray, position: float, n_nodes: int) -> float:
    if position <= 0.0:
        return float(curve[0])
    if position >= n_nodes - 1:
        return float(curve[n_nodes - 1])
    left = int(position)
    return float(curve[left] + (position - left) * (curve[left + 1] - curve[left]))
