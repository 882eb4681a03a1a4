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
from pandapower.pypower.idx_brch import F_BUS, T_BUS
from pandapower.pypower.idx_bus import BASE_KV

from sim.powerflow.protocol import PowerFlowResult, check_injections
from sim.system.grid import Grid
from sim.units import BoolArray, FloatArray, IntArray

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
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._net = _build(grid)
        self._warm = False
        self._run_flat()
        if "V" not in self._net["_ppc"]["internal"]:
            # Every live bus is a source, as after an outage of the line behind it, and pandapower
            # has nothing to solve. A bus on which nothing hangs changes nothing else; impedances
            # stand behind lines and transformers among the branches.
            idle = pp.create_bus(self._net, vn_kv=grid.bus_vn_kv[grid.source_bus[0]])
            pp.create_impedance(
                self._net, grid.source_bus[0], idle, rft_pu=0.0, xft_pu=0.01, sn_mva=1.0
            )
            self._run_flat()
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
        check_injections(p_mw, q_mvar, grid.n_buses)
        p_mw, q_mvar = np.where(self._live, p_mw, 0.0), np.where(self._live, q_mvar, 0.0)
        finite = np.isfinite(p_mw) & np.isfinite(q_mvar)
        converged: BoolArray = np.all(finite, axis=1)
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
            result.branch_mw,
            result.branch_mvar,
            result.source_mw,
            result.source_mvar,
            result.branch_loss_mw,
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
        # Nothing flows in branches out of service, which pandapower leaves out of its matrices.
        i_ka = np.zeros((len(voltage), len(internal["branch_is"])))
        s_mva = np.zeros_like(i_ka)
        branch_loss_mw = np.zeros_like(i_ka)
        into_mva = np.zeros(i_ka.shape, dtype=np.complex128)  # at the first end
        in_service = np.flatnonzero(internal["branch_is"])
        for end, admittance in ((F_BUS, internal["Yf"]), (T_BUS, internal["Yt"])):
            bus = internal["branch"][:, end].real.astype(np.int64)
            base_ka = internal["baseMVA"] / (np.sqrt(3.0) * internal["bus"][bus, BASE_KV])
            current = (admittance @ voltage.T).T
            power_mva = internal["baseMVA"] * voltage[:, bus] * np.conj(current)
            i_ka[:, in_service] = np.maximum(i_ka[:, in_service], np.abs(current) * base_ka)
            s_mva[:, in_service] = np.maximum(s_mva[:, in_service], np.abs(power_mva))
            branch_loss_mw[:, in_service] += power_mva.real
            if end == F_BUS:
                into_mva[:, in_service] = power_mva
        n_lines, n_branches = len(grid.lines.name), grid.n_branches
        line_loading = i_ka[:, :n_lines] / grid.lines.max_i_ka
        in_mva = np.isfinite(grid.lines.limit_mva)
        line_loading[:, in_mva] = (s_mva[:, :n_lines] / grid.lines.limit_mva)[:, in_mva]
        transformer_loading = s_mva[:, n_lines:n_branches] / grid.transformers.sn_mva
        injected_mva = internal["baseMVA"] * voltage * np.conj((internal["Ybus"] @ voltage.T).T)
        source_mva = injected_mva[:, self._source_position]
        return PowerFlowResult(
            vm_pu=vm_pu,
            va_degree=va_degree,
            loading_percent=np.hstack([line_loading, transformer_loading]) * 100.0,
            branch_mw=into_mva.real[:, :n_branches],
            branch_mvar=into_mva.imag[:, :n_branches],
            source_mw=source_mva.real - p_mw[:, grid.source_bus],
            source_mvar=source_mva.imag - q_mvar[:, grid.source_bus],
            branch_loss_mw=branch_loss_mw[:, :n_branches],
            converged=converged,
        )


def _build(grid: Grid) -> Any:
    """Return a pandapower network with the grid's own bus indices and one sgen per bus."""
    net = pp.create_empty_network(f_hz=SYSTEM_FREQUENCY_HZ)
    pp.create_buses(net, grid.n_buses, vn_kv=grid.bus_vn_kv)
    pp.create_sgens(net, np.arange(grid.n_buses), p_mw=0.0, q_mvar=0.0)
    for bus, vm_pu in zip(grid.source_bus, grid.source_vm_pu, strict=True):
        pp.create_ext_grid(net, bus, vm_pu=vm_pu)
    for bus, vm_pu in zip(grid.held_bus, grid.held_vm_pu, strict=True):
        pp.create_gen(net, bus, p_mw=0.0, vm_pu=vm_pu)
    lines, transformers = grid.lines, grid.transformers
    if len(lines.name):
        pp.create_lines_from_parameters(
            net,
            from_buses=lines.from_bus,
            to_buses=lines.to_bus,
            length_km=1.0,
            r_ohm_per_km=lines.r_ohm,
            x_ohm_per_km=grid.line_reactance_ohm,
            c_nf_per_km=lines.c_nf,
            max_i_ka=lines.max_i_ka,
            in_service=lines.from_closed | lines.to_closed,
        )
        _open(net, "l", lines.from_bus, lines.to_closed & ~lines.from_closed)
        _open(net, "l", lines.to_bus, lines.from_closed & ~lines.to_closed)
    if len(transformers.name):
        hv_closed, lv_closed = transformers.hv_closed, transformers.lv_closed
        pp.create_transformers_from_parameters(
            net,
            hv_buses=transformers.hv_bus,
            lv_buses=transformers.lv_bus,
            sn_mva=transformers.sn_mva,
            vn_hv_kv=transformers.vn_hv_kv,
            vn_lv_kv=transformers.vn_lv_kv,
            vkr_percent=transformers.vkr_percent,
            vk_percent=transformers.vk_percent,
            pfe_kw=transformers.pfe_kw,
            i0_percent=transformers.i0_percent,
            in_service=hv_closed | lv_closed,
        )
        _open(net, "t", transformers.hv_bus, lv_closed & ~hv_closed)
        _open(net, "t", transformers.lv_bus, hv_closed & ~lv_closed)
    return net


def _open(net: Any, kind: str, bus: IntArray, opened: BoolArray) -> None:
    """Put an open switch between each opened branch of a kind and its bus, ``(branch,)``."""
    if opened.any():
        pp.create_switches(net, bus[opened], np.flatnonzero(opened), et=kind, closed=False)
