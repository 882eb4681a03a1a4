"""Assembly of a sparse linear model from blocks of variables and rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from controllers.optimisation.model import LinearModel
from sim.units import FloatArray, IntArray


class Assembly:
    """Variables and rows collected by the blocks of a model."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._n_variables = 0
        self._n_rows = 0
        self._lower: list[FloatArray] = []
        self._upper: list[FloatArray] = []
        self._cost: list[FloatArray] = []
        self._integer: list[np.ndarray] = []
        self._row_lower: list[FloatArray] = []
        self._row_upper: list[FloatArray] = []
        self._entries: list[tuple[IntArray, IntArray, FloatArray]] = []

    @property
    def n_variables(self) -> int:
        """How many variables there are."""
        return self._n_variables

    def variables(
        self,
        n: int,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        cost: ArrayLike = 0.0,
        integer: bool = False,
    ) -> IntArray:
        """Add `n` variables and return their indices, ``(n,)``."""
        for parts, values in ((self._lower, lower), (self._upper, upper), (self._cost, cost)):
            parts.append(np.broadcast_to(np.asarray(values, dtype=np.float64), (n,)))
        self._integer.append(np.full(n, integer))
        indices = np.arange(self._n_variables, self._n_variables + n)
        self._n_variables += n
        return indices

    def rows(self, n: int, *, lower: ArrayLike = -np.inf, upper: ArrayLike = np.inf) -> IntArray:
        """Add `n` rows ``lower <= ... <= upper`` and return their indices, ``(n,)``."""
        for parts, values in ((self._row_lower, lower), (self._row_upper, upper)):
            parts.append(np.broadcast_to(np.asarray(values, dtype=np.float64), (n,)))
        indices = np.arange(self._n_rows, self._n_rows + n)
        self._n_rows += n
        return indices

    def entries(self, rows: IntArray, variables: IntArray, values: ArrayLike) -> None:
        """Add coefficients; those of one row and variable add up. The shapes broadcast."""
        row, variable, value = np.broadcast_arrays(
            rows, variables, np.asarray(values, dtype=np.float64)
        )
        self._entries.append((row.ravel(), variable.ravel(), value.ravel()))

    def build(self) -> LinearModel:
        """Return the model."""
        empty = np.empty(0)
        row, variable, value = (
            (np.concatenate([entry[i] for entry in self._entries]) if self._entries else empty)
            for i in range(3)
        )
        shape = (self._n_rows, self._n_variables)
        return LinearModel(
            cost=np.concatenate([empty, *self._cost]),
            matrix=sparse.csr_array(
                (value, (row.astype(np.int64), variable.astype(np.int64))), shape=shape
            ),
            row_lower=np.concatenate([empty, *self._row_lower]),
            row_upper=np.concatenate([empty, *self._row_upper]),
            lower=np.concatenate([empty, *self._lower]),
            upper=np.concatenate([empty, *self._upper]),
            integer=np.concatenate([empty, *self._integer]).astype(np.bool_),
            offset=self.offset,
        )
