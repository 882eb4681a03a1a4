"""A bounded polyhedron of uncertain columns, and who is worst in it.

The columns may be the uncertain quantities themselves, their lifting into segments and indicators
(`lifting.py`), and auxiliary columns of budgets: what a robust row needs is a bounded polyhedron
in some space, and coefficients that are 0 for the columns it does not mention.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.model import LinearModel
from controllers.optimisation.solve import solve
from sim.control import SolveStatus
from sim.units import BoolArray, FloatArray, IntArray

INSIDE = 1e-7


class UncertaintySetError(ValueError):
    """A set that nothing can be robust against: empty, unbounded, or with senseless parameters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UncertaintySet:
    """``{z: lower <= z <= upper, matrix @ z <= limit}``, non-empty and bounded.

    Attributes
    ----------
    lower, upper
        Bounds of the columns, finite, ``(column,)``.
    matrix, limit
        Rows that link columns, ``(row, column)`` and ``(row,)``.
    nominal
        The point at which the expected cost is taken, in the set, ``(column,)``.
    period
        When each column is observed, ``(column,)``.
    indicator
        Which columns are 0 or 1 where the set stands for something that can happen, ``(column,)``.

    Raises
    ------
    UncertaintySetError
        Where bounds are not finite or cross, no point is inside, or `nominal` is outside.
    """

    lower: FloatArray
    upper: FloatArray
    matrix: sparse.csr_array
    limit: FloatArray
    nominal: FloatArray
    period: IntArray
    indicator: BoolArray

    def __post_init__(self) -> None:
        n_rows, n = self.matrix.shape
        for name in ("lower", "upper", "nominal", "period", "indicator"):
            shape = getattr(self, name).shape
            if shape != (n,):
                raise UncertaintySetError(f"{name} has shape {shape}, the matrix {n} columns.")
        if self.limit.shape != (n_rows,):
            raise UncertaintySetError(
                f"limit has shape {self.limit.shape}, the matrix {n_rows} rows."
            )
        if np.isnan(self.matrix.data).any() or np.isnan(self.limit).any():
            raise UncertaintySetError("The rows of the set contain NaN.")
        for name in ("lower", "upper"):
            bad = np.flatnonzero(~np.isfinite(getattr(self, name)))
            if len(bad):
                raise UncertaintySetError(
                    f"The set is unbounded: {name}[{bad[0]}] is {getattr(self, name)[bad[0]]}. "
                    "Give every column finite bounds; rows may cut them further."
                )
        crossed = np.flatnonzero(self.lower > self.upper)
        if len(crossed):
            k = crossed[0]
            raise UncertaintySetError(
                f"The set is empty: lower[{k}] = {self.lower[k]} > upper[{k}] = {self.upper[k]}."
            )
        if not self.contains(self.nominal):
            if solve(self.support_model(np.zeros(n))).status is SolveStatus.INFEASIBLE:
                raise UncertaintySetError(
                    "The set is empty: no point meets bounds and rows. Raise the budgets or limits."
                )
            raise UncertaintySetError(
                "The nominal point lies outside the set. Choose one inside, "
                "for example the centre of the bounds."
            )

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.lower)

    def contains(self, point: FloatArray, tolerance: float = INSIDE) -> bool:
        """Return whether a point ``(column,)`` meets bounds and rows."""
        return bool(
            (point >= self.lower - tolerance).all()
            and (point <= self.upper + tolerance).all()
            and (self.matrix @ point <= self.limit + tolerance).all()
        )

    def support_model(self, coefficient: FloatArray) -> LinearModel:
        """Return the programme that minimises ``-coefficient @ z`` over the set."""
        n_rows = len(self.limit)
        return LinearModel(
            cost=-coefficient,
            matrix=self.matrix,
            row_lower=np.full(n_rows, -np.inf),
            row_upper=self.limit,
            lower=self.lower,
            upper=self.upper,
            integer=np.zeros(self.n_columns, dtype=np.bool_),
        )

    def groups(self) -> IntArray:
        """Return the group of each column, ``(column,)``.

        The columns of any group can go to the nominal point, wherever the others are, and stay in
        the set. So a row that does not mention a group sees the rest of the set as if the group
        were nominal. Groups are linked by rows to which the nominal point contributes the least
        possible, such as budgets over sizes that are 0 there; all other rows stay within a group.
        """
        matrix = self.matrix.tocoo()
        least = np.where(matrix.data > 0, self.lower[matrix.col], self.upper[matrix.col])
        at_rest = np.ones(len(self.limit), dtype=np.bool_)
        at_rest[matrix.row[self.nominal[matrix.col] != least]] = False
        within = abs(self.matrix[np.flatnonzero(~at_rest)])
        _, group = sparse.csgraph.connected_components(within.T @ within, directed=False)
        return np.asarray(group, dtype=np.int64)


def product(first: UncertaintySet, second: UncertaintySet) -> UncertaintySet:
    """Return the set of all pairs, the columns of `second` behind those of `first`.

    What is uncertain apart, such as power and traffic, keeps its own budgets.
    """
    return UncertaintySet(
        lower=np.concatenate([first.lower, second.lower]),
        upper=np.concatenate([first.upper, second.upper]),
        matrix=sparse.csr_array(sparse.block_diag([first.matrix, second.matrix])),
        limit=np.concatenate([first.limit, second.limit]),
        nominal=np.concatenate([first.nominal, second.nominal]),
        period=np.concatenate([first.period, second.period]),
        indicator=np.concatenate([first.indicator, second.indicator]),
    )


def box(lower: FloatArray, upper: FloatArray, period: IntArray | None = None) -> UncertaintySet:
    """Return the box between two points, its centre as nominal point.

    Parameters
    ----------
    lower, upper
        Bounds, ``(column,)``.
    period
        When each column is observed, ``(column,)``; all in period 0 where Nfirst.
    """
    n = len(lower)
    return UncertaintySet(
        lower=lower,
        upper=upper,
        matrix=sparse.csr_array((0, n)),
        limit=np.empty(0),
        nominal=np.where(np.isfinite(lower + upper), (lower + upper) / 2, 0.0),
        period=np.zeros(n, dtype=np.int64) if period is None else period,
        indicator=np.zeros(n, dtype=np.bool_),
    )
