"""Robust programmes by extreme points of the set, generated where they are violated.

Each row is kept for a growing list of points only. Where the solution lets the worst point of a row
violate it, the row is added for that point: a vertex, as a linear programme over the set ends in
one, so the list is finite. Every model on the way is a relaxation, and its bound is valid. Mutapcic
and Boyd, "Cutting-set methods for robust convex optimization with pessimizing oracles",
Optimization Methods and Software 24, 2009; Bertsimas, Dunning, Lubin, "Reformulation versus
cutting-planes for robust optimization", Computational Management Science 13, 2016.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from controllers.optimisation.model import LinearModel
from controllers.optimisation.moving_cost import MovingCost
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.uncertainty_sets.robust_model import RobustProgramme
from sim.control import SolveStatus
from sim.errors import SolverError
from sim.units import FloatArray, IntArray

TOLERANCE = 2e-7
MOST_ROUNDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RobustSolution:
    """What was found; `solution` is about the programme's own variables.

    Attributes
    ----------
    solution
        Status, objective, bound and values.
    rounds
        Models solved.
    points
        Rows added, each for one point.
    seconds
        Wall time, searches for points included.
    """

    solution: Solution
    rounds: int
    points: int
    seconds: float


@dataclass(slots=True)
class _Points:
    """Who is worst for each row; remembers which points were added for which row."""

    programme: RobustProgramme
    worst: MovingCost
    known: set[tuple[int, bytes]] = field(default_factory=set)

    def violated(self, values: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return rows and their worst points where x violates them, ``(n,)``, ``(n, column)``."""
        nominal = self.programme.uncertainty.nominal
        coefficients = self.programme.coefficients(values)
        left = self.programme.limit - self.programme.constant @ values
        found: dict[bytes, FloatArray] = {}
        for row, own in enumerate(coefficients):
            if _may_violate(self.programme, own, left[row]):
                point = self._worst(own)
                if own @ (point - nominal) - left[row] > TOLERANCE:
                    found[_key(point)] = point
        if not found:
            return np.empty(0, dtype=np.int64), np.empty((0, len(nominal)))
        points = np.array(list(found.values()))
        excess = coefficients @ (points - nominal).T - left[:, None]
        keys = list(found)
        new = []
        for row, column in np.argwhere(excess > TOLERANCE).tolist():
            if (row, keys[column]) not in self.known:
                self.known.add((row, keys[column]))
                new.append((row, column))
        rows, columns = np.array(new, dtype=np.int64).reshape(-1, 2).T
        return rows, points[columns]

    def farthest(self) -> FloatArray:
        """Return the nominal point and those farthest along every column, ``(point, column)``."""
        known = self.programme.uncertainty
        found = {_key(known.nominal): known.nominal}
        for unit in np.eye(known.n_columns):
            for point in (self._worst(unit), self._worst(-unit)):
                found[_key(point)] = point
        return np.array(list(found.values()))

    def _worst(self, coefficient: FloatArray) -> FloatArray:
        known = self.programme.uncertainty
        if not len(known.limit):
            return np.where(coefficient > 0, known.upper, known.lower)
        found = self.worst.solve(-coefficient)
        if found.values is None:
            raise SolverError("The worst point of an uncertainty set was not found.")
        return found.values


def solve_by_extreme_points(
    programme: RobustProgramme, limits: WorkLimits | None = None
) -> RobustSolution:
    """Minimise a robust programme; with integers, the relaxation collects points first.

    Parameters
    ----------
    programme
        The programme.
    limits
        Work limits of each model; the defaults where None.

    Raises
    ------
    SolverError
        Where the solver refuses a model, or rounds do not end.
    """
    began = time.perf_counter()
    limits = limits or WorkLimits()
    known, n_rows = programme.uncertainty, len(programme.limit)
    points = _Points(programme, MovingCost(known.support_model(np.zeros(known.n_columns))))
    first = points.farthest()
    rows = np.repeat(np.arange(n_rows), len(first))
    relaxed = dataclasses.replace(
        programme.model, integer=np.zeros(len(programme.model.cost), dtype=np.bool_)
    )
    model = _with_rows(relaxed, programme, rows, np.tile(first, (n_rows, 1)))
    solution, model, rounds = _solved(model, programme, points, limits)
    if programme.model.integer.any() and solution.values is not None:
        model = dataclasses.replace(model, integer=programme.model.integer)
        solution, _, more = _solved(model, programme, points, limits)
        rounds += more
    return RobustSolution(
        solution=solution,
        rounds=rounds,
        points=len(points.known),
        seconds=time.perf_counter() - began,
    )


def _solved(
    model: LinearModel, programme: RobustProgramme, points: _Points, limits: WorkLimits
) -> tuple[Solution, LinearModel, int]:
    """Solve and add points until no row is violated; return solution, last model and rounds.

    Points are also looked for where the mean of the solutions so far, the last one counting most,
    violates rows: corners far out teach little (Ben-Ameur and Neto, "Acceleration of cutting-plane
    and column generation algorithms", Networks 49, 2007).
    """
    centre: FloatArray | None = None
    for rounds in range(1, MOST_ROUNDS + 1):
        solution = solve(model, limits=limits, highs=True)
        if solution.values is None:
            return solution, model, rounds
        centre = solution.values if centre is None else (centre + solution.values) / 2
        at_centre = points.violated(centre)
        here = points.violated(solution.values)
        if not len(here[0]) and not len(at_centre[0]):
            return solution, model, rounds
        if solution.status is SolveStatus.DEADLINE:
            # Its values violate rows; its bound holds.
            return dataclasses.replace(solution, values=None, objective=None), model, rounds
        for rows, worst in (at_centre, here):
            model = _with_rows(model, programme, rows, worst)
    raise SolverError(f"Extreme points did not come to an end in {MOST_ROUNDS} rounds.")


def _with_rows(
    model: LinearModel, programme: RobustProgramme, rows: IntArray, points: FloatArray
) -> LinearModel:
    """Return the model with robust rows, each at its point."""
    n_columns = points.shape[1]
    deviation = points - programme.uncertainty.nominal
    at, column = np.nonzero(deviation)
    pick = sparse.csr_array(
        (deviation[at, column], (at, rows[at] * n_columns + column)),
        shape=(len(rows), len(programme.limit) * n_columns),
    )
    matrix = programme.constant[rows] + pick @ programme.slope
    limit = programme.limit[rows] - (deviation * programme.slope_constant[rows]).sum(axis=1)
    return dataclasses.replace(
        model,
        matrix=sparse.csr_array(sparse.vstack([model.matrix, matrix])),
        row_lower=np.concatenate([model.row_lower, np.full(len(rows), -np.inf)]),
        row_upper=np.concatenate([model.row_upper, limit]),
    )


def _may_violate(programme: RobustProgramme, coefficient: FloatArray, left: float) -> bool:
    """Return whether a row could be violated in the bounds of the set alone."""
    known = programme.uncertainty
    farthest = np.where(coefficient > 0, known.upper, known.lower)
    most = coefficient @ (farthest - known.nominal)
    return bool(most - left > TOLERANCE)


def _key(point: FloatArray) -> bytes:
    return (np.round(point, 9) + 0.0).tobytes()
