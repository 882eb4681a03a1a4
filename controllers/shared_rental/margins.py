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


class Margin(Protocol):
    """Turns rows with errors into rows without."""

    def reach(self, error: Moments, coefficient: FloatArray) -> float:
        """Return what has to be left for ``coefficient @ error``."""

    def row(
        self,
        assembly: Assembly,
        error: Moments,
        *,
        variable: int,
        coefficient: FloatArray,
        constant: FloatArray,
        variables: IntArray,
        certain: FloatArray,
        limit: float,
    ) -> None:
        """Add ``(constant + coefficient * variable)'error + certain @ variables <= limit``."""


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

    def row(
        self,
        assembly: Assembly,
        error: Moments,
        *,
        variable: int,
        coefficient: FloatArray,
        constant: FloatArray,
        variables: IntArray,
        certain: FloatArray,
        limit: float,
    ) -> None:
        """Add the row; see `Margin.row`."""
        chance_row(
            assembly,
            error,
            self.eps,
            variables=np.append(variables, variable),
            coefficients=sparse.csr_array(
                np.column_stack([np.zeros((len(constant), len(variables))), coefficient])
            ),
            constant=constant,
            certain=np.append(certain, 0.0),
            limit=limit,
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
        width = self.deviations * np.sqrt(np.diag(error.covariance))
        return float(np.abs(coefficient) @ width + coefficient @ error.mean)

    def row(
        self,
        assembly: Assembly,
        error: Moments,
        *,
        variable: int,
        coefficient: FloatArray,
        constant: FloatArray,
        variables: IntArray,
        certain: FloatArray,
        limit: float,
    ) -> None:
        """Add the row; see `Margin.row`."""
        width = self.deviations * np.sqrt(np.diag(error.covariance))
        row = assembly.rows(1, upper=limit - float(constant @ error.mean))
        assembly.entries(row, variables, certain)
        assembly.entries(row, np.array([variable]), float(coefficient @ error.mean))
        for component in np.flatnonzero(width > 0).tolist():
            size = assembly.variables(1)
            for sign in (1.0, -1.0):
                side = assembly.rows(1, upper=-sign * constant[component])
                assembly.entries(side, np.array([variable]), sign * coefficient[component])
                assembly.entries(side, size, -1.0)
            assembly.entries(row, size, width[component])


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
