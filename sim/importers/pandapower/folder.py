"""Write the tables of a scenario folder from a pandapower net."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError
from sim.importers.folder import write_rows
from sim.importers.pandapower.columns import NetProblems, checked_rows, flags, numbers
from sim.importers.pandapower.grid import (
    buses_from_pandapower,
    grid_from_pandapower,
    representatives,
)
from sim.importers.pandapower.injections import read_generators, read_loads
from sim.importers.pandapower.units import read_shunts, read_units
from sim.importers.positions import KM_PER_DEGREE
from sim.scenario.schema.csv_rows import BusRow, LineRow, TransformerRow
from sim.system.grid import Grid

LOGGER = logging.getLogger("gridhaul")


def write_network(
    net: Any,
    folder: str | Path,
    *,
    load_profiles: str | Mapping[str, str],
    generator_profiles: str | Mapping[str, str] = "",
    kinds: Mapping[str, str] | None = None,
    positions_in_degrees: bool = False,
) -> dict[str, object]:
    """Write buses, lines, transformers, loads, generators and units of a pandapower net.

    Generators (``net.gen``) become thermal units that hold their voltage, with the polynomial costs
    of ``net.poly_cost``, euros read as dollars. So does the ext_grid where it has a cost: then it
    balances the grid, and the scenario has no source. Shunts become loads of constant power: that
    at the voltages of the net's results, or at 1 pu before a power flow. Each is told of by a
    warning of the logger ``gridhaul``. Files that the folder has of these six are replaced. What
    the net has out of service is left out, except branches, which become open. What a scenario
    cannot express is refused, all at once; see `grid_from_pandapower`.

    Parameters
    ----------
    net
        A pandapower net, or the path of one saved by ``pandapower.to_json``.
    folder
        The scenario's folder; made if it does not exist.
    load_profiles
        Profile that loads follow: one for all, or by name of the load, with ``"*"`` for all others.
    generator_profiles
        Profile that static generators follow: one for all, or by name or by kind (``"pv"``,
        ``"wind"``).
    kinds
        Kind of static generators by name or by the net's type. Those not mentioned get it from the
        first word of their type, or else of their name: PV, solar; WP, WKA, wind.
    positions_in_degrees
        Whether the net's positions are longitude and latitude; then they are projected to
        kilometres. Otherwise they are taken as they stand. They only serve maps.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` that names the sources, for `write_settings`; empty where a
        unit balances the grid.

    Raises
    ------
    InputError
        Names what the scenario cannot express, loads and generators without profile, generators of
        no known kind, with a remedy each.
    """
    if isinstance(net, str | Path):
        read = _read_json(Path(net))
        try:
            return write_network(
                read,
                folder,
                load_profiles=load_profiles,
                generator_profiles=generator_profiles,
                kinds=kinds,
                positions_in_degrees=positions_in_degrees,
            )
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise InputError.single(
                where=str(net),
                key="file",
                value=Path(net).name,
                message=f"is a damaged net ({type(error).__name__}: {error})",
                remedy="Write it again with pandapower.to_json",
            ) from error
    grid = grid_from_pandapower(net)
    problems = NetProblems()
    bus_of = buses_from_pandapower(net)
    usable = dict(zip(net.bus.index, flags(net.bus, "in_service"), strict=True))
    units, said = read_units(net, grid, bus_of, usable, problems)
    shunts, said_of_shunts = read_shunts(net, grid, bus_of, usable, problems)
    loads = read_loads(net, grid, load_profiles, problems)
    generators = read_generators(net, grid, generator_profiles, kinds or {}, problems)
    _refuse_storages(net, problems)
    buses = _buses(net, grid, positions_in_degrees, problems)
    lines = _lines(net, grid, problems)
    transformers = _transformers(grid, problems)
    problems.raise_any()
    folder = Path(folder)
    write_rows(folder, "buses.csv", buses)
    write_rows(folder, "lines.csv", lines)
    write_rows(folder, "transformers.csv", transformers)
    write_rows(folder, "loads.csv", [*loads, *shunts])
    write_rows(folder, "generators.csv", generators)
    write_rows(folder, "units.csv", units)
    said += said_of_shunts
    fixed = numbers(net.bus, "min_vm_pu") == numbers(net.bus, "max_vm_pu")
    if fixed.any():
        said.append(f"equal voltage limits of {fixed.sum()} buses are left out")
    if (numbers(net.trafo, "i0_percent") < 0).any():
        said.append("no-load currents below 0 count as magnetising, as in pandapower's power flow")
    if said:
        LOGGER.warning("%s:\n  %s", folder, "\n  ".join(said))
    if any(unit.slack for unit in units):
        return {}
    sources = zip(grid.source_bus.tolist(), grid.source_vm_pu.tolist(), strict=True)
    return {
        "grid": {"source": [{"bus": grid.bus_name[bus], "vm_pu": vm_pu} for bus, vm_pu in sources]}
    }


def _read_json(path: Path) -> Any:
    import pandapower

    try:
        return pandapower.from_json(str(path))
    except Exception as error:  # the file may hold anything, and pandapower raise anything
        raise InputError.single(
            where=str(path),
            key="file",
            value=path.name,
            message=f"cannot be read as a pandapower net ({type(error).__name__}: {error})",
            remedy="Give a file written by pandapower.to_json",
        ) from error


def _buses(net: Any, grid: Grid, in_degrees: bool, problems: NetProblems) -> list[BusRow]:
    first = representatives(buses_from_pandapower(net))
    x_km, y_km = grid.x, grid.y
    if in_degrees:
        # A plane that touches the earth in the middle of the net: the error is far below a line's
        # width on the map.
        shrink = math.cos(math.radians(float(y_km.mean())))
        x_km = (x_km - x_km.min()) * KM_PER_DEGREE * shrink
        y_km = (y_km - y_km.min()) * KM_PER_DEGREE
    low = numbers(net.bus, "min_vm_pu")[first]
    high = numbers(net.bus, "max_vm_pu")[first]
    # Cases for optimal power flow fix a voltage by equal limits; sources and units hold it here.
    low, high = (np.where(low == high, np.nan, each) for each in (low, high))
    values = [
        {
            "name": name,
            "vn_kv": float(grid.bus_vn_kv[k]),
            "x_km": round(float(x_km[k]), 4),
            "y_km": round(float(y_km[k]), 4),
            "v_min_pu": None if np.isnan(low[k]) else float(low[k]),
            "v_max_pu": None if np.isnan(high[k]) else float(high[k]),
        }
        for k, name in enumerate(grid.bus_name)
    ]
    return checked_rows(BusRow, values, "net.bus", problems)


def _lines(net: Any, grid: Grid, problems: NetProblems) -> list[LineRow]:
    length_km = numbers(net.line, "length_km")
    length_km = np.where(length_km > 0, length_km, np.nan)  # refused below
    lines = grid.lines
    values = [
        {
            "name": name,
            "from_bus": grid.bus_name[lines.from_bus[k]],
            "to_bus": grid.bus_name[lines.to_bus[k]],
            "length_km": float(length_km[k]),
            "r_ohm_per_km": float(lines.r_ohm[k] / length_km[k]),
            "x_ohm_per_km": float(lines.x_ohm[k] / length_km[k]),
            "c_nf_per_km": float(lines.c_nf[k] / length_km[k]),
            "max_i_ka": float(lines.max_i_ka[k]),
            "from_closed": bool(lines.from_closed[k]),
            "to_closed": bool(lines.to_closed[k]),
        }
        for k, name in enumerate(lines.name)
    ]
    return checked_rows(LineRow, values, "net.line", problems)


def _transformers(grid: Grid, problems: NetProblems) -> list[TransformerRow]:
    units = grid.transformers
    values = [
        {
            "name": name,
            "hv_bus": grid.bus_name[units.hv_bus[k]],
            "lv_bus": grid.bus_name[units.lv_bus[k]],
            "sn_mva": float(units.sn_mva[k]),
            "vn_hv_kv": float(units.vn_hv_kv[k]),
            "vn_lv_kv": float(units.vn_lv_kv[k]),
            "vk_percent": float(units.vk_percent[k]),
            "vkr_percent": float(units.vkr_percent[k]),
            "pfe_kw": float(units.pfe_kw[k]),
            "i0_percent": float(units.i0_percent[k]),
            "hv_closed": bool(units.hv_closed[k]),
            "lv_closed": bool(units.lv_closed[k]),
        }
        for k, name in enumerate(units.name)
    ]
    return checked_rows(TransformerRow, values, "net.trafo", problems)


def _refuse_storages(net: Any, problems: NetProblems) -> None:
    count = int(flags(net.storage, "in_service").sum())
    if count:
        problems.add(
            "net.storage",
            f"{count} in service",
            "a scenario's batteries stand in vehicles.csv",
            "Take them out of service, and add vehicles that stay where they are",
        )
