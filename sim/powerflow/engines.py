"""The engines of a grid, kept for the next episode on it."""

from __future__ import annotations

from functools import lru_cache

from sim.powerflow.pgm import PowerGridModelFlow
from sim.powerflow.switched import SwitchedFlow
from sim.system.grid import Grid


@lru_cache(maxsize=4)
def engine(grid: Grid) -> SwitchedFlow:
    """Return who computes: power-grid-model."""
    return SwitchedFlow(grid, PowerGridModelFlow)


@lru_cache(maxsize=4)
def verifying_engine(grid: Grid) -> SwitchedFlow:
    """Return who verifies: pandapower."""
    # pandapower takes seconds to import: only who verifies pays.
    from sim.powerflow.pandapower import PandapowerFlow

    return SwitchedFlow(grid, PandapowerFlow)
