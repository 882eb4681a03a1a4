"""Re-solves of a linear programme with another objective, by the primal simplex method."""

from __future__ import annotations

import dataclasses

import numpy as np
from ortools.math_opt import model_update_pb2
from ortools.math_opt.python import mathopt

from controllers.optimisation.kept_solver import KeptSolver
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
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
        self._solver = KeptSolver(mathopt.LPAlgorithm.PRIMAL_SIMPLEX, self._limits)
        self._last = model.cost

    def solve(self, cost: FloatArray) -> Solution:
        """Minimise ``cost @ x``, ``(variable,)``."""
        model = dataclasses.replace(self._model, cost=cost)

        def moved() -> model_update_pb2.ModelUpdateProto:
            update = model_update_pb2.ModelUpdateProto()
            target = update.objective_updates.linear_coefficients
            which = np.flatnonzero(cost != self._last)
            target.ids.extend(which.tolist())
            target.values.extend(cost[which].tolist())
            return update

        try:
            solution: Solution | None = self._solver.solve(model, changes=moved)
        except SolverError:
            solution = None
        self._last = cost
        if solution is None or solution.status is not SolveStatus.OPTIMAL:
            # One that starts afresh says what is true.
            self._solver.forget()
            return solve(model, limits=self._limits)
        return solution
