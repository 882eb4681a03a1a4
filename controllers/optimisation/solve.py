"""The one door to OR-Tools MathOpt: a linear model in arrays, limits on the work, an honest result.

Work limits are counts of nodes and iterations, so that a solve gives the same bytes on every
machine. The wall clock is only a safety net; where it ends a search, the status says
`SolveStatus.DEADLINE`.

Models go in and solutions come out as arrays through protocol buffers, which is ten times faster
than the objects of `mathopt.Model`.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    model_update_pb2,
    parameters_pb2,
    result_pb2,
    solution_pb2,
    sparse_containers_pb2,
)
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import mathopt
from pybind11_abseil.status import StatusNotOk  # type: ignore[import-untyped]
from scipy import sparse

from sim.control import SolveStatus
from sim.errors import SolverError
from sim.units import BoolArray, FloatArray, IntArray

_SEED = 1

# A model that began from scratch does so again with a larger share of new rows: presolving and the
# primal simplex method then take less than the dual one takes to get back to feasibility.
_MANY_NEW = 0.02
AT_LOWER = int(solution_pb2.BASIS_STATUS_AT_LOWER_BOUND)
AT_UPPER = int(solution_pb2.BASIS_STATUS_AT_UPPER_BOUND)
BASIC = int(solution_pb2.BASIS_STATUS_BASIC)
"""Where a variable or a row stands in a `Basis`."""

_FEASIBLE = solution_pb2.SOLUTION_STATUS_FEASIBLE
_NO_SOLUTION = (
    result_pb2.TERMINATION_REASON_INFEASIBLE,
    result_pb2.TERMINATION_REASON_UNBOUNDED,
    result_pb2.TERMINATION_REASON_INFEASIBLE_OR_UNBOUNDED,
)
# GLOP ends so where it cannot reach its tolerances.
_GAVE_UP = (
    result_pb2.TERMINATION_REASON_IMPRECISE,
    result_pb2.TERMINATION_REASON_NUMERICAL_ERROR,
    result_pb2.TERMINATION_REASON_OTHER_ERROR,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearModel:
    """Minimise ``cost @ x + offset`` subject to ``row_lower <= matrix @ x <= row_upper``.

    Attributes
    ----------
    cost
        Objective coefficients, ``(variable,)``.
    matrix
        Constraint matrix, ``(row, variable)``.
    row_lower, row_upper
        Limits of the rows, ``(row,)``; infinite where there is none.
    lower, upper
        Bounds of the variables, ``(variable,)``.
    integer
        Which variables are integer, ``(variable,)``.
    offset
        Constant of the objective.
    """

    cost: FloatArray
    matrix: sparse.csr_array
    row_lower: FloatArray
    row_upper: FloatArray
    lower: FloatArray
    upper: FloatArray
    integer: BoolArray
    offset: float = 0.0

    def __post_init__(self) -> None:
        n_rows, n_variables = self.matrix.shape
        for name in ("cost", "lower", "upper", "integer"):
            shape = getattr(self, name).shape
            if shape != (n_variables,):
                raise ValueError(f"{name} has shape {shape}, the matrix {n_variables} columns.")
        for name in ("row_lower", "row_upper"):
            shape = getattr(self, name).shape
            if shape != (n_rows,):
                raise ValueError(f"{name} has shape {shape}, the matrix {n_rows} rows.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLimits:
    """When a search stops.

    Attributes
    ----------
    nodes
        Largest number of branch-and-bound nodes.
    iterations
        Largest number of simplex iterations of a model without integers.
    relative_gap
        A solution this close to the bound counts as optimal [-].
    deadline_s
        Wall-clock safety net [s].
    """

    nodes: int = 10_000
    iterations: int = 1_000_000
    relative_gap: float = 1e-7
    deadline_s: float = 120.0

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"nodes(={self.nodes}) must be at least 1.")
        if self.iterations < 1:
            raise ValueError(f"iterations(={self.iterations}) must be at least 1.")
        if not self.relative_gap >= 0:
            raise ValueError(f"relative_gap(={self.relative_gap}) must be >= 0.")
        if not self.deadline_s > 0:
            raise ValueError(f"deadline_s(={self.deadline_s}) must be > 0.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Where a simplex method stands, or is to start; need not be a basis to the letter.

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


def solve(
    model: LinearModel,
    *,
    limits: WorkLimits | None = None,
    start: FloatArray | None = None,
    duals: bool = False,
    presolve: bool = True,
) -> Solution:
    """Minimise a linear or mixed-integer linear model on one thread.

    Parameters
    ----------
    model
        The model. With integers, or where GLOP gives up, it goes to HiGHS, otherwise to GLOP.
    limits
        Work limits; the defaults where None.
    start
        A feasible solution to start a mixed-integer search from, ``(variable,)``.
    duals
        Whether to return duals; only for models without integers.
    presolve
        Whether a mixed-integer model is simplified first; some take longer to simplify than to
        solve.

    Returns
    -------
    Solution
        Solution and status.

    Raises
    ------
    SolverError
        Where the solver refuses the model, for example because of NaN.
    ValueError
        Where duals are asked of a model with integers.
    """
    limits = limits or WorkLimits()
    mixed = bool(model.integer.any())
    if mixed and duals:
        raise ValueError("duals do not exist for a model with integers; fix them first.")
    began = time.perf_counter()
    result = _call(model, limits, start if mixed else None, highs=mixed, presolve=presolve)
    if not mixed and not result.solutions and result.termination.reason in _GAVE_UP:
        result = _call(model, limits, None, highs=True, presolve=presolve)
    return _solution(model, result, limits, began, mixed=mixed, duals=duals)


def _solution(
    model: LinearModel,
    result: result_pb2.SolveResultProto,
    limits: WorkLimits,
    began: float,
    *,
    mixed: bool,
    duals: bool,
) -> Solution:
    """Return what MathOpt's result means for the model."""
    values = row_duals = objective = basis = None
    n_rows, n_variables = model.matrix.shape
    first = result.solutions[0] if result.solutions else None
    if first is not None and first.primal_solution.feasibility_status == _FEASIBLE:
        values = _dense(first.primal_solution.variable_values, n_variables)
        values = np.clip(values, model.lower, model.upper)
        values[model.integer] = np.round(values[model.integer])
        objective = float(model.cost @ values + model.offset)
        if duals and first.dual_solution.feasibility_status == _FEASIBLE:
            row_duals = _dense(first.dual_solution.dual_values, n_rows)
        if first.HasField("basis"):
            basis = Basis(
                variables=np.array(first.basis.variable_status.values, dtype=np.int64),
                rows=np.array(first.basis.constraint_status.values, dtype=np.int64),
            )
    seconds = time.perf_counter() - began
    late = seconds >= limits.deadline_s
    status = _status(result.termination, found=values is not None, late=late)
    return Solution(
        status=status,
        objective=objective,
        bound=_bound(result.termination, status, objective, mixed=mixed),
        values=values,
        duals=row_duals,
        basis=basis,
        seconds=seconds,
    )


def _dense(sparse_values: sparse_containers_pb2.SparseDoubleVectorProto, n: int) -> FloatArray:
    """Return a protocol buffer's vector as an array."""
    values = np.zeros(n)
    values[np.array(sparse_values.ids, dtype=np.int64)] = np.array(sparse_values.values)
    return values


def _call(
    model: LinearModel, limits: WorkLimits, start: FloatArray | None, *, highs: bool, presolve: bool
) -> result_pb2.SolveResultProto:
    """Hand the model to MathOpt and turn its refusals into `SolverError`."""
    parameters = mathopt.SolveParameters(
        time_limit=dt.timedelta(seconds=limits.deadline_s), random_seed=_SEED
    )
    if highs:
        # HiGHS refuses the common parameter for threads.
        parameters.highs.int_options["threads"] = 1
        parameters.node_limit = limits.nodes
        parameters.relative_gap_tolerance = limits.relative_gap
        if not presolve:
            parameters.presolve = mathopt.Emphasis.OFF
        solver = mathopt.SolverType.HIGHS
    else:
        parameters.iteration_limit = limits.iterations
        solver = mathopt.SolverType.GLOP
    hints = model_parameters_pb2.ModelSolveParametersProto()
    if start is not None:
        values = hints.solution_hints.add().variable_values
        values.ids.extend(range(len(start)))
        values.values.extend(start.tolist())
    try:
        # Protocol buffers in and out: the object layer of `mathopt.solve` costs more than many
        # of our solves.
        with _silence():
            return core.solve(
                _proto(model),
                solver.value,
                parameters_pb2.SolverInitializerProto(),
                parameters.to_proto(),
                hints,
                None,
                callback_pb2.CallbackRegistrationProto(),
                None,
                None,
            )
    except (StatusNotOk, RuntimeError, ValueError) as error:
        raise SolverError(f"The solver refused the model: {error}") from error


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what the solver's C++ prints away from standard output, which belongs to ``--json``.

    The HiGHS of OR-Tools 9.15 prints a line where it polishes a solution, whatever its options say.
    """
    sys.stdout.flush()
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        # What C has buffered must be gone before the descriptor is back.
        libc.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


class GrowingModel:
    """A linear model that gains rows, re-solved from where the simplex method stood.

    With integers there is nothing to stand on, and where nothing was given to stand on many new
    rows leave little of what there was: then a solve is a new one.

    Parameters
    ----------
    model
        The model to begin with.
    basis
        Where to start; from scratch where None.
    limits
        Work limits of each solve.
    """

    def __init__(self, model: LinearModel, basis: Basis | None, limits: WorkLimits) -> None:
        self.model = model
        self._limits = limits
        self._basis = basis if basis is None else _repaired(basis, model)
        self._solver: Any = None
        self._from_scratch = basis is None
        self._n_new = 0

    def add(
        self,
        cost: FloatArray,
        upper: FloatArray,
        matrix: sparse.csr_array,
        row_upper: FloatArray,
        *,
        integer: bool = False,
    ) -> None:
        """Add variables ``0 <= x <= upper`` and rows ``matrix @ x <= row_upper``.

        Parameters
        ----------
        cost, upper
            Of the new variables, ``(new variable,)``; they do not occur in the old rows.
        matrix
            The new rows, over the old and the new variables.
        row_upper
            ``(new row,)``.
        integer
            Whether the new variables are integer.
        """
        old, n_more = self.model, len(cost)
        if self._solver is None and self._basis is not None:
            self._basis = Basis(
                variables=np.concatenate([self._basis.variables, np.full(n_more, AT_LOWER)]),
                rows=np.concatenate([self._basis.rows, np.full(len(row_upper), BASIC)]),
            )
        n_rows, n_variables = old.matrix.shape
        wider = sparse.csr_array(
            (old.matrix.data, old.matrix.indices, old.matrix.indptr),
            shape=(n_rows, n_variables + n_more),
        )
        self.model = LinearModel(
            cost=np.concatenate([old.cost, cost]),
            matrix=sparse.csr_array(sparse.vstack([wider, matrix])),
            row_lower=np.concatenate([old.row_lower, np.full(len(row_upper), -np.inf)]),
            row_upper=np.concatenate([old.row_upper, row_upper]),
            lower=np.concatenate([old.lower, np.zeros(n_more)]),
            upper=np.concatenate([old.upper, upper]),
            integer=np.concatenate([old.integer, np.full(n_more, integer)]),
            offset=old.offset,
        )
        self._n_new += len(row_upper)
        if self._solver is not None:
            self._solver.update(_update(cost, upper, matrix, row_upper, n_rows, n_variables))

    def solve(self) -> Solution:
        """Minimise what there is now."""
        if self.model.integer.any():
            return solve(self.model, limits=self._limits)
        many = self._n_new > _MANY_NEW * len(self.model.row_upper)
        first = self._solver is None and self._basis is None
        self._n_new = 0
        if first or (many and self._from_scratch):
            self._solver = None
            found = solve(self.model, limits=self._limits, duals=True)
            self._basis = found.basis
            return found
        try:
            solution: Solution | None = self._resumed()
        except SolverError:
            # GLOP may lose its way from an old basis ("abnormal"). A model that is wrong in itself
            # is refused again.
            solution = None
        if solution is None or solution.status is SolveStatus.FAILED:
            self._solver = None
            return solve(self.model, limits=self._limits, duals=True)
        return solution

    def _resumed(self) -> Solution:
        """Minimise from where the simplex method stands."""
        began = time.perf_counter()
        parameters = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=self._limits.deadline_s),
            iteration_limit=self._limits.iterations,
            random_seed=_SEED,
            # Presolving would forget where the last solve ended.
            presolve=mathopt.Emphasis.OFF,
            lp_algorithm=mathopt.LPAlgorithm.DUAL_SIMPLEX,
        )
        hints = model_parameters_pb2.ModelSolveParametersProto()
        if self._basis is not None:
            for target, statuses in (
                (hints.initial_basis.variable_status, self._basis.variables),
                (hints.initial_basis.constraint_status, self._basis.rows),
            ):
                target.ids.extend(range(len(statuses)))
                target.values.extend(statuses.tolist())
            self._basis = None
        try:
            if self._solver is None:
                self._solver = core.new(
                    mathopt.SolverType.GLOP.value,
                    _proto(self.model),
                    parameters_pb2.SolverInitializerProto(),
                )
            result = self._solver.solve(
                parameters.to_proto(),
                hints,
                None,
                callback_pb2.CallbackRegistrationProto(),
                None,
                None,
            )
        except (StatusNotOk, RuntimeError, ValueError) as error:
            raise SolverError(f"The solver refused the model: {error}") from error
        return _solution(self.model, result, self._limits, began, mixed=False, duals=True)


def _update(
    cost: FloatArray,
    upper: FloatArray,
    matrix: sparse.csr_array,
    row_upper: FloatArray,
    n_rows: int,
    n_variables: int,
) -> model_update_pb2.ModelUpdateProto:
    """Return new variables and rows as MathOpt's protocol buffer; see `GrowingModel.add`."""
    update = model_update_pb2.ModelUpdateProto()
    new = range(n_variables, n_variables + len(cost))
    update.new_variables.ids.extend(new)
    update.new_variables.lower_bounds.extend([0.0] * len(cost))
    update.new_variables.upper_bounds.extend(upper.tolist())
    update.new_variables.integers.extend([False] * len(cost))
    priced = np.flatnonzero(cost)
    update.objective_updates.linear_coefficients.ids.extend((priced + n_variables).tolist())
    update.objective_updates.linear_coefficients.values.extend(cost[priced].tolist())
    update.new_linear_constraints.ids.extend(range(n_rows, n_rows + len(row_upper)))
    update.new_linear_constraints.lower_bounds.extend([-np.inf] * len(row_upper))
    update.new_linear_constraints.upper_bounds.extend(row_upper.tolist())
    _fill(update.linear_constraint_matrix_updates, matrix, n_rows)
    return update


def _repaired(basis: Basis, model: LinearModel) -> Basis:
    """Return a basis with as many basic variables and rows as the model has rows."""
    variables, rows = basis.variables.copy(), basis.rows.copy()
    missing = len(rows) - int((variables == BASIC).sum()) - int((rows == BASIC).sum())
    if missing > 0:
        # Inequalities may go slack; equalities only where nothing else is left.
        idle = np.flatnonzero(rows != BASIC)
        equal = model.row_lower[idle] == model.row_upper[idle]
        rows[idle[np.argsort(equal, kind="stable")][:missing]] = BASIC
    elif missing < 0:
        variables[np.flatnonzero(variables == BASIC)[missing:]] = AT_LOWER
    return Basis(variables=variables, rows=rows)


def _proto(model: LinearModel) -> model_pb2.ModelProto:
    """Return the model as MathOpt's protocol buffer."""
    matrix = model.matrix.tocsr()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    n_rows, n_variables = matrix.shape
    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(n_variables))
    proto.variables.lower_bounds.extend(model.lower.tolist())
    proto.variables.upper_bounds.extend(model.upper.tolist())
    proto.variables.integers.extend(model.integer.tolist())
    priced = np.flatnonzero(model.cost)
    proto.objective.offset = model.offset
    proto.objective.linear_coefficients.ids.extend(priced.tolist())
    proto.objective.linear_coefficients.values.extend(model.cost[priced].tolist())
    proto.linear_constraints.ids.extend(range(n_rows))
    proto.linear_constraints.lower_bounds.extend(model.row_lower.tolist())
    proto.linear_constraints.upper_bounds.extend(model.row_upper.tolist())
    _fill(proto.linear_constraint_matrix, matrix, 0)
    return proto


def _fill(
    proto: sparse_containers_pb2.SparseDoubleMatrixProto, matrix: sparse.csr_array, first_row: int
) -> None:
    """Fill a protocol buffer with a matrix whose rows are numbered from `first_row`."""
    rows = np.repeat(np.arange(matrix.shape[0]) + first_row, np.diff(matrix.indptr))
    proto.row_ids.extend(rows.tolist())
    proto.column_ids.extend(matrix.indices.tolist())
    proto.coefficients.extend(matrix.data.tolist())


def _status(termination: result_pb2.TerminationProto, *, found: bool, late: bool) -> SolveStatus:
    """Return what MathOpt's termination means here.

    GLOP does not say which limit has stopped it: it was the clock if the time is over (`late`).
    """
    if termination.reason in _NO_SOLUTION:
        return SolveStatus.INFEASIBLE
    if termination.limit == result_pb2.LIMIT_TIME:
        return SolveStatus.DEADLINE
    if termination.limit == result_pb2.LIMIT_UNDETERMINED and late:
        return SolveStatus.DEADLINE
    if termination.reason == result_pb2.TERMINATION_REASON_OPTIMAL and found:
        return SolveStatus.OPTIMAL
    return SolveStatus.FEASIBLE if found else SolveStatus.FAILED


def _bound(
    termination: result_pb2.TerminationProto,
    status: SolveStatus,
    objective: float | None,
    *,
    mixed: bool,
) -> float | None:
    """Return the proven lower bound, never above the solution's own value."""
    if objective is None:
        return None
    if not mixed:
        return objective if status is SolveStatus.OPTIMAL else None
    bound = float(termination.objective_bounds.dual_bound)
    return min(bound, objective) if np.isfinite(bound) else None
