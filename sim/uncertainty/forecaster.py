"""Who tells controllers what is expected, and the one who knows."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from sim.control import EvStates, Forecast, TravelHours, TravelTable
from sim.uncertainty.evs import charging_mw
from sim.uncertainty.issued import prices_ahead
from sim.uncertainty.realisation import Nature, Realisation
from sim.units import FloatArray


class Forecaster(Protocol):
    """Issues forecasts during one episode."""

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast of the periods from `period`, as seen at `now_h` inside it.

        `evs` are the electric cars at home now.
        """


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
        n = timing.periods_ahead(period)
        truth = self._realisation.period_mean[period : period + n]
        depart_h = np.maximum((period + np.arange(n)) * timing.period_h, now_h)
        travel = np.array([self._drives(float(at_h)) for at_h in depart_h])
        n_profiles = truth.shape[1]
        first = period * timing.steps_per_period
        sessions, cars = self._realisation.ev_sessions, self._nature.evs
        owed_mwh = np.where(sessions.arrival_h > now_h, sessions.owed_mwh, 0.0)
        to_come = dataclasses.replace(sessions, owed_mwh=owed_mwh)
        steps = self._realisation.profile[first : first + n * timing.steps_per_period]
        loads, generators = system.loads, system.generators
        imports, exports = (
            prices_ahead(each, period, n)
            for each in (self._nature.import_usd_per_mwh, self._nature.export_usd_per_mwh)
        )
        for index, area in enumerate(system.areas):
            if area.tariff.import_profile is not None:
                imports[:, index] = truth[:, area.tariff.import_profile]
            if area.tariff.export_profile is not None:
                exports[:, index] = truth[:, area.tariff.export_profile]
        return Forecast(
            issued_h=now_h,
            profile_mean=truth.copy(),
            profile_lower=truth.copy(),
            profile_upper=truth.copy(),
            profile_std=np.zeros_like(truth),
            profile_step_std=steps.reshape(n, timing.steps_per_period, -1).std(axis=1),
            profile_correlation=np.tile(np.eye(n), (n_profiles, 1, 1)),
            series_correlation=np.eye(n_profiles),
            load_mw=loads.power_mw(truth),
            load_mvar=loads.power_mvar(truth),
            available_mw=generators.available_mw(truth),
            ev_mw=cars.at_home_mw(period, n, evs) + charging_mw(system, to_come, period, n),
            ev_envelope=cars.exact_envelope(now_h, period, n, evs, sessions),
            import_usd_per_mwh=imports,
            export_usd_per_mwh=exports,
            travel=TravelTable(TravelHours(travel, travel.copy(), travel.copy())),
            rail_h=self._nature.rail.exact_h(self._realisation.railway(system), depart_h),
        )

    def _drives(self, depart_h: float) -> FloatArray:
        if depart_h not in self._driving:
            nodes = [station.road_node for station in self._nature.system.stations]
            self._driving[depart_h] = np.array(
                [[self._conditions.drive_h(a, b, depart_h) for b in nodes] for a in nodes]
            )
        return self._driving[depart_h]
