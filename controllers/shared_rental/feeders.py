"""LinDistFlow of one area: limits of voltages and lines as rows in active power.

``v_j = v_i - 2 (r P + x Q)`` for squared voltages, without losses (Baran & Wu, *Optimal capacitor
placement on radial distribution systems*, IEEE Trans. Power Delivery 4(1), 1989). Rented inverters
give no reactive power, so that the flow of reactive power is known, and the circle of a line leaves
two limits of its active power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.control import Forecast
from sim.errors import InputError
from sim.system.system import System
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeederRows:
    """Rows ``base + of_p * p + of_curtailed @ c + of_error @ error <= 0`` of one area.

    ``p`` is what the trucks inject, ``c`` what is curtailed, ``error`` what profiles are above
    their forecast. Where more generation hurts, its cap holds it and only loads err. Where less of
    it hurts there are two rows: at the cap only loads err; below it nothing is curtailed.

    Attributes
    ----------
    base
        ``(period, row)`` [squared pu, or MW].
    of_p
        ``(row,)`` [squared pu/MW, or MW/MW].
    of_curtailed
        ``(row, generator of the area)``.
    of_error
        ``(row, profile of the area)`` [squared pu or MW per pu of the profile].
    usd
        What a unit of violation costs in an hour, ``(row,)`` [USD].
    """

    base: FloatArray
    of_p: FloatArray
    of_curtailed: FloatArray
    of_error: FloatArray
    usd: FloatArray


def feeder_rows(
    system: System,
    forecast: Forecast,
    area: int,
    station_bus: int,
    generators: IntArray,
    profiles: IntArray,
) -> FeederRows:
    """Return the rows of an area.

    Parameters
    ----------
    system
        What exists.
    forecast
        Loads and available renewable power.
    area
        Index of the area.
    station_bus
        Where trucks inject.
    generators
        Those of the area.
    profiles
        Those that its loads and generators follow.

    Raises
    ------
    InputError
        Where the area is not radial.
    """
    grid, loads, plants = system.grid, system.loads, system.generators
    down, order, source = _tree(system, area)
    lines = grid.lines
    buses = np.flatnonzero(system.bus_area == area)
    position = {int(bus): i for i, bus in enumerate(buses.tolist())}
    n = len(buses)
    kv = grid.bus_vn_kv[buses]
    r = lines.r_ohm[order]
    x = grid.line_reactance_ohm[order]
    by_p = down.T @ (r[:, None] * down) * 2 / kv[:, None] ** 2
    by_q = down.T @ (x[:, None] * down) * 2 / kv[:, None] ** 2

    def at(bus: IntArray, values: FloatArray) -> FloatArray:
        placed = np.zeros((len(values), n))
        for i, b in enumerate(bus.tolist()):
            placed[:, position[b]] += values[:, i]
        return placed

    own = np.flatnonzero(np.isin(loads.bus, buses))
    p_mw = at(plants.bus[generators], forecast.available_mw[:, generators])
    p_mw -= at(loads.bus[own], forecast.load_mw[:, own])
    q_mvar = -at(loads.bus[own], forecast.load_mvar[:, own])
    v = float(grid.source_vm_pu[source]) ** 2 + p_mw @ by_p.T + q_mvar @ by_q.T
    flow_mw = -p_mw @ down.T  # away from the source
    flow_mvar = -q_mvar @ down.T
    rated = np.sqrt(3) * grid.bus_vn_kv[lines.from_bus[order]] * lines.max_i_ka[order]
    rated = np.where(rated > 0, rated, np.inf) * float(grid.source_vm_pu[source])
    allowed_mw = np.sqrt(np.maximum(rated**2 - flow_mvar**2, 0.0))
    injection = np.zeros(n)
    injection[position[station_bus]] = 1.0
    curtailed = np.zeros((n, len(generators)))
    for i, g in enumerate(generators.tolist()):
        curtailed[position[int(plants.bus[g])], i] = -1.0
    load_p, load_q = np.zeros((n, len(profiles))), np.zeros((n, len(profiles)))
    plant_p = np.zeros((n, len(profiles)))
    for i, profile in enumerate(profiles.tolist()):
        for load in own[loads.profile[own] == profile].tolist():
            load_p[position[int(loads.bus[load])], i] -= loads.p_mw[load]
            load_q[position[int(loads.bus[load])], i] -= loads.q_mvar[load]
        for g in generators[plants.profile[generators] == profile].tolist():
            plant_p[position[int(plants.bus[g])], i] += plants.p_mw[g]
    penalties = system.penalties
    of_load = by_p @ load_p + by_q @ load_q
    high, low = grid.v_max_pu[buses], grid.v_min_pu[buses]
    per_v = penalties.voltage_usd_per_pu_h / (2 * np.maximum(low, 0.5))
    per_mw = penalties.loading_usd_per_percent_h * 100 / rated
    limited = np.isfinite(rated)
    export_mw, at_line = (-flow_mw - allowed_mw)[:, limited], down[limited]
    import_mw = (flow_mw - allowed_mw)[:, limited]
    still, per_mw = np.zeros_like(curtailed), per_mw[limited]
    of_plant, of_flow = by_p @ plant_p, at_line @ load_p
    parts = [
        (v - high**2, by_p, curtailed, of_load, per_v),
        (export_mw, at_line, curtailed, of_flow, per_mw),
        (low**2 - v, -by_p, still, -of_load - of_plant, per_v),
        (import_mw, -at_line, still, -of_flow - at_line @ plant_p, per_mw),
    ]
    if len(generators):
        parts.append((low**2 - v, -by_p, curtailed, -of_load, per_v))
        parts.append((import_mw, -at_line, curtailed, -of_flow, per_mw))
    return FeederRows(
        base=np.hstack([base for base, *_ in parts]),
        of_p=np.concatenate([by @ injection for _, by, *_ in parts]),
        of_curtailed=np.vstack([by @ capped for _, by, capped, *_ in parts]),
        of_error=np.vstack([error for *_, error, _ in parts]),
        usd=np.concatenate([usd for *_, usd in parts]),
    )


def check_radial(system: System, area: int) -> None:
    """Refuse an area that is not radial, with one source and lines only.

    Raises
    ------
    InputError
        Naming the area.
    """
    _tree(system, area)


def _tree(system: System, area: int) -> tuple[FloatArray, IntArray, int]:
    """Return which buses each line feeds, ``(line, bus)``, the lines, and the source."""
    grid, lines = system.grid, system.grid.lines
    buses = np.flatnonzero(system.bus_area == area)
    sources = system.areas[area].sources
    closed = lines.from_closed & lines.to_closed & np.isin(lines.from_bus, buses)
    of_area = np.flatnonzero(closed)
    name = system.areas[area].name
    transformers = np.isin(grid.transformers.hv_bus, buses).any()
    if len(sources) != 1 or len(of_area) != len(buses) - 1 or transformers:
        raise InputError.single(
            where="area",
            key=name,
            value=f"{len(sources)} sources, {len(buses)} buses, {len(of_area)} closed lines",
            message="shared_rental plans for radial areas of lines with one source",
            remedy="open a line of each ring, or choose another controller",
        )
    source = int(sources[0])
    neighbours: dict[int, list[tuple[int, int]]] = {int(bus): [] for bus in buses}
    for line in of_area.tolist():
        a, b = int(lines.from_bus[line]), int(lines.to_bus[line])
        neighbours[a].append((line, b))
        neighbours[b].append((line, a))
    index = {int(bus): i for i, bus in enumerate(buses.tolist())}
    order: list[int] = []
    paths: dict[int, list[int]] = {int(grid.source_bus[source]): []}
    queue = [int(grid.source_bus[source])]
    for bus in queue:
        for line, other in neighbours[bus]:
            if other not in paths:
                paths[other] = [*paths[bus], line]
                order.append(line)
                queue.append(other)
    row = {line: i for i, line in enumerate(order)}
    down = np.zeros((len(order), len(buses)))
    for bus, path in paths.items():
        for line in path:
            down[row[line], index[bus]] = 1.0
    return down, np.array(order, dtype=np.int64), source
