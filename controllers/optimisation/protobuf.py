"""MathOpt's protocol buffers: models and updates into them, solutions out of them.

Protocol buffers hold arrays and are ten times faster than the objects of `mathopt.Model`.
"""

from __future__ import annotations

import time

import numpy as np
from ortools.math_opt import (
    model_pb2,
    model_update_pb2,
    result_pb2,
    solution_pb2,
    sparse_containers_pb2,
)
from scipy import sparse

from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import Basis, Solution
from controllers.optimisation.work_limits import WorkLimits
from sim.control import SolveStatus
from sim.units import FloatArray, IntArray

_FEASIBLE = solution_pb2.SOLUTION_STATUS_FEASIBLE
_NO_SOLUTION = (
    result_pb2.TERMINATION_REASON_INFEASIBLE,
    result_pb2.TERMINATION_REASON_UNBOUNDED,
    result_pb2.TERMINATION_REASON_INFEASIBLE_OR_UNBOUNDED,
)


def model_proto(model: LinearModel) -> model_pb2.ModelProto:
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


def update_proto(
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


def fixing_proto(variables: IntArray) -> model_update_pb2.ModelUpdateProto:
    """Return variables that are held at 0 as MathOpt's protocol buffer."""
    update = model_update_pb2.ModelUpdateProto()
    ids = np.unique(variables)
    for bounds in (update.variable_updates.lower_bounds, update.variable_updates.upper_bounds):
        bounds.ids.extend(ids.tolist())
        bounds.values.extend([0.0] * len(ids))
    return update


def _fill(
    proto: sparse_containers_pb2.SparseDoubleMatrixProto, matrix: sparse.csr_array, first_row: int
) -> None:
    """Fill a protocol buffer with a matrix whose rows are numbered from `first_row`."""
    rows = np.repeat(np.arange(matrix.shape[0]) + first_row, np.diff(matrix.indptr))
    proto.row_ids.extend(rows.tolist())
    proto.column_ids.extend(matrix.indices.tolist())
    proto.coefficients.extend(matrix.data.tolist())


def solution_of(
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
