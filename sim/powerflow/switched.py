"""Power flow of a grid whose lines trip and return, and whose units start and stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np

from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.system.grid import Grid
from sim.units import BoolArray, FloatArray


class SwitchedFlow:
    """One engine per switching state, built when a state first occurs.

    Parameters
    ----------
    grid
        The network with all lines as they are meant to be, and all units on.
    engine
        Builds an engine for a grid.
    """

    def __init__(self, grid: Grid, engine: Callable[[Grid], PowerFlow]) -> None:
        self._grid = grid
        self._engine = engine
        self._engines: dict[bytes, PowerFlow] = {}

    def solve(
        self,
        p_mw: FloatArray,
        q_mvar: FloatArray,
        line_out: BoolArray,
        held: BoolArray | None = None,
    ) -> PowerFlowResult:
        """Solve one power flow per row.

        Parameters
        ----------
        p_mw, q_mvar
            Net injections, ``(step, bus)`` [MW, Mvar].
        line_out
            Lines out of service, ``(step, line)``.
        held
            Which of `Grid.held_bus` are held, ``(step, held bus)``; None holds all.

        Returns
        -------
        PowerFlowResult
            As from `PowerFlow.solve`.
        """
        if held is None:
            held = np.ones((len(line_out), len(self._grid.held_bus)), dtype=np.bool_)
        # Lines out of service, then buses that are free: nothing of either is how things should be.
        states = np.hstack([line_out, ~held])
        if len(states) == 0 or (states == states[0]).all():
            state_of_all = states[0] if len(states) else np.zeros(states.shape[1], np.bool_)
            return self._of(state_of_all).solve(p_mw, q_mvar)
        states, state = np.unique(states, axis=0, return_inverse=True)
        found = [self._of(each).solve(p_mw[state == k], q_mvar[state == k])
                 for k, each in enumerate(states)]  # fmt: skip
        joined = {}
        for each in fields(PowerFlowResult):
            parts = [getattr(result, each.name) for result in found]
            values = np.empty((len(p_mw), *parts[0].shape[1:]), dtype=parts[0].dtype)
            for k, part in enumerate(parts):
                values[state == k] = part
            joined[each.name] = values
        return PowerFlowResult(**joined)

    def _of(self, state: BoolArray) -> PowerFlow:
        key = state.tobytes()
        if key not in self._engines:
            line_out, free = np.split(state, [len(self._grid.lines.name)])
            self._engines[key] = self._engine(self._grid.without(line_out).holding(~free))
        return self._engines[key]
