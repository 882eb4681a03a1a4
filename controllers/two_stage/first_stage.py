"""Outer approximation of the cone model: tangents and branch and bound in turn."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from controllers.optimisation.model import LinearModel
from controllers.optimisation.ranges import check_ranges
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import MOST_NODES, WorkLimits
from controllers.scheduling.problem.time_space import Route, TimeSpace
from controllers.two_stage.cone import planes_at, with_planes
from controllers.two_stage.misocp import Misocp
from sim.control import SolveStatus, StopPlanning, tell
from sim.units import FloatArray

# The base on which the exactness of cones is stated [MVA].
BASE_MVA = 10.0

# Cones hold if ``p^2 + q^2 - l v`` is below this [MVA^2]: 1e-5 pu. For routes that are only
# compared, so many times more will do.
_TOLERANCE = 1e-5 * BASE_MVA**2
_ROUGHLY = 10.0

# Inverters and transformers keep their ratings to this; the world clips the rest [MVA].
_DISC_MVA = 1e-5

# Rounds of tangents for given routes. Each quarters the error.
_ROUNDS = 20

# Tangents that change the objective by less than this are not worth another round; for routes that
# are only compared, by less than that [USD].
_LEAST_USD = 1e-3
_ROUGHLY_USD = 1e-2

# Routes whose integers are chosen by this relative gap; tangents follow [-].
_FIXED_GAP = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStage:
    """How hard to search.

    Attributes
    ----------
    gap
        Gap at which the search for routes ends, over what storage is worth [-].
    nodes
        Largest number of branch-and-bound nodes of one search.
    searches
        Largest number of searches, each with the tangents of those before.
    deadline_s
        Wall-clock safety net of one search [s].
    """

    gap: float = 0.002
    nodes: int = 20
    searches: int = 3
    deadline_s: float = 300.0

    def __post_init__(self) -> None:
        check_ranges(self, gap=(1e-12, 1), nodes=(1, MOST_NODES), searches=(1, 1000))
        if not self.deadline_s > 0:
            raise ValueError(f"deadline_s(={self.deadline_s}) must be > 0.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routed:
    """The best powers for given routes.

    Attributes
    ----------
    routes
        The routes.
    values
        The solution of the model, ``(variable,)``.
    objective_usd
        Its value; a lower bound of what these routes cost in the cone model [USD].
    excess
        Largest ``p^2 + q^2 - l v`` and smallest, over all branches [MVA^2]: the first is how far
        tangents are from the cones, the second, if negative, how far currents are above those of
        a power flow.
    """

    routes: tuple[Route, ...]
    values: FloatArray = field(repr=False)
    objective_usd: float
    excess: tuple[float, float]


class OuterApproximation:
    """Gathers tangents over the solves of one model.

    Parameters
    ----------
    model
        The model.
    space
        Where vehicles can be.
    """

    def __init__(self, model: Misocp, space: TimeSpace) -> None:
        self._model = model
        self._space = space
        self._linear = model.linear
        self.solves = 0
        self.planes = 0

    def along(self, routes: tuple[Route, ...], deadline_s: float, *, exact: bool) -> Routed | None:
        """Return the best powers for given routes, None where there are none.

        Integers other than trips are chosen with the tangents known so far, then kept.

        Parameters
        ----------
        routes
            The routes.
        deadline_s
            Wall-clock safety net of each solve [s].
        exact
            Whether to add tangents until the cones hold, or only until they cost next to nothing.
        """
        lower, upper = self._model.fixed(self._space, routes)
        integer = self._linear.integer.copy()
        integer[self._model.trips.taken] = False
        limits = WorkLimits(relative_gap=_FIXED_GAP, deadline_s=deadline_s)
        found = None
        before = -np.inf
        for number in range(_ROUNDS):
            try:
                tell(
                    f"powers for given routes, round {number + 1} of at most {_ROUNDS}",
                    best=None if found is None else found.objective_usd,
                )
            except StopPlanning:
                if found is None:
                    raise
                return found
            model = dataclasses.replace(self._linear, lower=lower, upper=upper, integer=integer)
            solution = self._solve(model, limits, None)
            if solution.values is None or solution.objective is None:
                return found
            both_ways = self._model.both_ways(solution.values)
            both_ways = both_ways[lower[both_ways] < upper[both_ways]]
            if integer.any():
                lower[integer] = upper[integer] = solution.values[integer]
                integer[:] = False
            integer[both_ways] = True
            found = self._routed(routes, solution.values, solution.objective)
            gained = solution.objective - before
            settled = self._tighten(solution.values, 1.0 if exact else _ROUGHLY) == 0
            if (settled or (not exact and gained < _ROUGHLY_USD)) and not len(both_ways):
                break
            before = solution.objective
        return found

    def relax(self, like: Routed, deadline_s: float) -> None:
        """Gather tangents where vehicles could be in several places at once.

        Branch and bound begins there, and is the faster, the fewer tangents it lacks. Integers
        other than trips are those of a solution.
        """
        model = self._linear
        lower, upper, integer = model.lower.copy(), model.upper.copy(), model.integer.copy()
        integer[self._model.trips.taken] = False
        lower[integer] = upper[integer] = like.values[integer]
        limits = WorkLimits(deadline_s=deadline_s)
        before = -np.inf
        for number in range(_ROUNDS):
            bound = None if number == 0 else before
            tell(f"relaxation, round {number + 1} of at most {_ROUNDS}", bound=bound)
            relaxed = dataclasses.replace(
                self._linear, lower=lower, upper=upper, integer=np.zeros_like(integer)
            )
            solution = self._solve(relaxed, limits, None)
            if solution.values is None or solution.objective is None:
                return
            if self._tighten(solution.values, 1.0) == 0:
                return
            if solution.objective - before < _ROUGHLY_USD:
                return
            before = solution.objective

    def best(self, start: Routed, relative_gap: float, effort: FirstStage) -> Solution:
        """Search all routes, from a solution."""
        limits = WorkLimits(
            nodes=effort.nodes, relative_gap=relative_gap, deadline_s=effort.deadline_s
        )
        solution = self._solve(self._linear, limits, start.values)
        if solution.values is not None:
            both_ways = self._model.both_ways(solution.values)
            if len(both_ways):
                integer = self._linear.integer.copy()
                integer[both_ways] = True
                self._linear = dataclasses.replace(self._linear, integer=integer)
            self._tighten(solution.values, 1.0)
        return solution

    def _solve(self, model: LinearModel, limits: WorkLimits, start: FloatArray | None) -> Solution:
        self.solves += 1
        # Presolving the time-space network takes HiGHS longer than solving it.
        return solve(model, limits=limits, start=start, presolve=start is None)

    def _tighten(self, values: FloatArray, times: float) -> int:
        """Cut off a solution where cones are missed by `times` the tolerance; count the planes."""
        planes = planes_at(
            self._model.cones, self._model.discs, values, times * _TOLERANCE, times * _DISC_MVA
        )
        self._linear = with_planes(self._linear, planes)
        self.planes += planes.shape[0]
        return int(planes.shape[0])

    def _routed(
        self, routes: tuple[Route, ...], values: FloatArray, objective_usd: float
    ) -> Routed:
        excess = self._model.cones.excess(values)
        return Routed(
            routes=routes,
            values=values,
            objective_usd=objective_usd,
            excess=(float(excess.max(initial=0.0)), float(excess.min(initial=0.0))),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Searched:
    """What the first stage found.

    Attributes
    ----------
    best
        The best routes and their powers.
    bound_usd
        Proven lower bound of the cone model, None where nothing is proven [USD].
    status
        How the search ended.
    """

    best: Routed
    bound_usd: float | None
    status: SolveStatus


def search_routes(
    approximation: OuterApproximation,
    model: Misocp,
    starts: list[Routed],
    worth_usd: float,
    effort: FirstStage,
) -> Searched:
    """Search for routes until they are proven good enough.

    Parameters
    ----------
    approximation
        Knows tangents already.
    model
        The model.
    starts
        Routes with their powers, at least one.
    worth_usd
        What storage is worth at its best start [USD].
    effort
        How hard to search.
    """
    best = min(starts, key=lambda one: one.objective_usd)
    bound: float | None = None
    status = SolveStatus.FEASIBLE
    tolerance_usd = max(effort.gap * worth_usd, _LEAST_USD)
    try:
        best = approximation.along(best.routes, effort.deadline_s, exact=True) or best
        approximation.relax(best, effort.deadline_s)
        for number in range(effort.searches):
            tell(
                f"first stage, search {number + 1} of at most {effort.searches}",
                best=best.objective_usd,
                bound=bound,
            )
            relative = tolerance_usd / max(abs(best.objective_usd), 1.0)
            solution = approximation.best(best, relative, effort)
            status = solution.status
            if solution.values is None:
                break
            if solution.bound is not None:
                bound = solution.bound if bound is None else max(bound, solution.bound)
            routes = model.trips.routes(solution.values, model.mode.shape[0])
            found = approximation.along(routes, effort.deadline_s, exact=True)
            if found is not None and (
                routes == best.routes or found.objective_usd < best.objective_usd
            ):
                best = found
            if bound is not None and best.objective_usd - bound <= 2 * tolerance_usd:
                status = SolveStatus.OPTIMAL
                break
            if status is not SolveStatus.OPTIMAL:
                break
    except StopPlanning:
        return Searched(best=best, bound_usd=bound, status=SolveStatus.DEADLINE)
    if status is SolveStatus.OPTIMAL and (
        bound is None or best.objective_usd - bound > 2 * tolerance_usd
    ):
        status = SolveStatus.FEASIBLE
    return Searched(best=best, bound_usd=bound, status=status)
