"""Normal series that forget exponentially."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numba import njit

from sim.units import FloatArray


def standard_series(n: int, memory: float, rngs: Iterable[np.random.Generator]) -> FloatArray:
    """Return stationary series ``c(t) = memory c(t - 1) + sqrt(1 - memory^2) e(t)``.

    Standard normal at every time; correlated by ``memory ** lag``.

    Parameters
    ----------
    n
        How long.
    memory
        Correlation of neighbours, in [0, 1).
    rngs
        Where the innovations of each series are drawn from.

    Returns
    -------
    FloatArray
        A series of each, ``(rng, n)``.
    """
    series = np.array([rng.standard_normal(n) for rng in rngs]).reshape(-1, n)
    series[:, 1:] *= math.sqrt(1 - memory**2)
    _accumulate(series, memory)
    return series


@njit(cache=True)
def _accumulate(series: FloatArray, memory: float) -> None:
    for each in range(series.shape[0]):
        for t in range(1, series.shape[1]):
            series[each, t] += memory * series[each, t - 1]
