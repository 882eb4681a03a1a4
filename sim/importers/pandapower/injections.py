"""Read loads and generators of a pandapower net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.importers.pandapower.columns import (
    NetProblems,
    bus_numbers,
    checked_rows,
    flags,
    numbers,
    unique_names,
    usable_ends,
)
from sim.importers.pandapower.grid import buses_from_pandapower
from sim.scenario.schema.csv_rows import GeneratorRow, LoadRow
from sim.scenario.schema.values import Kind
from sim.system.grid import Grid

# What types and names of static generators begin with, as pandapower and simbench use them.
KIND_WORDS: dict[str, Kind] = {
    "pv": "pv",
    "solar": "pv",
    "photovoltaic": "pv",
    "wp": "wind",
    "wind": "wind",
    "wka": "wind",
}


def read_loads(
    net: Any, grid: Grid, profiles: str | Mapping[str, str], problems: NetProblems
) -> list[LoadRow]:
    """Return the loads in service; see `write_network` for `profiles`."""
    table, names, buses, p_mw, q_mvar = _injections(net, grid, "load")
    values: list[dict[str, object]] = []
    for k in range(len(table)):
        profile = profiles if isinstance(profiles, str) else _first(profiles, names[k], "*")
        if not profile:
            problems.add(
                f"net.load {table.index[k]}",
                names[k],
                "has no profile",
                'Name one in load_profiles, or one for all others under "*"',
            )
        elif p_mw[k] < 0:
            problems.add(
                f"net.load {table.index[k]}",
                f"{p_mw[k]} MW",
                "is negative, and loads only consume",
                "Make it a static generator",
            )
        else:
            values.append(
                {
                    "name": names[k],
                    "bus": buses[k],
                    "p_mw": p_mw[k],
                    "q_mvar": q_mvar[k],
                    "profile": profile,
                }
            )
    return checked_rows(LoadRow, values, "net.load", problems)


def read_generators(
    net: Any,
    grid: Grid,
    profiles: str | Mapping[str, str],
    kinds: Mapping[str, str],
    problems: NetProblems,
) -> list[GeneratorRow]:
    """Return the static generators in service; see `write_network` for `profiles` and `kinds`."""
    table, names, buses, p_mw, q_mvar = _injections(net, grid, "sgen")
    types = [str(value) for value in table.get("type", [""] * len(table))]
    values: list[dict[str, object]] = []
    for k, name in enumerate(names):
        where = f"net.sgen {table.index[k]}"
        before = len(problems.found)
        kind = _first(kinds, name, types[k]) or _kind_of(types[k]) or _kind_of(name)
        if kind not in ("pv", "wind"):
            problems.add(
                where,
                f"{name}, type {types[k]}",
                "is neither pv nor wind",
                f"Give kinds={{{name!r}: 'pv'}}, or 'wind', or take it out of service",
            )
            continue
        profile = profiles if isinstance(profiles, str) else _first(profiles, name, kind)
        if not profile:
            remedy = f"Name one in generator_profiles, by {name!r} or its kind {kind!r}"
            problems.add(where, name, "has no profile", remedy)
        if p_mw[k] < 0:
            remedy = "Make it a load"
            problems.add(where, f"{p_mw[k]} MW", "is negative, and generators only feed in", remedy)
        if q_mvar[k] != 0:
            message = "generators feed in at unity power factor"
            problems.add(where, f"{q_mvar[k]} Mvar", message, "Set q_mvar of net.sgen to 0")
        if len(problems.found) == before:
            values.append(
                {"name": name, "kind": kind, "bus": buses[k], "p_mw": p_mw[k], "profile": profile}
            )
    return checked_rows(GeneratorRow, values, "net.sgen", problems)


def _injections(
    net: Any, grid: Grid, name: str
) -> tuple[Any, list[str], list[str], list[float], list[float]]:
    """Return a table's rows in service: table, names, buses, power scaled [MW, Mvar]."""
    usable = dict(zip(net.bus.index, flags(net.bus, "in_service"), strict=True))
    table = net[name]
    table = table[flags(table, "in_service") & usable_ends(table, "bus", usable)]
    buses = [grid.bus_name[k] for k in bus_numbers(table, "bus", buses_from_pandapower(net))]
    scaling = numbers(table, "scaling", default=1.0)
    p_mw = (numbers(table, "p_mw") * scaling).tolist()
    q_mvar = (numbers(table, "q_mvar", default=0.0) * scaling).tolist()
    return table, list(unique_names(table, name)), buses, p_mw, q_mvar


def _first(choices: Mapping[str, str], *keys: str) -> str:
    return next((choices[key] for key in keys if key in choices), "")


def _kind_of(text: str) -> str:
    word = text.replace("_", " ").replace("-", " ").lower().split()
    return KIND_WORDS.get(word[0], "") if word else ""
