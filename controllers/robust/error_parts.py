"""Parts of the errors of a forecast, and what rows of the grid feel of them."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from sim.control import Forecast
from sim.units import FloatArray, IntArray

# Keeps correlations of one positive definite.
_JITTER = 1e-9

# Errors that are smaller than this do not count [pu].
NOTHING = 1e-7


class Felt(NamedTuple):
    """What rows of the grid feel, each in one period.

    Attributes
    ----------
    period
        ``(row,)``.
    slope
        ``(row, profile)``, per pu.
    """

    period: IntArray
    slope: FloatArray


def split(forecast: Forecast, paths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the errors of paths that are known when each period begins, and the rest [pu].

    Parameters
    ----------
    forecast
        States means, standard deviations, and the correlation over leads.
    paths
        ``(path, period, profile)`` [pu]; so are the parts.
    """
    error, std = paths - forecast.profile_mean, forecast.profile_std
    n_periods = len(std)
    factor = np.linalg.cholesky(forecast.profile_correlation + _JITTER * np.eye(n_periods))
    score = np.where(std > 0, error, 0.0) / np.where(std > 0, std, 1.0)
    latest = np.empty_like(error)
    for i, lower in enumerate(factor):
        innovation = solve_triangular(lower, score[:, :, i].T, lower=True).T
        latest[:, :, i] = innovation * np.diagonal(lower) * std[:, i]
    parts = (error - latest, latest)
    known, latest = (np.where((std > 0) & (np.abs(part) > NOTHING), part, 0.0) for part in parts)
    return known, latest


def felt_directions(slope: FloatArray, std_pu: FloatArray, n: int) -> FloatArray:
    """Return the sums of profiles that rows feel most, ``(direction, profile)``.

    Leading right singular vectors of the rows' standard deviations by profile, every row counting
    alike (principal components; Jolliffe, *Principal Component Analysis*, 2002).

    Parameters
    ----------
    slope
        Rows by profile, ``(row, profile)``, per pu.
    std_pu
        Standard deviations of the rows' profiles, ``(row, profile)`` [pu].
    n
        Directions.
    """
    felt = slope * std_pu
    size = np.linalg.norm(felt, axis=1)
    some = size > 0
    if not some.any():
        return np.zeros((0, slope.shape[1]))
    felt = felt[some] / size[some, None]
    values, vectors = np.linalg.eigh(felt.T @ felt)
    leading = vectors[:, ::-1][:, :n].T
    leading = leading[values[::-1][:n] > 1e-6 * values[-1]]
    typical = np.sqrt((std_pu**2).mean(axis=0))
    return np.where(typical > 0, leading, 0.0) / np.where(typical > 0, typical, 1.0)


def first_leads(forecast: Forecast, n: int) -> Forecast:
    """Return what a forecast says of the profiles in the first `n` periods."""
    parts = ("mean", "lower", "upper", "std", "step_std")
    first = {f"profile_{name}": getattr(forecast, f"profile_{name}")[:n] for name in parts}
    return dataclasses.replace(
        forecast, profile_correlation=forecast.profile_correlation[:, :n, :n], **first
    )
