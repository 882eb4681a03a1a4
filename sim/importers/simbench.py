"""Import grids and profiles of the SimBench data set, by code.

Needs the extra ``gridhaul[simbench]`` (some 400 MB). The data are under the ODbL 1.0: name SimBench
(https://simbench.net) where you share what you make of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import InputError
from sim.importers.pandapower import write_network
from sim.importers.profiles import write_columns
from sim.scenario.record import Columns
from sim.units import FloatArray

SOURCE = {"source": "SimBench, https://simbench.net", "license": "ODbL-1.0"}
# The kind says which forecast suits a generator. What lies behind an aggregated low-voltage grid is
# roof-top PV. Biomass and water know no night, as wind.
KINDS = {
    "PV": "pv",
    "PV_MV": "pv",
    "lv_RES": "pv",
    "Wind_MV": "wind",
    "Biomass_MV": "wind",
    "Hydro_MV": "wind",
}
STEP_S = 900
STAMP = "%d.%m.%Y %H:%M"


def write_simbench(
    code: str, folder: str | Path, *, kinds: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Write the grid, loads, generators and profiles of a SimBench code.

    Loads and generators follow their own profile of the year 2016, in quarter hours of standard
    time: active power is simbench's absolute value. Reactive power of a load follows the profile of
    its active power, at the power factor of the table.

    Parameters
    ----------
    code
        ``"1-MV-rural--0-sw"``; see simbench.
    folder
        The scenario's folder; made if it does not exist.
    kinds
        Kind (``"pv"``, ``"wind"``) of generators by name or by simbench's type, beside `KINDS`.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` with sources and profile file, for `write_settings`.

    Raises
    ------
    InputError
        If simbench is not installed, does not know the code, or the grid has what a scenario cannot
        express, such as the storages of the codes of future years.
    """
    simbench = _simbench()
    known = simbench.collect_all_simbench_codes()
    if code not in known:
        raise InputError.single(
            where="simbench",
            key="code",
            value=code,
            message="is no code of a SimBench grid",
            remedy="Choose one of simbench.collect_all_simbench_codes()",
        )
    net = simbench.get_simbench_net(code)
    # One name may stand for a profile of loads and for one of generators.
    load_profiles = {
        str(row["name"]): f"load {row['profile']}" for row in net.load.to_dict(orient="records")
    }
    generator_profiles = {
        str(row["name"]): f"generator {row['profile']}"
        for row in net.sgen.to_dict(orient="records")
    }
    network = write_network(
        net,
        folder,
        load_profiles=load_profiles,
        generator_profiles=generator_profiles,
        kinds=KINDS | dict(kinds or {}),
        positions_in_degrees=True,
    )
    values = _profiles(net, "load", "{}_pload") | _profiles(net, "sgen", "{}")
    columns = Columns(start=_start(net), step_s=STEP_S, values=values)
    return network | write_columns(folder, columns, {name: name for name in values}, SOURCE)


def _simbench() -> Any:
    try:
        return importlib.import_module("simbench")
    except ImportError as error:
        raise InputError.single(
            where="simbench",
            key="package",
            value="simbench",
            message=f"cannot be imported ({error})",
            remedy="Install the extra: pip install 'gridhaul[simbench]'",
        ) from error


def _profiles(net: Any, table: str, column: str) -> dict[str, FloatArray]:
    """Return the profiles that loads or generators use, by the name they have in the folder."""
    source, word = {"load": ("load", "load"), "sgen": ("renewables", "generator")}[table]
    # Turbines and chargers at rest draw some 1e-5 pu; profiles are magnitudes.
    return {
        f"{word} {name}": np.maximum(
            net.profiles[source][column.format(name)].to_numpy(np.float64), 0.0
        )
        for name in sorted(set(net[table]["profile"]))
    }


def _start(net: Any) -> np.datetime64:
    """Return the first stamp, having checked that the rows are evenly spaced in standard time.

    simbench stamps clock time, so that an hour is left out in March and one appears twice in
    October; rows in order are evenly spaced.
    """
    stamps = [datetime.strptime(text, STAMP) for text in net.profiles["load"]["time"]]
    summer = (datetime(2016, 3, 27, 2), datetime(2016, 10, 30, 2))
    for row, stamp in enumerate(stamps):
        standard = stamps[0] + row * timedelta(seconds=STEP_S)
        shift = timedelta(hours=1 if summer[0] <= standard < summer[1] else 0)
        if stamp != standard + shift:
            raise InputError.single(
                where="simbench",
                key=f"row {row + 1}, time",
                value=str(stamp),
                message="is not a quarter hour after the row above it",
                remedy="Reinstall simbench",
            )
    return np.datetime64(stamps[0], "s")
