"""Bus admittances, and the reactive power that holds voltages, by Newton's method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.system.grid import Grid
from sim.units import FloatArray, IntArray

ANGULAR_FREQUENCY = 2 * np.pi * 50.0  # what `Lines.c_nf` refers to
TOLERANCE_MVA = 1e-6
MAX_ROUNDS = 20


def series_admittance(grid: Grid) -> NDArray[np.complex128]:
    """Return the series admittances of branches that are closed at both ends, ``(bus, bus)``.

    In pu on 1 MVA; shunts and off-nominal ratios are left out.
    """
    start, end, y_pu, _, _ = _branches(grid)
    matrix = np.zeros((grid.n_buses, grid.n_buses), dtype=np.complex128)
    for row, column, sign in ((start, start, 1), (end, end, 1), (start, end, -1), (end, start, -1)):
        np.add.at(matrix, (row, column), sign * y_pu)
    return matrix


def admittance(grid: Grid) -> NDArray[np.complex128]:
    """Return the same with the shunts of lines and transformers, and with ratios."""
    start, end, y_pu, ratio, shunt_pu = _branches(grid)
    matrix = np.zeros((grid.n_buses, grid.n_buses), dtype=np.complex128)
    for row, column, value in (
        (start, start, (y_pu + shunt_pu / 2) / ratio**2),
        (end, end, y_pu + shunt_pu / 2),
        (start, end, -y_pu / ratio),
        (end, start, -y_pu / ratio),
    ):
        np.add.at(matrix, (row, column), value)
    return matrix


def held_by_newton(
    grid: Grid, held_bus: IntArray, p_mw: FloatArray, q_mvar: FloatArray
) -> FloatArray:
    """Return what reactive power holds voltages, ``(row, held bus)`` [Mvar]; NaN without solution.

    Newton's method in polar form with held buses as PV buses (W. F. Tinney and C. E. Hart, IEEE
    Trans. Power App. Syst. 86, 1967), from the angles of a DC power flow.

    Parameters
    ----------
    grid
        The network.
    held_bus
        Those of `Grid.held_bus` that a source supplies.
    p_mw, q_mvar
        Net injections without what holds the voltages, ``(row, bus)`` [MW, Mvar].
    """
    y_pu, supplied = admittance(grid), grid.supplied()
    free = np.flatnonzero(supplied & ~np.isin(np.arange(grid.n_buses), grid.source_bus))
    rest = np.setdiff1d(free, held_bus)
    target = dict(zip(grid.held_bus.tolist(), grid.held_vm_pu.tolist(), strict=True))
    start = np.ones(grid.n_buses)
    start[grid.source_bus] = grid.source_vm_pu
    start[held_bus] = [target[bus] for bus in held_bus.tolist()]
    dc = np.linalg.inv(-series_admittance(grid).imag[np.ix_(free, free)])
    held_mvar = np.full((len(p_mw), len(held_bus)), np.nan)
    for row, wanted in enumerate(p_mw + 1j * q_mvar):
        magnitude, angle = start.copy(), np.zeros(grid.n_buses)
        angle[free] = dc @ wanted.real[free]
        for _ in range(MAX_ROUNDS):
            voltage = magnitude * np.exp(1j * angle)
            current = y_pu @ voltage
            power = voltage * np.conj(current)
            missing = power - wanted
            error = np.concatenate([missing.real[free], missing.imag[rest]])
            if not np.isfinite(error).all():
                break
            if np.abs(error).max(initial=0.0) < TOLERANCE_MVA:
                held_mvar[row] = missing.imag[held_bus]
                break
            by_angle = 1j * voltage[:, None] * np.conj(np.diag(current) - y_pu * voltage)
            unit = voltage / magnitude
            by_size = voltage[:, None] * np.conj(y_pu * unit) + np.diag(np.conj(current) * unit)
            jacobian = np.block(
                [
                    [by_angle.real[np.ix_(free, free)], by_size.real[np.ix_(free, rest)]],
                    [by_angle.imag[np.ix_(rest, free)], by_size.imag[np.ix_(rest, rest)]],
                ]
            )
            try:
                step = np.linalg.solve(jacobian, error)
            except np.linalg.LinAlgError:
                break
            angle[free] -= step[: len(free)]
            magnitude[rest] -= step[len(free) :]
    return held_mvar


def _branches(
    grid: Grid,
) -> tuple[IntArray, IntArray, NDArray[np.complex128], FloatArray, NDArray[np.complex128]]:
    """Return ends, series admittances [pu on 1 MVA], ratios [-] and shunt admittances [pu]."""
    lines, transformers = grid.lines, grid.transformers
    line = lines.from_closed & lines.to_closed
    transformer = transformers.hv_closed & transformers.lv_closed
    kv = grid.bus_vn_kv
    line_pu = (lines.r_ohm + 1j * grid.line_reactance_ohm) / kv[lines.from_bus] ** 2
    vkx_percent = np.sqrt(transformers.vk_percent**2 - transformers.vkr_percent**2)
    transformer_pu = (transformers.vkr_percent + 1j * vkx_percent) / 100 / transformers.sn_mva
    ratio = transformers.vn_hv_kv / kv[transformers.hv_bus]
    ratio = ratio / (transformers.vn_lv_kv / kv[transformers.lv_bus])
    capacity_pu = ANGULAR_FREQUENCY * lines.c_nf * 1e-9 * kv[lines.from_bus] ** 2
    iron_mw = transformers.pfe_kw / 1e3
    drawn_mva = transformers.i0_percent / 100 * transformers.sn_mva
    magnetising_mvar = np.sqrt(np.maximum(drawn_mva**2 - iron_mw**2, 0.0))
    rated = (kv[transformers.lv_bus] / transformers.vn_lv_kv) ** 2
    no_load_pu = (iron_mw - 1j * magnetising_mvar) * rated
    series_pu: NDArray[np.complex128] = np.concatenate([line_pu[line], transformer_pu[transformer]])
    return (
        np.concatenate([lines.from_bus[line], transformers.hv_bus[transformer]]),
        np.concatenate([lines.to_bus[line], transformers.lv_bus[transformer]]),
        1 / series_pu,
        np.concatenate([np.ones(int(line.sum())), ratio[transformer]]),
        np.concatenate([1j * capacity_pu[line], no_load_pu[transformer]]),
    )
