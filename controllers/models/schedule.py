"""From a scheduling problem to a schedule: one door.

Best responses give a plan within a fraction of a second, small changes of its routes polish it;
the mixed-integer model then proves or improves it where it is small enough to close. Prices on what
vehicles share bound problems of any size, and the routes that suit these prices are one more start.
`docs/decisions/0002-scheduling.md` has the measurements.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from controllers.models.best_response import LEAST_GAIN_USD, Effort, improve, usd_of
from controllers.models.bound import lower_bound
from controllers.models.dispatch import Dispatcher, dispatch
from controllers.models.local_search import polish
from controllers.models.milp import count_binaries, milp
from controllers.models.problem import Schedule, SchedulingProblem
from controllers.models.timespace import Route
from controllers.solve import WorkLimits
from sim.control import SolveStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to search; all of it deterministic.

    Attributes
    ----------
    orders
        Orders of the vehicles from which best responses start.
    effort
        Effort of each start.
    trials
        Small changes of the best routes that are tried after that.
    retrials
        The same where a plan is carried on.
    prices
        Number of prices tried for a lower bound; 0 bounds nothing.
    binaries
        Largest number of trips for which the mixed-integer model is solved; 0 never solves it.
    limits
        Work limits of each solve.
    """

    orders: int = 3
    effort: Effort = field(default_factory=Effort)
    trials: int = 20
    retrials: int = 2
    prices: int = 0
    binaries: int = 300
    limits: WorkLimits = field(default_factory=WorkLimits)

    def __post_init__(self) -> None:
        for name in ("orders", "trials", "retrials", "prices", "binaries"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name}(={value}) must be >= 0.")


def schedule(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return the best schedule found.

    Parameters
    ----------
    problem
        The problem.
    search
        How to search.
    starts
        Routes to start from besides standing still, for example those of the last plan; put off
        where vehicles are late.

    Returns
    -------
    Schedule or None
        None where not even standing still allows a dispatch. The outcome's bound, where there is
        one, is proven for `problem`, not for the alternating-current network behind it.
    """
    parked: tuple[Route, ...] = ((),) * problem.n_vehicles
    dispatcher = Dispatcher(problem, search.limits)
    bound = lower_bound(problem, search.prices) if search.prices else None
    if bound is not None:
        starts = (*starts, bound.routes)
    begin: list[Schedule] = []
    for routes in (parked, *starts):
        late = tuple(problem.space.delayed(k, route) for k, route in enumerate(routes))
        dispatched = dispatcher(late)
        if dispatched is not None:
            begin.append(dispatched)
    if not begin:
        return None
    orders = vehicle_orders(problem.n_vehicles, search.orders)
    tries = [(begin[0], order) for order in orders]
    tries += [(other, tuple(range(problem.n_vehicles))) for other in begin[1:]]
    seen = begin + [improve(problem, one, order, search.effort, dispatcher) for one, order in tries]
    best = polish(problem, min(seen, key=usd_of), dispatcher, search.trials)
    if search.binaries and count_binaries(problem) <= search.binaries:
        best = _prove(problem, best, search.limits)
    if bound is not None:
        best = _bounded(best, bound.usd, best.outcome.status, search.limits)
    if dispatcher.late:
        outcome = dataclasses.replace(best.outcome, status=SolveStatus.DEADLINE)
        best = dataclasses.replace(best, outcome=outcome)
    return best


def park(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return the best schedule in which every vehicle makes at most one trip, at once.

    `starts` are such routes to begin with, the first of them. One vehicle after the other goes
    where it is worth most beside the others, until none wants to change.

    Returns
    -------
    Schedule or None
        None where not even standing still allows a dispatch.
    """
    parked: tuple[Route, ...] = ((),) * problem.n_vehicles
    dispatcher = Dispatcher(problem, search.limits)
    best = dispatcher(starts[0] if starts else parked)
    changed = best is not None
    while best is not None and changed:
        changed = False
        for k in range(problem.n_vehicles):
            places: list[Route] = [()] + [((0, goal),) for goal in range(problem.space.n_stations)]
            for place in places:
                if place == best.routes[k] or not problem.space.valid(k, place):
                    continue
                tried = (*best.routes[:k], place, *best.routes[k + 1 :])
                found = dispatcher(tried)
                if found is not None and usd_of(found) < usd_of(best) - LEAST_GAIN_USD:
                    best, changed = found, True
    return best


def vehicle_orders(n_vehicles: int, n: int) -> list[tuple[int, ...]]:
    """Return up to `n` orders: the rotations, so that each vehicle comes first once."""
    rotations = [
        tuple((first + i) % n_vehicles for i in range(n_vehicles)) for first in range(n_vehicles)
    ]
    return rotations[:n]


def _prove(problem: SchedulingProblem, best: Schedule, limits: WorkLimits) -> Schedule:
    """Return what the mixed-integer model makes of the best schedule so far, with its bound."""
    routes, status, bound = milp(problem, limits, best.routes)
    if routes is not None and routes != best.routes:
        found = dispatch(problem, routes, limits)
        if found is not None and usd_of(found) < usd_of(best):
            best = found
    if status not in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE, SolveStatus.DEADLINE):
        return best
    return _bounded(best, bound, status, limits)


def _bounded(
    best: Schedule, bound_usd: float | None, status: SolveStatus, limits: WorkLimits
) -> Schedule:
    """Return the schedule with the better of its bound and another one."""
    objective = usd_of(best)
    bounds = [usd for usd in (best.outcome.bound_usd, bound_usd) if usd is not None]
    bound = min(max(bounds), objective) if bounds else None
    proven = bound is not None and objective - bound <= max(
        limits.relative_gap * abs(objective), 1e-6
    )
    if status is not SolveStatus.DEADLINE:
        status = SolveStatus.OPTIMAL if proven else SolveStatus.FEASIBLE
    return dataclasses.replace(
        best, outcome=dataclasses.replace(best.outcome, status=status, bound_usd=bound)
    )
