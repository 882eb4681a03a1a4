"""From an observation to a schedule, and from a schedule to a plan."""

from __future__ import annotations

import numpy as np

from controllers.models.distances import station_distances_km
from controllers.models.network import OperatingPoint, linearise
from controllers.models.problem import Schedule, scheduling_problem
from controllers.models.schedule import Search, schedule
from controllers.models.timespace import Route
from sim.control import FleetPlan, GridPlan, Observation, Plan, Visit
from sim.errors import SolverError
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.system import System

# A generator is ordered down only by more than this [MW].
_LEAST_CURTAILMENT_MW = 1e-4


class PlanningError(Exception):
    """No schedule could be made; says why."""


class Planner:
    """Schedules one system.

    Parameters
    ----------
    system
        What exists.
    search
        How to search.
    """

    def __init__(self, system: System, search: Search) -> None:
        self.system = system
        self.search = search
        self._flow = PowerGridModelFlow(system.grid)
        self._distances_km = station_distances_km(system)

    def schedule(
        self,
        observation: Observation,
        *,
        point: OperatingPoint | None = None,
        routes: tuple[Route, ...] | None = None,
    ) -> Schedule:
        """Return the schedule for what is observed.

        Parameters
        ----------
        observation
            What is known now.
        point
            Where to linearise the network; at rest where None, and then once more at the
            schedule found.
        routes
            Routes of an earlier plan to start from.

        Raises
        ------
        PlanningError
            Where nothing can be planned, for example for want of a price.
        """
        forecast = observation.forecast
        n_periods = forecast.n_periods
        if n_periods == 0 or not self.system.vehicles:
            raise PlanningError("there is nothing to plan: no periods or no vehicles")
        starts = () if routes is None else (routes,)
        rest = OperatingPoint.at_rest(self.system, n_periods)
        try:
            found = self._solve(observation, point or rest, starts)
            if point is None:
                refined = found.operating_point(len(self.system.stations))
                found = self._solve(observation, refined, (found.routes,))
        except (ValueError, SolverError) as error:
            raise PlanningError(str(error)) from error
        return found

    def _solve(
        self,
        observation: Observation,
        point: OperatingPoint,
        starts: tuple[tuple[Route, ...], ...],
    ) -> Schedule:
        """Return the schedule for the network linearised at a point."""
        network = linearise(self.system, self._flow, observation.forecast, point)
        problem = scheduling_problem(self.system, observation, network, self._distances_km)
        found = schedule(problem, self.search, starts)
        if found is None:
            raise PlanningError("not even standing still can be dispatched")
        return found


def to_plan(found: Schedule, observation: Observation, period_h: float) -> Plan:
    """Return the plan that carries a schedule out.

    Parameters
    ----------
    found
        The schedule.
    observation
        What it was made for.
    period_h
        Length of a period [h].
    """
    now_h = observation.now_h
    visits = tuple(
        tuple(Visit(station=goal, depart_h=now_h + period * period_h) for period, goal in route)
        for route in found.routes
    )
    available = observation.forecast.available_mw
    limit = np.where(
        found.curtailed_mw > _LEAST_CURTAILMENT_MW, available - found.curtailed_mw, np.inf
    )
    return Plan(
        fleet=FleetPlan(visits=visits, p_mw=found.p_mw, q_mvar=found.q_mvar),
        grid=GridPlan(generation_limit_mw=np.maximum(limit, 0.0)),
        outcome=found.outcome,
    )
