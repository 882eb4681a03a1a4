"""Voltages held at buses, for an engine that knows sources and fixed injections only.

The reactive power that holds them is found by Broyden's good method (C. G. Broyden, Mathematics of
Computation 19, 1965), all rows at once. The inverse Jacobian starts from the network at flat
voltage, where ``dv = R dp + X dq`` with the bus impedances ``R + jX`` seen from the sources, and
takes the secant of every round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.powerflow.protocol import PowerFlowResult
from sim.system.grid import Grid
from sim.units import FloatArray, IntArray

TOLERANCE_PU = 1e-10
MAX_ROUNDS = 30

Solve: TypeAlias = Callable[[FloatArray, FloatArray], PowerFlowResult]


class VoltageHolder:
    """Finds the reactive power that holds the voltages of a grid's held buses.

    Parameters
    ----------
    grid
        The network; held buses that no source supplies are not held.
    """

    def __init__(self, grid: Grid) -> None:
        self._supplied = supplied = grid.supplied()
        alive = supplied[grid.held_bus]
        self.bus = grid.held_bus[alive]
        self._target_pu = grid.held_vm_pu[alive]
        free = np.flatnonzero(supplied & ~np.isin(np.arange(grid.n_buses), grid.source_bus))
        rise = np.zeros((grid.n_buses, grid.n_buses))
        rise[np.ix_(free, free)] = np.linalg.inv(_admittance(grid)[np.ix_(free, free)]).imag
        self._rise = rise[self.bus]  # of held voltages by reactive power at all buses [pu/Mvar]
        self._inverse = np.linalg.inv(self._rise[:, self.bus])
        # Where nothing is injected the voltage is that of the sources.
        self._idle_pu = float(grid.source_vm_pu.mean())

    def solve(self, solve: Solve, p_mw: FloatArray, q_mvar: FloatArray) -> PowerFlowResult:
        """Solve one power flow per row with held voltages; see `PowerFlow.solve`.

        Rows in which the voltages cannot be held are flagged and NaN.

        Parameters
        ----------
        solve
            Solves with fixed injections.
        p_mw, q_mvar
            Net injections without what holds the voltages, ``(step, bus)`` [MW, Mvar].
        """
        n_steps = len(p_mw)
        raised_pu = np.where(self._supplied, q_mvar, 0.0) @ self._rise.T
        held_mvar = (self._target_pu - self._idle_pu - raised_pu) @ self._inverse.T
        inverse = np.broadcast_to(self._inverse, (n_steps, *self._inverse.shape)).copy()
        result = self._with(solve, p_mw, q_mvar, held_mvar)
        error_pu = result.vm_pu[:, self.bus] - self._target_pu
        rows = _unsettled(error_pu, np.arange(n_steps))
        for _ in range(MAX_ROUNDS):
            if not len(rows):
                break
            step = -np.einsum("nij,nj->ni", inverse[rows], error_pu[rows])
            held_mvar[rows] += step
            part = self._with(solve, p_mw[rows], q_mvar[rows], held_mvar[rows])
            before = error_pu[rows]
            error_pu[rows] = part.vm_pu[:, self.bus] - self._target_pu
            turned = np.einsum("nij,nj->ni", inverse[rows], error_pu[rows] - before)
            weight = np.einsum("ni,nij->nj", step, inverse[rows])
            scale = np.einsum("ni,ni->n", step, turned)
            update = np.einsum("ni,nj->nij", step - turned, weight)
            inverse[rows] += update / np.where(scale == 0, np.inf, scale)[:, None, None]
            for each in fields(PowerFlowResult):
                getattr(result, each.name)[rows] = getattr(part, each.name)
            rows = _unsettled(error_pu, rows)
        result.converged[rows] = False
        for each in fields(PowerFlowResult):
            if each.name != "converged":
                getattr(result, each.name)[rows] = np.nan
        return result

    def _with(
        self, solve: Solve, p_mw: FloatArray, q_mvar: FloatArray, held_mvar: FloatArray
    ) -> PowerFlowResult:
        q_mvar = q_mvar.copy()
        q_mvar[:, self.bus] += held_mvar
        return solve(p_mw, q_mvar)


def _unsettled(error_pu: FloatArray, rows: IntArray) -> IntArray:
    """Return those of `rows` whose voltages are off; a row that diverges is NaN, and given up."""
    off: IntArray = rows[np.abs(error_pu[rows]).max(axis=1, initial=0.0) > TOLERANCE_PU]
    return off


def _admittance(grid: Grid) -> NDArray[np.complex128]:
    """Return the series admittances of branches that are closed at both ends, ``(bus, bus)``.

    In pu on 1 MVA; shunts and off-nominal ratios are left out.
    """
    lines, transformers = grid.lines, grid.transformers
    line = lines.from_closed & lines.to_closed
    transformer = transformers.hv_closed & transformers.lv_closed
    line_pu = (lines.r_ohm + 1j * grid.line_reactance_ohm) / grid.bus_vn_kv[lines.from_bus] ** 2
    vkx_percent = np.sqrt(transformers.vk_percent**2 - transformers.vkr_percent**2)
    transformer_pu = (transformers.vkr_percent + 1j * vkx_percent) / 100 / transformers.sn_mva
    start = np.concatenate([lines.from_bus[line], transformers.hv_bus[transformer]])
    end = np.concatenate([lines.to_bus[line], transformers.lv_bus[transformer]])
    y_pu = 1 / np.concatenate([line_pu[line], transformer_pu[transformer]])
    matrix = np.zeros((grid.n_buses, grid.n_buses), dtype=np.complex128)
    for row, column, sign in ((start, start, 1), (end, end, 1), (start, end, -1), (end, start, -1)):
        np.add.at(matrix, (row, column), sign * y_pu)
    return matrix
