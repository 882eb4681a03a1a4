"""Read generators that hold a voltage, their costs, and shunts of a pandapower net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sim.importers.pandapower.columns import (
    NetProblems,
    bus_numbers,
    checked_rows,
    flags,
    numbers,
    unique_names,
    usable_ends,
)
from sim.importers.thermal import LEAST_MW
from sim.scenario.schema.csv_rows import LoadRow, UnitRow
from sim.scenario.schema.uncertain_tables import FLAT
from sim.system.grid import Grid
from sim.units import FloatArray, IntArray

COSTS = {
    "no_load_usd_per_h": "cp0_eur",
    "linear_usd_per_mwh": "cp1_eur_per_mw",
    "quadratic_usd_per_mw2h": "cp2_eur_per_mw2",
}
ACCEPTED = "net.gen and net.ext_grid"


def read_held(
    net: Any,
    bus_of: dict[int, int],
    usable: dict[int, bool],
    source_bus: IntArray,
    problems: NetProblems,
) -> tuple[IntArray, FloatArray]:
    """Return bus and voltage of the buses that generators hold, sources left out, in order [pu]."""
    table = _in_service(net, "gen", usable)
    if flags(table, "slack", default=False).any():
        remedy = "Make it an ext_grid"
        problems.add("net.gen", "slack", "generators that are the slack are not read", remedy)
    held: dict[int, float] = {}
    vm_pu = numbers(table, "vm_pu").tolist()
    for row, bus in enumerate(bus_numbers(table, "bus", bus_of).tolist()):
        if held.setdefault(bus, vm_pu[row]) != vm_pu[row]:
            problems.add(
                f"net.gen {table.index[row]}",
                f"vm_pu {vm_pu[row]}",
                "another generator holds the same bus at another voltage",
                "Give both one voltage",
            )
    buses = np.array(sorted(set(held) - set(source_bus.tolist())), dtype=np.int64)
    return buses, np.array([held[bus] for bus in buses.tolist()], dtype=np.float64)


def read_units(
    net: Any, grid: Grid, bus_of: dict[int, int], usable: dict[int, bool], problems: NetProblems
) -> tuple[list[UnitRow], list[str]]:
    """Return generators, and an ext_grid with a cost, as thermal units; and what to say of each."""
    values: list[dict[str, object]] = []
    for kind in ("ext_grid", "gen"):
        table = _in_service(net, kind, usable)
        if kind == "ext_grid" and not _is_unit(net, table):
            continue
        names = unique_names(table, kind, [str(row["name"]) for row in values])
        low, high = (numbers(table, f"{end}_p_mw") for end in ("min", "max"))
        p_mw = numbers(table, "p_mw") * numbers(table, "scaling", default=1.0)
        vm_pu = numbers(table, "vm_pu").tolist()
        for row, bus in enumerate(bus_numbers(table, "bus", bus_of).tolist()):
            index = int(table.index[row])
            where = f"net.{kind} {index}"
            if not np.isfinite(high[row]):
                remedy = f"Set max_p_mw of {where}"
                problems.add(
                    where, "max_p_mw", "is missing, and a unit has a highest power", remedy
                )
                continue
            least = max(0.0, float(np.nan_to_num(low[row])))
            most = max(float(high[row]), least, LEAST_MW)
            if kind == "gen":
                if p_mw[row] < 0:
                    remedy = "Make it a load, or a storage"
                    problems.add(where, f"{p_mw[row]} MW", "produces less than 0 MW", remedy)
                    continue
                # Nets state outputs beyond limits; a unit produces what it is said to.
                least, most = min(least, float(p_mw[row])), max(most, float(p_mw[row]))
            value: dict[str, object] = {
                "name": names[row],
                "bus": grid.bus_name[bus],
                "p_min_mw": least,
                "p_max_mw": most,
                "vm_pu": vm_pu[row],
                "slack": kind == "ext_grid",
                **_cost(net, kind, index, where, problems),
            }
            if kind == "gen":
                value["initial_mw"] = float(p_mw[row])
            values.append(value)
    rows = checked_rows(UnitRow, values, ACCEPTED, problems)
    return rows, [_said_of_unit(row) for row in rows]


def read_shunts(
    net: Any, grid: Grid, bus_of: dict[int, int], usable: dict[int, bool], problems: NetProblems
) -> tuple[list[LoadRow], list[str]]:
    """Return shunts as loads of constant power, and what to say of each."""
    shunts = _shunts(net, usable)
    values = [
        {
            "name": each.name,
            "bus": grid.bus_name[bus_of[each.bus]],
            "p_mw": each.p_mw,
            "q_mvar": each.q_mvar,
            "profile": FLAT,
        }
        for each in shunts
    ]
    rows = checked_rows(LoadRow, values, "net.shunt", problems)
    return rows, [
        f"{each.name} at {grid.bus_name[bus_of[each.bus]]} draws {each.p_mw:g} MW and "
        f"{each.q_mvar:.6g} Mvar whatever the voltage: its power at {each.vm_pu:.4g} pu"
        for each in shunts
    ]


def units_and_shunts_mw(
    net: Any, bus_of: dict[int, int], usable: dict[int, bool]
) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Yield buses and injections [MW, Mvar] of generators and of shunts."""
    gens = _in_service(net, "gen", usable)
    p_mw = numbers(gens, "p_mw") * numbers(gens, "scaling", default=1.0)
    yield bus_numbers(gens, "bus", bus_of), p_mw, np.zeros_like(p_mw)
    shunts = _shunts(net, usable)
    buses = np.array([bus_of[each.bus] for each in shunts], dtype=np.int64)
    yield (
        buses,
        np.array([-each.p_mw for each in shunts]),
        np.array([-each.q_mvar for each in shunts]),
    )


class _Shunt(NamedTuple):
    """A shunt at a voltage; `bus` is the index in the net."""

    name: str
    bus: int
    p_mw: float
    q_mvar: float
    vm_pu: float


def _shunts(net: Any, usable: dict[int, bool]) -> list[_Shunt]:
    """Return shunts at the voltages of the net's results."""
    kv = net.bus["vn_kv"].to_dict()
    results = net.get("res_bus")
    known = results["vm_pu"].to_dict() if results is not None and "vm_pu" in results else {}
    vm_pu = {bus: known[bus] if np.isfinite(known.get(bus, np.nan)) else 1.0 for bus in kv}
    table = _in_service(net, "shunt", usable)
    names = unique_names(table, "shunt", [str(name) for name in net.load["name"]])
    rated_kv, step = numbers(table, "vn_kv"), numbers(table, "step", default=1.0)
    found = []
    for row, bus in enumerate(table["bus"].tolist()):
        rated = rated_kv[row] if np.isfinite(rated_kv[row]) else kv[bus]
        share = step[row] * (vm_pu[bus] * kv[bus] / rated) ** 2
        p_mw, q_mvar = (float(numbers(table, key)[row] * share) for key in ("p_mw", "q_mvar"))
        found.append(_Shunt(names[row], bus, p_mw, q_mvar, vm_pu[bus]))
    return found


def _in_service(net: Any, kind: str, usable: dict[int, bool]) -> Any:
    table = net[kind]
    return table[flags(table, "in_service") & usable_ends(table, "bus", usable)]


def _is_unit(net: Any, ext_grids: Any) -> bool:
    """Return whether the upstream grid is a power plant: there is one among others, with a cost.

    That of a feeder, which has no other, is a source: its tariff says what energy costs.
    """
    costs = net["poly_cost"]
    return (
        len(ext_grids) == 1
        and bool(net["gen"]["in_service"].any())
        and bool(((costs["et"] == "ext_grid") & (costs["element"] == ext_grids.index[0])).any())
    )


def _cost(net: Any, kind: str, index: int, where: str, problems: NetProblems) -> dict[str, float]:
    for name in ("poly_cost", "pwl_cost"):
        table = net[name]
        own = table[(table["et"] == kind) & (table["element"] == index)]
        if name == "pwl_cost" and len(own):
            remedy = "Fit a polynomial of second degree: net.poly_cost"
            problems.add(where, "net.pwl_cost", "piecewise linear costs are not read", remedy)
        elif len(own):
            return {key: float(numbers(own, column)[0]) for key, column in COSTS.items()}
    return {}


def _said_of_unit(row: UnitRow) -> str:
    cost = (
        f"{row.no_load_usd_per_h:g} + {row.linear_usd_per_mwh:g} P + "
        f"{row.quadratic_usd_per_mw2h:g} P^2 USD/h"
    )
    role = "balances the grid" if row.slack else "is a thermal unit"
    return (
        f"{row.name} {role}, {row.p_min_mw:g} to {row.p_max_mw:g} MW at {cost}; it holds "
        f"{row.vm_pu:g} pu at {row.bus}, limits of its Mvar are left out"
    )
