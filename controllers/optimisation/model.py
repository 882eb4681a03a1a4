"""A linear or mixed-integer linear model in arrays."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import sparse

from sim.units import BoolArray, FloatArray


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
