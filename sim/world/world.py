"""The world: it moves the fleet, asks the controller once a period, and meters every step."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
import simpy

from sim.control import (
    Controller,
    FleetPlan,
    GridPlan,
    MarketPlan,
    Observation,
    Outcome,
    Plan,
    SolveStatus,
)
from sim.electrical.balancing import balanced, settled
from sim.electrical.injections import Injections, injections
from sim.electrical.meters import Metered
from sim.electrical.topology import topology
from sim.powerflow.protocol import PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.units import HOURS_PER_DAY, SECONDS_PER_HOUR, FloatArray
from sim.world.charging import EvFleet
from sim.world.clock import Order, Tick
from sim.world.fleet import make_fleet
from sim.world.guard import Guard, check_plan, limit_power
from sim.world.observing import metered_means, vehicle_states
from sim.world.onboard_battery import Storage
from sim.world.rail import Span
from sim.world.recorder import Recorder
from sim.world.thermal_units import Dispatch, Shifting
from sim.world.vehicle import Surroundings


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
        Engine for controllers that need voltages or react to them, and for what the slack unit
        delivers.
    """

    def __init__(
        self,
        system: System,
        realisation: Realisation,
        forecaster: Forecaster,
        controller: Controller,
        *,
        guard: Guard = limit_power,
        power_flow: SwitchedFlow,
    ) -> None:
        self.system = system
        self.realisation = realisation
        self.forecaster = forecaster
        self.controller = controller
        self.power_flow = power_flow
        self.env = simpy.Environment()
        self.recorder = Recorder(system)
        self.conditions = realisation.conditions(system)
        self.topology = topology(system.grid, realisation.outages, system.timing.n_steps)
        self.evs = EvFleet(
            self.env, system.evs, realisation.ev_sessions, partial(self._called, "ev_arrival")
        )
        self.plugs = tuple(
            simpy.PriorityResource(self.env, station.plugs) for station in system.stations
        )
        surroundings = Surroundings(
            env=self.env,
            stations=system.stations,
            plugs=self.plugs,
            guard=guard,
            supplied=self._is_supplied,
            log=self._log,
            called=self._called,
        )
        self.spans: list[Span] = []
        self.fleet = make_fleet(
            system, realisation, self.conditions, surroundings, self._power_order, self.spans
        )
        timing = system.timing
        shape = (timing.n_periods, len(system.vehicles))
        self._p_mw = np.zeros(shape)
        self._q_mvar = np.zeros(shape)
        self.generation_limit_mw = np.full((timing.n_periods, len(system.generators.name)), np.inf)
        self.lmp_usd_per_mwh = np.full((timing.n_periods, system.grid.n_buses), np.nan)
        self.dispatch = Dispatch(system.units, timing)
        self.shifting = Shifting(system.loads, timing)
        self.needs_voltages = bool(getattr(controller, "needs_voltages", False))
        self._violated = False
        self._decided_s = -math.inf
        self._call = self.env.event()
        self.env.process(self._run())
        self.env.process(self._switch())
        self.env.process(self._answer_calls())

    def run(self) -> Recorder:
        """Live through the episode and return what was recorded."""
        timing = self.system.timing
        self.env.run(until=Tick(self.env, timing.n_steps * timing.step_s, Order.APPLICATION))
        self.recorder.clipped(self._clipped_mwh())
        return self.recorder

    def metered(self) -> Metered:
        """Return what has been metered and ordered so far."""
        shape = (len(self.recorder.ev_mw), len(self.system.evs))
        return Metered(
            exchanges=self.recorder.exchanges,
            ev_mw=np.array(self.recorder.ev_mw, dtype=np.float64).reshape(shape),
            generation_limit_mw=self.generation_limit_mw,
            unit_on=self.dispatch.on,
            unit_mw=self.dispatch.p_mw,
            shift_mw=self.shifting.shift_mw,
            topology=self.topology,
        )

    # -- the loop ------------------------------------------------------------------------------

    def _run(self) -> Generator[simpy.Event, Any, None]:
        timing = self.system.timing
        for step in range(timing.n_steps):
            if step % timing.steps_per_period == 0:
                yield from self._decision()
            elif self.system.units:  # what is decided at this moment counts
                yield Tick(self.env, 0, Order.APPLICATION)
            if self.system.units:
                self.dispatch.follow(step)
            yield Tick(self.env, timing.step_s, Order.METERING)
            if self.shifting.ordered:
                self.shifting.meter(step, self._asked_mw(step))
            for vehicle in self.fleet:
                self.recorder.read(step, vehicle)
            self.recorder.charged(self.evs.read_meter())
            if self._waits_for("voltage_violation"):
                self._watch_voltages(step)

    def _decision(self) -> Generator[simpy.Event, Any, None]:
        """Ask the controller and do what it says; what calls at one moment is one decision."""
        yield Tick(self.env, 0, Order.DECISION)
        if self._decided_s == self.env.now:
            return
        self._decided_s = self.env.now
        self._decide(int(self.env.now // self.system.timing.period_s))
        yield Tick(self.env, 0, Order.APPLICATION)
        self._exchange()

    def _exchange(self) -> None:
        for vehicle in self.fleet:
            vehicle.exchange(*self._power_order(vehicle.index))

    def _switch(self) -> Generator[simpy.Event, Any, None]:
        """Trip lines and bring them back, at the start of steps."""
        step_s = self.system.timing.step_s
        for step in self.topology.changes:
            yield self.env.timeout(step * step_s - self.env.now)
            self._exchange()
            self.evs.supply(self.topology.supplied[step])
            self._called("outage")

    def _answer_calls(self) -> Generator[simpy.Event, Any, None]:
        """Re-plan between the boundaries when something happens that the controller waits for."""
        while True:
            what = yield self._call
            spacing_s = self.system.timing.step_s
            yield self.env.timeout(max(self._decided_s + spacing_s - self.env.now, 0.0))
            ended = self.env.now >= self.system.timing.n_periods * self.system.timing.period_s
            if not ended and self._waits_for(what):
                yield from self._decision()

    def _waits_for(self, what: str) -> bool:
        """Whether the controller wants to decide on this; asked each time, for it may hand over."""
        return what in getattr(self.controller, "replan_on", ())

    def _called(self, what: str, _detail: int = 0) -> None:
        if self._waits_for(what) and not self._call.triggered:
            self._call.succeed(what)
            self._call = self.env.event()

    def _watch_voltages(self, step: int) -> None:
        """Call when a voltage leaves its limits that was within them a step ago."""
        grid = self.system.grid
        vm_pu = self._flow(step)[1].vm_pu[0]
        violated = bool(((vm_pu > grid.v_max_pu) | (vm_pu < grid.v_min_pu)).any())
        if violated and not self._violated:
            self._called("voltage_violation")
        self._violated = violated

    def _is_supplied(self, bus: int) -> bool:
        step = min(int(self.env.now // self.system.timing.step_s), self.system.timing.n_steps - 1)
        return bool(self.topology.supplied[step, bus])

    def _asked_mw(self, step: int) -> FloatArray:
        """Return the load that is asked for in a step and can be served, ``(load,)`` [MW]."""
        loads = self.system.loads
        alive = self.topology.supplied[step, loads.bus]
        asked: FloatArray = self.realisation.profile[step, loads.profile] * loads.p_mw * alive
        return asked

    def _clipped_mwh(self) -> float:
        """Return what was ordered and not done since the last call [MWh]."""
        sources: list[Storage | Dispatch | Shifting] = [self.dispatch, self.shifting]
        sources += [vehicle.storage for vehicle in self.fleet]
        clipped_mwh = sum(source.clipped_mwh for source in sources)
        for source in sources:
            source.clipped_mwh = 0.0
        return clipped_mwh

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
        seconds = time.perf_counter() - started
        self.recorder.decided(self.env.now, period, plan, self._clipped_mwh(), seconds)
        if plan.fleet is not None:
            self._apply_fleet(plan.fleet, period)
        if plan.grid is not None:
            self._apply_grid(plan.grid, period)
        if plan.market is not None:
            self._apply_market(plan.market, period)

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

    def _apply_market(self, market: MarketPlan, period: int) -> None:
        self.dispatch.order(market, period)
        self.shifting.order(market, period)
        if market.lmp_usd_per_mwh is not None:
            rows = market.lmp_usd_per_mwh
            self.lmp_usd_per_mwh[period : period + len(rows)] = rows

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
        now_h = self.env.now / SECONDS_PER_HOUR
        evs = self.evs.states()
        forecast = self.forecaster.issue(period, now_h, evs)
        step = int(self.env.now // timing.step_s)
        load_mw, load_mvar, available_mw = metered_means(system, self.realisation, step, forecast)
        vm_pu = loading = delivered_mw = None
        if step > 0 and (self.needs_voltages or system.units):
            found, flow = self._flow(step - 1)
            if self.needs_voltages:
                vm_pu, loading = flow.vm_pu[0], flow.loading_percent[0]
            delivered_mw = found.unit_mw[0]
        return Observation(
            now_h=now_h,
            period=period,
            periods_left=timing.n_periods - period,
            hour_of_day=now_h % HOURS_PER_DAY,
            vehicles=vehicle_states(self.fleet),
            queue=np.array([len(plugs.queue) for plugs in self.plugs], dtype=np.int64),
            plugs_free=np.array(
                [plugs.capacity - plugs.count for plugs in self.plugs], dtype=np.int64
            ),
            terminal_energy_mwh=np.array(
                [vehicle.battery.energy_terminal_mwh for vehicle in system.vehicles]
            ),
            load_mw=load_mw,
            load_mvar=load_mvar,
            available_mw=available_mw,
            link_speed_kmh=self.conditions.speed_now(self.env.now).copy(),
            incident=self.conditions.stretch_now(self.env.now) > 1.0,
            line_out=self.topology.line_out[step].copy(),
            evs=evs,
            units=self.dispatch.states(now_h, delivered_mw),
            shifted_mwh=self.shifting.today_mwh.copy(),
            vm_pu=vm_pu,
            loading_percent=loading,
            forecast=forecast,
        )

    def _flow(self, step: int) -> tuple[Injections, PowerFlowResult]:
        """Return what was injected in a step that is over, and the power flow."""
        exchanges = takewhile(lambda flow: flow.step == step, reversed(self.recorder.exchanges))
        ordered = injections(
            self.system,
            self.realisation,
            replace(
                self.metered(),
                exchanges=list(exchanges),
                ev_mw=np.array(self.recorder.ev_mw[step : step + 1]),
            ),
            slice(step, step + 1),
        )
        line_out = self.topology.line_out[step : step + 1]
        found = balanced(self.system, ordered, line_out, self.power_flow)
        flow = self.power_flow.solve(found.p_mw, found.q_mvar, line_out, found.held)
        return settled(self.system, found, flow), flow
