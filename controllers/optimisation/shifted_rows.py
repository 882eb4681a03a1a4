"""Re-solves of a linear programme with shifted right-hand sides, by the dual simplex method."""

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
from sim.errors import SolverError
from sim.units import IntArray


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
        self._solver = KeptSolver(mathopt.LPAlgorithm.DUAL_SIMPLEX, self._limits)
        self._away = np.empty(0, dtype=np.int64)  # rows that the last solve has shifted

    def objective(self, rows: IntArray | None = None, by: float = 0.0) -> float:
        """Return the least objective with both limits of `rows` shifted; infinite where none is."""
        shifted = np.empty(0, dtype=np.int64) if rows is None else np.unique(rows)
        model = self._shifted(shifted, by)
        moved = np.union1d(self._away, shifted)

        def changes() -> model_update_pb2.ModelUpdateProto:
            update = model_update_pb2.ModelUpdateProto()
            for limits, target in (
                (model.row_lower, update.linear_constraint_updates.lower_bounds),
                (model.row_upper, update.linear_constraint_updates.upper_bounds),
            ):
                target.ids.extend(moved.tolist())
                target.values.extend(limits[moved].tolist())
            return update

        try:
            solution: Solution | None = self._solver.solve(model, changes=changes)
        except SolverError:
            solution = None
        self._away = shifted
        if solution is None or solution.objective is None:
            # One that starts afresh says whether there is no solution.
            self._solver.forget()
            solution = solve(model, limits=self._limits)
        return np.inf if solution.objective is None else solution.objective

    def _shifted(self, rows: IntArray, by: float) -> LinearModel:
        lower, upper = self._model.row_lower.copy(), self._model.row_upper.copy()
        lower[rows] += by
        upper[rows] += by
        return dataclasses.replace(self._model, row_lower=lower, row_upper=upper)
