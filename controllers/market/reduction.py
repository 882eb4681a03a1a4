"""Scenario reduction by fast forward selection."""

from __future__ import annotations

import numpy as np

from sim.units import FloatArray, IntArray


def fast_forward_selection(
    points: FloatArray, probability: FloatArray, n: int
) -> tuple[IntArray, FloatArray]:
    """Select scenarios one by one, each the one that brings the selection nearest to all.

    Parameters
    ----------
    points
        ``(scenario, dimension)``.
    probability
        ``(scenario,)``; they add up to 1.
    n
        How many to select.

    Returns
    -------
    tuple
        Indices of the selected scenarios, in order of selection, and their probabilities, each with
        those of the scenarios nearest to it.

    Raises
    ------
    ValueError
        If `n` is not between 1 and the number of scenarios.

    Notes
    -----
    Algorithm 2.4 of Heitsch & Roemisch, *Scenario reduction algorithms in stochastic programming*,
    Computational Optimization and Applications 24, 2003, with Euclidean distances. Ties go to the
    scenario that comes first.
    """
    if not 1 <= n <= len(points):
        raise ValueError(f"n(={n}) must be between 1 and the {len(points)} scenarios.")
    square = (points**2).sum(axis=1)
    between = np.sqrt(np.maximum(square[:, None] + square - 2 * points @ points.T, 0.0))
    np.fill_diagonal(between, 0.0)
    # Distance of every scenario to the selection and each candidate, ``(candidate, scenario)``.
    reach = between.copy()
    selected: list[int] = []
    for _ in range(n):
        left = reach @ probability
        left[selected] = np.inf
        selected.append(int(np.argmin(left)))
        np.minimum(reach, reach[selected[-1]], out=reach)
    chosen = np.array(selected, dtype=np.int64)
    nearest = np.argmin(between[chosen], axis=0)
    weight = np.bincount(nearest, weights=probability, minlength=n)
    return chosen, weight / weight.sum()
