"""The one door to OR-Tools MathOpt: a linear model in arrays, limits on the work, an honest result.

Work limits are counts of nodes and iterations, so that a solve gives the same bytes on every
machine. The wall clock is only a safety net; where it ends a search, the status says
`SolveStatus.DEADLINE`.

Models go in and solutions come out as arrays through protocol buffers, which is ten times faster
than the objects of `mathopt.Model`.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field

import numpy as np
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_pb2,
    parameters_pb2,
    result_pb2,
    solution_pb2,
)
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import mathopt
from pybind11_abseil.status import StatusNotOk  # type: ignore[import-untyped]
from scipy import sparse

from sim.control import SolveStatus
from sim.errors import SolverError
from sim.units import BoolArray, FloatArray

_SEED = 1
_FEASIBLE = solution_pb2.SOLUTION_STATUS_FEASIBLE
_NO_SOLUTION = (
    result_pb2.TERMINATION_REASON_INFEASIBLE,
    result_pb2.TERMINATION_REASON_UNBOUNDED,
    result_pb2.TERMINATION_REASON_INFEASIBLE_OR_UNBOUNDED,
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
    seconds
        Wall time.
    """

    status: SolveStatus
    objective: float | None
    bound: float | None
    values: FloatArray | None = field(repr=False)
    duals: FloatArray | None = field(repr=False)
    seconds: float


def solve(
    model: LinearModel,
    *,
    limits: WorkLimits | None = None,
    start: FloatArray | None = None,
    duals: bool = False,
) -> Solution:
    """Minimise a linear or mixed-integer linear model on one thread.

    Parameters
    ----------
    model
        The model. Without integers it goes to GLOP, otherwise to HiGHS.
    limits
        Work limits; the defaults where None.
    start
        A feasible solution to start a mixed-integer search from, ``(variable,)``.
    duals
        Whether to return duals; only for models without integers.

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
    result = _call(model, limits, start if mixed else None, mixed=mixed)
    values = row_duals = objective = None
    first = result.solutions[0] if result.solutions else None
    if first is not None and first.primal_solution.feasibility_status == _FEASIBLE:
        values = np.zeros(len(model.cost))
        values[list(first.primal_solution.variable_values.ids)] = np.array(
            first.primal_solution.variable_values.values
        )
        values = np.clip(values, model.lower, model.upper)
        values[model.integer] = np.round(values[model.integer])
        objective = float(model.cost @ values + model.offset)
        if duals and first.dual_solution.feasibility_status == _FEASIBLE:
            row_duals = np.zeros(len(model.row_lower))
            row_duals[list(first.dual_solution.dual_values.ids)] = np.array(
                first.dual_solution.dual_values.values
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
        seconds=seconds,
    )


def _call(
    model: LinearModel, limits: WorkLimits, start: FloatArray | None, *, mixed: bool
) -> result_pb2.SolveResultProto:
    """Hand the model to MathOpt and turn its refusals into `SolverError`."""
    parameters = mathopt.SolveParameters(
        time_limit=dt.timedelta(seconds=limits.deadline_s), random_seed=_SEED
    )
    if mixed:
        # HiGHS refuses the common parameter for threads.
        parameters.highs.int_options["threads"] = 1
        parameters.node_limit = limits.nodes
        parameters.relative_gap_tolerance = limits.relative_gap
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
    rows = np.repeat(np.arange(n_rows), np.diff(matrix.indptr))
    proto.linear_constraint_matrix.row_ids.extend(rows.tolist())
    proto.linear_constraint_matrix.column_ids.extend(matrix.indices.tolist())
    proto.linear_constraint_matrix.coefficients.extend(matrix.data.tolist())
    return proto


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
