"""Read the network of a pandapower net, and its injections."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.importers.pandapower.branches import read_lines, read_transformers
from sim.importers.pandapower.columns import (
    NetProblems,
    bus_numbers,
    flags,
    numbers,
    positions,
    unique_names,
    usable_ends,
)
from sim.importers.pandapower.sources import check_angles, read_sources
from sim.importers.pandapower.units import read_held, units_and_shunts_mw
from sim.system.grid import Grid
from sim.units import FloatArray, IntArray

SUPPORTED_TABLES = (
    *("bus", "line", "trafo", "switch", "ext_grid", "load", "sgen", "storage", "gen", "shunt"),
)
# Money, measurements, labels and simbench's factors for planning change no flow.
IRRELEVANT_TABLES = (
    "poly_cost",
    "pwl_cost",
    "measurement",
    "group",
    "bus_geodata",
    "line_geodata",
    "substation",
    "loadcases",
)
# Tables of characteristics are refused where an element refers to them.
CHARACTERISTIC_TABLES = (
    "trafo_characteristic_table",
    "trafo_characteristic_spline",
    "shunt_characteristic_table",
    "q_capability_curve_table",
    "q_capability_characteristic",
    "characteristic",
)


def grid_from_pandapower(net: Any, *, v_min_pu: float = 0.9, v_max_pu: float = 1.1) -> Grid:
    """Return the network of a pandapower net.

    - Buses that closed bus-bus switches join become one; see `buses_from_pandapower`. Buses out of
      service stay, and are dead.
    - Lines and transformers keep their order. Those out of service stay, open at both ends; open
      switches and ends at dead buses open one end of a line.
    - Parallel systems and derating factors become equivalent single ones. Tap positions go into the
      transformers' rated voltages. Phase shifts that cancel round every loop are left out: angles
      are then those without vector groups.
    - Generators hold the voltages of their buses, without limits of reactive power.
    - Capacitances are scaled to 50 Hz, so that the susceptances are those of the net's frequency.

    Parameters
    ----------
    net
        A pandapower network.
    v_min_pu, v_max_pu
        Voltage limits of buses for which the net gives none [pu].

    Returns
    -------
    Grid
        Positions are the net's own (often degrees), zero where it gives none.

    Raises
    ------
    InputError
        Lists every element the grid cannot express, by table and count, with a remedy.
    """
    problems = NetProblems()
    _check_tables(net, problems)
    _check_loads(net, problems)
    _check_switches(net, problems)
    bus_of = buses_from_pandapower(net)
    first = representatives(bus_of)
    in_service = flags(net.bus, "in_service")
    usable = dict(zip(net.bus.index, in_service, strict=True))
    # A bus-bus switch joins only buses in service, so a representative speaks for its group.
    vn_kv = net.bus["vn_kv"].to_numpy(float)
    for row, index in enumerate(net.bus.index):
        if vn_kv[row] != vn_kv[first[bus_of[index]]]:
            problems.add(
                f"bus {index}",
                f"{vn_kv[row]} kV",
                "a closed bus-bus switch joins it to another nominal voltage",
                "Open the switch or correct vn_kv",
            )
    lines = read_lines(net, bus_of, usable, problems)
    transformers, shift_degree = read_transformers(net, bus_of, usable, lines, problems)
    source_bus, source_vm_pu, source_va_degree = read_sources(net, bus_of, usable, problems)
    held_bus, held_vm_pu = read_held(net, bus_of, usable, source_bus, problems)
    if not problems.found:
        # Only what is sound so far can be walked.
        check_angles(lines, transformers, shift_degree, source_bus, source_va_degree, problems)
    problems.raise_any()
    x, y = positions(net)
    return Grid(
        bus_name=unique_names(net.bus.iloc[first], "bus"),
        bus_vn_kv=vn_kv[first],
        v_min_pu=numbers(net.bus, "min_vm_pu", default=v_min_pu)[first],
        v_max_pu=numbers(net.bus, "max_vm_pu", default=v_max_pu)[first],
        x=x[first],
        y=y[first],
        lines=lines,
        transformers=transformers,
        source_bus=source_bus,
        source_vm_pu=source_vm_pu,
        held_bus=held_bus,
        held_vm_pu=held_vm_pu,
    )


def buses_from_pandapower(net: Any) -> dict[int, int]:
    """Return the grid's bus index for each bus index of the net.

    Buses joined by closed bus-bus switches share one, at the place of the first of them.
    """
    parent = {int(index): int(index) for index in net.bus.index}
    in_service = dict(zip(net.bus.index, flags(net.bus, "in_service"), strict=True))
    order = {index: row for row, index in enumerate(parent)}

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    joins = net.switch[(net.switch["et"] == "b") & net.switch["closed"].astype(bool)]
    for one, other in zip(joins["bus"], joins["element"], strict=True):
        if in_service[one] and in_service[other]:
            ends = sorted((root(int(one)), root(int(other))), key=order.__getitem__)
            parent[ends[1]] = ends[0]
    number: dict[int, int] = {}
    for index in parent:
        number.setdefault(root(index), len(number))
    return {index: number[root(index)] for index in parent}


def injections_from_pandapower(net: Any) -> tuple[FloatArray, FloatArray]:
    """Return the net injections of loads, generators, storages and shunts.

    Shunts draw what they draw at the voltages of the net's results, at 1 pu where it has none.

    Returns
    -------
    p_mw, q_mvar
        Generation + storage - load, scaling and service applied, ``(bus,)`` [MW, Mvar].

    Raises
    ------
    InputError
        If loads depend on the voltage.
    """
    problems = NetProblems()
    _check_loads(net, problems)
    problems.raise_any()
    bus_of = buses_from_pandapower(net)
    usable = dict(zip(net.bus.index, flags(net.bus, "in_service"), strict=True))
    p_mw = np.zeros(len(set(bus_of.values())))
    q_mvar = np.zeros_like(p_mw)
    # pandapower counts loads and charging storages as consumption.
    for name, sign in (("load", -1.0), ("sgen", 1.0), ("storage", -1.0)):
        table = net[name]
        active = flags(table, "in_service") & usable_ends(table, "bus", usable)
        factor = sign * numbers(table, "scaling", default=1.0) * active
        buses = bus_numbers(table, "bus", bus_of)
        np.add.at(p_mw, buses, factor * numbers(table, "p_mw"))
        np.add.at(q_mvar, buses, factor * numbers(table, "q_mvar", default=0.0))
    for buses, active_mw, reactive_mvar in units_and_shunts_mw(net, bus_of, usable):
        np.add.at(p_mw, buses, active_mw)
        np.add.at(q_mvar, buses, reactive_mvar)
    return p_mw, q_mvar


def representatives(bus_of: dict[int, int]) -> IntArray:
    """Return the row in the bus table that stands for each bus of the grid, ``(bus,)``."""
    _, first = np.unique(list(bus_of.values()), return_index=True)
    return np.asarray(first, dtype=np.int64)


def _check_tables(net: Any, problems: NetProblems) -> None:
    known = (*SUPPORTED_TABLES, *IRRELEVANT_TABLES, *CHARACTERISTIC_TABLES)
    for name, table in net.items():
        if name.startswith(("_", "res_")) or name in known or not hasattr(table, "columns"):
            continue
        count = int(flags(table, "in_service").sum())
        if count:
            problems.add(
                f"net.{name}",
                f"{count} in service",
                "gridhaul has no model of this element",
                "Replace it by lines, transformers, loads or static generators, or take it out "
                "of service",
            )


def _check_loads(net: Any, problems: NetProblems) -> None:
    shares = [name for name in net.load.columns if name.startswith("const_")]
    dependent = (net.load[shares].fillna(0.0) != 0.0).any(axis=1).to_numpy(bool)
    count = int((dependent & flags(net.load, "in_service")).sum())
    if count:
        problems.add(
            "net.load",
            f"{count} in service with const_z or const_i shares",
            "loads that depend on the voltage are not modelled",
            "Set the const_* columns of net.load to 0",
        )


def _check_switches(net: Any, problems: NetProblems) -> None:
    joining = (net.switch["et"] == "b") & net.switch["closed"].astype(bool)
    count = int((joining.to_numpy(bool) & (numbers(net.switch, "z_ohm", default=0.0) > 0)).sum())
    if count:
        problems.add(
            "net.switch",
            f"{count} closed bus-bus switches with z_ohm > 0",
            "switches have no impedance",
            "Set z_ohm to 0, or replace the switch by a line",
        )
