"""Second-order cones as polyhedra, a little larger than they are.

Ben-Tal, Nemirovski, "On polyhedral approximations of the second-order cone", Mathematics of
Operations Research 26, 2001: `n_folds` reflections fold the plane onto a thin wedge; a vector of
two components is then short where its image is. A longer vector goes through a tree of such cones,
two components at a time.
"""

from __future__ import annotations

import math

import numpy as np

from controllers.optimisation.assembly import Assembly
from sim.units import IntArray


def error_of_cone(n_folds: int) -> float:
    """Return d: the polyhedron of a 3-dimensional cone lets ``||x|| <= (1 + d) t`` pass."""
    return 1 / math.cos(math.pi / 2 ** (n_folds + 1)) - 1


def error_of_norm(n: int, n_folds: int) -> float:
    """Return the error of a tree over `n` components: those of its levels compound."""
    levels = math.ceil(math.log2(n)) if n > 1 else 0
    return float((1 + error_of_cone(n_folds)) ** levels - 1)


def norm_bound(assembly: Assembly, components: IntArray, n_folds: int) -> int:
    """Add a variable that is at least the norm of others, up to the polyhedron's error.

    Where the variable is ``t``, ``||x|| <= (1 + error_of_norm) t``; all ``t >= ||x||`` are allowed.

    Parameters
    ----------
    assembly
        The model.
    components
        The variables ``x``, at least one, ``(component,)``.
    n_folds
        Reflections of each cone; 4 for an error of 0.48 %, 6 for 0.03 %.
    """
    if n_folds < 1:
        raise ValueError(f"n_folds(={n_folds}) must be at least 1.")
    level = [int(component) for component in components]
    if len(level) == 1:
        return int(_sizes(assembly, np.array(level))[0])
    while len(level) > 1:
        pairs = list(zip(level[::2], level[1::2], strict=False))
        rest = level[2 * len(pairs) :]
        level = [_cone(assembly, first, second, n_folds) for first, second in pairs] + rest
    return level[0]


def _sizes(assembly: Assembly, of: IntArray) -> IntArray:
    """Add variables that are at least the absolute values of others."""
    sizes = assembly.variables(len(of))
    for sign in (1.0, -1.0):
        rows = assembly.rows(len(of), upper=0.0)
        assembly.entries(rows, of, sign)
        assembly.entries(rows, sizes, -1.0)
    return sizes


def _cone(assembly: Assembly, first: int, second: int, n_folds: int) -> int:
    """Add a variable that is at least the length of two others, up to the error of one cone."""
    along, across = _sizes(assembly, np.array([first, second])).tolist()
    for fold in range(1, n_folds + 1):
        angle = math.pi / 2 ** (fold + 1)
        cosine, sine = math.cos(angle), math.sin(angle)
        (turned,) = assembly.variables(1, lower=-np.inf)
        (aside,) = assembly.variables(1, lower=-np.inf)
        at = np.array([along, across])
        rows = assembly.rows(2, lower=0.0, upper=0.0)
        assembly.entries(rows[[0, 0]], at, [cosine, sine])
        assembly.entries(rows[[1, 1]], at, [-sine, cosine])
        assembly.entries(rows, np.array([turned, aside]), -1.0)
        along, across = int(turned), int(_sizes(assembly, np.array([aside]))[0])
    (length,) = assembly.variables(1)
    rows = assembly.rows(2, upper=0.0)
    assembly.entries(rows, np.array([along, across]), 1.0)
    assembly.entries(rows[:1], np.array([length]), -1.0)
    assembly.entries(rows[1:], np.array([along]), -math.tan(math.pi / 2 ** (n_folds + 1)))
    return int(length)
