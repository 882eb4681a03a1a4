"""Who tells controllers what is expected, and the one who knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from sim.control import EvEnvelope, EvStates, Forecast, TravelHours, TravelTable, TravelTimes
from sim.uncertainty.evs import charging_mw
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import FloatArray


class Forecaster(Protocol):
    """Issues forecasts during one episode."""

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast of the periods from `period`, as seen at `now_h` inside it.

        `evs` are the electric cars at home now.
        """


class Profiles(NamedTuple):
    """What is expected of the profiles, each ``(H, profile)``; see `Forecast`."""

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    std: FloatArray
    step_std: FloatArray


class ExactForecaster:
    """Tells what will be, for controllers that are allowed to know it.

    Profiles, charging of cars, driving times (incidents included) and delays of trains are exact.
    Breakdowns are not told: they come with the kilometres that a plan has yet to choose. Line
    outages are not told. Cars that are away are taken to come home as if they had left full.

    Parameters
    ----------
    nature, realisation
        What there is and what will be.
    """

    def __init__(self, nature: Nature, realisation: Realisation) -> None:
        self._nature = nature
        self._realisation = realisation
        self._conditions = realisation.conditions(nature.system)
        self._driving: dict[float, FloatArray] = {}

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast; see `Forecaster.issue`."""
        system, timing = self._nature.system, self._nature.system.timing
        n = min(timing.horizon, timing.n_periods - period)
        truth = self._realisation.period_mean[period : period + n]
        depart_h = np.maximum((period + np.arange(n)) * timing.period_h, now_h)
        travel = np.array([self._drives(float(at_h)) for at_h in depart_h])
        n_profiles = truth.shape[1]
        first = period * timing.steps_per_period
        sessions, cars = self._realisation.ev_sessions, self._nature.evs
        owed_mwh = np.where(sessions.arrival_h > now_h, sessions.owed_mwh, 0.0)
        to_come = dataclasses.replace(sessions, owed_mwh=owed_mwh)
        steps = self._realisation.profile[first : first + n * timing.steps_per_period]
        return compose(
            self._nature,
            period,
            now_h,
            Profiles(
                mean=truth.copy(),
                lower=truth.copy(),
                upper=truth.copy(),
                std=np.zeros_like(truth),
                step_std=steps.reshape(n, timing.steps_per_period, -1).std(axis=1),
            ),
            np.tile(np.eye(n), (n_profiles, 1, 1)),
            np.eye(n_profiles),
            (
                cars.at_home_mw(period, n, evs) + charging_mw(system, to_come, period, n),
                cars.exact_envelope(now_h, period, n, evs, sessions),
            ),
            TravelTable(TravelHours(travel, travel.copy(), travel.copy())),
            self._nature.rail.exact_h(self._realisation.railway(system), depart_h),
        )

    def _drives(self, depart_h: float) -> FloatArray:
        if depart_h not in self._driving:
            nodes = [station.road_node for station in self._nature.system.stations]
            self._driving[depart_h] = np.array(
                [[self._conditions.drive_h(a, b, depart_h) for b in nodes] for a in nodes]
            )
        return self._driving[depart_h]


def compose(
    nature: Nature,
    period: int,
    now_h: float,
    profiles: Profiles,
    correlation: FloatArray,
    series_correlation: FloatArray,
    evs: tuple[FloatArray, EvEnvelope],
    travel: TravelTimes,
    rail_h: FloatArray,
) -> Forecast:
    """Put together what is expected of profiles, cars, roads and rails with what is certain."""
    system = nature.system
    loads, generators = system.loads, system.generators
    mean = profiles.mean
    n = len(mean)
    of_day = (period + np.arange(n)) % len(nature.import_usd_per_mwh)
    return Forecast(
        issued_h=now_h,
        profile_mean=mean,
        profile_lower=profiles.lower,
        profile_upper=profiles.upper,
        profile_std=profiles.std,
        profile_step_std=profiles.step_std,
        profile_correlation=correlation,
        series_correlation=series_correlation,
        load_mw=loads.power_mw(mean),
        load_mvar=loads.power_mvar(mean),
        available_mw=generators.available_mw(mean),
        ev_mw=evs[0],
        ev_envelope=evs[1],
        import_usd_per_mwh=_prices(
            nature.import_usd_per_mwh[of_day],
            [area.tariff.import_profile for area in system.areas],
            mean,
        ),
        export_usd_per_mwh=_prices(
            nature.export_usd_per_mwh[of_day],
            [area.tariff.export_profile for area in system.areas],
            mean,
        ),
        travel=travel,
        rail_h=rail_h,
    )


def _prices(of_day: FloatArray, profile: Sequence[int | None], mean: FloatArray) -> FloatArray:
    """Return prices by area, ``(H, area)`` [USD/MWh]: of the day, or those of a series expected."""
    columns = [of_day[:, k] if own is None else mean[:, own] for k, own in enumerate(profile)]
    return np.column_stack(columns)
