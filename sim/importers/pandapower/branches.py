"""Read lines and transformers of a pandapower net."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.importers.pandapower.columns import (
    NetProblems,
    bus_numbers,
    flags,
    numbers,
    opened,
    unique_names,
    usable_ends,
)
from sim.system.grid import Lines, Transformers
from sim.units import BoolArray, FloatArray

REFERENCE_FREQUENCY_HZ = 50.0  # what `Lines.c_nf` refers to


def read_lines(
    net: Any, bus_of: dict[int, int], usable: dict[int, bool], problems: NetProblems
) -> Lines:
    """Return the lines, in the net's order, as equivalent single ones at 50 Hz."""
    table = net.line
    in_service = flags(table, "in_service")
    from_closed = in_service & usable_ends(table, "from_bus", usable)
    to_closed = in_service & usable_ends(table, "to_bus", usable)
    from_closed &= ~opened(net, "l", table, "from_bus")
    to_closed &= ~opened(net, "l", table, "to_bus")
    from_bus, to_bus = bus_numbers(table, "from_bus", bus_of), bus_numbers(table, "to_bus", bus_of)
    _refuse_loops("line", table, from_bus == to_bus, problems)
    leaking = in_service & (numbers(table, "g_us_per_km", default=0.0) != 0.0)
    if leaking.any():
        problems.add(
            "net.line",
            f"{int(leaking.sum())} in service with g_us_per_km",
            "shunt conductance of lines is not modelled",
            "Set g_us_per_km to 0",
        )
    length_km = numbers(table, "length_km")
    parallel = numbers(table, "parallel", default=1.0)
    hertz = float(net.f_hz) / REFERENCE_FREQUENCY_HZ
    return Lines(
        name=unique_names(table, "line"),
        from_bus=from_bus,
        to_bus=to_bus,
        r_ohm=numbers(table, "r_ohm_per_km") * length_km / parallel,
        x_ohm=numbers(table, "x_ohm_per_km") * length_km / parallel,
        c_nf=numbers(table, "c_nf_per_km") * length_km * parallel * hertz,
        max_i_ka=numbers(table, "max_i_ka") * numbers(table, "df", default=1.0) * parallel,
        limit_mva=np.full(len(table), np.nan),
        from_closed=from_closed,
        to_closed=to_closed,
    )


def read_transformers(
    net: Any,
    bus_of: dict[int, int],
    usable: dict[int, bool],
    lines: Lines,
    problems: NetProblems,
) -> tuple[Transformers, FloatArray]:
    """Return the transformers, and by how much each turns the voltage back [degree].

    None is called as one of the `lines`.
    """
    table = net.trafo
    # Unlike a line, a transformer with one end at a dead bus is dead as a whole in pandapower.
    in_service = flags(table, "in_service")
    in_service &= usable_ends(table, "hv_bus", usable) & usable_ends(table, "lv_bus", usable)
    hv_bus, lv_bus = bus_numbers(table, "hv_bus", bus_of), bus_numbers(table, "lv_bus", bus_of)
    _refuse_loops("trafo", table, hv_bus == lv_bus, problems)
    vn_hv_kv, vn_lv_kv = _tapped_voltages(table, in_service, problems)
    # The rating takes the derating; the impedances in ohm stay.
    derating = numbers(table, "df", default=1.0)
    parallel = numbers(table, "parallel", default=1.0)
    transformers = Transformers(
        name=unique_names(table, "trafo", lines.name),
        hv_bus=hv_bus,
        lv_bus=lv_bus,
        sn_mva=numbers(table, "sn_mva") * parallel * derating,
        vn_hv_kv=vn_hv_kv,
        vn_lv_kv=vn_lv_kv,
        vk_percent=numbers(table, "vk_percent") * derating,
        vkr_percent=numbers(table, "vkr_percent") * derating,
        pfe_kw=numbers(table, "pfe_kw") * parallel,
        # pandapower's power flow takes no notice of the sign.
        i0_percent=np.abs(numbers(table, "i0_percent")) / derating,
        hv_closed=in_service & ~opened(net, "t", table, "hv_bus"),
        lv_closed=in_service & ~opened(net, "t", table, "lv_bus"),
    )
    return transformers, numbers(table, "shift_degree", default=0.0)


def _tapped_voltages(
    table: Any, in_service: BoolArray, problems: NetProblems
) -> tuple[FloatArray, FloatArray]:
    """Return the rated voltages with the tap position applied, ``(transformer,)`` [kV].

    As in pandapower: ``vn * (1 + (tap_pos - tap_neutral) * tap_step_percent / 100)`` on the tap's
    side, where the tap changer is of type Ratio or Symmetrical.
    """
    vn_hv_kv, vn_lv_kv = numbers(table, "vn_hv_kv"), numbers(table, "vn_lv_kv")
    refused = np.zeros(len(table), dtype=np.bool_)
    if "tap_dependency_table" in table:
        refused |= flags(table, "tap_dependency_table", default=False)
    if "tap2_pos" in table:
        second = numbers(table, "tap2_pos") - numbers(table, "tap2_neutral")
        refused |= np.nan_to_num(second) != 0
    if "tap_pos" in table and ("tap_changer_type" in table or "tap_phase_shifter" in table):
        # Tables made before pandapower 3 have no type, but a flag.
        if "tap_changer_type" in table:
            kind = table["tap_changer_type"]
            ratio = kind.isin(["Ratio", "Symmetrical"]).to_numpy(bool)
            shifting = (kind == "Ideal").to_numpy(bool)
        else:
            shifting = flags(table, "tap_phase_shifter", default=False)
            ratio = ~shifting
        steps = numbers(table, "tap_pos") - numbers(table, "tap_neutral")
        moved = np.nan_to_num(steps) != 0
        turning = np.nan_to_num(numbers(table, "tap_step_degree", default=0.0)) != 0
        refused |= moved & (shifting | (ratio & turning))
        change = np.nan_to_num(steps * numbers(table, "tap_step_percent", default=0.0)) / 100
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


def _refuse_loops(name: str, table: Any, looped: BoolArray, problems: NetProblems) -> None:
    for index in table.index[looped]:
        problems.add(
            f"net.{name} {index}",
            "both ends at one bus",
            "a closed bus-bus switch bridges it",
            "Take it out of the net, or open the switch",
        )
