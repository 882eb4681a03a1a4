"""Fleet scheduling: column generation, or one mixed-integer programme, behind one function.

Both return the same kind of schedule for the same problem and constants: routes and powers, their
value, a proven lower bound of all schedules, and whether the two meet. `columns` is for fleets of
any size; `milp` is the reference, exact where it closes. `docs/decisions/0008-bounds-by-prices.md`
has the measurements.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from controllers.scheduling.routing.best_response import usd_of
from controllers.scheduling.routing.column_generation import (
    by_columns,
    doing_nothing_usd,
    park_by_columns,
    with_bound,
    with_idle,
)
from controllers.scheduling.routing.monolithic import milp
from controllers.scheduling.search import Search, SolverName
from sim.control import SolveStatus


class Solver(Protocol):
    """Solves a scheduling problem."""

    def __call__(
        self, problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
    ) -> Schedule | None:
        """Return the best schedule found, None where there is none."""


def by_milp(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return what the mixed-integer model finds from a first plan on; see `schedule`."""
    best = by_columns(problem, search.sketch(), starts)
    if best is None:
        return None
    routes, status, bound_usd = milp(problem, search.limits, best.routes)
    if routes is not None and routes != best.routes:
        found = dispatch(problem, routes, search.limits)
        if found is not None and usd_of(found) < usd_of(best):
            best = found
    late = SolveStatus.DEADLINE in (status, best.outcome.status)
    best = with_idle(best, doing_nothing_usd(problem, search))
    best = with_bound(best, bound_usd, search.limits.relative_gap)
    if not late:
        return best
    outcome = dataclasses.replace(best.outcome, status=SolveStatus.DEADLINE)
    return dataclasses.replace(best, outcome=outcome)


_SOLVERS: dict[SolverName, Solver] = {"columns": by_columns, "milp": by_milp}
_PARKING: dict[SolverName, Solver] = {"columns": park_by_columns, "milp": by_milp}


def schedule(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return the best schedule found.

    Parameters
    ----------
    problem
        The problem.
    search
        With which solver to search, and how hard.
    starts
        Routes to start from besides standing still, for example those of the last plan; put off
        where vehicles are late.

    Returns
    -------
    Schedule or None
        None where not even standing still allows a dispatch. The outcome's bound, where there is
        one, is proven for `problem`, not for the alternating-current network behind it. Its status
        is OPTIMAL where objective and bound meet, DEADLINE where the clock had a part in it, and
        FEASIBLE otherwise.
    """
    return _SOLVERS[search.solver](problem, search, starts)


def park(
    problem: SchedulingProblem, search: Search, starts: tuple[tuple[Route, ...], ...] = ()
) -> Schedule | None:
    """Return the best schedule found in which every vehicle makes at most one trip, at once.

    The arguments and the result are those of `schedule`; the bound is one of all such schedules.
    """
    space = problem.space
    duration = space.duration.copy()
    duration[1:] = 0
    once = dataclasses.replace(problem, space=dataclasses.replace(space, duration=duration))
    return _PARKING[search.solver](once, search, starts)
