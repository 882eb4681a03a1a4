"""Calibrated forecasts: what is known of the future, and no more.

The score ``z`` of a future period is observed through noise whose precision ``pi(lead)`` grows as
the period draws near; every issue adds an independent piece of evidence, so that forecasts of one
period are a martingale. The forecast is the conditional mean::

    z_hat = (pi z + B(pi)) / (1 + pi) = (1 - s^2) z + s sqrt(1 - s^2) eta,   s^2 = 1 / (1 + pi)

with a Brownian motion ``B`` in precision: ``E[z | z_hat] = z_hat`` and ``var[z | z_hat] = s^2`` at
every lead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.polynomial.hermite_e import hermegauss

from sim.control import EvStates, Forecast
from sim.uncertainty.climatology import QUANTILE, Z_MAX
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.delays import forecast_delay_h
from sim.uncertainty.forecaster import Profiles, compose
from sim.uncertainty.model import ForecastSkill
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray, frozen

_NODES, _WEIGHTS = hermegauss(7)
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
    share
        ``s``, ``(lead, profile)``.
    correlation
        Correlation of the errors of one profile between leads, ``(profile, lead, lead)``.
    """

    nature: Nature
    realisation: Realisation
    conditions: RoadConditions
    score_mean: FloatArray
    share: FloatArray
    correlation: FloatArray

    @classmethod
    def build(cls, nature: Nature, realisation: Realisation) -> CalibratedForecaster:
        """Accumulate the evidence of all issues."""
        timing = nature.system.timing
        horizon, n_profiles = timing.horizon, len(nature.system.profiles)
        lead_h = np.arange(horizon, dtype=np.float64) * timing.period_h
        skills = [nature.uncertainty.skill[kind] for kind in nature.uncertainty.record.kind]
        share = np.column_stack([skill.share(lead_h) for skill in skills])
        exact = share[0] == 0
        precision = 1 / np.where(exact, 1.0, share) ** 2 - 1
        gain = np.sqrt(np.diff(precision, axis=0, append=0.0) * -1)

        evidence = np.zeros((horizon + 1, n_profiles))
        score_mean = np.zeros((timing.n_periods, horizon, n_profiles))
        first = horizon - 1  # issues before the episode prepare the far leads
        padded = np.vstack([realisation.period_score, np.zeros((horizon, n_profiles))])
        for issue in range(timing.n_periods + first):
            evidence[:-1] = evidence[1:] + gain * realisation.forecast_noise[issue]
            period = issue - first
            if period >= 0:
                score_mean[period] = (
                    precision * padded[period : period + horizon] + evidence[:-1]
                ) / (1 + precision)
        return cls(
            nature=nature,
            realisation=realisation,
            conditions=realisation.conditions(nature.system),
            score_mean=frozen(score_mean),
            share=frozen(share),
            correlation=frozen(_error_correlation(skills, share, precision, gain, lead_h)),
        )

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast; see `Forecaster.issue`.

        Profiles are forecast at the start of each period; what is known of the roads and of the
        cars is of this moment.
        """
        system, realisation = self.nature.system, self.realisation
        timing = system.timing
        n = min(timing.horizon, timing.n_periods - period)
        ahead = slice(period, period + n)
        mean, lower, upper, std = _profile_moments(
            self.nature.climatology.quantile,
            realisation.climatology_row[ahead],
            realisation.period_mean[ahead],
            self.score_mean[period, :n],
            self.share[:n],
            _NODES,
            _WEIGHTS,
        )
        depart_h = (period + np.arange(n, dtype=np.float64)) * timing.period_h
        quarter = min(int(now_h * 4), len(realisation.link_state) - 1)
        travel = self.nature.travel.forecast(
            realisation.link_state[quarter],
            self.conditions.stretch_now(now_h * SECONDS_PER_HOUR),
            now_h,
            np.maximum(depart_h - now_h, 0.0),
        )
        late_h, late_lower_h, late_upper_h = self._delays(now_h, depart_h)
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
            self.correlation[:, :n, :n].copy(),
            (
                self.nature.evs.forecast(period, n, evs),
                self.nature.evs.envelopes.forecast(now_h, period, n, evs),
            ),
            (travel[0] + late_h, travel[1] + late_lower_h, travel[2] + late_upper_h),
            self.nature.rail.expected_h(np.maximum(depart_h, now_h)),
        )

    def _delays(
        self, now_h: float, depart_h: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return mean, 5 % and 95 % quantile of delays, each ``(H, station, station)`` [h]."""
        system, realisation = self.nature.system, self.realisation
        step = min(int(now_h / system.timing.step_h + 1e-9), len(realisation.delay_state) - 1)
        node = [station.road_node for station in system.stations]
        drives = np.array([[start != goal for goal in node] for start in node], dtype=np.bool_)
        mean_h, lower_h, upper_h = forecast_delay_h(
            self.nature.uncertainty.delays,
            system.timing,
            float(realisation.delay_state[step]),
            now_h,
            np.maximum(depart_h, now_h),
        )
        return (
            mean_h[:, None, None] * drives,
            lower_h[:, None, None] * drives,
            upper_h[:, None, None] * drives,
        )

    def _ripple(self, ahead: slice) -> FloatArray:
        """Return the usual spread of steps inside their periods, ``(H, profile)`` [pu]."""
        table, period_of_day = self.realisation.climatology_row[ahead].T
        ripple: FloatArray = self.nature.climatology.ripple[table, period_of_day]
        return ripple


def _error_correlation(
    skills: list[ForecastSkill],
    share: FloatArray,
    precision: FloatArray,
    gain: FloatArray,
    lead_h: FloatArray,
) -> FloatArray:
    """Return the correlation of ``z - z_hat`` between leads, ``(profile, lead, lead)``.

    The error is ``s^2 z - s sqrt(1 - s^2) eta``; both parts are correlated over time as
    ``exp(-lag / correlation_h)``, the second one only through issues that both leads have seen.
    """
    horizon, n_profiles = share.shape
    correlation = np.empty((n_profiles, horizon, horizon))
    lag = np.abs(lead_h[:, None] - lead_h[None, :])
    for i, skill in enumerate(skills):
        if share[0, i] == 0:
            correlation[i] = np.eye(horizon)
            continue
        common = np.zeros((horizon + 1, horizon + 1))
        for a in range(horizon - 1, -1, -1):
            for b in range(horizon - 1, -1, -1):
                common[a, b] = common[a + 1, b + 1] + gain[a, i] * gain[b, i]
        s = share[:, i]
        noise = common[:horizon, :horizon] / np.sqrt(np.outer(precision[:, i], precision[:, i]))
        own = np.sqrt(1 - s**2)
        correlation[i] = np.exp(-lag / skill.correlation_h) * (
            np.outer(s, s) + np.outer(own, own) * noise
        )
    return correlation


@njit(cache=True)
def _profile_moments(
    quantile: FloatArray,
    row: IntArray,
    truth: FloatArray,
    score_mean: FloatArray,
    share: FloatArray,
    nodes: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Map conditional laws of scores to mean, 5 %, 95 % quantile and deviation of profiles.

    Expectations by Gauss-Hermite quadrature; a share of 0 stands for a perfect forecast.
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
            s = share[h, i]
            if s == 0.0:
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
