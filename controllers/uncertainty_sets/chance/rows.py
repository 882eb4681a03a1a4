"""Chance-constrained rows in linear models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.assembly import Assembly
from controllers.uncertainty_sets.chance.cone import error_of_norm, norm_bound
from controllers.uncertainty_sets.chance.moments import Moments
from sim.units import FloatArray, IntArray

N_FOLDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ChanceRow:
    """What became of a row.

    Attributes
    ----------
    safety
        Multiple of the standard deviation that keeps `eps`.
    error
        By how much, relatively, the multiple is enlarged to make up for the polyhedron; 0 where the
        row is exact, which it is with one random scalar.
    dimension
        Random scalars that enter the row.
    """

    safety: float
    error: float
    dimension: int


def chance_row(
    assembly: Assembly,
    moments: Moments,
    eps: float,
    *,
    variables: IntArray,
    coefficients: sparse.csr_array,
    constant: FloatArray,
    certain: FloatArray,
    limit: float,
    n_folds: int = N_FOLDS,
) -> ChanceRow:
    """Add ``P((constant + coefficients @ x)'omega + certain @ x <= limit) >= 1 - eps``.

    It holds for every law with the moments. Rows are individual: for `n` rows to hold jointly, or
    for two sides of one, give each ``eps / n`` (Bonferroni), which is conservative.

    Parameters
    ----------
    assembly
        The model.
    moments
        Of omega.
    eps
        Largest probability of violation, in (0, 0.5).
    variables
        The variables x of the row, ``(variable,)``.
    coefficients, constant
        Coefficients of omega as functions of x, ``(component, variable)`` and ``(component,)``.
    certain
        What else is in the row, ``(variable,)``.
    limit
        The limit.
    n_folds
        Accuracy of the polyhedron where several random scalars enter.
    """
    safety = moments.safety(eps)
    factor = moments.factor
    spread = np.asarray(coefficients.T @ factor)
    # Coordinates in which only as many components remain as random scalars enter.
    whole = np.vstack([spread, (constant @ factor)[None, :]])
    left, singular, _ = np.linalg.svd(whole, full_matrices=False)
    kept = singular > 1e-9 * singular.max(initial=0.0)
    scalars = left[:, kept] * singular[kept]
    n = scalars.shape[1]
    mean = np.asarray(coefficients.T @ moments.mean) + certain
    room = limit - float(constant @ moments.mean)
    if n == 0:
        assembly.entries(assembly.rows(1, upper=room), variables, mean)
        return ChanceRow(safety=safety, error=0.0, dimension=0)
    if n == 1:
        # |s| is linear on either side.
        for sign in (1.0, -1.0):
            multiple = sign * safety * scalars[:, 0]
            row = assembly.rows(1, upper=room - multiple[-1])
            assembly.entries(row, variables, mean + multiple[:-1])
        return ChanceRow(safety=safety, error=0.0, dimension=1)
    components = assembly.variables(n, lower=-np.inf)
    rows = assembly.rows(n, lower=-scalars[-1], upper=-scalars[-1])
    assembly.entries(rows[:, None], variables[None, :], scalars[:-1].T)
    assembly.entries(rows, components, -1.0)
    length = norm_bound(assembly, components, n_folds)
    error = error_of_norm(n, n_folds)
    row = assembly.rows(1, upper=room)
    assembly.entries(row, variables, mean)
    assembly.entries(row, np.array([length]), safety * (1 + error))
    return ChanceRow(safety=safety, error=error, dimension=n)
