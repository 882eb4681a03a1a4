"""A calibrated forecast as it was issued: its parts are worked out when they are read.

All that they are made of is kept here as it was at that moment: copies of what was metered and of
the evidence, and laws that hold for all days. What comes later is not among it, so it makes no
difference when a part is read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from sim.control import EvEnvelope, EvStates, TravelTimes
from sim.system.system import System
from sim.uncertainty.climatology import QUANTILE, Z_MAX
from sim.uncertainty.delays import forecast_delay_h
from sim.uncertainty.evs import EvForecaster
from sim.uncertainty.model import Delays
from sim.uncertainty.railway import RailForecaster
from sim.uncertainty.travel import TravelForecaster
from sim.units import BoolArray, FloatArray, IntArray

# Evenly spaced: the curves that are integrated have corners, and Gauss-Hermite nodes miss them.
_NODES = np.linspace(-4.5, 4.5, 37)
_WEIGHTS = np.exp(-(_NODES**2) / 2)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Laws:
    """What all forecasts of a scenario have in common; nothing of a single day.

    Attributes
    ----------
    system
        What exists.
    quantile, ripple, correlation
        See `Climatology` and `Dynamics`.
    certain
        What is told exactly, ``(lead, profile)``: profiles of perfect skill, and the price of the
        period that begins.
    import_usd_per_mwh, export_usd_per_mwh
        Mean prices by period of the day, ``(period of day, area)`` [USD/MWh].
    import_profile, export_profile
        Profile of the price of each area, None where it repeats.
    delays
        Law of the delays of trips.
    travel, rail, evs
        What is expected of drives and of runs between stations, and of electric cars.
    """

    system: System
    quantile: FloatArray
    ripple: FloatArray
    correlation: FloatArray
    certain: BoolArray
    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    import_profile: tuple[int | None, ...]
    export_profile: tuple[int | None, ...]
    delays: Delays
    travel: TravelForecaster
    rail: RailForecaster
    evs: EvForecaster


@dataclass(frozen=True, kw_only=True, eq=False)
class Issued:
    """What is known when a forecast is issued; its attributes and properties are those of it.

    Attributes
    ----------
    laws
        What holds on all days.
    period, now_h
        When it is issued: inside which period, and the hour [h].
    row
        Month and period of the day of the periods ahead, ``(H, 2)``.
    score_mean, score_spread
        Conditional law of their scores, ``(H, profile)``.
    score_correlation
        Correlation of the errors of scores, ``(profile, H, H)``.
    known
        Values of what `Laws.certain` says, ``(H, profile)``; NaN elsewhere.
    together
        See `CalibratedForecaster`.
    cars
        Electric cars at home.
    link_state, link_stretch, delay_state
        Of the roads; see `Realisation` and `RoadConditions.stretch_now`.
    """

    laws: Laws
    period: int
    now_h: float
    row: IntArray
    score_mean: FloatArray
    score_spread: FloatArray
    score_correlation: FloatArray
    known: FloatArray
    together: FloatArray
    cars: EvStates
    link_state: FloatArray
    link_stretch: FloatArray
    delay_state: float

    @cached_property
    def _mean(self) -> FloatArray:
        certain = self.laws.certain
        return _means(
            self.laws.quantile, self.row, certain, self.known, self.score_mean, self.score_spread
        )

    @cached_property
    def _spreads(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Lower and upper quantile, and standard deviation, ``(H, profile)`` [pu]."""
        certain = self.laws.certain
        return _spreads(
            self.laws.quantile, self.row, certain, self._mean, self.score_mean, self.score_spread
        )

    @property
    def _depart_h(self) -> FloatArray:
        periods: FloatArray = self.period + np.arange(len(self.row), dtype=np.float64)
        return periods * self.laws.system.timing.period_h

    # -- the parts of a `Forecast`, each under its name there ----------------------------------

    @property
    def profile_mean(self) -> FloatArray:
        """Mean of every profile; see `Forecast`."""
        return self._mean.copy()

    @property
    def profile_lower(self) -> FloatArray:
        """Its 5 % quantile; see `Forecast`."""
        return self._spreads[0].copy()

    @property
    def profile_upper(self) -> FloatArray:
        """Its 95 % quantile; see `Forecast`."""
        return self._spreads[1].copy()

    @property
    def profile_std(self) -> FloatArray:
        """Its standard deviation; see `Forecast`."""
        return self._spreads[2].copy()

    @property
    def profile_step_std(self) -> FloatArray:
        """That of single steps; see `Forecast`."""
        table, period_of_day = self.row.T
        step_std: FloatArray = np.hypot(self._spreads[2], self.laws.ripple[table, period_of_day])
        return step_std

    @property
    def profile_correlation(self) -> FloatArray:
        """Correlation of errors over leads; see `Forecast`."""
        return self.score_correlation.copy()

    @property
    def series_correlation(self) -> FloatArray:
        """Correlation of errors between profiles; see `Forecast`."""
        correlation: FloatArray = self.laws.correlation[self.row[0, 0]] * self.together
        return correlation

    @property
    def load_mw(self) -> FloatArray:
        """Mean active load; see `Forecast`."""
        return self.laws.system.loads.power_mw(self._mean)

    @property
    def load_mvar(self) -> FloatArray:
        """Mean reactive load; see `Forecast`."""
        return self.laws.system.loads.power_mvar(self._mean)

    @property
    def available_mw(self) -> FloatArray:
        """Mean renewable power available; see `Forecast`."""
        return self.laws.system.generators.available_mw(self._mean)

    @property
    def ev_mw(self) -> FloatArray:
        """Mean charging power; see `Forecast`."""
        return self.laws.evs.forecast(self.period, len(self.row), self.cars)

    @property
    def ev_envelope(self) -> EvEnvelope:
        """Between what cars can be moved; see `Forecast`."""
        return self.laws.evs.envelopes.forecast(self.now_h, self.period, len(self.row), self.cars)

    @property
    def import_usd_per_mwh(self) -> FloatArray:
        """Prices of import; see `Forecast`."""
        return self._prices(self.laws.import_usd_per_mwh, self.laws.import_profile)

    @property
    def export_usd_per_mwh(self) -> FloatArray:
        """Prices of export; see `Forecast`."""
        return self._prices(self.laws.export_usd_per_mwh, self.laws.export_profile)

    @property
    def travel(self) -> TravelTimes:
        """Driving times; see `Forecast`."""
        return self.laws.travel.forecast(
            self.link_state,
            self.link_stretch,
            self.now_h,
            np.maximum(self._depart_h - self.now_h, 0.0),
            self._late_h(),
        )

    @property
    def rail_h(self) -> FloatArray:
        """Times by rail; see `Forecast`."""
        return self.laws.rail.expected_h(np.maximum(self._depart_h, self.now_h))

    def _prices(self, by_period: FloatArray, profile: Sequence[int | None]) -> FloatArray:
        found = prices_ahead(by_period, self.period, len(self.row))
        for area, own in enumerate(profile):
            if own is not None:
                found[:, area] = self._mean[:, own]
        return found

    def _late_h(self) -> tuple[FloatArray, FloatArray, FloatArray] | None:
        """Return mean and quantiles of the delay of starting trips, ``(H,)`` [h]; None if none."""
        delays = self.laws.delays
        if not delays.mean_h.any():
            return None
        departs_h = np.maximum(self._depart_h, self.now_h)
        return forecast_delay_h(
            delays, self.laws.system.timing, self.delay_state, self.now_h, departs_h
        )


def prices_ahead(by_period: FloatArray, period: int, n: int) -> FloatArray:
    """Return the prices of `n` periods from `period` on, of prices that repeat, ``(n, area)``."""
    ahead: FloatArray = by_period.take(np.arange(period, period + n), axis=0, mode="wrap")
    return ahead


# Conditional laws of scores are mapped to those of profiles; expectations by the trapezoidal rule.


@njit(cache=True)
def _means(
    quantile: FloatArray,
    row: IntArray,
    certain: BoolArray,
    known: FloatArray,
    score_mean: FloatArray,
    score_spread: FloatArray,
) -> FloatArray:
    """Return the means of profiles, ``(H, profile)``; arguments as in `Issued`."""
    mean = np.empty_like(score_mean)
    scale = (quantile.shape[-1] - 1) / (2 * Z_MAX)
    for h in range(mean.shape[0]):
        for i in range(mean.shape[1]):
            if certain[h, i]:
                mean[h, i] = known[h, i]
                continue
            curve = quantile[row[h, 0], row[h, 1], i]
            first = 0.0
            for k in range(len(_NODES)):
                score = score_mean[h, i] + score_spread[h, i] * _NODES[k]
                first += _WEIGHTS[k] * _interpolate(curve, (score + Z_MAX) * scale)
            mean[h, i] = first
    return mean


@njit(cache=True)
def _spreads(
    quantile: FloatArray,
    row: IntArray,
    certain: BoolArray,
    mean: FloatArray,
    score_mean: FloatArray,
    score_spread: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return 5 %, 95 % quantile and standard deviation; arguments as in `_means`."""
    lower, upper, std = np.empty_like(mean), np.empty_like(mean), np.empty_like(mean)
    scale = (quantile.shape[-1] - 1) / (2 * Z_MAX)
    for h in range(mean.shape[0]):
        for i in range(mean.shape[1]):
            if certain[h, i]:
                lower[h, i] = upper[h, i] = mean[h, i]
                std[h, i] = 0.0
                continue
            curve = quantile[row[h, 0], row[h, 1], i]
            centre, spread = score_mean[h, i], score_spread[h, i]
            second = 0.0
            for k in range(len(_NODES)):
                value = _interpolate(curve, (centre + spread * _NODES[k] + Z_MAX) * scale)
                second += _WEIGHTS[k] * value * value
            std[h, i] = math.sqrt(max(second - mean[h, i] * mean[h, i], 0.0))
            lower[h, i] = _interpolate(curve, (centre - spread * QUANTILE + Z_MAX) * scale)
            upper[h, i] = _interpolate(curve, (centre + spread * QUANTILE + Z_MAX) * scale)
    return lower, upper, std


@njit(cache=True)
def _interpolate(curve: FloatArray, position: float) -> float:
    last = len(curve) - 1
    if position <= 0.0:
        return float(curve[0])
    if position >= last:
        return float(curve[last])
    left = int(position)
    return float(curve[left] + (position - left) * (curve[left + 1] - curve[left]))
