"""Fundamental cycles of a meshed grid, for Kirchhoff's voltage law."""

from __future__ import annotations

import numpy as np

from controllers.market.case import DcGrid
from sim.units import FloatArray


def loops_of(grid: DcGrid) -> FloatArray:
    """Return independent loops, ``(loop, line)``: +1 and -1 along and against a line, else 0.

    Each line that closes a loop with the lines before it gives one.
    """
    n_lines = len(grid.from_bus)
    # From every bus to the root of its tree: signed lines passed, and the root.
    way = np.zeros((grid.n_buses, n_lines))
    root = np.arange(grid.n_buses)
    loops: list[FloatArray] = []
    for line, (start, end) in enumerate(
        zip(grid.from_bus.tolist(), grid.to_bus.tolist(), strict=True)
    ):
        across = np.zeros(n_lines)
        across[line] = 1.0
        # From the root through the start over the line to the end and back to the root.
        around = across + way[end] - way[start]
        if root[start] == root[end]:
            loops.append(around)
        else:
            joined = root == root[end]
            # Buses behind the line now go on over it, backwards, to the other root.
            way[joined] -= around
            root[joined] = root[start]
    return np.array(loops).reshape(-1, n_lines)
