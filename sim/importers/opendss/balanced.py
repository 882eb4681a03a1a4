"""The power flow of the balanced equivalent."""

from __future__ import annotations

import numpy as np

from sim.importers.opendss.rows import Circuit
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario.branches import make_lines, make_transformers
from sim.system.grid import Grid
from sim.units import frozen


def power_flow(circuit: Circuit) -> tuple[float, float, float, float]:
    """Return power at the source and losses [MW], lowest and highest voltage [pu]."""
    at = {row.name: k for k, row in enumerate(circuit.buses)}
    n = len(at)
    vn_kv = [row.vn_kv for row in circuit.buses]
    grid = Grid(
        bus_name=tuple(at),
        bus_vn_kv=frozen(vn_kv),
        v_min_pu=frozen(np.full(n, 0.9)),
        v_max_pu=frozen(np.full(n, 1.1)),
        x=frozen(np.zeros(n)),
        y=frozen(np.zeros(n)),
        lines=make_lines(circuit.lines, at, vn_kv),
        transformers=make_transformers(circuit.transformers, at),
        source_bus=frozen([at[circuit.source[0]]], np.int64),
        source_vm_pu=frozen([circuit.source[1]]),
        held_bus=frozen([], np.int64),
        held_vm_pu=frozen([]),
    )
    p_mw, q_mvar = np.zeros((1, n)), np.zeros((1, n))
    for load in circuit.loads:
        p_mw[0, at[load.bus]] -= load.p_mw
        q_mvar[0, at[load.bus]] -= load.q_mvar
    for plant in circuit.generators:
        p_mw[0, at[plant.bus]] += circuit.given_mw[plant.name]
    found = PowerGridModelFlow(grid).solve(p_mw, q_mvar)
    source_mw = float(found.source_mw[0].sum())
    # Buses that nothing feeds have no voltage.
    vm_pu = found.vm_pu[0][found.vm_pu[0] > 0]
    low, high = (float(vm_pu.min()), float(vm_pu.max())) if len(vm_pu) else (np.nan, np.nan)
    return source_mw, source_mw + float(p_mw.sum()), low, high
