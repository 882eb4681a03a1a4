"""A simplex solver that is kept between solves, and starts each from the last basis."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

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
from controllers.optimisation.solve import SEED
from controllers.optimisation.work_limits import WorkLimits
from sim.errors import SolverError


class KeptSolver:
    """GLOP with a model of its own, which is updated instead of built anew.

    Parameters
    ----------
    algorithm
        The primal simplex method where costs move, the dual one where rows move or are added.
    limits
        Work limits of each solve.
    """

    def __init__(self, algorithm: mathopt.LPAlgorithm, limits: WorkLimits) -> None:
        self._limits = limits
        self._parameters = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=limits.deadline_s),
            iteration_limit=limits.iterations,
            random_seed=SEED,
            # Presolving would forget where the last solve ended.
            presolve=mathopt.Emphasis.OFF,
            lp_algorithm=algorithm,
        ).to_proto()
        self._solver: Any = None

    @property
    def started(self) -> bool:
        """Whether it holds a model."""
        return self._solver is not None

    def forget(self) -> None:
        """Start the next solve from the model alone; GLOP may lose its way from an old basis."""
        self._solver = None

    def update(self, changes: model_update_pb2.ModelUpdateProto) -> None:
        """Change the model that it holds."""
        self._solver.update(changes)

    def solve(
        self,
        model: LinearModel,
        *,
        duals: bool = False,
        hints: model_parameters_pb2.ModelSolveParametersProto | None = None,
        changes: Callable[[], model_update_pb2.ModelUpdateProto] | None = None,
    ) -> Solution:
        """Minimise from the last basis.

        Parameters
        ----------
        model
            The model as it is now; the solver takes it over if it holds none.
        duals
            Whether to return duals and basis.
        hints
            A basis to start from.
        changes
            Returns what the model that it holds lacks, if it holds one.

        Raises
        ------
        SolverError
            If the solver refuses the model or loses its way.
        """
        began = time.perf_counter()
        try:
            if self._solver is None:
                self._solver = core.new(
                    mathopt.SolverType.GLOP.value,
                    model_proto(model),
                    parameters_pb2.SolverInitializerProto(),
                )
            elif changes is not None:
                self._solver.update(changes())
            result = self._solver.solve(
                self._parameters,
                hints or model_parameters_pb2.ModelSolveParametersProto(),
                None,
                callback_pb2.CallbackRegistrationProto(),
                None,
                None,
            )
        except (StatusNotOk, RuntimeError, ValueError) as error:
            raise SolverError(f"The solver refused the model: {error}") from error
        return solution_of(model, result, self._limits, began, mixed=False, duals=duals)
