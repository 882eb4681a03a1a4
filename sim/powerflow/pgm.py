"""The engine that computes: power-grid-model, in batches.

Balanced Newton-Raphson power flow in C++. Lines and transformers are pi equivalents, each half of
the shunt admittance at one end. Voltages that units hold are found around it: it has no such buses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from power_grid_model import (
    CalculationMethod,
    ComponentType,
    DatasetType,
    LoadGenType,
    PowerGridModel,
    WindingType,
    initialize_array,
)

from sim.powerflow.holding import VoltageHolder
from sim.powerflow.protocol import PowerFlowResult, check_injections
from sim.system.grid import Grid
from sim.units import BoolArray, FloatArray

# A short-circuit power this large leaves no voltage drop behind the source.
STIFF_SOURCE_VA = 1e30
# On the last Newton step; convergence is quadratic, the error left is its square.
ERROR_TOLERANCE_PU = 1e-8
MAX_ITERATIONS = 30
SYSTEM_FREQUENCY_HZ = 50.0  # the frequency that `Lines.c_nf` refers to


class PowerGridModelFlow:
    """AC power flow by power-grid-model, built once per grid. Implements `PowerFlow`.

    Parameters
    ----------
    grid
        The network. Its switching state is part of it; another state is another engine.
    """

    def __init__(self, grid: Grid) -> None:
        n_buses, n_branches, n_sources = grid.n_buses, grid.n_branches, len(grid.source_bus)
        n_lines = len(grid.lines.name)
        # Identifiers are unique over all components: buses, branches, sources, injections.
        first_line = n_buses
        first_transformer = first_line + n_lines
        first_source = first_line + n_branches
        first_injection = first_source + n_sources
        components = {
            ComponentType.node: _nodes(grid),
            ComponentType.source: _sources(grid, first_source),
            ComponentType.sym_gen: _injections(n_buses, first_injection),
        }
        if n_lines:
            components[ComponentType.line] = _lines(grid, first_line)
        if len(grid.transformers.name):
            components[ComponentType.transformer] = _transformers(grid, first_transformer)
        self._model = PowerGridModel(components, system_frequency=SYSTEM_FREQUENCY_HZ)
        # Where the branches of each kind stand among all branches.
        self._columns = {
            kind: columns
            for kind, columns in (
                (ComponentType.line, slice(0, n_lines)),
                (ComponentType.transformer, slice(n_lines, n_branches)),
            )
            if kind in components
        }
        self._outputs: Any = {
            ComponentType.node: ["u_pu", "u_angle"],
            ComponentType.source: ["p", "q"],
            **{kind: ["loading", "p_from", "p_to", "q_from"] for kind in self._columns},
        }
        self._limit_mva = grid.lines.limit_mva
        self._in_mva = np.flatnonzero(np.isfinite(self._limit_mva))
        if len(self._in_mva):
            self._outputs[ComponentType.line] += ["s_from", "s_to"]
        self._holder = VoltageHolder(grid) if len(grid.held_bus) else None
        self._shape = (n_buses, n_branches, n_sources)
        # Which buses are supplied depends on the switches alone, so the linear method will do.
        idle: Any = self._model.calculate_power_flow(
            calculation_method=CalculationMethod.linear,
            output_component_types={ComponentType.node: ["energized"]},
        )
        self._live: BoolArray = idle[ComponentType.node]["energized"].astype(np.bool_)

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
        check_injections(p_mw, q_mvar, self._shape[0])
        if self._holder is not None:
            return self._holder.solve(self._solve, p_mw, q_mvar)
        return self._solve(p_mw, q_mvar)

    def _solve(self, p_mw: FloatArray, q_mvar: FloatArray) -> PowerFlowResult:
        """Solve one power flow per row, no voltage held but those of sources."""
        n_steps = len(p_mw)
        n_buses, n_branches, n_sources = self._shape
        loading_percent = np.empty((n_steps, n_branches))
        branch_loss_mw = np.empty((n_steps, n_branches))
        branch_mw, branch_mvar = np.empty_like(branch_loss_mw), np.empty_like(branch_loss_mw)
        if n_steps == 0:
            return PowerFlowResult(
                vm_pu=np.empty((0, n_buses)),
                va_degree=np.empty((0, n_buses)),
                loading_percent=loading_percent,
                branch_mw=branch_mw,
                branch_mvar=branch_mvar,
                source_mw=np.empty((0, n_sources)),
                source_mvar=np.empty((0, n_sources)),
                branch_loss_mw=branch_loss_mw,
                converged=np.empty(0, dtype=np.bool_),
            )
        update: Any = {
            ComponentType.sym_gen: {"p_specified": p_mw * 1e6, "q_specified": q_mvar * 1e6}
        }
        output: Any = self._model.calculate_power_flow(
            update_data=update,
            output_component_types=self._outputs,
            error_tolerance=ERROR_TOLERANCE_PU,
            max_iterations=MAX_ITERATIONS,
            continue_on_batch_error=True,
            threading=-1,
        )
        # Rows that diverged hold anything.
        with np.errstate(over="ignore", invalid="ignore"):
            for kind, columns in self._columns.items():
                branches = output[kind]
                np.multiply(branches["loading"], 100.0, out=loading_percent[:, columns])
                np.multiply(branches["p_from"], 1e-6, out=branch_mw[:, columns])
                np.multiply(branches["q_from"], 1e-6, out=branch_mvar[:, columns])
                # What flows into both ends stays in the branch.
                np.add(branches["p_from"], branches["p_to"], out=branch_loss_mw[:, columns])
            if len(self._in_mva):
                lines = output[ComponentType.line]
                largest_va = np.maximum(lines["s_from"], lines["s_to"])[:, self._in_mva]
                # A limit next to nothing is loaded without end.
                in_percent = largest_va * 1e-4 / self._limit_mva[self._in_mva]
                loading_percent[:, self._in_mva] = in_percent
            branch_loss_mw *= 1e-6
            vm_pu: FloatArray = output[ComponentType.node]["u_pu"]
            va_degree: FloatArray = np.rad2deg(output[ComponentType.node]["u_angle"])
            source_mw: FloatArray = output[ComponentType.source]["p"] * 1e-6
            source_mvar: FloatArray = output[ComponentType.source]["q"] * 1e-6
        if not self._live.all():
            vm_pu[:, ~self._live] = np.nan
            va_degree[:, ~self._live] = np.nan
        converged = self._converged(p_mw, q_mvar)
        if not converged.all():
            for values in (
                vm_pu, va_degree, loading_percent, branch_mw, branch_mvar, source_mw, source_mvar,
                branch_loss_mw,
            ):  # fmt: skip
                values[~converged] = np.nan
        return PowerFlowResult(
            vm_pu=vm_pu,
            va_degree=va_degree,
            loading_percent=loading_percent,
            branch_mw=branch_mw,
            branch_mvar=branch_mvar,
            source_mw=source_mw,
            source_mvar=source_mvar,
            branch_loss_mw=branch_loss_mw,
            converged=converged,
        )

    def _converged(self, p_mw: FloatArray, q_mvar: FloatArray) -> BoolArray:
        """Return which rows of the last batch hold a solution, ``(step,)``."""
        # power-grid-model reads NaN as "leave as it was", which would pass for a result.
        finite = np.isfinite(p_mw) & np.isfinite(q_mvar)
        converged: BoolArray = np.all(finite | ~self._live, axis=1)
        error = self._model.batch_error
        if error is not None:
            converged[error.failed_scenarios] = False
        return converged


def _nodes(grid: Grid) -> NDArray[Any]:
    nodes = initialize_array(DatasetType.input, ComponentType.node, grid.n_buses)
    nodes["id"] = np.arange(grid.n_buses)
    nodes["u_rated"] = grid.bus_vn_kv * 1e3
    return nodes


def _lines(grid: Grid, first_id: int) -> NDArray[Any]:
    lines = initialize_array(DatasetType.input, ComponentType.line, len(grid.lines.name))
    lines["id"] = first_id + np.arange(len(lines))
    lines["from_node"] = grid.lines.from_bus
    lines["to_node"] = grid.lines.to_bus
    lines["from_status"] = grid.lines.from_closed
    lines["to_status"] = grid.lines.to_closed
    lines["r1"] = grid.lines.r_ohm
    lines["x1"] = grid.line_reactance_ohm
    lines["c1"] = grid.lines.c_nf * 1e-9
    lines["tan1"] = 0.0
    lines["i_n"] = grid.lines.max_i_ka * 1e3
    return lines


def _transformers(grid: Grid, first_id: int) -> NDArray[Any]:
    given = grid.transformers
    transformers = initialize_array(DatasetType.input, ComponentType.transformer, len(given.name))
    transformers["id"] = first_id + np.arange(len(transformers))
    transformers["from_node"] = given.hv_bus
    transformers["to_node"] = given.lv_bus
    transformers["from_status"] = given.hv_closed
    transformers["to_status"] = given.lv_closed
    transformers["u1"] = given.vn_hv_kv * 1e3
    transformers["u2"] = given.vn_lv_kv * 1e3
    transformers["sn"] = given.sn_mva * 1e6
    transformers["uk"] = given.vk_percent / 100
    transformers["pk"] = given.vkr_percent / 100 * given.sn_mva * 1e6
    transformers["i0"] = given.i0_percent / 100
    transformers["p0"] = given.pfe_kw * 1e3
    # The rated voltages contain the tap position, and common phase shifts cancel.
    transformers["winding_from"] = WindingType.wye_n
    transformers["winding_to"] = WindingType.wye_n
    transformers["clock"] = 0
    transformers["tap_side"] = 0
    transformers["tap_pos"] = transformers["tap_nom"] = 0
    transformers["tap_min"] = transformers["tap_max"] = 0
    transformers["tap_size"] = 0.0
    return transformers


def _sources(grid: Grid, first_id: int) -> NDArray[Any]:
    sources = initialize_array(DatasetType.input, ComponentType.source, len(grid.source_bus))
    sources["id"] = first_id + np.arange(len(sources))
    sources["node"] = grid.source_bus
    sources["status"] = 1
    sources["u_ref"] = grid.source_vm_pu
    sources["sk"] = STIFF_SOURCE_VA
    return sources


def _injections(n_buses: int, first_id: int) -> NDArray[Any]:
    injections = initialize_array(DatasetType.input, ComponentType.sym_gen, n_buses)
    injections["id"] = first_id + np.arange(n_buses)
    injections["node"] = np.arange(n_buses)
    injections["status"] = 1
    injections["type"] = LoadGenType.const_power
    injections["p_specified"] = 0.0
    injections["q_specified"] = 0.0
    return injections
