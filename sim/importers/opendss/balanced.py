"""The power flow of the balanced equivalent."""

from __future__ import annotations

import numpy as np

from sim.importers.opendss.rows import Circuit
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.grid import Grid, Lines, Transformers
from sim.units import frozen


def power_flow(circuit: Circuit) -> tuple[float, float, float, float]:
    """Return power at the source and losses [MW], lowest and highest voltage [pu]."""
    at = {row.name: k for k, row in enumerate(circuit.buses)}
    lines, units, loads = circuit.lines, circuit.transformers, circuit.loads
    n = len(at)
    grid = Grid(
        bus_name=tuple(at),
        bus_vn_kv=frozen([row.vn_kv for row in circuit.buses]),
        v_min_pu=frozen(np.full(n, 0.9)),
        v_max_pu=frozen(np.full(n, 1.1)),
        x=frozen(np.zeros(n)),
        y=frozen(np.zeros(n)),
        lines=Lines(
            name=tuple(row.name for row in lines),
            from_bus=frozen([at[row.from_bus] for row in lines], np.int64),
            to_bus=frozen([at[row.to_bus] for row in lines], np.int64),
            r_ohm=frozen([row.r_ohm_per_km for row in lines]),
            x_ohm=frozen([row.x_ohm_per_km for row in lines]),
            c_nf=frozen([row.c_nf_per_km for row in lines]),
            max_i_ka=frozen([row.max_i_ka for row in lines]),
            limit_mva=frozen(np.full(len(lines), np.nan)),
            from_closed=frozen([row.from_closed for row in lines], np.bool_),
            to_closed=frozen([row.to_closed for row in lines], np.bool_),
        ),
        transformers=Transformers(
            name=tuple(row.name for row in units),
            hv_bus=frozen([at[row.hv_bus] for row in units], np.int64),
            lv_bus=frozen([at[row.lv_bus] for row in units], np.int64),
            sn_mva=frozen([row.sn_mva for row in units]),
            vn_hv_kv=frozen([row.vn_hv_kv for row in units]),
            vn_lv_kv=frozen([row.vn_lv_kv for row in units]),
            vk_percent=frozen([row.vk_percent for row in units]),
            vkr_percent=frozen([row.vkr_percent for row in units]),
            pfe_kw=frozen([row.pfe_kw for row in units]),
            i0_percent=frozen([row.i0_percent for row in units]),
            hv_closed=frozen([row.hv_closed for row in units], np.bool_),
            lv_closed=frozen([row.lv_closed for row in units], np.bool_),
        ),
        source_bus=frozen([at[circuit.source[0]]], np.int64),
        source_vm_pu=frozen([circuit.source[1]]),
        held_bus=frozen([], np.int64),
        held_vm_pu=frozen([]),
    )
    p_mw, q_mvar = np.zeros((1, n)), np.zeros((1, n))
    for load in loads:
        p_mw[0, at[load.bus]] -= load.p_mw
        q_mvar[0, at[load.bus]] -= load.q_mvar
    for plant in circuit.generators:
        p_mw[0, at[plant.bus]] += plant.p_mw
    found = PowerGridModelFlow(grid).solve(p_mw, q_mvar)
    source_mw = float(found.source_mw[0].sum())
    # Buses that nothing feeds have no voltage.
    vm_pu = found.vm_pu[0][found.vm_pu[0] > 0]
    low, high = (float(vm_pu.min()), float(vm_pu.max())) if len(vm_pu) else (np.nan, np.nan)
    return source_mw, source_mw + float(p_mw.sum()), low, high
