"""Re-optimisation of a growing linear model by the dual simplex method."""

from __future__ import annotations

import dataclasses

import numpy as np
from ortools.math_opt import model_parameters_pb2
from ortools.math_opt.python import mathopt
from scipy import sparse

from controllers.optimisation.kept_solver import KeptSolver
from controllers.optimisation.model import LinearModel
from controllers.optimisation.protobuf import fixing_proto, update_proto
from controllers.optimisation.result import AT_LOWER, AT_UPPER, BASIC, Basis, Solution
from controllers.optimisation.solve import CYCLING, solve
from controllers.optimisation.work_limits import WorkLimits
from sim.control import SolveStatus
from sim.errors import SolverError
from sim.units import BoolArray, FloatArray, IntArray


class GrowingModel:
    """A linear model that gains rows, re-solved from its last basis by the dual simplex method.

    A model with integers has no basis, and begins from scratch. Where new variables that cost
    nothing can make up for violated new rows, they enter the basis in place of those rows, and few
    violations are left for the simplex method: multipliers of robust rows are such variables.

    Parameters
    ----------
    model
        The model to begin with.
    basis
        Basis to start from; from scratch where None.
    limits
        Work limits of each solve.
    """

    def __init__(self, model: LinearModel, basis: Basis | None, limits: WorkLimits) -> None:
        self.model = model
        self._limits = limits
        self._basis = basis if basis is None else _repaired(basis, model)
        most = min(limits.iterations, CYCLING * sum(model.matrix.shape))
        own = dataclasses.replace(limits, iterations=most)
        self._solver = KeptSolver(mathopt.LPAlgorithm.DUAL_SIMPLEX, own)
        self._values: FloatArray | None = None

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
        n_rows, n_variables = old.matrix.shape
        if self._basis is not None:
            variables, rows = np.full(n_more, AT_LOWER), np.full(len(row_upper), BASIC)
            if self._values is not None:
                at = matrix[:, :n_variables] @ self._values
                cured, by = _cures(matrix[:, n_variables:], at > row_upper, cost == 0)
                variables[by], rows[cured] = BASIC, AT_UPPER
            self._basis = Basis(
                variables=np.concatenate([self._basis.variables, variables]),
                rows=np.concatenate([self._basis.rows, rows]),
            )
            self._values = None
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
        if self._solver.started:
            self._solver.update(update_proto(cost, upper, matrix, row_upper, n_rows, n_variables))

    def fix(self, variables: IntArray) -> None:
        """Hold variables at 0, ``(variable,)``."""
        lower, upper = self.model.lower.copy(), self.model.upper.copy()
        lower[variables] = upper[variables] = 0.0
        self.model = dataclasses.replace(self.model, lower=lower, upper=upper)
        if self._solver.started:
            self._solver.update(fixing_proto(variables))

    def solve(self) -> Solution:
        """Minimise what there is now."""
        if self.model.integer.any():
            return solve(self.model, limits=self._limits)
        found = None if self._basis is None else self._resumed()
        if found is None:
            self._solver.forget()
            found = solve(self.model, limits=self._limits, duals=True)
        self._basis, self._values = found.basis, found.values
        return found

    def _resumed(self) -> Solution | None:
        """Minimise from the last basis; None where GLOP loses its way from there.

        From an old basis it may cycle, or call infeasible what is not.
        """
        hints = model_parameters_pb2.ModelSolveParametersProto()
        # The solver keeps its last basis itself unless rows and variables joined at once.
        if self._basis is not None and (self._values is None or not self._solver.started):
            for target, statuses in (
                (hints.initial_basis.variable_status, self._basis.variables),
                (hints.initial_basis.constraint_status, self._basis.rows),
            ):
                target.ids.extend(range(len(statuses)))
                target.values.extend(statuses.tolist())
        try:
            found = self._solver.solve(self.model, duals=True, hints=hints)
        except SolverError:
            # "Abnormal". A model that is wrong in itself is refused again.
            return None
        ended = found.status in (SolveStatus.OPTIMAL, SolveStatus.DEADLINE)
        return found if ended else None


def _cures(
    matrix: sparse.csr_array, violated: BoolArray, free: BoolArray
) -> tuple[IntArray, IntArray]:
    """Return violated rows, and for each a variable that is free and lowers this row alone.

    The matrix is that of the new variables in the new rows.
    """
    row, variable = (matrix < 0).nonzero()
    lowers = np.bincount(variable, minlength=matrix.shape[1])
    fit = violated[row] & free[variable] & (lowers[variable] == 1)
    cured, first = np.unique(row[fit], return_index=True)
    return cured, variable[fit][first]


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
