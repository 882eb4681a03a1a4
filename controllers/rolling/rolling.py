"""Rolling-horizon control: plans from what is metered and forecast, routes and powers apart.

One policy with two choices, how often routes are chosen and how often powers are, so that the value
of mobility and the value of recourse can be told apart with the same models.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from controllers.rolling.orders import to_plan
from controllers.rolling.planner import FromScratch, Method, Planned, Planner, Planning, Solved
from controllers.rolling.replanning import follow, replan
from controllers.scheduling.dispatch.warm_start import WarmStart
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.problem import PlanningError, Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.schedule import park, schedule
from controllers.scheduling.search import Search
from sim.control import Capabilities, Contrast, Observation, Outcome, Plan, Rung
from sim.system.system import System
from sim.units import HOURS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingPlanning(Planning):
    """How to plan, and how often.

    Attributes
    ----------
    routes
        ``"rolling"``: chosen at every decision; ``"day_ahead"``: once a day; ``"parked"``: every
        vehicle goes once, at the start, to the station where it is worth most, and stays.
    dispatch
        ``"rolling"``: powers are chosen at every decision; ``"day_ahead"``: once a day, together
        with the routes.
    replanning
        ``"carried"``: a re-planning starts from the last plan and its dispatch and improves them a
        little, which the next ones continue; the mixed-integer model starts from the last routes.
        ``"scratch"``: every one searches from scratch.
    replan_on
        Events between the periods that call for a decision: any of ``arrival``, ``delay``,
        ``outage``, ``ev_arrival``, ``voltage_violation``.
    """

    routes: Literal["parked", "day_ahead", "rolling"] = "rolling"
    dispatch: Literal["day_ahead", "rolling"] = "rolling"
    replanning: Literal["carried", "scratch"] = "carried"
    replan_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Planning.__post_init__(self)
        if self.routes == "rolling" and self.dispatch == "day_ahead":
            raise ValueError(
                "routes(='rolling') need dispatch(='rolling'): powers follow the vehicles."
            )
        Capabilities(replan_on=frozenset(self.replan_on))  # refuses what is no trigger


class Rolling:
    """Schedules the look-ahead every period; trips under way are carried on.

    Once a day it searches from scratch. In between it carries the last plan on: its routes, its
    powers, where the network is linearised, and where its dispatch ended.
    """

    Parameters: ClassVar[type[RollingPlanning]] = RollingPlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        orders_evs=True,
        contrasts=(
            Contrast(
                name="value of mobility",
                without="stationary",
                meaning="the same batteries, the same rolling dispatch, but the vehicles may move",
            ),
            Contrast(
                name="value of recourse",
                without="day_ahead",
                meaning="the same model, solved every period instead of once a day",
            ),
        ),
        rung=Rung(above="day_ahead", adds="routes and powers planned anew every period"),
    )

    def __init__(self, parameters: RollingPlanning | None = None) -> None:
        self.parameters = parameters or self.Parameters()
        self.capabilities = dataclasses.replace(
            type(self).capabilities, replan_on=frozenset(self.parameters.replan_on)
        )

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models; nothing is random."""
        del rng
        self._planner = Planner(system, self.parameters, orders_evs=self.capabilities.orders_evs)
        self._period_h = system.timing.period_h
        self._per_day = max(round(HOURS_PER_DAY / self._period_h), 1)
        self._n_stations = len(system.stations)
        self._next_day = 0
        self._last: _Last | None = None

    def decide(self, observation: Observation) -> Plan:
        """Return a new plan for the whole look-ahead, or nothing while the last one holds."""
        last, n_periods = self._last, observation.forecast.n_periods
        new_day = last is None or observation.period >= self._next_day
        if not new_day and self.parameters.dispatch == "day_ahead":
            return Plan()
        method, point = self._how(observation, new_day=new_day)
        rolls = self.parameters.dispatch == "rolling"
        applied = 1 if rolls else min(n_periods, self._per_day)
        try:
            found = self._planner.schedule(observation, method, point, applied)
            found = self._settled(observation, found)
        except PlanningError as error:
            self._last = None
            return Plan(outcome=Outcome(status=error.status, fallback=str(error)))
        if new_day:
            self._next_day = observation.period + min(n_periods, self._per_day)
        self._last = _Last(
            period=observation.period,
            schedule=found.schedule,
            warm_start=found.warm_start,
        )
        return to_plan(found, observation, self._period_h, applied)

    def _settled(self, observation: Observation, found: Planned) -> Planned:
        """Return the plan that is carried out; those who know better than the engine say so."""
        del observation
        return found

    def _how(
        self, observation: Observation, *, new_day: bool
    ) -> tuple[Method, OperatingPoint | None]:
        """Return how the problem of this decision is solved, and where it is linearised."""
        settings, last, n_periods = self.parameters, self._last, observation.forecast.n_periods
        parked = settings.routes == "parked"
        if last is None:
            return FromScratch(park if parked else schedule), None
        elapsed = observation.period - last.period
        routes = _later(last.schedule, elapsed)
        kept = parked or (settings.routes == "day_ahead" and not new_day)
        if not kept and settings.replanning == "scratch":
            return FromScratch(schedule), None
        point = None
        if not new_day:
            point = last.schedule.operating_point(self._n_stations).later(elapsed, n_periods)
        if not kept and (new_day or settings.solver == "milp"):
            return FromScratch(schedule, (routes,)), point
        start = None if last.warm_start is None else last.warm_start.later(elapsed, n_periods)
        return _Carried(routes, start, observation.period, routes_kept=kept), point


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Last:
    """The last plan: when it was made, what it is, and where its dispatch ended."""

    period: int
    schedule: Schedule
    warm_start: WarmStart | None


@dataclass(frozen=True, slots=True)
class _Carried:
    """Carry the last plan on, from where its dispatch or that of the sketch ended."""

    routes: tuple[Route, ...]
    warm_start: WarmStart | None
    turn: int
    routes_kept: bool = field(kw_only=True)

    def __call__(
        self, problem: SchedulingProblem, search: Search, sketch: Solved | None
    ) -> Solved | None:
        start = self.warm_start if sketch is None else sketch.warm_start
        if self.routes_kept:
            return follow(problem, search, self.routes, start)
        return replan(problem, search, self.routes, start, self.turn)


def _later(found: Schedule, elapsed: int) -> tuple[Route, ...]:
    """Return the departures still to come, counted from now."""
    return tuple(
        tuple((period - elapsed, goal) for period, goal in route if period >= elapsed)
        for route in found.routes
    )
