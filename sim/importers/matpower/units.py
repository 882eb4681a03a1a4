"""Generators of a MATPOWER case as thermal units, and the sources of the grid."""

from __future__ import annotations

from collections import Counter

from sim.importers.matpower.case_file import Case, Row
from sim.importers.matpower.grid import HELD, REFERENCE, Grid, bus_number, made
from sim.importers.thermal import LEAST_MW
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import UnitRow


def read_units(
    case: Case, grid: Grid, *, costs: bool, problems: Problems
) -> tuple[list[UnitRow], dict[int, float]]:
    """Return units, and the voltage of each source [pu]; with costs, a unit balances the grid."""
    rows = [row for row in case.matrices["gen"] if row.values[7] > 0]
    gencost = case.matrices.get("gencost", []) if costs else []
    cost_of = dict(zip(map(id, case.matrices["gen"]), gencost, strict=False))
    if costs and len(gencost) < len(case.matrices["gen"]):
        message = f"has {len(gencost)} rows for {len(case.matrices['gen'])} generators"
        problems.add(case.file, "mpc.gencost", len(gencost), message, "Add costs, or leave them")
        return [], {}
    if not any(grid.kind.get(bus_number(row.values[0])) == REFERENCE for row in rows):
        message = "has no generator in service at a bus of type 3"
        problems.add(case.file, "mpc.gen", len(rows), message, "Say which bus balances the grid")
    units, sources, voltage = [], {}, dict[int, float]()
    count: Counter[int] = Counter()
    balanced = False
    for row in rows:
        bus, vm_pu = bus_number(row.values[0]), row.values[5]
        kind = grid.kind.get(bus)
        where = f"{row.where}, generator at bus {bus}"
        if kind not in (HELD, REFERENCE):
            message = "stands at a bus that holds no voltage, or at none"
            remedy = "Make it a bus of type 2, take the generator out of service, or lower the load"
            problems.add(case.file, where, f"type {kind}", message, remedy)
            continue
        if voltage.setdefault(bus, vm_pu) != vm_pu:
            message = f"another generator holds this bus at {voltage[bus]:g} pu"
            problems.add(case.file, where, vm_pu, message, "Give both one voltage")
            continue
        if kind == REFERENCE and not costs:
            if bus in sources:
                grid.said.append(f"all generators at bus {bus} are one source")
            sources[bus] = vm_pu
            continue
        count[bus] += 1
        name = f"unit {bus}" + (f" ({count[bus]})" if count[bus] > 1 else "")
        slack = kind == REFERENCE and not balanced
        balanced = balanced or slack
        cost = _cost(case, cost_of[id(row)], where, problems) if costs else {}
        unit = _unit(case, row, name, slack, cost, problems)
        if unit is not None:
            units.append(unit)
            grid.said.append(
                f"{name} {'balances the grid' if slack else 'is a thermal unit'}, "
                f"{unit.p_min_mw:g} to {unit.p_max_mw:g} MW; it holds {vm_pu:g} pu, limits of its "
                "Mvar are left out"
            )
    return units, sources


def _unit(
    case: Case, row: Row, name: str, slack: bool, cost: dict[str, float], problems: Problems
) -> UnitRow | None:
    p_mw, high, low = row.values[1], row.values[8], row.values[9]
    least = max(low, 0.0)
    most = max(high, least, LEAST_MW)
    values: dict[str, object] = {
        "name": name,
        "bus": str(bus_number(row.values[0])),
        "p_min_mw": least,
        "p_max_mw": most,
        "vm_pu": row.values[5],
        "slack": slack,
        **cost,
    }
    if not slack:
        if p_mw < 0:
            message = "produces less than 0 MW"
            remedy = "Give it as a load of mpc.bus"
            problems.add(case.file, f"{row.where}, {name}", p_mw, message, remedy)
            return None
        # Cases state outputs beyond limits; a unit produces what it is said to.
        values["p_min_mw"], values["p_max_mw"] = min(least, p_mw), max(most, p_mw)
        values["initial_mw"] = p_mw
    return made(UnitRow, values, case, row, problems)


def _cost(case: Case, row: Row, where: str, problems: Problems) -> dict[str, float]:
    """Return the costs of a polynomial of up to the second degree."""
    model, start_up, shut_down, n = row.values[:4]
    coefficients = row.values[4 : 4 + int(n)] if 0 <= n <= len(row.values) - 4 else ()
    leading = coefficients[: max(len(coefficients) - 3, 0)]
    if model != 2 or len(coefficients) != n or any(leading):
        message = "is no polynomial of up to the second degree"
        remedy = "Fit one: 2 startup shutdown 3 c2 c1 c0"
        problems.add(case.file, f"{row.where}, {where}", f"model {model:g}", message, remedy)
        return {}
    c2, c1, c0 = ([0.0, 0.0, 0.0, *coefficients])[-3:]
    return {
        "quadratic_usd_per_mw2h": c2,
        "linear_usd_per_mwh": c1,
        "no_load_usd_per_h": c0,
        "start_up_usd": start_up,
        "shut_down_usd": shut_down,
    }
