"""Re-solves of a linear programme with another objective, by the primal simplex method."""

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
from sim.control import SolveStatus
from sim.errors import SolverError
from sim.units import FloatArray


class MovingCost:
    """A linear programme whose cost changes; the last basis stays feasible and starts the next.

    Solutions are vertices: the simplex method ends at them.

    Parameters
    ----------
    model
        The programme, without integers.
    """

    def __init__(self, model: LinearModel) -> None:
        if model.integer.any():
            raise ValueError("a model with integers has no simplex basis; fix them first.")
        self._model = model
        self._limits = WorkLimits()
        self._solver: Any = None
        self._last = model.cost

    def solve(self, cost: FloatArray) -> Solution:
        """Minimise ``cost @ x``, ``(variable,)``."""
        try:
            solution: Solution | None = self._resumed(cost)
        except SolverError:
            solution = None
        if solution is None or solution.status is not SolveStatus.OPTIMAL:
            # GLOP may lose its way from an old basis; one that starts afresh says what is true.
            self._solver = None
            return solve(dataclasses.replace(self._model, cost=cost), limits=self._limits)
        return solution

    def _resumed(self, cost: FloatArray) -> Solution:
        """Minimise from the last basis."""
        began = time.perf_counter()
        model = dataclasses.replace(self._model, cost=cost)
        parameters = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=self._limits.deadline_s),
            iteration_limit=self._limits.iterations,
            random_seed=SEED,
            # Presolving would forget where the last solve ended.
            presolve=mathopt.Emphasis.OFF,
            lp_algorithm=mathopt.LPAlgorithm.PRIMAL_SIMPLEX,
        )
        try:
            if self._solver is None:
                self._solver = core.new(
                    mathopt.SolverType.GLOP.value,
                    model_proto(model),
                    parameters_pb2.SolverInitializerProto(),
                )
            else:
                update = model_update_pb2.ModelUpdateProto()
                target = update.objective_updates.linear_coefficients
                moved = np.flatnonzero(cost != self._last)
                target.ids.extend(moved.tolist())
                target.values.extend(cost[moved].tolist())
                self._solver.update(update)
            self._last = cost
            result = self._solver.solve(
                parameters.to_proto(),
                model_parameters_pb2.ModelSolveParametersProto(),
                None,
                callback_pb2.CallbackRegistrationProto(),
                None,
                None,
            )
        except (StatusNotOk, RuntimeError, ValueError) as error:
            raise SolverError(f"The solver refused the model: {error}") from error
        return solution_of(model, result, self._limits, began, mixed=False, duals=False)
