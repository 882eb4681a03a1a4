"""Plan from what is metered and forecast, as often as wanted: routes and powers apart.

One policy with two choices, how often routes are chosen and how often powers are, so that the value
of mobility and the value of recourse can be told apart with the same models.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from controllers.models.network import OperatingPoint
from controllers.models.problem import PlanningError, Schedule, SchedulingProblem
from controllers.models.schedule import Search, follow, park, schedule
from controllers.models.timespace import Route
from controllers.planner import Choice, Planner, Planning, to_plan
from sim.control import Observation, Outcome, Plan
from sim.system.system import System
from sim.units import HOURS_PER_DAY, FloatArray

EVENTS = ("arrival", "delay", "outage", "ev_arrival", "voltage_violation")


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
    replan_on
        Events between the periods that call for a decision: any of ``arrival``, ``delay``,
        ``outage``, ``ev_arrival``, ``voltage_violation``.
    """

    routes: Literal["parked", "day_ahead", "rolling"] = "rolling"
    dispatch: Literal["day_ahead", "rolling"] = "rolling"
    replan_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Planning.__post_init__(self)
        if self.routes == "rolling" and self.dispatch == "day_ahead":
            raise ValueError(
                "routes(='rolling') need dispatch(='rolling'): powers follow the vehicles."
            )
        unknown = sorted(set(self.replan_on) - set(EVENTS))
        if unknown:
            raise ValueError(f"replan_on(={unknown}) must be among {', '.join(EVENTS)}.")


class Rolling:
    """Schedules the look-ahead every period; trips under way are carried on.

    The routes of the last plan are one of the starts of the search, and its powers are where the
    network is linearised.
    """

    Parameters: ClassVar[type[RollingPlanning]] = RollingPlanning

    def __init__(self, parameters: RollingPlanning | None = None) -> None:
        self.parameters = parameters or self.Parameters()
        self.replan_on = frozenset(self.parameters.replan_on)
        self.needs_voltages = "voltage_violation" in self.replan_on

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models; nothing is random."""
        del rng
        self._planner = Planner(system, self.parameters)
        self._period_h = system.timing.period_h
        self._per_day = max(round(HOURS_PER_DAY / self._period_h), 1)
        self._n_stations = len(system.stations)
        self._next_day = 0
        self._last: tuple[int, Schedule] | None = None

    def decide(self, observation: Observation) -> Plan:
        """Return a new plan for the whole look-ahead, or nothing while the last one holds."""
        new_day = self._last is None or observation.period >= self._next_day
        if not new_day and self.parameters.dispatch == "day_ahead":
            return Plan()
        point = routes = None
        if self._last is not None:
            elapsed = observation.period - self._last[0]
            n_periods = observation.forecast.n_periods
            routes = _later(self._last[1], elapsed)
            point = _shifted(self._last[1].operating_point(self._n_stations), elapsed, n_periods)
        choose = self._choice(new_day, routes)
        try:
            found = self._planner.schedule(observation, choose, None if new_day else point)
        except PlanningError as error:
            self._last = None
            return Plan(outcome=Outcome(status=error.status, fallback=str(error)))
        if new_day:
            covered = min(observation.forecast.n_periods, self._per_day)
            self._next_day = observation.period + covered
        self._last = (observation.period, found.schedule)
        return to_plan(found, observation, self._period_h)

    def _choice(self, new_day: bool, routes: tuple[Route, ...] | None) -> Choice:
        """Return how the problem of this decision is solved."""
        how = self.parameters.routes
        if routes is None:
            return park if how == "parked" else schedule
        if how == "parked" or (how == "day_ahead" and not new_day):
            return _Following(routes)
        return _Starting(routes)


@dataclass(frozen=True, slots=True)
class _Following:
    """Keep the routes, choose the powers."""

    routes: tuple[Route, ...]

    def __call__(
        self, problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...]
    ) -> Schedule | None:
        del starts
        return follow(problem, search, self.routes)


@dataclass(frozen=True, slots=True)
class _Starting:
    """Choose routes and powers, from the routes of the last plan among others."""

    routes: tuple[Route, ...]

    def __call__(
        self, problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...]
    ) -> Schedule | None:
        return schedule(problem, search, (self.routes, *starts))


def _later(found: Schedule, elapsed: int) -> tuple[Route, ...]:
    """Return the departures still to come, counted from now."""
    return tuple(
        tuple((period - elapsed, goal) for period, goal in route if period >= elapsed)
        for route in found.routes
    )


def _shifted(point: OperatingPoint, elapsed: int, n_periods: int) -> OperatingPoint:
    """Return an operating point counted from now; at rest beyond its end."""

    def moved(values: FloatArray) -> FloatArray:
        result = np.zeros((n_periods, values.shape[1]))
        part = values[elapsed : elapsed + n_periods]
        result[: len(part)] = part
        return result

    return OperatingPoint(
        **{each.name: moved(getattr(point, each.name)) for each in dataclasses.fields(point)}
    )
