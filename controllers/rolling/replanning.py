"""Re-optimisation of the last plan from its routes and its warm start."""

from __future__ import annotations

import dataclasses
import math

from controllers.rolling.planner import Solved
from controllers.scheduling.dispatch.dispatch import Dispatcher
from controllers.scheduling.dispatch.warm_start import WarmStart
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.routing.best_response import improve
from controllers.scheduling.routing.local_search import polish
from controllers.scheduling.search import Search
from sim.control import SolveStatus

# Powers are planned anew before more than this share of the money at stake is lost by them.
_RELATIVE_GAP = 1e-4

# In this time every vehicle looks for a better route, and `Search.retrials` small changes are
# tried [h].
_ROUND_H = 1.0


def replan(
    problem: SchedulingProblem,
    search: Search,
    routes: tuple[Route, ...],
    warm_start: WarmStart | None,
    turn: int,
) -> Solved | None:
    """Return a plan no worse than the last one carried on.

    The last routes are dispatched anew from where their last dispatch ended. Those vehicles
    respond whose trips are put off, and of the others as many as make every vehicle respond once
    an hour. Then a few small changes are tried; what else there is to gain, the next decisions
    will find.

    Parameters
    ----------
    problem
        The problem.
    search
        How to search.
    routes
        Routes of the last plan, counted from now; put off where vehicles are late.
    warm_start
        Where the last dispatch ended, counted from now; None if it is not known.
    turn
        Number of the decision: vehicles take turns to respond first, and small changes to be
        tried.

    Returns
    -------
    Solved or None
        The plan, and where its dispatch ended. None where not even standing still allows a
        dispatch.
    """
    dispatcher = _dispatcher(problem, search, warm_start)
    start = _carried(problem, routes, dispatcher)
    if start is None:
        return None
    n = problem.n_vehicles
    due = min(n, math.ceil(n * problem.period_h / _ROUND_H))
    order = [(turn * due + k) % n for k in range(due)]
    order += [k for k in range(n) if start.routes[k] != routes[k] and k not in order]
    effort = dataclasses.replace(search.effort, sweeps=min(search.effort.sweeps, 1))
    best = improve(problem, start, tuple(order), effort, dispatcher)
    trials = search.retrials * problem.period_h / _ROUND_H
    first = math.floor(turn * trials)
    best = polish(problem, best, dispatcher, math.floor((turn + 1) * trials) - first, first)
    return _solved(best, dispatcher)


def follow(
    problem: SchedulingProblem,
    search: Search,
    routes: tuple[Route, ...],
    warm_start: WarmStart | None,
) -> Solved | None:
    """Return the best powers on the last routes; the arguments are those of `replan`."""
    dispatcher = _dispatcher(problem, search, warm_start)
    found = _carried(problem, routes, dispatcher)
    return None if found is None else _solved(found, dispatcher)


def _dispatcher(
    problem: SchedulingProblem, search: Search, warm_start: WarmStart | None
) -> Dispatcher:
    """Return a dispatcher that is as exact as a plan that is soon replaced needs to be."""
    gap = max(search.limits.relative_gap, _RELATIVE_GAP)
    return Dispatcher(problem, dataclasses.replace(search.limits, relative_gap=gap), warm_start)


def _carried(
    problem: SchedulingProblem, routes: tuple[Route, ...], dispatcher: Dispatcher
) -> Schedule | None:
    """Return the last routes dispatched, or standing still where they cannot be driven."""
    late = tuple(problem.space.delayed(k, route) for k, route in enumerate(routes))
    parked: tuple[Route, ...] = ((),) * problem.n_vehicles
    return dispatcher(late) or dispatcher(parked)


def _solved(best: Schedule, dispatcher: Dispatcher) -> Solved:
    """Return a schedule that says whether the clock had a part in it, and where it ended."""
    warm_start = dispatcher.warm_start_of(best.routes)
    if dispatcher.late:
        outcome = dataclasses.replace(best.outcome, status=SolveStatus.DEADLINE)
        best = dataclasses.replace(best, outcome=outcome)
    return Solved(schedule=best, warm_start=warm_start)
