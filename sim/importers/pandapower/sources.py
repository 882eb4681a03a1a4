"""Read sources of a pandapower net, and check the angles of sources and transformers."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.importers.pandapower.columns import NetProblems, bus_numbers, flags, numbers, usable_ends
from sim.system.grid import Lines, Transformers
from sim.units import FloatArray, IntArray


def read_sources(
    net: Any, bus_of: dict[int, int], usable: dict[int, bool], problems: NetProblems
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return bus, voltage [pu] and angle [degree] of each source, one per bus."""
    table = net.ext_grid
    table = table[flags(table, "in_service") & usable_ends(table, "bus", usable)]
    if not len(table):
        problems.add(
            "net.ext_grid",
            "none in service",
            "nothing feeds the grid",
            "Add an ext_grid at the bus of the upstream grid",
        )
    held: dict[int, tuple[float, float]] = {}
    vm_pu, va_degree = numbers(table, "vm_pu"), numbers(table, "va_degree", default=0.0)
    for row, bus in enumerate(bus_numbers(table, "bus", bus_of).tolist()):
        values = (float(vm_pu[row]), float(va_degree[row]))
        if held.setdefault(bus, values) != values:
            problems.add(
                f"net.ext_grid {table.index[row]}",
                values,
                "another ext_grid holds the same bus at another voltage",
                "Keep one of them",
            )
    return (
        np.array(list(held), dtype=np.int64),
        np.array([value[0] for value in held.values()]),
        np.array([value[1] for value in held.values()]),
    )


def check_angles(
    lines: Lines,
    transformers: Transformers,
    shift_degree: FloatArray,
    source_bus: IntArray,
    source_va_degree: FloatArray,
    problems: NetProblems,
) -> None:
    """Refuse phase shifts and source angles that drive a current round a loop.

    Without one, every bus has one no-load angle, and a change of variables removes them all.
    """
    neighbours: dict[int, list[tuple[int, float]]] = {}
    closed = np.flatnonzero(lines.from_closed & lines.to_closed)
    edges = [(int(lines.from_bus[k]), int(lines.to_bus[k]), 0.0) for k in closed]
    closed = np.flatnonzero(transformers.hv_closed & transformers.lv_closed)
    edges += [
        (int(transformers.hv_bus[k]), int(transformers.lv_bus[k]), float(shift_degree[k]))
        for k in closed
    ]
    for one, other, shift in edges:
        neighbours.setdefault(one, []).append((other, -shift))
        neighbours.setdefault(other, []).append((one, shift))
    angle: dict[int, float] = {}
    clashes = set()
    given = dict(zip(source_bus.tolist(), source_va_degree.tolist(), strict=True))
    for source, start in given.items():
        if source in angle:
            continue
        angle[source] = start
        open_ends = [source]
        while open_ends:
            bus = open_ends.pop()
            for other, turn in neighbours.get(bus, []):
                if other not in angle:
                    angle[other] = angle[bus] + turn
                    open_ends.append(other)
                elif not _same_angle(angle[other], angle[bus] + turn):
                    clashes.add((min(bus, other), max(bus, other)))
    turned = [bus for bus, value in given.items() if not _same_angle(angle[bus], value)]
    if clashes or turned:
        problems.add(
            "net.trafo shift_degree, net.ext_grid va_degree",
            f"{len(clashes)} loops and {len(turned)} sources that disagree",
            "phase shifts that do not cancel round a loop are not modelled",
            "Open the loop, or give its transformers and sources the same shift",
        )


def _same_angle(one_degree: float, other_degree: float) -> bool:
    return abs((one_degree - other_degree + 180.0) % 360.0 - 180.0) < 1e-9
