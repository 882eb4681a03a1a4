"""Networks in pandapower's form.

Only the tables are read; pandapower itself is not imported. What a `Grid` cannot express is
refused, all of it at once; nothing is dropped in silence. Voltages, flows and losses of the
imported grid are those of ``pandapower.runpp(net, trafo_model="pi", trafo_loading="power")``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sim.errors import InputError, Problem
from sim.system.grid import Grid, Lines, Transformers
from sim.units import BoolArray, FloatArray, IntArray

REFERENCE_FREQUENCY_HZ = 50.0  # what `Lines.c_nf` refers to
SUPPORTED_TABLES = ("bus", "line", "trafo", "switch", "ext_grid", "load", "sgen", "storage")
# Money, measurements and labels change no flow.
IRRELEVANT_TABLES = ("poly_cost", "pwl_cost", "measurement", "group", "bus_geodata", "line_geodata")
# Tables of characteristics are refused where an element refers to them.
CHARACTERISTIC_TABLES = (
    "trafo_characteristic_table",
    "trafo_characteristic_spline",
    "shunt_characteristic_table",
    "q_capability_curve_table",
    "q_capability_characteristic",
    "characteristic",
)


@dataclass(slots=True)
class _Problems:
    """Collects what is wrong with a network."""

    found: list[Problem] = field(default_factory=list)

    def add(self, key: str, value: object, message: str, remedy: str) -> None:
        self.found.append(
            Problem(
                where="pandapower net", key=key, value=str(value), message=message, remedy=remedy
            )
        )

    def raise_any(self) -> None:
        if self.found:
            raise InputError(self.found)


def grid_from_pandapower(net: Any, *, v_min_pu: float = 0.9, v_max_pu: float = 1.1) -> Grid:
    """Return the network of a pandapower net.

    - Buses that closed bus-bus switches join become one; see `buses_from_pandapower`. Buses out of
      service stay, and are dead.
    - Lines and transformers keep their order. Those out of service stay, open at both ends; open
      switches and ends at dead buses open one end of a line.
    - Parallel systems and derating factors become equivalent single ones. Tap positions go into the
      transformers' rated voltages. Phase shifts that cancel round every loop are left out: angles
      are then those without vector groups.
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
    problems = _Problems()
    _check_tables(net, problems)
    _check_loads(net, problems)
    _check_switches(net, problems)
    bus_of = buses_from_pandapower(net)
    first = _representatives(bus_of)
    in_service = _flags(net.bus, "in_service")
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
    lines = _lines(net, bus_of, usable, problems)
    transformers, shift_degree = _transformers(net, bus_of, usable, problems)
    source_bus, source_vm_pu, source_va_degree = _sources(net, bus_of, usable, problems)
    if not problems.found:
        # Only what is sound so far can be walked.
        _check_angles(lines, transformers, shift_degree, source_bus, source_va_degree, problems)
    problems.raise_any()
    x, y = _positions(net)
    return Grid(
        bus_name=_unique_names(net.bus.iloc[first], "bus"),
        bus_vn_kv=vn_kv[first],
        v_min_pu=_numbers(net.bus, "min_vm_pu", default=v_min_pu)[first],
        v_max_pu=_numbers(net.bus, "max_vm_pu", default=v_max_pu)[first],
        x=x[first],
        y=y[first],
        lines=lines,
        transformers=transformers,
        source_bus=source_bus,
        source_vm_pu=source_vm_pu,
    )


def buses_from_pandapower(net: Any) -> dict[int, int]:
    """Return the grid's bus index for each bus index of the net.

    Buses joined by closed bus-bus switches share one, at the place of the first of them.
    """
    parent = {int(index): int(index) for index in net.bus.index}
    in_service = dict(zip(net.bus.index, _flags(net.bus, "in_service"), strict=True))
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
    """Return the net injections of loads, static generators and storages.

    Returns
    -------
    p_mw, q_mvar
        Generation + storage - load, scaling and service applied, ``(bus,)`` [MW, Mvar].

    Raises
    ------
    InputError
        If loads depend on the voltage.
    """
    problems = _Problems()
    _check_loads(net, problems)
    problems.raise_any()
    bus_of = buses_from_pandapower(net)
    usable = dict(zip(net.bus.index, _flags(net.bus, "in_service"), strict=True))
    p_mw = np.zeros(len(set(bus_of.values())))
    q_mvar = np.zeros_like(p_mw)
    # pandapower counts loads and charging storages as consumption.
    for name, sign in (("load", -1.0), ("sgen", 1.0), ("storage", -1.0)):
        table = net[name]
        active = _flags(table, "in_service") & _usable(table, "bus", usable)
        factor = sign * _numbers(table, "scaling", default=1.0) * active
        buses = _buses(table, "bus", bus_of)
        np.add.at(p_mw, buses, factor * _numbers(table, "p_mw"))
        np.add.at(q_mvar, buses, factor * _numbers(table, "q_mvar", default=0.0))
    return p_mw, q_mvar


def _check_tables(net: Any, problems: _Problems) -> None:
    known = (*SUPPORTED_TABLES, *IRRELEVANT_TABLES, *CHARACTERISTIC_TABLES)
    for name, table in net.items():
        if name.startswith(("_", "res_")) or name in known or not hasattr(table, "columns"):
            continue
        count = int(_flags(table, "in_service").sum())
        if count:
            problems.add(
                f"net.{name}",
                f"{count} in service",
                "gridhaul has no model of this element",
                "Replace it by lines, transformers, loads or static generators, or take it out "
                "of service",
            )


def _check_loads(net: Any, problems: _Problems) -> None:
    shares = [name for name in net.load.columns if name.startswith("const_")]
    dependent = (net.load[shares].fillna(0.0) != 0.0).any(axis=1).to_numpy(bool)
    count = int((dependent & _flags(net.load, "in_service")).sum())
    if count:
        problems.add(
            "net.load",
            f"{count} in service with const_z or const_i shares",
            "loads that depend on the voltage are not modelled",
            "Set the const_* columns of net.load to 0",
        )


def _check_switches(net: Any, problems: _Problems) -> None:
    joining = (net.switch["et"] == "b") & net.switch["closed"].astype(bool)
    count = int((joining.to_numpy(bool) & (_numbers(net.switch, "z_ohm", default=0.0) > 0)).sum())
    if count:
        problems.add(
            "net.switch",
            f"{count} closed bus-bus switches with z_ohm > 0",
            "switches have no impedance",
            "Set z_ohm to 0, or replace the switch by a line",
        )


def _lines(net: Any, bus_of: dict[int, int], usable: dict[int, bool], problems: _Problems) -> Lines:
    table = net.line
    in_service = _flags(table, "in_service")
    from_closed = in_service & _usable(table, "from_bus", usable)
    to_closed = in_service & _usable(table, "to_bus", usable)
    from_closed &= ~_opened(net, "l", table, "from_bus")
    to_closed &= ~_opened(net, "l", table, "to_bus")
    from_bus, to_bus = _buses(table, "from_bus", bus_of), _buses(table, "to_bus", bus_of)
    _refuse_loops("line", table, from_bus == to_bus, problems)
    leaking = in_service & (_numbers(table, "g_us_per_km", default=0.0) != 0.0)
    if leaking.any():
        problems.add(
            "net.line",
            f"{int(leaking.sum())} in service with g_us_per_km",
            "shunt conductance of lines is not modelled",
            "Set g_us_per_km to 0",
        )
    length_km = _numbers(table, "length_km")
    parallel = _numbers(table, "parallel", default=1.0)
    hertz = float(net.f_hz) / REFERENCE_FREQUENCY_HZ
    return Lines(
        name=_unique_names(table, "line"),
        from_bus=from_bus,
        to_bus=to_bus,
        r_ohm=_numbers(table, "r_ohm_per_km") * length_km / parallel,
        x_ohm=_numbers(table, "x_ohm_per_km") * length_km / parallel,
        c_nf=_numbers(table, "c_nf_per_km") * length_km * parallel * hertz,
        max_i_ka=_numbers(table, "max_i_ka") * _numbers(table, "df", default=1.0) * parallel,
        from_closed=from_closed,
        to_closed=to_closed,
    )


def _transformers(
    net: Any, bus_of: dict[int, int], usable: dict[int, bool], problems: _Problems
) -> tuple[Transformers, FloatArray]:
    """Return the transformers, and by how much each turns the voltage back [degree]."""
    table = net.trafo
    # Unlike a line, a transformer with one end at a dead bus is dead as a whole in pandapower.
    in_service = _flags(table, "in_service")
    in_service &= _usable(table, "hv_bus", usable) & _usable(table, "lv_bus", usable)
    hv_bus, lv_bus = _buses(table, "hv_bus", bus_of), _buses(table, "lv_bus", bus_of)
    _refuse_loops("trafo", table, hv_bus == lv_bus, problems)
    vn_hv_kv, vn_lv_kv = _tapped_voltages(table, in_service, problems)
    # The rating takes the derating; the impedances in ohm stay.
    derating = _numbers(table, "df", default=1.0)
    parallel = _numbers(table, "parallel", default=1.0)
    transformers = Transformers(
        name=_unique_names(table, "trafo"),
        hv_bus=hv_bus,
        lv_bus=lv_bus,
        sn_mva=_numbers(table, "sn_mva") * parallel * derating,
        vn_hv_kv=vn_hv_kv,
        vn_lv_kv=vn_lv_kv,
        vk_percent=_numbers(table, "vk_percent") * derating,
        vkr_percent=_numbers(table, "vkr_percent") * derating,
        pfe_kw=_numbers(table, "pfe_kw") * parallel,
        i0_percent=_numbers(table, "i0_percent") / derating,
        hv_closed=in_service & ~_opened(net, "t", table, "hv_bus"),
        lv_closed=in_service & ~_opened(net, "t", table, "lv_bus"),
    )
    return transformers, _numbers(table, "shift_degree", default=0.0)


def _tapped_voltages(
    table: Any, in_service: BoolArray, problems: _Problems
) -> tuple[FloatArray, FloatArray]:
    """Return the rated voltages with the tap position applied, ``(transformer,)`` [kV].

    As in pandapower: ``vn * (1 + (tap_pos - tap_neutral) * tap_step_percent / 100)`` on the tap's
    side, where the tap changer is of type Ratio or Symmetrical.
    """
    vn_hv_kv, vn_lv_kv = _numbers(table, "vn_hv_kv"), _numbers(table, "vn_lv_kv")
    refused = np.zeros(len(table), dtype=np.bool_)
    if "tap_dependency_table" in table:
        refused |= _flags(table, "tap_dependency_table", default=False)
    if "tap2_pos" in table:
        second = _numbers(table, "tap2_pos") - _numbers(table, "tap2_neutral")
        refused |= np.nan_to_num(second) != 0
    if "tap_pos" in table and ("tap_changer_type" in table or "tap_phase_shifter" in table):
        # Tables made before pandapower 3 have no type, but a flag.
        if "tap_changer_type" in table:
            kind = table["tap_changer_type"]
            ratio = kind.isin(["Ratio", "Symmetrical"]).to_numpy(bool)
            shifting = (kind == "Ideal").to_numpy(bool)
        else:
            shifting = _flags(table, "tap_phase_shifter", default=False)
            ratio = ~shifting
        steps = _numbers(table, "tap_pos") - _numbers(table, "tap_neutral")
        moved = np.nan_to_num(steps) != 0
        turning = np.nan_to_num(_numbers(table, "tap_step_degree", default=0.0)) != 0
        refused |= moved & (shifting | (ratio & turning))
        change = np.nan_to_num(steps * _numbers(table, "tap_step_percent", default=0.0)) / 100
        side = table["tap_side"]
        vn_hv_kv = np.where(
            ratio & (side == "hv").to_numpy(bool), vn_hv_kv * (1 + change), vn_hv_kv
        )
        vn_lv_kv = np.where(
            ratio & (side == "lv").to_numpy(bool), vn_lv_kv * (1 + change), vn_lv_kv
        )
    refused &= in_service
    if refused.any():
        problems.add(
            "net.trafo",
            f"{int(refused.sum())} in service",
            "tap changers that shift the phase, follow a table or come second are not modelled",
            "Put them into their neutral position and drop their table",
        )
    return vn_hv_kv, vn_lv_kv


def _sources(
    net: Any, bus_of: dict[int, int], usable: dict[int, bool], problems: _Problems
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return bus, voltage [pu] and angle [degree] of each source, one per bus."""
    table = net.ext_grid
    table = table[_flags(table, "in_service") & _usable(table, "bus", usable)]
    if not len(table):
        problems.add(
            "net.ext_grid",
            "none in service",
            "nothing feeds the grid",
            "Add an ext_grid at the bus of the upstream grid",
        )
    held: dict[int, tuple[float, float]] = {}
    vm_pu, va_degree = _numbers(table, "vm_pu"), _numbers(table, "va_degree", default=0.0)
    for row, bus in enumerate(_buses(table, "bus", bus_of).tolist()):
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


def _check_angles(
    lines: Lines,
    transformers: Transformers,
    shift_degree: FloatArray,
    source_bus: IntArray,
    source_va_degree: FloatArray,
    problems: _Problems,
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


def _refuse_loops(name: str, table: Any, looped: BoolArray, problems: _Problems) -> None:
    for index in table.index[looped]:
        problems.add(
            f"net.{name} {index}",
            "both ends at one bus",
            "a closed bus-bus switch bridges it",
            "Take it out of the net, or open the switch",
        )


def _opened(net: Any, kind: str, table: Any, end: str) -> BoolArray:
    """Return whether an open switch of `kind` disconnects the `end` of each row of `table`."""
    switches = net.switch[(net.switch["et"] == kind) & ~net.switch["closed"].astype(bool)]
    pairs = set(zip(switches["element"], switches["bus"], strict=True))
    ends = zip(table.index, table[end], strict=True)
    return np.array([pair in pairs for pair in ends], dtype=np.bool_)


def _representatives(bus_of: dict[int, int]) -> IntArray:
    """Return the row in the bus table that stands for each bus of the grid, ``(bus,)``."""
    _, first = np.unique(list(bus_of.values()), return_index=True)
    return np.asarray(first, dtype=np.int64)


def _buses(table: Any, column: str, bus_of: dict[int, int]) -> IntArray:
    return np.array([bus_of[int(bus)] for bus in table[column]], dtype=np.int64)


def _usable(table: Any, column: str, usable: dict[int, bool]) -> BoolArray:
    return np.array([usable[bus] for bus in table[column]], dtype=np.bool_)


def _numbers(table: Any, column: str, *, default: float = np.nan) -> FloatArray:
    """Return a column as floats, `default` where it is missing or NaN."""
    if column not in table:
        return np.full(len(table), default)
    values: FloatArray = table[column].astype(float).to_numpy(dtype=np.float64, copy=True)
    return np.where(np.isnan(values), default, values)


def _flags(table: Any, column: str, *, default: bool = True) -> BoolArray:
    """Return a column as flags, `default` where it is missing or empty."""
    if column not in table:
        return np.full(len(table), default, dtype=np.bool_)
    values = [default if pd.isna(value) else bool(value) for value in table[column]]
    return np.array(values, dtype=np.bool_)


def _unique_names(table: Any, kind: str) -> tuple[str, ...]:
    """Return the names in a table, with the index where a name is missing or used twice."""
    given = ["" if pd.isna(name) else str(name) for name in table["name"]]
    return tuple(
        name if name and given.count(name) == 1 else f"{name or kind} {index}"
        for name, index in zip(given, table.index, strict=True)
    )


def _positions(net: Any) -> tuple[FloatArray, FloatArray]:
    """Return the coordinates in the GeoJSON points of the bus table, zero where there are none."""
    x, y = np.zeros(len(net.bus)), np.zeros(len(net.bus))
    for row, point in enumerate(net.bus.get("geo", [])):
        if isinstance(point, str) and point:
            x[row], y[row] = json.loads(point)["coordinates"][:2]
    return x, y
