"""Decomposition: patterns of the followers' integers are listed as they are found.

The master problem, the reformulation over the patterns found so far, gives a lower bound and a
decision of the leader. The followers' own programmes at that decision give their optimal values;
among the optimal answers the leader's favourite gives an upper bound and a new pattern. There are
finitely many patterns. Zeng and An 2014, see `single_level`; for several followers patterns are
listed for each of them.
"""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.bilevel.problem import BilevelProblem, Follower
from controllers.optimisation.bilevel.single_level import single_level
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from sim.control import SolveStatus
from sim.errors import SolverError
from sim.units import FloatArray

INDIFFERENT = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One round of the decomposition.

    Attributes
    ----------
    lower, upper
        Proven bounds of the leader's optimum after this round.
    patterns
        Patterns listed, all followers.
    master
        How the master problem ended.
    seconds
        Wall time since the start.
    """

    lower: float
    upper: float
    patterns: int
    master: SolveStatus
    seconds: float

    @property
    def gap(self) -> float:
        """Upper less lower bound, relative to the larger of 1 and the upper bound's size."""
        if not math.isfinite(self.upper):
            return math.inf
        return (self.upper - self.lower) / max(1.0, abs(self.upper))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BilevelSolution:
    """The best decision found.

    Attributes
    ----------
    status
        OPTIMAL where the gap is closed, FEASIBLE where the rounds ended before, INFEASIBLE where
        the leader has no decision, DEADLINE where the wall clock ended a master problem.
    objective, bound
        Cost of the decision, and a proven lower bound.
    leader
        The leader's variables, None without a decision.
    answers
        The followers' variables.
    log
        All rounds.
    """

    status: SolveStatus
    objective: float
    bound: float
    leader: FloatArray | None
    answers: tuple[FloatArray, ...]
    log: tuple[Iteration, ...]


def solve_bilevel(
    problem: BilevelProblem,
    *,
    tolerance: float = 1e-4,
    most_rounds: int = 100,
    limits: WorkLimits | None = None,
) -> BilevelSolution:
    """Minimise the leader's cost; see `BilevelProblem`.

    Parameters
    ----------
    problem
        Leader and followers.
    tolerance
        The gap that is closed, relative to the larger of 1 and the cost.
    most_rounds
        Largest number of master problems.
    limits
        Work limits of each model; followers are always solved to gap 0.

    Raises
    ------
    SolverError
        Where a follower has no answer, or his optimum is not proven.
    ValueError
        Where a multiplier of a follower exceeds its bound.
    """
    began = time.perf_counter()
    limits = limits or WorkLimits()
    exact = dataclasses.replace(limits, relative_gap=0.0)
    # A master that is looser than the gap asked for could not close it.
    limits = dataclasses.replace(limits, relative_gap=min(limits.relative_gap, tolerance / 10))
    patterns: list[dict[bytes, FloatArray]] = [{} for _ in problem.followers]
    lower, upper = -math.inf, math.inf
    best: FloatArray | None = None
    answers: tuple[FloatArray, ...] = ()
    log: list[Iteration] = []
    status = SolveStatus.FEASIBLE
    for _ in range(most_rounds):
        master = single_level(problem, [list(own.values()) for own in patterns])
        found = solve(master.model, limits=limits)
        if found.status is SolveStatus.INFEASIBLE and best is None:
            status = SolveStatus.INFEASIBLE
            break
        if found.bound is not None:
            lower = max(lower, min(found.bound, upper))
        if found.values is None:
            status = found.status
            break
        x = found.values[master.leader]
        own = [_answer(follower, x, exact) for follower in problem.followers]
        cost = float(problem.leader.cost @ x) + problem.leader.offset
        cost += sum(
            float(follower.leader_price(x) @ y)
            for follower, y in zip(problem.followers, own, strict=True)
        )
        if cost < upper:
            upper, best, answers = cost, x, tuple(own)
        new = False
        for follower, y, listed in zip(problem.followers, own, patterns, strict=True):
            pattern = y[follower.model.integer]
            new |= pattern.tobytes() not in listed
            listed[pattern.tobytes()] = pattern
        log.append(
            Iteration(
                lower=lower,
                upper=upper,
                patterns=sum(len(listed) for listed in patterns),
                master=found.status,
                seconds=time.perf_counter() - began,
            )
        )
        if log[-1].gap <= tolerance:
            status = SolveStatus.OPTIMAL
            break
        if found.status is SolveStatus.DEADLINE:
            status = SolveStatus.DEADLINE
            break
        if not new:
            # The same patterns would give the same master problem again.
            break
    return BilevelSolution(
        status=status, objective=upper, bound=lower, leader=best, answers=answers, log=tuple(log)
    )


def favourite_answer(
    programme: LinearModel, leader_price: FloatArray, limits: WorkLimits
) -> FloatArray:
    """Return the answer that the leader likes best among those optimal for a follower.

    Parameters
    ----------
    programme
        The follower's, at a decision of the leader.
    leader_price
        What each of its variables costs the leader, ``(variable,)``.
    limits
        Work limits; it is solved to gap 0.

    Raises
    ------
    SolverError
        Where the follower has no answer, or his optimum is not proven.
    """
    exact = dataclasses.replace(limits, relative_gap=0.0)
    return _favourite(programme, _optimum(programme, exact), leader_price, exact)


def _answer(follower: Follower, x: FloatArray, exact: WorkLimits) -> FloatArray:
    """Return the leader's favourite answer of a follower, whose multipliers are checked."""
    programme = follower.answer(x)
    optimum = _optimum(programme, exact)
    _check_multipliers(follower, programme, optimum)
    return _favourite(programme, optimum, follower.leader_price(x), exact)


def _optimum(programme: LinearModel, exact: WorkLimits) -> Solution:
    """Return the follower's optimum with whole integers, and its multipliers."""
    found = solve(programme, limits=exact)
    if found.values is None or found.status is not SolveStatus.OPTIMAL:
        raise SolverError(
            f"A follower's answer is {found.status}: every decision of the leader needs one, "
            "proven optimal."
        )
    # An integer of 1e-6 may let something pass that a whole one does not: what the follower
    # reaches with whole ones is what counts.
    whole = _with_integers(programme, found.values)
    if whole.values is None or whole.objective is None:
        raise SolverError("A follower's answer does not survive the rounding of its integers.")
    return whole


def _favourite(
    programme: LinearModel, whole: Solution, leader_price: FloatArray, exact: WorkLimits
) -> FloatArray:
    """Return the answer that the leader likes best among those as good as an optimum."""
    assert whole.objective is not None
    room = whole.objective - programme.offset + INDIFFERENT * max(1.0, abs(whole.objective))
    optimal = dataclasses.replace(
        programme,
        cost=leader_price,
        matrix=sparse.csr_array(
            sparse.vstack([programme.matrix, sparse.csr_array(programme.cost[None, :])])
        ),
        row_lower=np.append(programme.row_lower, -np.inf),
        row_upper=np.append(programme.row_upper, room),
    )
    # The room is narrow: GLOP, and the presolve of HiGHS, have called such models infeasible.
    favourite = solve(optimal, limits=exact, start=whole.values, highs=True)
    if favourite.values is None:
        favourite = solve(optimal, limits=exact, start=whole.values, presolve=False, highs=True)
    if favourite.values is None or favourite.status is not SolveStatus.OPTIMAL:
        raise SolverError(f"The leader's favourite answer is {favourite.status}.")
    return favourite.values


def _with_integers(programme: LinearModel, y: FloatArray) -> Solution:
    """Return the optimum of the continuous variables with the integers of an answer."""
    whole = programme.integer
    return solve(
        dataclasses.replace(
            programme,
            lower=np.where(whole, y, programme.lower),
            upper=np.where(whole, y, programme.upper),
            integer=np.zeros(len(whole), dtype=np.bool_),
        ),
        duals=True,
    )


def _check_multipliers(follower: Follower, programme: LinearModel, answer: Solution) -> None:
    """Refuse a bound that the multipliers of an answer exceed."""
    if answer.duals is None:
        return
    free = ~programme.integer
    reduced = (programme.cost - programme.matrix.T @ answer.duals)[free]
    largest = float(np.abs(np.concatenate([answer.duals, reduced])).max(initial=0.0))
    if largest > follower.multiplier_bound * (1 + 1e-6):
        raise ValueError(
            f"multiplier_bound(={follower.multiplier_bound}) is too small: a multiplier is "
            f"{largest:.6g}. Bounds from it would be wrong; choose at least twice as much."
        )
