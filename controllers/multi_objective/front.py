"""The front between cost, curtailment and voltages, by the epsilon-constraint method.

Cost is minimised under budgets of the other two objectives, which run through their ranges (Haimes,
Lasdon & Wismer, *On a bicriterion formulation of the problems of integrated system identification
and system optimization*, IEEE Trans. Systems, Man, and Cybernetics 1(3), 1971); small prices on
them keep a plan from wasting what its budgets leave (Mavrotas, *Effective implementation of the
epsilon-constraint method in multi-objective mathematical programming problems*, Applied Mathematics
and Computation 213(2), 2009). Powers are exact; routes come from searches with weights at the
corners, and every budget takes the best of them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial

import numpy as np

from controllers.multi_objective.weights import Weights, weighted
from controllers.rolling.orders import to_plan
from controllers.rolling.planner import FromScratch, Method, Planned, Planner, Planning, Solved
from controllers.scheduling.dispatch.dispatch import Dispatcher
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.problem import (
    Budgets,
    PlanningError,
    Schedule,
    SchedulingProblem,
)
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.routing.best_response import usd_of
from controllers.scheduling.schedule import schedule
from controllers.scheduling.search import Search
from sim.control import Observation, Plan
from sim.system.system import System
from sim.units import FloatArray

# What budgets leave over is worth so little [USD/MWh, USD/(pu h)]: the small prices.
_SMALL = Weights(pv=1.0, cost=1.0, voltage=5.0)
# Weights of the searches for routes.
_CORNERS = (
    _SMALL,
    dataclasses.replace(_SMALL, voltage=1e5),
    dataclasses.replace(_SMALL, pv=1e3),
    Weights(pv=100.0, cost=1.0, voltage=1e4),
    Weights(pv=1e3, cost=1.0, voltage=1e5),
)
# Ranges below these are none [MWh, pu h].
_NARROW = np.array([1e-3, 1e-4])


@dataclass(frozen=True, slots=True)
class BestOf:
    """Chooses the best of some routes, with their best powers."""

    pool: tuple[tuple[Route, ...], ...]

    def __call__(
        self, problem: SchedulingProblem, search: Search, sketch: Solved | None
    ) -> Solved | None:
        """Return the best schedule, None where no routes keep the budgets."""
        del sketch
        dispatcher, best = Dispatcher(problem, search.limits), None
        for routes in self.pool:
            found = dispatcher(routes, np.inf if best is None else usd_of(best))
            if found is not None and (best is None or usd_of(found) < usd_of(best)):
                best = found
        if best is None:
            return None
        return Solved(schedule=best, warm_start=dispatcher.warm_start_of(best.routes))


def epsilon_constraint(
    system: System, settings: Planning, observation: Observation, points: int
) -> tuple[Plan, ...]:
    """Return plans of the whole look-ahead, about so many, the cheapest first.

    Parameters
    ----------
    system
        What exists.
    settings
        How to plan.
    observation
        What is known now.
    points
        How many combinations of budgets are tried; those that no plan keeps, and those that lead
        to the same plan, leave fewer plans.

    Raises
    ------
    PlanningError
        Where nothing can be planned.
    """
    n_periods, n_limits = observation.forecast.n_periods, 2 * system.grid.n_buses

    def solve(
        weights: Weights, budgets: Budgets, method: Method, point: OperatingPoint | None
    ) -> Planned:
        restrict = partial(_constrained, weights=weights, budgets=budgets, n_limits=n_limits)
        planner = Planner(system, settings, restrict, orders_evs=True)
        return planner.schedule(observation, method, point, n_periods)

    corners = [solve(each, Budgets(), FromScratch(schedule), None) for each in _CORNERS]
    pool = tuple(dict.fromkeys(each.schedule.routes for each in corners))
    values = np.array([objectives(each.problem, each.schedule, n_limits) for each in corners])
    at = [each.schedule.operating_point(len(system.stations)) for each in corners]
    plans: list[Plan] = []
    for budgets in _budgets(values, points):
        # Linearised where the corner with the nearest budgets leads.
        near = np.abs((values - budgets) / np.maximum(np.ptp(values, axis=0), _NARROW)).sum(axis=1)
        limits = Budgets(
            curtailed_mwh=budgets[0] + _NARROW[0],
            violations_usd=(budgets[1] + _NARROW[1]) * _SMALL.voltage,
            n_limits=n_limits,
        )
        try:
            found = solve(_SMALL, limits, BestOf(pool), at[int(near.argmin())])
        except PlanningError:
            continue
        plans.append(to_plan(found, observation, system.timing.period_h, n_periods))
    return tuple(plans)


def objectives(problem: SchedulingProblem, found: Schedule, n_limits: int) -> FloatArray:
    """Return curtailed energy and voltages beyond limits in the model, ``(2,)`` [MWh, pu h]."""
    network, hours = problem.network, problem.period_h
    counts = np.where(network.row_limit < n_limits, hours, 0.0)
    point = found.operating_point(problem.space.n_stations)
    beyond = dataclasses.replace(network, row_usd=counts).penalty_usd(point)
    return np.array([found.curtailed_mw.sum() * hours, beyond.sum()])


def _constrained(
    problem: SchedulingProblem, *, weights: Weights, budgets: Budgets, n_limits: int
) -> SchedulingProblem:
    priced = weighted(problem, weights, n_limits // 2)
    return dataclasses.replace(priced, budgets=budgets)


def _budgets(values: FloatArray, points: int) -> FloatArray:
    """Return budgets over the ranges that the corners span, ``(point, 2)``, the loosest first."""
    least: FloatArray = values.min(axis=0)
    most: FloatArray = values.max(axis=0)
    wide = most - least > _NARROW
    if not wide.any():
        return most.reshape(1, 2)
    many = int(np.ceil(np.sqrt(points))) if wide.all() else points
    counts = [many, -(-points // many)] if wide.all() else np.where(wide, points, 1).tolist()
    axes = [np.linspace(high, low, n) for high, low, n in zip(most, least, counts, strict=True)]
    budgets: FloatArray = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return budgets
