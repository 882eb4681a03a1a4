"""Buses and branches of a MATPOWER case as rows of a scenario."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from sim.importers.matpower.case_file import Case, Row
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import BusRow, LineRow, LoadRow, TransformerRow
from sim.scenario.schema.uncertain_tables import FLAT
from sim.scenario.schema.values import Table

Made = TypeVar("Made", bound=Table)
UNLIMITED_MVA = 1e5
UNSTATED_KV = 100.0  # where no bus has a nominal voltage, any will do
MOST_VK = 0.9  # of a transformer without limit, whose rated power is free
FREQUENCY_HZ = 50.0  # which a scenario's capacitances refer to
ISOLATED, REFERENCE, HELD = 4, 3, 2


@dataclass(slots=True)
class Grid:
    """Rows read so far, and what to say of them.

    Attributes
    ----------
    kv
        Nominal voltage of each bus by number, isolated ones left out [kV].
    kind
        MATPOWER's type of each bus.
    """

    kv: dict[int, float] = field(default_factory=dict)
    kind: dict[int, int] = field(default_factory=dict)
    buses: list[BusRow] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    transformers: list[TransformerRow] = field(default_factory=list)
    loads: list[LoadRow] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def read_grid(case: Case, load_profile: str, problems: Problems) -> Grid:
    """Return buses, loads, shunts and branches; what a scenario cannot hold is noted by element."""
    grid = Grid()
    if not any(row.values[9] for row in case.matrices["bus"]):
        grid.said.append(f"no bus has a nominal voltage: all have {UNSTATED_KV:g} kV")
        case.matrices["bus"] = [
            Row(row.where, (*row.values[:9], UNSTATED_KV, *row.values[10:]))
            for row in case.matrices["bus"]
        ]
    for row in case.matrices["bus"]:
        _read_bus(case, row, grid, load_profile, problems)
    isolated = sum(row.values[1] == ISOLATED for row in case.matrices["bus"])
    if isolated:
        grid.said.append(f"{isolated} isolated buses (type 4) are left out")
    names: Counter[str] = Counter()
    left_out = {
        bus_number(row.values[0]) for row in case.matrices["bus"] if row.values[1] == ISOLATED
    }
    for row in case.matrices["branch"]:
        ends = bus_number(row.values[0]), bus_number(row.values[1])
        if left_out.intersection(ends):
            continue
        for end in ends:
            if end not in grid.kv:
                message = "is no bus of mpc.bus"
                problems.add(case.file, f"{row.where}, branch", end, message, "Correct the number")
        if all(end in grid.kv for end in ends):
            name = f"{ends[0]}-{ends[1]}"
            names[name] += 1
            if names[name] > 1:
                name += f" ({names[name]})"
            _read_branch(case, row, name, grid, problems)
    if any(row.values[9] for row in case.matrices["branch"]):
        _check_angles(case, grid, problems)
    return grid


def bus_number(value: float) -> int:
    """Return the number of a bus, -1 for what is none."""
    return int(value) if math.isfinite(value) and abs(value) < 1e15 else -1


def made(
    model: type[Made], values: dict[str, object], case: Case, row: Row, problems: Problems
) -> Made | None:
    """Return a row of a scenario, None and a problem where its model refuses it."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        prefix = f"{row.where}, {values['name']}, "
        problems.add_validation(error, model, where=case.file, prefix=prefix)
        return None


def _read_bus(case: Case, row: Row, grid: Grid, profile: str, problems: Problems) -> None:
    number, kind, p_mw, q_mvar, gs_mw, bs_mvar = row.values[:6]
    kv, high, low = row.values[9], row.values[11], row.values[12]
    bus = bus_number(number)
    if bus != number or bus < 0 or kind not in (1, 2, 3, 4):
        message = "is no bus with a whole number and a type from 1 to 4"
        problems.add(case.file, row.where, f"{number:g}, {kind:g}", message, "Correct the row")
        return
    if kind == ISOLATED:
        return
    if bus in grid.kv:
        problems.add(case.file, f"{row.where}, bus", bus, "stands there twice", "Remove one")
        return
    if kv == 0:
        message = "has no nominal voltage"
        remedy = "Write its baseKV"
        problems.add(case.file, f"{row.where}, bus {bus}", kv, message, remedy)
        return
    grid.kv[bus], grid.kind[bus] = kv, int(kind)
    values: dict[str, object] = {"name": str(bus), "vn_kv": kv}
    if 0 < low < high:
        values |= {"v_min_pu": low, "v_max_pu": high}
    made_bus = made(BusRow, values, case, row, problems)
    if made_bus is not None:
        grid.buses.append(made_bus)
    if p_mw or q_mvar:
        _add_load(f"load {bus}", bus, (p_mw, q_mvar), profile, case, row, grid, problems)
    if gs_mw or bs_mvar:
        _add_load(f"shunt {bus}", bus, (gs_mw, -bs_mvar), FLAT, case, row, grid, problems)
        grid.said.append(
            f"shunt {bus} draws {gs_mw:g} MW and {-bs_mvar:g} Mvar whatever the voltage: its power "
            "at 1 pu"
        )


def _add_load(
    name: str,
    bus: int,
    power: tuple[float, float],
    profile: str,
    case: Case,
    row: Row,
    grid: Grid,
    problems: Problems,
) -> None:
    if power[0] < 0:
        message = "draws less than 0 MW: that is generation"
        remedy = "Give it to a generator of mpc.gen at a bus of type 2"
        problems.add(case.file, f"{row.where}, {name}", power[0], message, remedy)
        return
    values: dict[str, object] = {
        "name": name,
        "bus": str(bus),
        "p_mw": power[0],
        "q_mvar": power[1],
        "profile": profile,
    }
    load = made(LoadRow, values, case, row, problems)
    if load is not None:
        grid.loads.append(load)


def _read_branch(case: Case, row: Row, name: str, grid: Grid, problems: Problems) -> None:
    """Add a line, or a transformer where voltages differ or a tap is set.

    MATPOWER's branch is a pi equivalent behind an ideal transformer at the from bus.
    """
    start, end, r, x, b, rate_mva = row.values[:6]
    tap = row.values[8] or 1.0
    from_bus, to_bus = bus_number(start), bus_number(end)
    closed = row.values[10] > 0
    from_kv, to_kv = grid.kv[from_bus], grid.kv[to_bus]
    impedance = math.hypot(r, x)
    if impedance == 0.0 or r < 0 or x < 0 or from_bus == to_bus or not tap > 0:
        what = f"r {r:g}, x {x:g}, ratio {tap:g}"
        message = "is no branch with resistance and reactance of at least 0, not both 0"
        remedy = "Join its buses, or replace it by an equivalent"
        problems.add(case.file, f"{row.where}, branch {name}", what, message, remedy)
        return
    is_line = tap == 1.0 and math.isclose(from_kv, to_kv, rel_tol=1e-6)
    if is_line and b >= 0:
        base_ohm = from_kv**2 / case.base_mva
        line = made(
            LineRow,
            {
                "name": name,
                "from_bus": str(from_bus),
                "to_bus": str(to_bus),
                "length_km": 1.0,
                "r_ohm_per_km": r * base_ohm,
                "x_ohm_per_km": x * base_ohm,
                "c_nf_per_km": b / base_ohm / (2 * math.pi * FREQUENCY_HZ) * 1e9,
                "limit_mva": rate_mva if rate_mva > 0 else UNLIMITED_MVA,
                "from_closed": closed,
                "to_closed": closed,
            },
            case,
            row,
            problems,
        )
        if line is not None:
            grid.lines.append(line)
        return
    sn_mva = rate_mva if rate_mva > 0 else min(UNLIMITED_MVA, MOST_VK * case.base_mva / impedance)
    high_first = from_kv >= to_kv
    rated = {from_bus: tap * from_kv, to_bus: to_kv}
    hv, lv = (from_bus, to_bus) if high_first else (to_bus, from_bus)
    unit = made(
        TransformerRow,
        {
            "name": name,
            "hv_bus": str(hv),
            "lv_bus": str(lv),
            "sn_mva": sn_mva,
            "vn_hv_kv": rated[hv],
            "vn_lv_kv": rated[lv],
            "vk_percent": 100 * impedance * sn_mva / case.base_mva,
            "vkr_percent": 100 * r * sn_mva / case.base_mva,
            "hv_closed": closed,
            "lv_closed": closed,
        },
        case,
        row,
        problems,
    )
    if unit is not None:
        grid.transformers.append(unit)
    if b and closed:
        half_mvar = -b * case.base_mva / 2
        _add_load(
            f"charging {name} from", from_bus, (0.0, half_mvar / tap**2), FLAT, case, row, grid,
            problems,
        )  # fmt: skip
        _add_load(f"charging {name} to", to_bus, (0.0, half_mvar), FLAT, case, row, grid, problems)
        grid.said.append(
            f"transformer {name} charges {-2 * half_mvar:g} Mvar whatever the voltage: its power "
            "at 1 pu, half at each end"
        )


def _check_angles(case: Case, grid: Grid, problems: Problems) -> None:
    """Refuse phase shifters that drive a flow round a loop; without one they change no flow."""
    neighbours: dict[int, list[tuple[int, float, str]]] = {}
    for row in case.matrices["branch"]:
        one, other = bus_number(row.values[0]), bus_number(row.values[1])
        if row.values[10] > 0 and one in grid.kv and other in grid.kv:
            shift, where = row.values[9], f"{row.where}, branch {one}-{other}"
            neighbours.setdefault(one, []).append((other, -shift, where))
            neighbours.setdefault(other, []).append((one, shift, where))
    angle: dict[int, float] = {}
    clashes: set[str] = set()
    for bus in grid.kv:
        if bus in angle:
            continue
        angle[bus], waiting = 0.0, [bus]
        while waiting:
            here = waiting.pop()
            for other, turn, where in neighbours.get(here, []):
                if other not in angle:
                    angle[other] = angle[here] + turn
                    waiting.append(other)
                elif abs((angle[other] - angle[here] - turn + 180) % 360 - 180) > 1e-9:
                    clashes.add(where)
    shifters = [
        (f"{row.where}, branch {row.values[0]:g}-{row.values[1]:g}", row.values[9])
        for row in case.matrices["branch"]
        if row.values[9] and row.values[10] > 0
    ]
    if not clashes:
        if shifters:
            grid.said.append("phase shifts cancel round every loop and are left out")
        return
    for where, shift in shifters:
        message = "a phase shift that does not cancel round every loop is not modelled"
        remedy = "Set the angles to 0, or open the loops they stand in"
        problems.add(case.file, where, f"{shift:g} degrees", message, remedy)
