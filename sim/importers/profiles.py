"""Import records of loads and renewables with time stamps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.importers.time_series import Clock, Missing, filled, numeric, read_any, stamps, whole_days
from sim.plugins import suggestion
from sim.scenario.problems import Problems
from sim.scenario.record import Columns, checked_columns, column_names, read_columns
from sim.scenario.timestamps import DAY_S

FILE = "profiles.parquet"
LOGGER = logging.getLogger("gridhaul")


def write_profiles(
    source: str | Path | pd.DataFrame,
    folder: str | Path,
    *,
    columns: Iterable[str] | Mapping[str, str] | None = None,
    step_min: float | None = None,
    clock: Clock | None = None,
    missing: Missing = "refuse",
) -> dict[str, object]:
    """Check a record of profiles and write what is wanted of it as ``profiles.parquet``.

    What is done to the record (another zone, longer steps, values filled in, days cut) is told by a
    warning of the logger ``gridhaul``.

    Parameters
    ----------
    source
        CSV or Parquet file, or a data frame, with a column of time stamps, evenly spaced. The
        other columns hold magnitudes in any unit: power is ``p_mw`` of the load or generator times
        the value, so a column in MW suits ``p_mw = 1``, and ``[profiles.series.<name>]`` with
        ``peak = 1`` scales any column to 1.
    folder
        The scenario's folder; made if it does not exist.
    columns
        Columns to take; with a mapping, under which name. Default: all.
    step_min
        Spacing of the rows to be written [min]: that of the record, or a multiple of it, of which
        means are taken, as suits power. Default: that of the record.
    clock
        How stamps are read. Default: standard time without a zone in a column ``time``, from
        midnight, whole days. With a zone, stamps of local clocks or with offsets are brought to
        standard time, and days that are not whole at both ends are cut.
    missing
        What stands for missing rows and cells: ``"refuse"``, ``"interpolate"``, ``"hold"`` (the
        value before), ``"zero"``, ``"day_before"``.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` that names the file, for `write_settings`.

    Raises
    ------
    InputError
        Names gaps, duplicates, rows out of order, clock changes, values that are missing, NaN or
        negative, each with its row and a remedy.
    """
    problems = Problems()
    if missing not in get_args(Missing):
        remedy = f"Choose one of {', '.join(get_args(Missing))}"
        problems.add("missing", "missing", missing, "is no way to fill", remedy)
        problems.raise_if_any()
    said: list[str] = []
    where = "data frame" if isinstance(source, pd.DataFrame) else Path(source).name
    if isinstance(source, pd.DataFrame) or clock is not None or missing != "refuse":
        read, said = _read_any(source, columns, clock or Clock(), missing, where, problems)
    else:
        path = Path(source)
        if columns is None:
            columns = [name for name in column_names(path, where, problems) if name != "time"]
        problems.raise_if_any()
        read = read_columns(path, dict.fromkeys(_names(columns), "columns"), where, problems)
    problems.raise_if_any()
    assert read is not None
    if step_min is not None and read.step_s != 60 * step_min:
        read = _means(read, step_min, where, problems)
        said.append(f"rows of {step_min:g} minutes are means of those of the record")
    problems.raise_if_any()
    if said:
        LOGGER.warning("%s:\n  %s", where, "\n  ".join(said))
    return write_columns(folder, read, _names(list(read.values) if columns is None else columns))


def _names(columns: Iterable[str] | Mapping[str, str]) -> dict[str, str]:
    """Return the new name by name."""
    return dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}


def _read_any(
    source: str | Path | pd.DataFrame,
    columns: Iterable[str] | Mapping[str, str] | None,
    clock: Clock,
    missing: Missing,
    where: str,
    problems: Problems,
) -> tuple[Columns | None, list[str]]:
    """Return columns from a table of any kind, and what was done to them."""
    table = read_any(source, problems)
    if table is None:
        return None, []
    if len(table.columns) < 2:
        message = "holds no stamps and values"
        problems.add(where, "columns", len(table.columns), message, "Give both")
        return None, []
    named, times, said = stamps(table, clock, where, problems)
    known = [str(name) for name in table.columns if str(name) != named]
    wanted = list(_names(columns)) if columns is not None else known
    for name in wanted:
        if name not in known:
            message = f"is no column of {where}"
            problems.add("columns", "profile", name, message, suggestion(name, known))
    if times is None or len(problems):
        return None, said
    values = numeric(table, wanted, where, problems)
    if len(problems):
        return None, said
    values.index = pd.DatetimeIndex(times)
    values, filled_in = filled(values, missing, where, problems)
    cut: list[str] = []
    if clock.zone is not None or missing != "refuse":
        values, cut = whole_days(values)
    if len(problems):
        return None, said
    rows = pd.DatetimeIndex(values.index).to_numpy().astype("datetime64[s]")
    arrays = {name: values[name].to_numpy() for name in wanted}
    return checked_columns(rows, arrays, where, problems), [*said, *filled_in, *cut]


def _means(read: Columns, step_min: float, where: str, problems: Problems) -> Columns:
    """Return columns of longer steps; what is no multiple that divides the day is noted."""
    step_s = round(60 * step_min)
    if step_s <= 0 or step_s % read.step_s or DAY_S % step_s:
        message = f"the rows are {read.step_s / 60:g} minutes apart"
        remedy = "Give a multiple that divides a day; a scenario's steps may be shorter"
        problems.add(where, "step_min", step_min, message, remedy)
        return read
    share = step_s // read.step_s
    means = {name: each.reshape(-1, share).mean(axis=1) for name, each in read.values.items()}
    return Columns(start=read.start, step_s=step_s, values=means)


def write_columns(
    folder: str | Path,
    columns: Columns,
    names: Mapping[str, str],
    metadata: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Write `columns` under their new `names` as ``profiles.parquet``.

    Parameters
    ----------
    folder
        The scenario's folder; made if it does not exist.
    columns
        What to write.
    names
        New name by name in `columns`.
    metadata
        Texts that travel with the file, such as source and licence.

    Returns
    -------
    dict
        The piece of ``scenario.toml`` that names the file.
    """
    n_rows = len(next(iter(columns.values.values())))
    times = columns.start + np.arange(n_rows) * np.timedelta64(columns.step_s, "s")
    table = pa.table(
        {
            "time": pa.array(times.astype("datetime64[s]")),
            **{new: pa.array(columns.values[old]) for old, new in names.items()},
        }
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    pq.write_table(
        table.replace_schema_metadata(dict(metadata or {})),
        Path(folder) / FILE,
        compression="zstd",
    )
    return {"profiles": {"file": FILE}}
