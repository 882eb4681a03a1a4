"""Which lines are in service and which buses are supplied, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.system.grid import Grid
from sim.uncertainty.events import Outage
from sim.units import BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Topology:
    """Switching states of one replication.

    Attributes
    ----------
    line_out
        Lines that have tripped, ``(step, line)``.
    supplied
        Buses connected to a source, ``(step, bus)``.
    changes
        Steps at whose start a line trips or returns, ``(n,)``.
    """

    line_out: BoolArray
    supplied: BoolArray
    changes: IntArray


def topology(grid: Grid, outages: Sequence[Outage], n_steps: int) -> Topology:
    """Return the switching states that `outages` bring about."""
    line_out = np.zeros((n_steps, len(grid.lines.name)), dtype=np.bool_)
    for outage in outages:
        line_out[outage.first : outage.last, outage.line] = True
    moved = (line_out[1:] != line_out[:-1]).any(axis=1)
    changes = np.flatnonzero(np.concatenate([line_out[:1].any(axis=1), moved]))
    supplied = np.empty((n_steps, grid.n_buses), dtype=np.bool_)
    supplied[:] = grid.supplied()
    for first, end in pairwise([*changes.tolist(), n_steps]):
        supplied[first:end] = grid.without(line_out[first]).supplied()
    return Topology(line_out=line_out, supplied=supplied, changes=changes)
