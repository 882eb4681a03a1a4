"""The world: it moves the fleet, asks for a plan once a period, and meters every step."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Generator
from typing import Any

import simpy

from sim.control import (
    Capabilities,
    Controller,
    Forecast,
    Observation,
    Outcome,
    Plan,
    SolveStatus,
    Trigger,
    capabilities_of,
)
from sim.control.progress import StopPlanning, stop_asked
from sim.electrical.electrics import StepFlow
from sim.electrical.meters import Metered
from sim.electrical.topology import topology
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.units import SECONDS_PER_HOUR
from sim.user_code import contained
from sim.world.cars.fleet import EvFleet
from sim.world.clock import Answer, Order, Tick
from sim.world.failures import reason
from sim.world.fleet import make_fleet
from sim.world.guard import Guard, checked_plan, limit_power
from sim.world.load_shifting import LoadShifting
from sim.world.observing import Observer
from sim.world.orders import Orders
from sim.world.recorder import Decision, Recorder
from sim.world.replanning import ReplanningCalls, VoltageMonitor
from sim.world.response import Response
from sim.world.thermal_units import ThermalUnits
from sim.world.vehicle import Surroundings


class World:
    """One replication lived under the plans of one controller.

    `decisions` asks for plans one by one; `run` lets a controller answer.

    Parameters
    ----------
    system, realisation
        What exists and what will happen.
    forecaster
        What controllers are told.
    capabilities
        What the controller in charge waits for and is shown.
    guard
        What limits ordered power; batteries refuse the impossible on their own as well.
    power_flow
        Engine for controllers that need voltages or react to them, and for what the slack unit
        delivers.
    follow
        Called with every decision as soon as it is made; what it raises ends the episode.

    Attributes
    ----------
    recorder, metered
        What was noted and metered so far.
    fleet, evs, units, shifting, response
        What acts: vehicles, electric cars, thermal units, loads that are moved, and how vehicles
        respond to errors of the forecast.
    plugs
        Plugs of each station.
    orders
        Orders in force.
    calls
        Calls for decisions between the periods.
    """

    def __init__(
        self,
        system: System,
        realisation: Realisation,
        forecaster: Forecaster,
        capabilities: Capabilities,
        *,
        guard: Guard = limit_power,
        power_flow: SwitchedFlow,
        follow: Callable[[Decision], None] = lambda _: None,
    ) -> None:
        self.system = system
        self.realisation = realisation
        self._follow = follow
        self.env = env = simpy.Environment()
        self.recorder = Recorder(system)
        self.calls = ReplanningCalls(env, capabilities)
        self.orders = Orders(system)
        self.response = Response(system, realisation, self.orders)
        self._station_area = system.station_area
        self.units = ThermalUnits(system.units, system.timing)
        self.shifting = LoadShifting(system.loads, system.timing)
        self.evs = EvFleet(
            env,
            system.timing,
            system.evs,
            realisation.ev_sessions,
            lambda: self.calls.call(Trigger.EV_ARRIVAL),
            lambda: self.calls.waits_for(Trigger.EV_ARRIVAL),
        )
        self.plugs = tuple(
            simpy.PriorityResource(env, station.plugs) for station in system.stations
        )
        roads = realisation.conditions(system)
        surroundings = Surroundings(
            env=env,
            stations=system.stations,
            plugs=self.plugs,
            guard=guard,
            supplied=self._is_supplied,
            log=self._log,
            called=self.calls.call,
        )
        self.fleet = make_fleet(
            system, realisation, roads, surroundings, self._power_order, self.recorder.spans
        )
        self.metered = Metered(
            exchanges=self.recorder.exchanges,
            ev_mw=self.recorder.ev_mw,
            generation_limit_mw=self.orders.generation_limit_mw.rows,
            unit_on=self.units.on,
            unit_mw=self.units.p_mw,
            shift_mw=self.shifting.shift_mw,
            topology=topology(system.grid, realisation.outages, system.timing.n_steps),
        )
        self._flow = StepFlow(
            system=system, realisation=realisation, metered=self.metered, engine=power_flow
        )
        self._observer = Observer(
            system=system,
            realisation=realisation,
            roads=roads,
            forecaster=forecaster,
            fleet=self.fleet,
            plugs=self.plugs,
            evs=self.evs,
            units=self.units,
            shifting=self.shifting,
            flow=self._flow,
        )
        self._voltages = VoltageMonitor(system.grid)
        self._question: Observation | None = None
        self._answer = Answer(env)
        self._decided_s = -math.inf
        env.process(self._run())
        env.process(self._switch())
        env.process(self._answer_calls())

    def run(self, controller: Controller) -> Recorder:
        """Live through the episode under a controller that has been started."""
        questions = self._questions()
        observation = next(questions, None)
        while observation is not None:
            observation = _sent(questions, self._decide(controller, observation))
        return self.recorder

    def decisions(self) -> Generator[Observation, Plan, None]:
        """Yield an observation whenever a plan is needed, and take the plan that is sent.

        What is sent and makes no sense is recorded as a failed decision: the orders in force stay
        in force. The episode is over when the generator is.
        """
        questions = self._questions()
        observation = next(questions, None)
        while observation is not None:
            plan = yield observation
            # A plan may be broken in any way; the episode goes on and names the failure (law 6).
            try:
                with contained():
                    plan = self._checked(plan, observation)
            except Exception as error:  # noqa: BLE001
                plan = _failed(error)
            observation = _sent(questions, plan)

    def _questions(self) -> Generator[Observation, Plan, None]:
        """Yield an observation whenever a plan is needed, and take a plan that makes sense."""
        timing = self.system.timing
        end = Tick(self.env, timing.n_steps * timing.step_s, Order.APPLICATION)
        while not end.processed:
            self.env.step()
            if self._question is not None:
                question, self._question = self._question, None
                started = time.perf_counter()
                plan = yield question
                self._answer.give((plan, time.perf_counter() - started))
        self.recorder.clipped(self.clipped_mwh())
        self.recorder.ev_moved_mwh[:] = self.evs.moved_mwh()

    def _decide(self, controller: Controller, observation: Observation) -> Plan:
        """Return the controller's plan, or one that says how it failed."""
        if stop_asked():
            return _stopped(Plan())
        # A controller may fail in any way; the episode goes on and names the failure (law 6).
        try:
            with contained():
                plan = controller.decide(observation)
                # It may hand over to another one that waits for something else.
                self.calls.capabilities = capabilities_of(controller)
                return self._checked(_stopped(plan) if stop_asked() else plan, observation)
        except StopPlanning:
            return _stopped(Plan())
        except Exception as error:  # noqa: BLE001
            return _failed(error)

    # -- the loop ------------------------------------------------------------------------------

    def _run(self) -> Generator[simpy.Event, Any, None]:
        timing = self.system.timing
        for step in range(timing.n_steps):
            if step % timing.steps_per_period == 0:
                yield from self._decision()
            elif self.system.units or self.system.rent or self.response.ordered:
                # What is decided at this moment counts.
                yield Tick(self.env, 0, Order.APPLICATION)
            self._begin(step)
            yield Tick(self.env, timing.step_s, Order.METERING)
            self._meter(step)

    def _begin(self, step: int) -> None:
        """Let a step begin: units move, prices of rent and errors of forecasts are read."""
        if self.system.units:
            self.units.follow(step)
        if self.recorder.rent is not None:
            period = step // self.system.timing.steps_per_period
            self.recorder.rent.price[step] = self.orders.rent.row(period)
        if self.response.ordered:
            self.response.meter(step, self.metered)
            for vehicle in self.fleet:
                vehicle.follow_orders()

    def _meter(self, step: int) -> None:
        """Read all meters at the end of a step."""
        if self.shifting.ordered:
            loads, supplied = self.system.loads, self.metered.topology.supplied[step]
            asked_mw = loads.power_mw(self.realisation.profile[step]) * supplied[loads.bus]
            self.shifting.meter(step, asked_mw)
        for vehicle in self.fleet:
            self.recorder.read(step, vehicle)
        self.recorder.charged(step, self.evs.read_meter())
        self.recorder.n_steps = step + 1
        if self.calls.waits_for(Trigger.VOLTAGE_VIOLATION):
            _, flow = self._flow(step)
            if self._voltages.leaves_limits(flow.vm_pu[0]):
                self.calls.call(Trigger.VOLTAGE_VIOLATION)

    def _decision(self, trigger: str = "") -> Generator[simpy.Event, Any, None]:
        """Ask for a plan and carry it out; what calls at one moment is one decision."""
        yield Tick(self.env, 0, Order.DECISION)
        if self._decided_s == self.env.now:
            return
        self._decided_s = self.env.now
        period = int(self.env.now // self.system.timing.period_s)
        voltages = self.calls.capabilities.needs_voltages
        self._answer = Answer(self.env)
        question = self._observer.observe(self.env.now, period, voltages=voltages)
        self._question = question
        plan, seconds = yield self._answer
        withheld_mwh = self.clipped_mwh()
        self.recorder.decided(self.env.now, period, plan, withheld_mwh, seconds, trigger)
        for source in self._clipping():
            source.reset_clipped()
        self._follow(self.recorder.decisions[-1])
        self._apply(plan, question.forecast, period)
        yield Tick(self.env, 0, Order.APPLICATION)
        self._follow_orders()

    def _apply(self, plan: Plan, forecast: Forecast, period: int) -> None:
        self.orders.apply(plan, period)
        if plan.response is not None:
            self.response.order(plan.response, forecast, period)
        if plan.fleet is not None:
            for vehicle, visits in zip(self.fleet, plan.fleet.visits or (), strict=False):
                if visits is not None:
                    vehicle.assign(visits)
        if plan.market is not None:
            self.units.order(plan.market, period)
            self.shifting.order(plan.market, period)
        if plan.ev is not None:
            self.evs.order(plan.ev, period)

    def _follow_orders(self) -> None:
        for vehicle in self.fleet:
            vehicle.follow_orders()
        self.evs.follow_orders()

    def _switch(self) -> Generator[simpy.Event, Any, None]:
        """Trip lines and bring them back, at the start of steps."""
        step_s = self.system.timing.step_s
        for step in self.metered.topology.changes:
            yield self.env.timeout(step * step_s - self.env.now)
            self._follow_orders()
            self.evs.supply(self.metered.topology.supplied[step])
            self.calls.call(Trigger.OUTAGE)

    def _answer_calls(self) -> Generator[simpy.Event, Any, None]:
        """Re-plan between the boundaries when something happens that the controller waits for."""
        while True:
            trigger = yield self.calls.next
            spacing_s = self.system.timing.step_s
            yield self.env.timeout(max(self._decided_s + spacing_s - self.env.now, 0.0))
            ended = self.env.now >= self.system.timing.n_periods * self.system.timing.period_s
            if not ended and self.calls.waits_for(trigger):
                # At a boundary the period asks, whatever has happened as well.
                between = self.env.now % self.system.timing.period_s > 0
                yield from self._decision(trigger if between else "")

    # -- what its parts ask --------------------------------------------------------------------

    def _is_supplied(self, bus: int) -> bool:
        step = min(int(self.env.now // self.system.timing.step_s), self.system.timing.n_steps - 1)
        return bool(self.metered.topology.supplied[step, bus])

    def _power_order(self, index: int) -> tuple[float, float, float]:
        """Return the power in force for one vehicle and the time left in this period [h]."""
        timing = self.system.timing
        period = int(self.env.now // timing.period_s)
        if period >= timing.n_periods:
            return 0.0, 0.0, 0.0
        left_h = ((period + 1) * timing.period_s - self.env.now) / SECONDS_PER_HOUR
        p_mw = float(self.orders.p_mw.row(period)[index])
        q_mvar = float(self.orders.q_mvar.row(period)[index])
        if self.response.responds(index, period):
            area = int(self._station_area[self.fleet[index].station])
            p_mw = self.response.power_mw(p_mw, index, area, period)
            left_h = (timing.step_s - self.env.now % timing.step_s) / SECONDS_PER_HOUR
        return p_mw, q_mvar, left_h

    def _log(self, vehicle: int, event: str, station: int, detail: str) -> None:
        self.recorder.happened(self.env.now, vehicle, event, station, detail)

    def _checked(self, plan: Plan, observation: Observation) -> Plan:
        """Return the plan as it can be carried out; what makes no sense raises."""
        return checked_plan(plan, self.system, self.system.timing.periods_ahead(observation.period))

    def _clipping(self) -> list[Any]:
        """Return what counts energy that was ordered and not delivered."""
        return [self.units, self.shifting, self.evs, *(vehicle.storage for vehicle in self.fleet)]

    def clipped_mwh(self) -> float:
        """Return what was ordered and not delivered since the last decision [MWh]."""
        return float(sum(source.clipped_mwh for source in self._clipping()))


def _sent(questions: Generator[Observation, Plan, None], plan: Plan) -> Observation | None:
    """Answer a question and return the next one, None at the end."""
    try:
        return questions.send(plan)
    except StopIteration:
        return None


def _stopped(plan: Plan) -> Plan:
    """Return what there is; like a plan that the clock ended, it is not reproducible."""
    outcome = dataclasses.replace(
        plan.outcome, status=SolveStatus.DEADLINE, fallback="planning was stopped"
    )
    return dataclasses.replace(plan, outcome=outcome)


def _failed(error: Exception) -> Plan:
    return Plan(outcome=Outcome(status=SolveStatus.FAILED, fallback=reason(error)))
