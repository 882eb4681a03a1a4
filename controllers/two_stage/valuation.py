"""What schedules cost under AC power flow, many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.grid.linearise import injections
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.time_space import AWAY, Route, TimeSpace
from controllers.two_stage.branch_flow import LimitPrices
from controllers.two_stage.daily_fleet import DailyFleet, stations_of
from sim.control import Observation
from sim.powerflow.import_meter import settled_import_mw
from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.system.system import System
from sim.units import FloatArray, IntArray

# Power below this is no work that a shift is paid for [MW].
_IDLE_MW = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidates:
    """Schedules to compare, arrays ``(candidate, period, vehicle)`` unless said otherwise.

    Attributes
    ----------
    station
        Where vehicles are connected; `AWAY` if nowhere, and no power there.
    p_mw, q_mvar
        Power, positive injecting [MW, Mvar].
    trips_usd, trips_mwh
        Cost of the trips, ``(candidate,)`` [USD], and stored energy they use, booked at departure
        [MWh].
    departures
        Departures in each period.
    """

    station: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    trips_usd: FloatArray
    trips_mwh: FloatArray
    departures: IntArray

    @classmethod
    def single(
        cls, space: TimeSpace, routes: tuple[Route, ...], p_mw: FloatArray, q_mvar: FloatArray
    ) -> Candidates:
        """Return one schedule, its powers ``(period, vehicle)``."""
        departures = np.zeros((1, *p_mw.shape), dtype=np.int64)
        used = np.zeros((1, *p_mw.shape))
        for vehicle, route in enumerate(routes):
            used[0, :, vehicle] = space.route_mwh(vehicle, route)
            for period, _ in route:
                departures[0, period, vehicle] += 1
        usd = sum(space.route_usd(vehicle, route) for vehicle, route in enumerate(routes))
        return cls(
            station=stations_of(space, routes)[None],
            p_mw=p_mw[None],
            q_mvar=q_mvar[None],
            trips_usd=np.array([usd], dtype=np.float64),
            trips_mwh=used,
            departures=departures,
        )


class Valuation:
    """The ledger of a look-ahead, computed for schedules by AC power flow.

    Parameters
    ----------
    system
        What exists.
    observation
        What is known now.
    flow
        AC power flow of the grid as it is switched now.
    fleet
        The vehicles.
    curtailed_mw
        Curtailment, ``(period, generator)`` [MW].
    """

    def __init__(
        self,
        system: System,
        observation: Observation,
        flow: PowerFlow,
        fleet: DailyFleet,
        curtailed_mw: FloatArray,
    ) -> None:
        self._system, self._flow, self._fleet = system, flow, fleet
        forecast, tariff = observation.forecast, system.tariff
        n_periods, period_h = forecast.n_periods, system.timing.period_h
        rest = OperatingPoint.at_rest(system, n_periods)
        point = OperatingPoint(p_mw=rest.p_mw, q_mvar=rest.q_mvar, curtailed_mw=curtailed_mw)
        self._fixed_mw, self._fixed_mvar = injections(system, forecast, point)
        self._bus = np.array([station.bus for station in system.stations], dtype=np.int64)
        self._bought = forecast.import_usd_per_mwh[:, 0] * period_h
        self._sold = forecast.export_usd_per_mwh[:, 0] * period_h
        self._hours = period_h
        self._prices = LimitPrices.of(system)
        generated = (forecast.available_mw - curtailed_mw).sum() * period_h
        self._generators_usd = float(
            generated * tariff.feed_in_usd_per_mwh
            + curtailed_mw.sum() * period_h * tariff.curtailment_usd_per_mwh
        )

    def usd(self, these: Candidates) -> FloatArray:
        """Return what each candidate costs, ``(candidate,)`` [USD]; infinite where AC diverges."""
        grid_usd, violations_usd = self._grid_usd(these)
        return grid_usd + violations_usd + self._fleet_usd(these) + self._generators_usd

    def energy_mwh(self, these: Candidates) -> FloatArray:
        """Return stored energy at the end of each period, ``(candidate, period, vehicle)``."""
        batteries = self._fleet.batteries
        drain = np.where(
            these.p_mw > 0,
            these.p_mw / batteries.efficiency_discharge,
            these.p_mw * batteries.efficiency_charge,
        )
        drain = batteries.hours * (drain + batteries.auxiliary_mw) + these.trips_mwh
        energy = np.empty_like(drain)
        level = np.broadcast_to(batteries.energy_mwh, drain[:, 0].shape)
        for t in range(drain.shape[1]):
            level = batteries.keep * level - drain[:, t]
            energy[:, t] = level
        return energy

    def steady_states(self, these: Candidates) -> PowerFlowResult:
        """Return the power flows, candidates one after the other, ``(candidate * period,)``."""
        n, n_periods, _ = these.p_mw.shape
        found = []
        for fixed, power in (
            (self._fixed_mw, these.p_mw), (self._fixed_mvar, these.q_mvar),
        ):  # fmt: skip
            injected = np.repeat(fixed[None], n, axis=0)
            which, period, vehicle = np.nonzero(these.station != AWAY)
            bus = self._bus[these.station[which, period, vehicle]]
            np.add.at(injected, (which, period, bus), power[which, period, vehicle])
            found.append(injected.reshape(n * n_periods, -1))
        return self._flow.solve(*found)

    def _grid_usd(self, these: Candidates) -> tuple[FloatArray, FloatArray]:
        """Return cost of energy and of violated limits, both ``(candidate,)`` [USD]."""
        n, n_periods, _ = these.p_mw.shape
        grid, prices = self._system.grid, self._prices
        result = self.steady_states(these)
        metered = settled_import_mw(self._system, result).reshape(n, n_periods)
        energy = np.maximum(metered, 0) * self._bought - np.maximum(-metered, 0) * self._sold
        outside = np.fmax(result.vm_pu - grid.v_max_pu, grid.v_min_pu - result.vm_pu)
        outside = np.nan_to_num(np.maximum(outside, 0.0)).sum(axis=1)
        over = np.nan_to_num(np.maximum(result.loading_percent - 100.0, 0.0)).sum(axis=1)
        violation = prices.voltage_usd_per_pu_h * outside + prices.loading_usd_per_percent_h * over
        violation = violation.reshape(n, n_periods).sum(axis=1) * self._hours
        usd = energy.sum(axis=1)
        return np.where(np.isfinite(usd), usd, np.inf), violation

    def _fleet_usd(self, these: Candidates) -> FloatArray:
        """Return wear, charging, trips, shifts and the change of stored energy [USD]."""
        fleet, batteries = self._fleet, self._fleet.batteries
        charged, discharged = np.maximum(-these.p_mw, 0), np.maximum(these.p_mw, 0)
        per_mw = batteries.wear_usd_per_mwh * (charged + discharged)
        per_mw = per_mw + batteries.charging_usd_per_mwh * charged
        usd = per_mw.sum(axis=(1, 2)) * self._hours + these.trips_usd
        worked = (np.abs(these.p_mw) > _IDLE_MW) | (np.abs(these.q_mvar) > _IDLE_MW)
        worked |= these.departures > 0
        for day in range(fleet.shift_usd.shape[1]):
            usd = usd + worked[:, fleet.day == day].any(axis=1) @ fleet.shift_usd[:, day]
        end = self.energy_mwh(these)[:, -1]
        usd = usd + fleet.end.fixed_usd.sum()
        for vehicle in range(end.shape[1]):
            usd = usd + fleet.end.energy_usd(vehicle, end[:, vehicle])
        return np.asarray(usd, dtype=np.float64)
