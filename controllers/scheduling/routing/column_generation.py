"""Column generation by Lagrangian prices, without a master programme; best responses; local search.

With prices on what vehicles share every vehicle plans alone; the routes it takes while the prices
settle are its *columns*, and the prices bound every schedule from below. Best responses give the
start; then one vehicle after the other takes one of its columns and the others respond, judged by
the exact dispatch; small changes of routes give the polish.
"""

from __future__ import annotations

import dataclasses
import math
import sys

import numpy as np

from controllers.scheduling.bound.bound import COLUMNS, lower_bound
from controllers.scheduling.dispatch.dispatch import Dispatcher, dispatch
from controllers.scheduling.grid.sharpened import sharpened
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.routing.best_response import improve, usd_of
from controllers.scheduling.routing.local_search import polish, recombine
from controllers.scheduling.search import Search
from sim.control import SolveStatus, tell

# All `Search.trials` are made in fleets of so many vehicles; in larger ones fewer, because in each
# every vehicle responds.
_LARGE = 12


def by_columns(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return the best schedule found; see `schedule` for arguments and result."""
    dispatcher = Dispatcher(problem, search.limits)
    begin = _begin(problem, dispatcher, (standing_still(problem), *starts))
    if not begin:
        return None
    natural = tuple(range(problem.n_vehicles))
    tries = [(begin[0], order) for order in vehicle_orders(problem.n_vehicles, search.orders)]
    tries += [(other, natural) for other in begin[1:]]
    tell("bound by prices")
    bound = lower_bound(problem, search.prices, COLUMNS) if search.prices else None
    enough_usd, idle_usd = -np.inf, None
    if bound is not None:
        idle_usd = doing_nothing_usd(problem, search)
        priced = _begin(problem, dispatcher, (bound.routes,))
        begin += priced
        tries += [(one, natural) for one in priced]
        enough_usd = bound.usd + search.gap * (idle_usd - bound.usd)
    best = min(begin, key=usd_of)
    proven_usd = None if bound is None else bound.usd
    for number, (one, order) in enumerate(tries, 1):
        if usd_of(best) > enough_usd:
            stage = f"best responses, start {number} of at most {len(tries)}"
            tell(stage, best=usd_of(best), bound=proven_usd)
            best = min(best, improve(problem, one, order, search.effort, dispatcher), key=usd_of)
    if bound is not None and idle_usd is not None and usd_of(best) > enough_usd:
        tell("a closer bound", best=usd_of(best), bound=bound.usd)
        proven_usd = max(bound.usd, _closer_bound_usd(problem, best, search))
        enough_usd = proven_usd + search.gap * (idle_usd - proven_usd)
    trials = math.ceil(search.trials * min(1.0, _LARGE / problem.n_vehicles))
    if bound is not None and usd_of(best) > enough_usd:
        tell("routes of the bound", best=usd_of(best), bound=proven_usd)
        effort = dataclasses.replace(search.effort, sweeps=min(search.effort.sweeps, 1))
        best = recombine(problem, best, bound.columns, dispatcher, trials, effort)
    if usd_of(best) > enough_usd:
        tell("small changes of routes", best=usd_of(best), bound=proven_usd)
        best = polish(problem, best, dispatcher, trials)
    best = with_idle(best, idle_usd)
    return _judged(best, proven_usd, search, dispatcher)


def _closer_bound_usd(problem: SchedulingProblem, best: Schedule, search: Search) -> float:
    """Return a bound by twice the prices, with more tangents of currents around a plan [USD]."""
    point = best.operating_point(problem.space.n_stations)
    finer = dataclasses.replace(problem, network=sharpened(problem.network, point))
    return lower_bound(finer, 2 * search.prices).usd


def park_by_columns(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return the best schedule found where every vehicle makes at most one trip, at once.

    One vehicle after the other goes where it is worth most beside the others, until none wants to
    change: there are so few routes that all of them are columns. `problem` allows no other trips
    and `starts` are such routes to begin with, the first of them that can be dispatched.
    """
    dispatcher = Dispatcher(problem, search.limits)
    begin = _begin(problem, dispatcher, (*starts, standing_still(problem)))
    if not begin:
        return None
    space = problem.space
    trips = [((0, goal),) for goal in range(space.n_stations)]
    places: tuple[tuple[Route, ...], ...] = tuple(
        ((), *(trip for trip in trips if space.valid(k, trip))) for k in range(problem.n_vehicles)
    )
    alone = dataclasses.replace(search.effort, sweeps=0)
    best = recombine(problem, begin[0], places, dispatcher, sys.maxsize, alone)
    bound_usd = _closer_bound_usd(problem, best, search) if search.prices else None
    if bound_usd is not None:
        best = with_idle(best, doing_nothing_usd(problem, search))
    return _judged(best, bound_usd, search, dispatcher)


def doing_nothing_usd(problem: SchedulingProblem, search: Search) -> float:
    """Return the value of batteries that stay where they are and exchange nothing [USD].

    Infinite where that cannot be dispatched.
    """
    batteries = problem.batteries
    off = {
        name: np.zeros_like(getattr(batteries, name))
        for name in ("p_charge_max_mw", "p_discharge_max_mw", "s_mva")
    }
    still = dataclasses.replace(problem, batteries=dataclasses.replace(batteries, **off))
    found = dispatch(still, standing_still(problem), search.limits)
    return np.inf if found is None else usd_of(found)


def with_idle(best: Schedule, idle_usd: float | None) -> Schedule:
    """Return a schedule that says what doing nothing costs; see `doing_nothing_usd`."""
    known = idle_usd if idle_usd is not None and np.isfinite(idle_usd) else None
    return dataclasses.replace(best, outcome=dataclasses.replace(best.outcome, idle_usd=known))


def standing_still(problem: SchedulingProblem) -> tuple[Route, ...]:
    """Return routes without trips."""
    return ((),) * problem.n_vehicles


def vehicle_orders(n_vehicles: int, n: int) -> list[tuple[int, ...]]:
    """Return up to `n` orders: the rotations, so that each vehicle comes first once."""
    rotations = [
        tuple((first + i) % n_vehicles for i in range(n_vehicles)) for first in range(n_vehicles)
    ]
    return rotations[:n]


def _begin(
    problem: SchedulingProblem, dispatcher: Dispatcher, starts: tuple[tuple[Route, ...], ...]
) -> list[Schedule]:
    """Return the schedules of routes, put off where vehicles are late, that can be dispatched."""
    late = (
        tuple(problem.space.delayed(k, route) for k, route in enumerate(routes))
        for routes in starts
    )
    return [found for found in map(dispatcher, late) if found is not None]


def _judged(
    best: Schedule, bound_usd: float | None, search: Search, dispatcher: Dispatcher
) -> Schedule:
    """Return the schedule with what is proven of it; late where the clock had a part in it."""
    result = with_bound(best, bound_usd, search.limits.relative_gap)
    if not dispatcher.late:
        return result
    outcome = dataclasses.replace(result.outcome, status=SolveStatus.DEADLINE)
    return dataclasses.replace(result, outcome=outcome)


def with_bound(best: Schedule, bound_usd: float | None, relative_gap: float) -> Schedule:
    """Return a schedule with its bound; optimal where the two meet, feasible otherwise.

    Parameters
    ----------
    best
        The schedule.
    bound_usd
        Proven lower bound of all schedules; None where nothing is proven [USD].
    relative_gap
        What counts as meeting [-].
    """
    objective = usd_of(best)
    # Above the objective by rounding only.
    bound = None if bound_usd is None else min(bound_usd, objective)
    near = max(relative_gap * abs(objective), 1e-6)
    proven = bound is not None and objective - bound <= near
    status = SolveStatus.OPTIMAL if proven else SolveStatus.FEASIBLE
    outcome = dataclasses.replace(best.outcome, status=status, bound_usd=bound)
    return dataclasses.replace(best, outcome=outcome)
