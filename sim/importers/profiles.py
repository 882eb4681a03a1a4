"""Import records of loads and renewables with time stamps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.scenario.problems import Problems
from sim.scenario.record import Columns, column_names, read_columns

FILE = "profiles.parquet"


def write_profiles(
    source: str | Path,
    folder: str | Path,
    *,
    columns: Iterable[str] | Mapping[str, str] | None = None,
    step_min: float | None = None,
) -> dict[str, object]:
    """Check a file of profiles and write what is wanted of it as ``profiles.parquet``.

    Parameters
    ----------
    source
        CSV or Parquet file with a column ``time``: evenly spaced rows in standard time (no summer
        time, no zone), from midnight, whole days. The other columns hold magnitudes in any unit:
        power is ``p_mw`` of the load or generator times the value, so a column in MW suits
        ``p_mw = 1``, and ``[profiles.series.<name>]`` with ``peak = 1`` scales any column to 1.
    folder
        The scenario's folder; made if it does not exist.
    columns
        Columns to take; with a mapping, under which name. Default: all.
    step_min
        Spacing that the rows must have [min]; default: whatever they have.

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
    path = Path(source)
    problems = Problems()
    if columns is None:
        columns = [name for name in column_names(path, path.name, problems) if name != "time"]
    names = dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}
    wanted = dict.fromkeys(names, "columns")
    problems.raise_if_any()
    read = read_columns(path, wanted, path.name, problems)
    if read is not None and step_min is not None and read.step_s != 60 * step_min:
        message = f"the rows are {read.step_s / 60:g} minutes apart"
        problems.add(path.name, "step_min", step_min, message, "Resample them, or correct step_min")
    problems.raise_if_any()
    assert read is not None
    return write_columns(folder, read, names)


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
