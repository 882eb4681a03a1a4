"""The world: it moves the fleet, asks the controller once a period, and meters every step."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
import simpy

from sim.control import (
    Controller,
    FleetPlan,
    Forecast,
    GridPlan,
    Observation,
    Outcome,
    Plan,
    SolveStatus,
    VehicleStates,
    Visit,
)
from sim.powerflow.protocol import PowerFlow
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.units import HOURS_PER_DAY, SECONDS_PER_HOUR, FloatArray
from sim.world.clock import Order, Tick
from sim.world.electrics import injections
from sim.world.guard import Guard, check_plan, limit_power
from sim.world.recorder import Recorder
from sim.world.traffic import RoadConditions
from sim.world.vehicle import Surroundings, Vehicle


class World:
    """One replication lived under one controller.

    Parameters
    ----------
    system, realisation
        What exists and what will happen.
    forecaster
        What controllers are told.
    controller
        Who decides; `Controller.start` has been called.
    guard
        What limits ordered power; batteries refuse the impossible on their own as well.
    power_flow
        Engine for controllers that need voltages, otherwise None.
    """

    def __init__(
        self,
        system: System,
        realisation: Realisation,
        forecaster: Forecaster,
        controller: Controller,
        *,
        guard: Guard = limit_power,
        power_flow: PowerFlow | None = None,
    ) -> None:
        self.system = system
        self.realisation = realisation
        self.forecaster = forecaster
        self.controller = controller
        self.power_flow = power_flow
        self.env = simpy.Environment()
        self.recorder = Recorder(system)
        self.conditions = RoadConditions(roads=system.roads, speed_kmh=realisation.link_speed_kmh)
        self.plugs = tuple(
            simpy.PriorityResource(self.env, station.plugs) for station in system.stations
        )
        surroundings = Surroundings(
            env=self.env,
            stations=system.stations,
            plugs=self.plugs,
            roads=self.conditions,
            guard=guard,
            log=self._log,
        )
        self.fleet = tuple(
            Vehicle(
                index=index,
                spec=truck,
                world=surroundings,
                station=truck.initial_station,
                energy_mwh=truck.battery.energy_initial_mwh,
                power_order=partial(self._power_order, index),
            )
            for index, truck in enumerate(system.vehicles)
        )
        timing = system.timing
        shape = (timing.n_periods, len(system.vehicles))
        self._p_mw = np.zeros(shape)
        self._q_mvar = np.zeros(shape)
        self.generation_limit_mw = np.full((timing.n_periods, len(system.generators.name)), np.inf)
        self.env.process(self._run())

    def run(self) -> Recorder:
        """Live through the episode and return what was recorded."""
        timing = self.system.timing
        self.env.run(until=Tick(self.env, timing.n_steps * timing.step_s, Order.APPLICATION))
        return self.recorder

    # -- the loop ------------------------------------------------------------------------------

    def _run(self) -> Generator[simpy.Event, Any, None]:
        timing = self.system.timing
        for step in range(timing.n_steps):
            if step % timing.steps_per_period == 0:
                yield Tick(self.env, 0, Order.DECISION)
                self._decide(step // timing.steps_per_period)
                yield Tick(self.env, 0, Order.APPLICATION)
                for vehicle in self.fleet:
                    vehicle.clipped_mwh = 0.0
                    vehicle.exchange(*self._power_order(vehicle.index))
            yield Tick(self.env, timing.step_s, Order.METERING)
            for vehicle in self.fleet:
                self.recorder.read(step, vehicle)
            if (step + 1) % timing.steps_per_period == 0:
                self.recorder.clipped(sum(vehicle.clipped_mwh for vehicle in self.fleet))

    def _decide(self, period: int) -> None:
        observation = self._observe(period)
        n_periods = observation.forecast.n_periods
        started = time.perf_counter()
        # A controller may fail in any way; the episode goes on and names the failure (law 6).
        try:
            plan = self.controller.decide(observation)
            check_plan(plan, self.system, n_periods)
        except Exception as error:  # noqa: BLE001
            reason = f"{type(error).__name__}: {error}"
            plan = Plan(outcome=Outcome(status=SolveStatus.FAILED, fallback=reason))
        self.recorder.decided(period, plan.outcome, time.perf_counter() - started)
        if plan.fleet is not None:
            self._apply_fleet(plan.fleet, period)
        if plan.grid is not None:
            self._apply_grid(plan.grid, period)

    def _apply_fleet(self, fleet: FleetPlan, period: int) -> None:
        for programme, rows in ((self._p_mw, fleet.p_mw), (self._q_mvar, fleet.q_mvar)):
            if rows is not None:
                programme[period : period + len(rows)] = rows
        for vehicle, visits in zip(self.fleet, fleet.visits or (), strict=False):
            if visits is not None:
                vehicle.assign(visits)

    def _apply_grid(self, grid: GridPlan, period: int) -> None:
        rows = grid.generation_limit_mw
        self.generation_limit_mw[period : period + len(rows)] = rows

    def _power_order(self, index: int) -> tuple[float, float, float]:
        """Return the power in force for one vehicle and the time left in this period [h]."""
        timing = self.system.timing
        period = int(self.env.now // timing.period_s)
        if period >= timing.n_periods:
            return 0.0, 0.0, 0.0
        left_h = ((period + 1) * timing.period_s - self.env.now) / SECONDS_PER_HOUR
        return float(self._p_mw[period, index]), float(self._q_mvar[period, index]), left_h

    def _log(self, vehicle: int, event: str, station: int, detail: str) -> None:
        self.recorder.happened(self.env.now, vehicle, event, station, detail)

    # -- what a controller sees ----------------------------------------------------------------

    def _observe(self, period: int) -> Observation:
        system, timing = self.system, self.system.timing
        forecast = self.forecaster.issue(period)
        now_h = period * timing.period_h
        load_mw, load_mvar, available_mw = self._metered(period, forecast)
        vm_pu = loading = None
        if self.power_flow is not None and period > 0:
            vm_pu, loading = self._voltages(period * timing.steps_per_period - 1)
        return Observation(
            now_h=now_h,
            period=period,
            periods_left=timing.n_periods - period,
            hour_of_day=now_h % HOURS_PER_DAY,
            vehicles=self._vehicle_states(),
            queue=np.array([len(plugs.queue) for plugs in self.plugs], dtype=np.int64),
            plugs_free=np.array(
                [plugs.capacity - plugs.count for plugs in self.plugs], dtype=np.int64
            ),
            terminal_energy_mwh=np.array(
                [truck.battery.energy_terminal_mwh for truck in system.vehicles]
            ),
            load_mw=load_mw,
            load_mvar=load_mvar,
            available_mw=available_mw,
            link_speed_kmh=self.conditions.speed_now(self.env.now).copy(),
            vm_pu=vm_pu,
            loading_percent=loading,
            forecast=forecast,
        )

    def _vehicle_states(self) -> VehicleStates:
        fleet = self.fleet
        for vehicle in fleet:
            vehicle.settle()
        return VehicleStates(
            status=np.array([vehicle.status for vehicle in fleet], dtype=np.int64),
            station=np.array([vehicle.station for vehicle in fleet], dtype=np.int64),
            ready_h=np.array([vehicle.ready_h for vehicle in fleet]),
            energy_mwh=np.array([vehicle.energy_mwh for vehicle in fleet]),
            p_mw=np.array([vehicle.p_mw for vehicle in fleet]),
            q_mvar=np.array([vehicle.q_mvar for vehicle in fleet]),
            itinerary=tuple(
                tuple(
                    Visit(station=visit.station, depart_h=visit.depart_h)
                    for visit in vehicle.itinerary
                )
                for vehicle in fleet
            ),
        )

    def _metered(
        self, period: int, forecast: Forecast
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        if period == 0:
            return (
                forecast.load_mw[0].copy(),
                forecast.load_mvar[0].copy(),
                forecast.available_mw[0].copy(),
            )
        system = self.system
        last = self.realisation.profile[period * system.timing.steps_per_period - 1]
        load = last[system.loads.profile]
        return (
            load * system.loads.p_mw,
            load * system.loads.q_mvar,
            last[system.generators.profile] * system.generators.p_mw,
        )

    def _voltages(self, step: int) -> tuple[FloatArray, FloatArray]:
        assert self.power_flow is not None
        exchanges = takewhile(lambda flow: flow.step == step, reversed(self.recorder.exchanges))
        found = injections(
            self.system, self.realisation, list(exchanges), self.generation_limit_mw, step, 1
        )
        result = self.power_flow.solve(found.p_mw, found.q_mvar)
        return result.vm_pu[0], result.loading_percent[0]
