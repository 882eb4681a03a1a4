"""An operator's problem written down a second time, for scipy: linear, without the package's code.

Participation factors are given; what limits leave for errors is then a number.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from sim.control import Forecast
from sim.system.system import System


def voltages_and_flows(
    system: System, area: int, p_mw: np.ndarray, q_mvar: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """LinDistFlow by walking from the source: squared voltages by bus, flow by line [MW].

    Injections by bus of the whole grid.
    """
    grid, lines = system.grid, system.grid.lines
    source = int(grid.source_bus[system.areas[area].sources[0]])
    flow_p, flow_q = np.zeros((2, len(lines.name)))
    v = np.full(grid.n_buses, np.nan)
    v[source] = grid.source_vm_pu[system.areas[area].sources[0]] ** 2

    def subtree(bus: int, came_by: int) -> tuple[float, float]:
        p, q = -p_mw[bus], -q_mvar[bus]
        for line in range(len(lines.name)):
            ends = int(lines.from_bus[line]), int(lines.to_bus[line])
            if line == came_by or bus not in ends or not lines.from_closed[line]:
                continue
            other = ends[1] if ends[0] == bus else ends[0]
            down_p, down_q = subtree(other, line)
            flow_p[line], flow_q[line] = down_p, down_q
            p, q = p + down_p, q + down_q
        return p, q

    def descend(bus: int, came_by: int) -> None:
        for line in range(len(lines.name)):
            ends = int(lines.from_bus[line]), int(lines.to_bus[line])
            if line == came_by or bus not in ends or not lines.from_closed[line]:
                continue
            other = ends[1] if ends[0] == bus else ends[0]
            x = grid.line_reactance_ohm[line]
            drop = lines.r_ohm[line] * flow_p[line] + x * flow_q[line]
            v[other] = v[bus] - 2 * drop / grid.bus_vn_kv[bus] ** 2
            descend(other, line)

    subtree(source, -1)
    descend(source, -1)
    return v, flow_p


def least_cost(
    system: System,
    forecast: Forecast,
    area: int,
    legs: list[dict],
    price: np.ndarray,
    left: np.ndarray,
) -> float:
    """The operator's least cost [USD], limits of the first line only, which is the one that binds.

    Parameters
    ----------
    legs
        Each with first, last, sign (1 injects), most_mw, budget_mwh, stored (USD/MWh or by period).
    price
        Rent by period.
    left
        What the export limit of the first line leaves for errors, by period [MW].
    """
    n = forecast.n_periods
    buses = np.flatnonzero(system.bus_area == area)
    loads = np.flatnonzero(np.isin(system.loads.bus, buses))
    plants = np.flatnonzero(np.isin(system.generators.bus, buses))
    net = forecast.load_mw[:, loads].sum(axis=1) - forecast.available_mw[:, plants].sum(axis=1)
    most_curtailed = forecast.available_mw[:, plants].sum(axis=1)
    line = next(
        i
        for i, end in enumerate(system.grid.lines.from_bus)
        if end == system.grid.source_bus[system.areas[area].sources[0]]
    )
    reactive = forecast.load_mvar[:, loads].sum(axis=1)
    source = system.areas[area].sources[0]
    mva = np.sqrt(3) * 12.66 * system.grid.lines.max_i_ka[line] * system.grid.source_vm_pu[source]
    head = np.sqrt(mva**2 - reactive**2)
    per_mw = system.penalties.loading_usd_per_percent_h * 100 / mva
    names = ["buy", "sell", "curtail", "over", *range(len(legs))]
    cost = np.zeros((n, len(names)))
    cost[:, 0] = forecast.import_usd_per_mwh[:, area]
    cost[:, 1] = -forecast.export_usd_per_mwh[:, area]
    cost[:, 3] = per_mw
    upper = np.full((n, len(names)), np.inf)
    upper[:, 2] = most_curtailed
    equal, balance = [], []
    below, limits = [], []
    for t in range(n):
        row = np.zeros((n, len(names)))
        row[t, :3] = 1.0, -1.0, -1.0
        over = np.zeros((n, len(names)))
        over[t, :4] = 0.0, 0.0, -1.0, -1.0
        for i, leg in enumerate(legs):
            row[t, 4 + i] = over[t, 4 + i] = leg["sign"]
        equal.append(row.ravel())
        balance.append(net[t])
        # Export: what is injected less the load stays within the line.
        below.append(over.ravel())
        limits.append(net[t] + head[t] - left[t])
    for i, leg in enumerate(legs):
        within = (np.arange(n) >= leg["first"]) & (np.arange(n) < leg["last"])
        upper[:, 4 + i] = np.where(within, leg["most_mw"], 0.0)
        cost[:, 4 + i] = price + leg["stored"]
        row = np.zeros((n, len(names)))
        row[:, 4 + i] = 1.0
        below.append(row.ravel())
        limits.append(leg["budget_mwh"])
    found = linprog(
        cost.ravel(),
        A_ub=np.array(below),
        b_ub=np.array(limits),
        A_eq=np.array(equal),
        b_eq=np.array(balance),
        bounds=np.column_stack([np.zeros(cost.size), upper.ravel()]),
    )
    assert found.status == 0, found.message
    return float(found.fun)
