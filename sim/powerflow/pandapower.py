"""The engine that verifies: pandapower, row by row.

It builds its own network from the grid and shares no equation with `sim.powerflow.pgm`.
Transformers are pi equivalents (``trafo_model="pi"``), as they are there; pandapower's default, the
T equivalent, differs by the drop that the magnetising current causes over half the short-circuit
impedance.

Importing this module costs seconds: import it where a verification is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandapower as pp
from numpy.typing import NDArray
from pandapower.timeseries.read_batch_results import v_to_i_s

from sim.powerflow.protocol import PowerFlowResult
from sim.system.grid import Grid
from sim.units import BoolArray, FloatArray

TOLERANCE_MVA = 1e-8
MAX_ITERATIONS = 30
SYSTEM_FREQUENCY_HZ = 50.0  # the frequency that `Lines.c_nf` refers to
# Only injections change from row to row: the admittance matrices are kept.
RECYCLE = {"bus_pq": True, "gen": False, "trafo": False}


class PandapowerFlow:
    """AC power flow by pandapower, built once per grid. Implements `PowerFlow`.

    Rows are run as pandapower runs its own time series: the admittance matrices are kept, each row
    starts from the solution before it, only voltages come out of the loop, and flows are computed
    from them for all rows at once. A row that fails is tried once more from a flat start.

    Parameters
    ----------
    grid
        The network. Its switching state is part of it; another state is another engine.

    Raises
    ------
    ValueError
        If every live bus is a source: pandapower then has nothing to solve.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._net = _build(grid)
        self._warm = False
        self._run_flat()
        if "V" not in self._net["_ppc"]["internal"]:
            raise ValueError("grid: at least one bus must be supplied without being a source.")
        # Where the voltage of each bus stands in pandapower's solution. Dead buses are behind it.
        position = self._net["_pd2ppc_lookups"]["bus"][np.arange(grid.n_buses)]
        self._live: BoolArray = position < len(self._net["_ppc"]["internal"]["V"])
        self._position = position[self._live]
        self._source_position = position[grid.source_bus]

    def solve(self, p_mw: FloatArray, q_mvar: FloatArray) -> PowerFlowResult:
        """Solve one power flow per row; see `PowerFlow.solve`.

        Parameters
        ----------
        p_mw, q_mvar
            Net injections (generation + storage - load), ``(step, bus)`` [MW, Mvar]. Those at
            dead buses do not count.

        Returns
        -------
        PowerFlowResult
            Rows that diverge, or that hold a NaN, are flagged and NaN.
        """
        n_steps, grid = len(p_mw), self._grid
        if p_mw.shape != (n_steps, grid.n_buses) or q_mvar.shape != p_mw.shape:
            raise ValueError(
                f"p_mw(={p_mw.shape}) and q_mvar(={q_mvar.shape}) must both have the shape "
                f"(step, {grid.n_buses})."
            )
        p_mw, q_mvar = np.where(self._live, p_mw, 0.0), np.where(self._live, q_mvar, 0.0)
        converged = np.isfinite(p_mw).all(axis=1) & np.isfinite(q_mvar).all(axis=1)
        n_live = len(self._net["_ppc"]["internal"]["V"])
        voltage = np.ones((n_steps, n_live), dtype=np.complex128)
        # The same rows give the same bytes, whatever was solved before.
        self._warm = False
        for row in np.flatnonzero(converged):
            converged[row] = self._converges(p_mw[row], q_mvar[row])
            if converged[row]:
                voltage[row] = self._net["_ppc"]["internal"]["V"]
        result = self._result(p_mw, q_mvar, voltage, converged)
        for values in (
            result.vm_pu,
            result.va_degree,
            result.loading_percent,
            result.source_mw,
            result.source_mvar,
            result.loss_mw,
        ):
            values[~converged] = np.nan
        return result

    def _converges(self, p_mw: FloatArray, q_mvar: FloatArray) -> bool:
        """Run one power flow, ``(bus,)``, and say whether it converged."""
        self._net["sgen"]["p_mw"] = p_mw
        self._net["sgen"]["q_mvar"] = q_mvar
        if self._warm:
            with np.errstate(all="ignore"):
                pp.runpp(self._net, recycle=RECYCLE)
            if self._net["_ppc"]["success"]:
                return True
        # What a failed row leaves behind must not be the start of the next one.
        self._warm = self._run_flat()
        return self._warm

    def _run_flat(self) -> bool:
        """Run one power flow from scratch and say whether it converged."""
        try:
            with np.errstate(all="ignore"):
                pp.runpp(
                    self._net,
                    init="flat",
                    max_iteration=MAX_ITERATIONS,
                    tolerance_mva=TOLERANCE_MVA,
                    trafo_model="pi",
                    voltage_depend_loads=False,
                    only_v_results=True,
                )
        except pp.LoadflowNotConverged:
            return False
        return True

    def _result(
        self,
        p_mw: FloatArray,
        q_mvar: FloatArray,
        voltage: NDArray[np.complex128],
        converged: BoolArray,
    ) -> PowerFlowResult:
        """Return what follows from the voltages of all rows, ``(step, live bus)`` [pu]."""
        grid, internal = self._grid, self._net["_ppc"]["internal"]
        vm_pu = np.full(p_mw.shape, np.nan)
        va_degree = np.full(p_mw.shape, np.nan)
        vm_pu[:, self._live] = np.abs(voltage)[:, self._position]
        va_degree[:, self._live] = np.angle(voltage, deg=True)[:, self._position]
        s_mva, s_abs_mva, i_abs_ka = v_to_i_s(
            self._net, np.abs(voltage), np.angle(voltage, deg=True)
        )
        n_lines = len(grid.lines.name)
        # Branches out of service are NaN in pandapower; here nothing flows in them.
        i_ka = np.nan_to_num(np.maximum(*i_abs_ka)[:, :n_lines])
        s_max_mva = np.nan_to_num(np.maximum(*s_abs_mva)[:, n_lines : grid.n_branches])
        injected_mva = internal["baseMVA"] * voltage * np.conj((internal["Ybus"] @ voltage.T).T)
        source_mva = injected_mva[:, self._source_position]
        return PowerFlowResult(
            vm_pu=vm_pu,
            va_degree=va_degree,
            loading_percent=np.hstack(
                [i_ka / grid.lines.max_i_ka, s_max_mva / grid.transformers.sn_mva]
            )
            * 100.0,
            source_mw=source_mva.real - p_mw[:, grid.source_bus],
            source_mvar=source_mva.imag - q_mvar[:, grid.source_bus],
            loss_mw=np.nansum((s_mva[0] + s_mva[1]).real, axis=1),
            converged=converged,
        )


def _build(grid: Grid) -> Any:
    """Return a pandapower network with the grid's own bus indices and one sgen per bus."""
    net = pp.create_empty_network(f_hz=SYSTEM_FREQUENCY_HZ)
    pp.create_buses(net, grid.n_buses, vn_kv=grid.bus_vn_kv)
    for bus, vm_pu in zip(grid.source_bus, grid.source_vm_pu, strict=True):
        pp.create_ext_grid(net, bus, vm_pu=vm_pu)
    for bus in range(grid.n_buses):
        pp.create_sgen(net, bus, p_mw=0.0, q_mvar=0.0)
    lines = grid.lines
    x_ohm = grid.line_reactance_ohm
    for index in range(len(lines.name)):
        connected = lines.from_closed[index] or lines.to_closed[index]
        pp.create_line_from_parameters(
            net,
            from_bus=lines.from_bus[index],
            to_bus=lines.to_bus[index],
            length_km=1.0,
            r_ohm_per_km=lines.r_ohm[index],
            x_ohm_per_km=x_ohm[index],
            c_nf_per_km=lines.c_nf[index],
            max_i_ka=lines.max_i_ka[index],
            in_service=connected,
        )
        if connected and not lines.from_closed[index]:
            pp.create_switch(net, lines.from_bus[index], index, et="l", closed=False)
        if connected and not lines.to_closed[index]:
            pp.create_switch(net, lines.to_bus[index], index, et="l", closed=False)
    transformers = grid.transformers
    for index in range(len(transformers.name)):
        connected = transformers.hv_closed[index] or transformers.lv_closed[index]
        pp.create_transformer_from_parameters(
            net,
            hv_bus=transformers.hv_bus[index],
            lv_bus=transformers.lv_bus[index],
            sn_mva=transformers.sn_mva[index],
            vn_hv_kv=transformers.vn_hv_kv[index],
            vn_lv_kv=transformers.vn_lv_kv[index],
            vkr_percent=transformers.vkr_percent[index],
            vk_percent=transformers.vk_percent[index],
            pfe_kw=transformers.pfe_kw[index],
            i0_percent=transformers.i0_percent[index],
            in_service=connected,
        )
        if connected and not transformers.hv_closed[index]:
            pp.create_switch(net, transformers.hv_bus[index], index, et="t", closed=False)
        if connected and not transformers.lv_closed[index]:
            pp.create_switch(net, transformers.lv_bus[index], index, et="t", closed=False)
    return net
