"""Builds the market case from what exists and what is observed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from controllers.market.case import (
    ANYWHERE,
    NO_LEG,
    Case,
    DcGrid,
    Demand,
    Rail,
    Renewables,
    TrainBatteries,
    Units,
    segments,
)
from sim.control import Observation
from sim.errors import InputError
from sim.system.system import System
from sim.system.tariff import StoredEnergy
from sim.system.terminal import missing_usd_per_mwh, return_usd
from sim.system.vehicles import Train
from sim.units import FloatArray, IntArray

_ROUNDING = 1e-6
_REMEDY = "Take a scenario whose grid a thermal unit balances, without electric cars"


class CaseBuilder:
    """Builds the market case of what is left of a day.

    Parameters
    ----------
    system
        What exists. Trucks stay where they are.
    n_segments
        Cost segments of a unit.
    minimum_times
        Whether units keep minimum times on and off.

    Raises
    ------
    InputError
        If the grid is fed from upstream, or there are electric cars.
    """

    def __init__(self, system: System, *, n_segments: int, minimum_times: bool) -> None:
        for key, wrong in (("source", len(system.units) and system.slack_unit is None),
                           ("ev", bool(system.evs))):  # fmt: skip
            if wrong:
                raise InputError.single(
                    where="scenario", key=key, value=system.name,
                    message="is nothing that the controller market clears", remedy=_REMEDY,
                )  # fmt: skip
        self._system = system
        self._units = _units(system, n_segments, minimum_times)
        self._leg_spans, self._leg_usd = _legs(system)

    def case(
        self, observation: Observation, n_periods: int, before_mw: FloatArray, cap_lb: float
    ) -> Case:
        """Return the market of the next periods.

        Parameters
        ----------
        observation
            What is known.
        n_periods
            Number of periods, at most those of the forecast.
        before_mw
            Load moved to the period before, ``(load,)`` [MW].
        cap_lb
            What may still be emitted [lb].
        """
        forecast, states = observation.forecast, observation.units
        return Case(
            period_h=self._system.timing.period_h,
            units=replace(
                self._units,
                on=states.on,
                hours_in_state=states.hours_in_state,
                p_mw=np.where(states.on, states.p_mw, 0.0),
            ),
            grid=_grid(self._system, observation),
            demand=self._demand(observation, n_periods, before_mw),
            renewables=Renewables(
                bus=self._system.generators.bus, mw=forecast.available_mw[:n_periods]
            ),
            batteries=_batteries(self._system, observation),
            rail=self._rail(observation, n_periods),
            emission_cap_lb=cap_lb,
        )

    def _demand(self, observation: Observation, n_periods: int, before_mw: FloatArray) -> Demand:
        system = self._system
        timing, loads, tariff = system.timing, system.loads, system.tariff
        first = observation.period * timing.steps_per_period
        step = first + np.arange(n_periods * timing.steps_per_period)
        retail = tariff.retail_usd_per_mwh[step % timing.steps_per_day]
        by_period = retail.reshape(n_periods, timing.steps_per_period).mean(axis=1)
        return Demand(
            bus=loads.bus,
            mw=observation.forecast.load_mw[:n_periods],
            benefit_usd_per_mwh=by_period[:, None] + loads.benefit_usd_per_mwh,
            lost_load_usd_per_mwh=tariff.lost_load_usd_per_mwh,
            shiftable=loads.shiftable,
            ramp_per_h=loads.shift_ramp_per_h,
            before_mw=before_mw,
            shifted_mwh=observation.shifted_mwh,
        )

    def _rail(self, observation: Observation, n_periods: int) -> Rail:
        system, vehicles = self._system, observation.vehicles
        period_h = system.timing.period_h
        waits = (vehicles.ready_h - observation.now_h) / period_h
        ready = np.ceil(waits - _ROUNDING).clip(0, n_periods).astype(np.int64)
        left = [
            math.inf if vehicle.trips_per_day is None else vehicle.trips_per_day - made
            for vehicle, made in zip(system.vehicles, vehicles.trips_today.tolist(), strict=True)
        ]
        return Rail(
            station_bus=np.array([station.bus for station in system.stations], dtype=np.int64),
            leg_spans=self._leg_spans,
            leg_usd=self._leg_usd,
            boundary=_boundaries(system, observation.period, n_periods),
            departures=np.array(left, dtype=np.float64),
            station=vehicles.station,
            ready=ready,
            home=np.array(
                [
                    ANYWHERE if vehicle.terminal_station is None else vehicle.terminal_station
                    for vehicle in system.vehicles
                ],
                dtype=np.int64,
            ),
            return_usd=return_usd(system),
        )


def _units(system: System, n_segments: int, minimum_times: bool) -> Units:
    def column(name: str) -> FloatArray:
        return np.array([getattr(unit, name) for unit in system.units], dtype=np.float64)

    p_min, p_max = column("p_min_mw"), column("p_max_mw")
    linear, quadratic = column("linear_usd_per_mwh"), column("quadratic_usd_per_mw2h")
    width, slope = segments(p_min, p_max, linear, quadratic, n_segments)
    nothing = np.zeros(len(system.units))
    return Units(
        bus=np.array([unit.bus for unit in system.units], dtype=np.int64),
        p_min_mw=p_min,
        p_max_mw=p_max,
        p_min_usd_per_h=column("no_load_usd_per_h") + linear * p_min + quadratic * p_min**2,
        segment_mw=width,
        segment_usd_per_mwh=slope,
        ramp_mw_per_h=np.minimum(column("ramp_mw_per_h"), p_max / system.timing.period_h),
        min_up_h=column("min_up_h") if minimum_times else nothing,
        min_down_h=column("min_down_h") if minimum_times else nothing,
        start_up_usd=column("start_up_usd"),
        shut_down_usd=column("shut_down_usd"),
        emission_lb_per_mwh=column("emission_lb_per_mwh"),
        emission_lb_per_start=column("emission_lb_per_start"),
        on=np.array([unit.initially_on for unit in system.units], dtype=np.bool_),
        hours_in_state=column("initial_h"),
        p_mw=np.full(len(system.units), np.nan),
    )


def _grid(system: System, observation: Observation) -> DcGrid:
    grid = system.grid
    lines, transformers = grid.lines, grid.transformers
    live = lines.from_closed & lines.to_closed & ~observation.line_out
    kv = grid.bus_vn_kv[lines.from_bus]
    thermal = np.sqrt(3) * kv * lines.max_i_ka
    limit = np.where(np.isfinite(lines.limit_mva), lines.limit_mva, thermal)
    closed = transformers.hv_closed & transformers.lv_closed
    rating = transformers.sn_mva[closed]
    reactance = np.sqrt(transformers.vk_percent**2 - transformers.vkr_percent**2)[closed] / 100
    return DcGrid(
        n_buses=grid.n_buses,
        from_bus=np.concatenate([lines.from_bus[live], transformers.hv_bus[closed]]),
        to_bus=np.concatenate([lines.to_bus[live], transformers.lv_bus[closed]]),
        mw_per_rad=np.concatenate([(kv**2 / grid.line_reactance_ohm)[live], rating / reactance]),
        limit_mw=np.concatenate([limit[live], rating]),
        branch=np.concatenate([np.flatnonzero(live), len(lines.from_bus) + np.flatnonzero(closed)]),
    )


def _batteries(system: System, observation: Observation) -> TrainBatteries:
    batteries = [vehicle.battery for vehicle in system.vehicles]

    def column(name: str) -> FloatArray:
        return np.array([getattr(battery, name) for battery in batteries], dtype=np.float64)

    wear = column("wear_usd_per_mwh")
    least, most = column("energy_min_mwh"), column("energy_max_mwh")
    missing = missing_usd_per_mwh(system)
    if system.tariff.stored_energy is StoredEnergy.CHANGE:  # the published rule: it must be there
        missing = np.full(len(batteries), system.tariff.lost_load_usd_per_mwh)
    return TrainBatteries(
        p_charge_mw=column("p_charge_max_mw"),
        p_discharge_mw=column("p_discharge_max_mw"),
        efficiency_charge=column("efficiency_charge"),
        efficiency_discharge=column("efficiency_discharge"),
        usd_per_mwh_charged=wear + column("charging_usd_per_mwh"),
        usd_per_mwh_discharged=wear,
        energy_min_mwh=least,
        energy_max_mwh=most,
        energy_mwh=np.clip(observation.vehicles.energy_mwh, least, most),
        terminal_mwh=observation.terminal_energy_mwh,
        missing_usd_per_mwh=missing,
    )


def _legs(system: System) -> tuple[IntArray, FloatArray]:
    """Return spans and price of each leg, ``(vehicle, station, station)``."""
    n = len(system.stations)
    shape = (len(system.vehicles), n, n)
    spans, usd = np.full(shape, NO_LEG, dtype=np.int64), np.zeros(shape)
    span_h = max(system.rails.slot_h, system.timing.period_h)
    for start, origin in enumerate(system.stations):
        for end, goal in enumerate(system.stations):
            if start == end or origin.rail_node is None or goal.rail_node is None:
                continue
            way = system.rails.way(origin.rail_node, goal.rail_node)
            if way is None:
                continue
            hours = float(system.rails.running_h[list(way)].sum()) + goal.set_up_h
            for k, vehicle in enumerate(system.vehicles):
                if isinstance(vehicle, Train) and vehicle.trips_per_day != 0:
                    spans[k, start, end] = max(math.ceil(hours / span_h - _ROUNDING), 1)
                    usd[k, start, end] = vehicle.usd_per_span * len(way)
    return spans, usd


def _boundaries(system: System, period: int, n_periods: int) -> IntArray:
    """Return the periods, counted from now, at whose starts trains may leave, and the end."""
    period_h, slot_h = system.timing.period_h, system.rails.slot_h
    if not system.rails.n_segments:
        return np.array([0, n_periods], dtype=np.int64)
    first = math.ceil(period * period_h / slot_h - _ROUNDING)
    last = math.ceil((period + n_periods) * period_h / slot_h - _ROUNDING)
    starts = np.ceil(np.arange(first, last) * slot_h / period_h - _ROUNDING) - period
    inside = starts[starts < n_periods].astype(np.int64)
    return np.append(np.unique(inside), n_periods)
