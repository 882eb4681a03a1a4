"""Voltages held at buses, for an engine that knows sources and fixed injections only.

The reactive power that holds them is found by Broyden's good method (C. G. Broyden, Mathematics of
Computation 19, 1965), all rows at once. The inverse Jacobian starts from the network at flat
voltage, where ``dv = R dp + X dq`` with the bus impedances ``R + jX`` seen from the sources, and
takes the secant of every round. Where that finds no solution, as where much power flows far,
Newton's method with held buses gives another start (`sim.powerflow.admittance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TypeAlias

import numpy as np

from sim.powerflow.admittance import held_by_newton, series_admittance
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
        rise[np.ix_(free, free)] = np.linalg.inv(series_admittance(grid)[np.ix_(free, free)]).imag
        self._grid = grid
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
        raised_pu = np.where(self._supplied, q_mvar, 0.0) @ self._rise.T
        held_mvar = (self._target_pu - self._idle_pu - raised_pu) @ self._inverse.T
        result = self._with(solve, p_mw, q_mvar, held_mvar)
        rows = self._settle(solve, (p_mw, q_mvar), held_mvar, result, np.arange(len(p_mw)))
        rows = rows[np.isfinite(p_mw[rows] + q_mvar[rows])[:, self._supplied].all(axis=1)]
        if len(rows):
            known = np.where(self._supplied, 1.0, 0.0)  # what dead buses would inject is nothing
            p, q = (np.nan_to_num(own[rows]) * known for own in (p_mw, q_mvar))
            held_mvar[rows] = held_by_newton(self._grid, self.bus, p, q)
            part = self._with(solve, p_mw[rows], q_mvar[rows], held_mvar[rows])
            _put(result, rows, part)
            self._settle(solve, (p_mw, q_mvar), held_mvar, result, rows)
        lost = _unsettled(result.vm_pu[:, self.bus] - self._target_pu, np.arange(len(p_mw)))
        result.converged[lost] = False
        for each in fields(PowerFlowResult):
            if each.name != "converged":
                getattr(result, each.name)[lost] = np.nan
        return result

    def _settle(
        self,
        solve: Solve,
        injected: tuple[FloatArray, FloatArray],
        held_mvar: FloatArray,
        result: PowerFlowResult,
        rows: IntArray,
    ) -> IntArray:
        """Improve some rows of `held_mvar` and `result` in place; return those without success."""
        p_mw, q_mvar = injected
        error_pu = result.vm_pu[:, self.bus] - self._target_pu
        inverse = np.broadcast_to(self._inverse, (len(p_mw), *self._inverse.shape)).copy()
        lost = rows[~np.isfinite(error_pu[rows]).all(axis=1)]
        rows = _unsettled(error_pu, rows)
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
            _put(result, rows, part)
            given_up = rows[~np.isfinite(error_pu[rows]).all(axis=1)]
            lost = np.concatenate([lost, given_up])
            rows = _unsettled(error_pu, rows)
        return np.sort(np.concatenate([lost, rows]))

    def _with(
        self, solve: Solve, p_mw: FloatArray, q_mvar: FloatArray, held_mvar: FloatArray
    ) -> PowerFlowResult:
        q_mvar = q_mvar.copy()
        q_mvar[:, self.bus] += held_mvar
        return solve(p_mw, q_mvar)


def _put(result: PowerFlowResult, rows: IntArray, part: PowerFlowResult) -> None:
    for each in fields(PowerFlowResult):
        getattr(result, each.name)[rows] = getattr(part, each.name)


def _unsettled(error_pu: FloatArray, rows: IntArray) -> IntArray:
    """Return those of `rows` whose voltages are off; a row that diverges is NaN, and given up."""
    off: IntArray = rows[np.abs(error_pu[rows]).max(axis=1, initial=0.0) > TOLERANCE_PU]
    return off
