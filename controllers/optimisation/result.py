"""What a solve found: status, objective, bound, values, duals, and the simplex basis."""

from __future__ import annotations

from dataclasses import dataclass, field

from ortools.math_opt import solution_pb2

from sim.control import SolveStatus
from sim.units import FloatArray, IntArray

AT_LOWER = int(solution_pb2.BASIS_STATUS_AT_LOWER_BOUND)
AT_UPPER = int(solution_pb2.BASIS_STATUS_AT_UPPER_BOUND)
BASIC = int(solution_pb2.BASIS_STATUS_BASIC)
"""Status of a variable or a row in a `Basis`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Statuses of a simplex method, at its end or for its start; need not be a basis to the letter.

    Attributes
    ----------
    variables, rows
        `AT_LOWER`, `AT_UPPER` or `BASIC`, ``(variable,)`` and ``(row,)``. A row that is basic does
        not bind.
    """

    variables: IntArray
    rows: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """What a solve found.

    Attributes
    ----------
    status
        OPTIMAL, FEASIBLE (stopped at a work limit), DEADLINE, INFEASIBLE (or unbounded), or FAILED
        (a limit was hit before a solution was found).
    objective
        Value of `values`, None without a solution.
    bound
        Proven lower bound of the model, None where nothing is proven.
    values
        The solution, ``(variable,)``, None without one. Integers are exact.
    duals
        Change of the objective per unit of each row's limit, ``(row,)``; None unless asked for.
    basis
        Where the simplex method ended; None for a model with integers.
    seconds
        Wall time.
    """

    status: SolveStatus
    objective: float | None
    bound: float | None
    values: FloatArray | None = field(repr=False)
    duals: FloatArray | None = field(repr=False)
    basis: Basis | None = field(repr=False)
    seconds: float
