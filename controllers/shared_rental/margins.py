"""What a row leaves free for errors of the forecast: chance constraints, and boxes to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from controllers.optimisation.assembly import Assembly
from controllers.uncertainty_sets.chance.moments import Moments, kappa
from controllers.uncertainty_sets.chance.rows import chance_row
from sim.units import FloatArray, IntArray

# Folds of each cone: an error of 0.48 % a level, which the rows make up for.
N_FOLDS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UncertainRow:
    """``(constant + coefficient * variable)'error + certain @ variables <= limit``.

    Attributes
    ----------
    error
        Moments of the errors.
    constant, coefficient
        What each error adds, and adds with the variable, ``(error,)``.
    variable
        The variable that answers errors.
    variables, certain
        Variables without errors and their coefficients, ``(variable,)``.
    limit
        Right-hand side.
    """

    error: Moments
    constant: FloatArray
    coefficient: FloatArray
    variable: int
    variables: IntArray
    certain: FloatArray
    limit: float


class Margin(Protocol):
    """Turns rows with errors into rows without."""

    def reach(self, error: Moments, coefficient: FloatArray) -> float:
        """Return what has to be left for ``coefficient @ error``."""

    def add(self, assembly: Assembly, row: UncertainRow) -> None:
        """Add a row that holds for the errors that are prepared for."""


@dataclass(frozen=True, slots=True)
class Chance:
    """Rows hold with probability ``1 - eps`` under every law with the moments.

    Attributes
    ----------
    eps
        Largest probability of violation of a row, in (0, 0.5).
    """

    eps: float

    def reach(self, error: Moments, coefficient: FloatArray) -> float:
        """Return ``kappa`` standard deviations."""
        return error.least_limit(coefficient, self.eps)

    def add(self, assembly: Assembly, row: UncertainRow) -> None:
        """Add a row; see `Margin.add`."""
        none = np.zeros((len(row.constant), len(row.variables)))
        chance_row(
            assembly,
            row.error,
            self.eps,
            variables=np.append(row.variables, row.variable),
            coefficients=sparse.csr_array(np.column_stack([none, row.coefficient])),
            constant=row.constant,
            certain=np.append(row.certain, 0.0),
            limit=row.limit,
            n_folds=N_FOLDS,
        )


@dataclass(frozen=True, slots=True)
class Box:
    """Rows hold for all errors within so many standard deviations, each component on its own.

    Attributes
    ----------
    deviations
        Half the width of the box; 0 plans for the mean.
    """

    deviations: float

    def reach(self, error: Moments, coefficient: FloatArray) -> float:
        """Return the most that an error in the box takes."""
        return float(np.abs(coefficient) @ self._width(error) + coefficient @ error.mean)

    def add(self, assembly: Assembly, row: UncertainRow) -> None:
        """Add a row; see `Margin.add`."""
        mean, width = row.error.mean, self._width(row.error)
        index = assembly.rows(1, upper=row.limit - float(row.constant @ mean))
        assembly.entries(index, row.variables, row.certain)
        assembly.entries(index, np.array([row.variable]), float(row.coefficient @ mean))
        for component in np.flatnonzero(width > 0).tolist():
            size = assembly.variables(1)
            for sign in (1.0, -1.0):
                side = assembly.rows(1, upper=-sign * row.constant[component])
                answer = sign * row.coefficient[component]
                assembly.entries(side, np.array([row.variable]), answer)
                assembly.entries(side, size, -1.0)
            assembly.entries(index, size, width[component])

    def _width(self, error: Moments) -> FloatArray:
        width: FloatArray = self.deviations * np.sqrt(np.diag(error.covariance))
        return width


def margin_of(uncertainty: str, eps: float, deviations: float | None) -> Margin:
    """Return the margin that a name stands for.

    Parameters
    ----------
    uncertainty
        ``"chance"``, ``"box"`` or ``"none"``.
    eps
        Largest probability of violation.
    deviations
        Half the width of the box in standard deviations; None for the ``kappa`` that belongs to
        `eps`.
    """
    if uncertainty == "chance":
        return Chance(eps)
    if uncertainty == "none":
        return Box(0.0)
    return Box(kappa(eps) if deviations is None else deviations)
