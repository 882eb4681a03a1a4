"""Power flow of a grid whose lines go out of service and return."""

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
        The network with all lines as they are meant to be.
    engine
        Builds an engine for a grid.
    """

    def __init__(self, grid: Grid, engine: Callable[[Grid], PowerFlow]) -> None:
        self._grid = grid
        self._engine = engine
        self._engines: dict[bytes, PowerFlow] = {}

    def solve(self, p_mw: FloatArray, q_mvar: FloatArray, line_out: BoolArray) -> PowerFlowResult:
        """Solve one power flow per row.

        Parameters
        ----------
        p_mw, q_mvar
            Net injections, ``(step, bus)`` [MW, Mvar].
        line_out
            Lines out of service, ``(step, line)``.

        Returns
        -------
        PowerFlowResult
            As from `PowerFlow.solve`.
        """
        if len(line_out) == 0 or (line_out == line_out[0]).all():
            state_of_all = line_out[0] if len(line_out) else np.zeros(line_out.shape[1], np.bool_)
            return self._of(state_of_all).solve(p_mw, q_mvar)
        states, state = np.unique(line_out, axis=0, return_inverse=True)
        found = [self._of(out).solve(p_mw[state == k], q_mvar[state == k])
                 for k, out in enumerate(states)]  # fmt: skip
        joined = {}
        for each in fields(PowerFlowResult):
            parts = [getattr(result, each.name) for result in found]
            values = np.empty((len(p_mw), *parts[0].shape[1:]), dtype=parts[0].dtype)
            for k, part in enumerate(parts):
                values[state == k] = part
            joined[each.name] = values
        return PowerFlowResult(**joined)

    def _of(self, line_out: BoolArray) -> PowerFlow:
        key = line_out.tobytes()
        if key not in self._engines:
            self._engines[key] = self._engine(self._grid.without(line_out))
        return self._engines[key]
