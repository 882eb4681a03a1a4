"""Local search over routes, first improvement: a visit left out, elsewhere, or at another time.

Every neighbour is judged by the exact dispatch.

Best responses end where no vehicle alone gains against powers that the others hold on to. The
dispatch sets the powers of all vehicles anew, and so sees what a response cannot: one vehicle
leaving something to another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.routing.best_response import (
    LEAST_GAIN_USD,
    Effort,
    RouteDispatcher,
    improve,
    usd_of,
)

# Periods by which a departure is shifted.
_SHIFTS = (-1, 1, -2, 2)


def polish(
    problem: SchedulingProblem,
    schedule: Schedule,
    dispatcher: RouteDispatcher,
    trials: int,
    first: int = 0,
) -> Schedule:
    """Return a schedule at least as good, by first improvement over `neighbours`.

    Parameters
    ----------
    problem
        The problem.
    schedule
        Where to start.
    dispatcher
        Sets the powers on given routes.
    trials
        Largest number of routes tried.
    first
        Number of the neighbour to begin with, for those who try a few at a time; after the last
        one it goes on with the first.
    """
    best, left = schedule, trials
    improved = True
    while improved:
        improved = False
        around = list(neighbours(problem, best.routes))
        begin = first % max(len(around), 1)
        for routes in around[begin:] + around[:begin]:
            if left == 0:
                return best
            left -= 1
            found = dispatcher(routes, usd_of(best) - LEAST_GAIN_USD)
            if found is not None and usd_of(found) < usd_of(best) - LEAST_GAIN_USD:
                best, improved = found, True
                break
    return best


def recombine(
    problem: SchedulingProblem,
    schedule: Schedule,
    columns: tuple[tuple[Route, ...], ...],
    dispatcher: RouteDispatcher,
    trials: int,
    effort: Effort,
) -> Schedule:
    """Return a schedule at least as good, by one vehicle at a time taking one of its columns.

    The other vehicles respond to that, and the vehicle itself last: so two can move together where
    neither gains alone.

    Parameters
    ----------
    problem
        The problem.
    schedule
        Where to start.
    columns
        Routes that each vehicle may take, the most promising first.
    dispatcher
        Sets the powers on given routes.
    trials
        Largest number of columns tried.
    effort
        Effort of the responses; without sweeps nobody responds.
    """
    best, left, n = schedule, trials, problem.n_vehicles
    # Rank by rank, so that every vehicle's best columns come first.
    ranked = [
        (k, columns[k][rank])
        for rank in range(max(map(len, columns), default=0))
        for k in range(n)
        if rank < len(columns[k])
    ]
    since, place = 0, 0
    while since < len(ranked) and left > 0:
        k, route = ranked[place]
        place, since = (place + 1) % len(ranked), since + 1
        if route == best.routes[k]:
            continue
        left -= 1
        cutoff_usd = usd_of(best) - LEAST_GAIN_USD
        routes = (*best.routes[:k], route, *best.routes[k + 1 :])
        found = dispatcher(routes, np.inf if effort.sweeps else cutoff_usd)
        if found is None:
            continue
        order = (*(i for i in range(n) if i != k), k)
        found = improve(problem, found, order, effort, dispatcher)
        if usd_of(found) < cutoff_usd:
            best, since = found, 0
    return best


def neighbours(
    problem: SchedulingProblem, routes: tuple[Route, ...]
) -> Iterator[tuple[Route, ...]]:
    """Yield the possible routes that differ in one visit: left out, elsewhere, or at another time.

    Parameters
    ----------
    problem
        The problem.
    routes
        Departures per vehicle.
    """
    for k, route in enumerate(routes):
        for changed in _changed(route, problem.space.n_stations):
            if problem.space.valid(k, changed):
                yield (*routes[:k], changed, *routes[k + 1 :])


def _changed(route: Route, n_stations: int) -> Iterator[Route]:
    """Yield a vehicle's route with one visit changed, possible or not."""
    for n, (period, goal) in enumerate(route):
        before, after = route[:n], route[n + 1 :]
        yield before + after
        for station in range(n_stations):
            if station != goal:
                yield (*before, (period, station), *after)
        for shift in _SHIFTS:
            yield (*before, (period + shift, goal), *after)
