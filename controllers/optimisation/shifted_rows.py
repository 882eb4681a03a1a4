"""Re-solves of a linear programme with shifted right-hand sides, by the dual simplex method."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from typing import Any

import numpy as np
from ortools.math_opt import (
    callback_pb2,
    model_parameters_pb2,
    model_update_pb2,
    parameters_pb2,
)
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import mathopt
from pybind11_abseil.status import StatusNotOk  # type: ignore[import-untyped]

from controllers.optimisation.model import LinearModel
from controllers.optimisation.protobuf import model_proto, solution_of
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import SEED, solve
from controllers.optimisation.work_limits import WorkLimits
from sim.errors import SolverError
from sim.units import FloatArray, IntArray


class ShiftedRows:
    """Says what a linear programme costs where some of its rows are shifted.

    Parameters
    ----------
    model
        The programme, without integers.
    """

    def __init__(self, model: LinearModel) -> None:
        if model.integer.any():
            raise ValueError("a model with integers has no marginal costs; fix them first.")
        self._model = model
        self._limits = WorkLimits()
        self._solver: Any = None

    def objective(self, rows: IntArray | None = None, by: float = 0.0) -> float:
        """Return the least objective with both limits of `rows` shifted; infinite where none is."""
        shifted = np.empty(0, dtype=np.int64) if rows is None else np.unique(rows)
        try:
            solution: Solution | None = self._resumed(shifted, by)
        except SolverError:
            solution = None
        if solution is None or solution.objective is None:
            # GLOP may lose its way from an old basis; one that starts afresh says whether there is
            # no solution.
            self._solver = None
            solution = solve(self._shifted(shifted, by), limits=self._limits)
        return np.inf if solution.objective is None else solution.objective

    def _shifted(self, rows: IntArray, by: float) -> LinearModel:
        lower, upper = self._model.row_lower.copy(), self._model.row_upper.copy()
        lower[rows] += by
        upper[rows] += by
        return dataclasses.replace(self._model, row_lower=lower, row_upper=upper)

    def _resumed(self, rows: IntArray, by: float) -> Solution:
        """Minimise from the last basis; the rows are back where they were afterwards."""
        began = time.perf_counter()
        parameters = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=self._limits.deadline_s),
            iteration_limit=self._limits.iterations,
            random_seed=SEED,
            # Presolving would forget where the last solve ended.
            presolve=mathopt.Emphasis.OFF,
            lp_algorithm=mathopt.LPAlgorithm.DUAL_SIMPLEX,
        )
        try:
            if self._solver is None:
                self._solver = core.new(
                    mathopt.SolverType.GLOP.value,
                    model_proto(self._model),
                    parameters_pb2.SolverInitializerProto(),
                )
            self._move(rows, by)
            result = self._solver.solve(
                parameters.to_proto(),
                model_parameters_pb2.ModelSolveParametersProto(),
                None,
                callback_pb2.CallbackRegistrationProto(),
                None,
                None,
            )
            self._move(rows, 0.0)
        except (StatusNotOk, RuntimeError, ValueError) as error:
            raise SolverError(f"The solver refused the model: {error}") from error
        return solution_of(self._model, result, self._limits, began, mixed=False, duals=False)

    def _move(self, rows: IntArray, by: float) -> None:
        """Put the limits of rows `by` away from where they belong."""
        update = model_update_pb2.ModelUpdateProto()
        for limits, target in (
            (self._model.row_lower, update.linear_constraint_updates.lower_bounds),
            (self._model.row_upper, update.linear_constraint_updates.upper_bounds),
        ):
            moved: FloatArray = limits[rows] + by
            target.ids.extend(rows.tolist())
            target.values.extend(moved.tolist())
        self._solver.update(update)
