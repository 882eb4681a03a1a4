"""Plan again every period from what is metered and forecast by then."""

from __future__ import annotations

import numpy as np

from controllers.models.network import OperatingPoint
from controllers.models.problem import PlanningError, Schedule
from controllers.models.timespace import Route
from controllers.planner import Planner, Planning, to_plan
from sim.control import Observation, Outcome, Plan, SolveStatus
from sim.system.system import System
from sim.units import FloatArray


class Rolling:
    """Schedules the look-ahead every period; trips under way are carried on.

    The routes of the last plan are one of the starts of the search, and its powers are where the
    network is linearised.
    """

    Parameters = Planning

    def __init__(self, parameters: Planning | None = None) -> None:
        self.parameters = parameters or Planning()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models; nothing is random."""
        del rng
        self._planner = Planner(system, self.parameters)
        self._period_h = system.timing.period_h
        self._n_stations = len(system.stations)
        self._last: tuple[int, Schedule] | None = None

    def decide(self, observation: Observation) -> Plan:
        """Return a new plan for the whole look-ahead."""
        point = routes = None
        if self._last is not None:
            elapsed = observation.period - self._last[0]
            routes = _later(self._last[1], elapsed)
            point = _shifted(
                self._last[1].operating_point(self._n_stations),
                elapsed,
                observation.forecast.n_periods,
            )
        try:
            found = self._planner.schedule(observation, point=point, routes=routes)
        except PlanningError as error:
            self._last = None
            return Plan(outcome=Outcome(status=SolveStatus.FAILED, fallback=str(error)))
        self._last = (observation.period, found.schedule)
        return to_plan(found, observation, self._period_h)


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
        p_mw=moved(point.p_mw), q_mvar=moved(point.q_mvar), curtailed_mw=moved(point.curtailed_mw)
    )
