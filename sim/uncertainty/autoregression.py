"""Normal series that forget exponentially."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.units import FloatArray


def standard_series(n: int, memory: float, rng: np.random.Generator) -> FloatArray:
    """Return a stationary series ``c(t) = memory c(t - 1) + sqrt(1 - memory^2) e(t)``, ``(n,)``.

    Standard normal at every time; correlated by ``memory ** lag``.

    Parameters
    ----------
    n
        How long.
    memory
        Correlation of neighbours, in [0, 1).
    rng
        Where the innovations are drawn from.
    """
    series = rng.standard_normal(n)
    series[1:] *= math.sqrt(1 - memory**2)
    _accumulate(series, memory)
    return series


@njit(cache=True)
def _accumulate(series: FloatArray, memory: float) -> None:
    for t in range(1, len(series)):
        series[t] += memory * series[t - 1]
