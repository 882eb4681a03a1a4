"""The record: profile columns read from CSV or Parquet and brought to the scenario's step."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim import plugins
from sim.errors import InputError
from sim.plugins import suggestion
from sim.scenario.files import (
    MIB,
    MOST_RECORD_BYTES,
    MOST_UNPACKED_BYTES,
    csv_lines,
    path_inside,
    separated_by_commas,
    small_enough,
)
from sim.scenario.limits import MOST_RECORDED, MOST_ROWS
from sim.scenario.problems import Problems
from sim.scenario.schema.uncertain_tables import SeriesTable
from sim.scenario.timestamps import STANDARD_TIME, check_timestamps
from sim.units import FloatArray

LEAST_PU, MOST_PU = 1e-9, 1e9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """Columns of a profile file as they stand there.

    Attributes
    ----------
    start
        Stamp of the first row, at midnight.
    step_s
        Spacing of the rows [s].
    values
        ``(row,)`` by column name [pu].
    """

    start: np.datetime64
    step_s: int
    values: dict[str, FloatArray]


def shared_profiles() -> dict[str, Path]:
    """Return the bundled profile files by name.

    They lie in a folder ``profiles`` next to a registered scenario, so that a package that
    contributes scenarios contributes its profiles with them.
    """
    found: dict[str, Path] = {}
    for name in plugins.names(plugins.SCENARIOS):
        try:
            folder = plugins.load(plugins.SCENARIOS, name)
        except InputError:
            continue  # loading that scenario reports it
        if isinstance(folder, Path):
            for path in sorted((folder.parent / "profiles").glob("*.parquet")):
                found.setdefault(path.stem, path)
    return found


def find_profiles(folder: Path, file: str, where: str, problems: Problems) -> Path | None:
    """Return the path of the profile file that ``[profiles] file`` names, None if there is none."""
    if Path(file).suffix in {".csv", ".parquet"}:
        return path_inside(folder, file, where, "profiles.file", problems)
    shared = shared_profiles()
    if file in shared:
        return shared[file]
    message = "is no .csv or .parquet file and no bundled record"
    problems.add(where, "profiles.file", file, message, suggestion(file, shared))
    return None


def column_names(path: Path, where: str, problems: Problems) -> list[str]:
    """Return the names of all columns of a profile file; none if it cannot be read."""
    try:
        if path.suffix == ".parquet":
            return list(pq.read_schema(path).names)
        with csv_lines(path) as lines:
            return [cell.strip() for cell in next(lines, (0, []))[1]]
    except (OSError, ValueError, pa.ArrowException, csv.Error) as error:
        problems.add(where, "file", path.name, f"cannot be read ({error})", "Repair the file")
        return []


def read_columns(
    path: Path,
    names: Mapping[str, str],
    where: str,
    problems: Problems,
    least: float = 0.0,
    most: float = MOST_PU,
) -> Columns | None:
    """Read the columns `names` of a profile file; other columns are not touched.

    Parameters
    ----------
    path
        CSV or Parquet file with a column ``time``, evenly spaced, from midnight, whole days.
    names
        Wanted columns, with what uses them, for messages.
    where
        The file, for messages.
    problems
        Takes note of what is wrong.
    least, most
        Between which values must lie.

    Returns
    -------
    Columns or None
        None if anything is wrong.
    """
    before = len(problems)
    read = _read_parquet if path.suffix == ".parquet" else _read_csv
    try:
        times, values = read(path, names, where, problems)
    except (OSError, ValueError, pa.ArrowException, csv.Error) as error:
        problems.add(where, "file", path.name, f"cannot be read ({error})", "Repair the file")
        return None
    if len(problems) > before:
        return None
    return checked_columns(times, values, where, problems, least, most)


def checked_columns(
    times: np.ndarray,
    values: dict[str, FloatArray],
    where: str,
    problems: Problems,
    least: float = 0.0,
    most: float = MOST_PU,
) -> Columns | None:
    """Return columns of rows with stamps, None and problems where a value or a stamp is wrong.

    Parameters are those of `read_columns`; `times` are the stamps, ``(row,)``.
    """
    before = len(problems)
    for name, column in values.items():
        wrong = np.flatnonzero(~((column >= least) & (column <= most)))
        if wrong.size:
            row = int(wrong[0])
            message = f"is negative, not a number or beyond {most:g} ({wrong.size} such rows)"
            remedy = "Profiles are magnitudes >= 0 without gaps"
            if least < 0:
                message = f"is not a number or beyond {most:g} ({wrong.size} such rows)"
                remedy = "Give a number in every row"
            problems.add(where, f"row {row + 1}, {name}", float(column[row]), message, remedy)
    step_s = check_timestamps(times, where, problems)
    if len(problems) > before:
        return None
    return Columns(start=times[0], step_s=step_s, values=values)


def build_values(
    columns: Columns, series: Mapping[str, SeriesTable], step_s: int, where: str, problems: Problems
) -> FloatArray:
    """Return the record at a spacing of `step_s`, ``(row, series)`` [pu].

    A coarser step takes means; a finer one repeats values, which keeps the energy of each row.
    """
    n_rows = len(next(iter(columns.values.values()))) * columns.step_s // step_s
    if n_rows * len(series) > MOST_RECORDED:
        message = f"makes {n_rows:,} rows of {len(series)} profiles out of the record"
        problems.add(where, "timing.step_min", step_s / 60, message, "Choose a longer step")
        return np.empty((0, len(series)))
    mixed = np.empty((len(next(iter(columns.values.values()))), len(series)))
    for k, (name, mix) in enumerate(series.items()):
        weights = np.array(list(mix.columns.values()))
        stack = np.stack([columns.values[column] for column in mix.columns])
        mixed[:, k] = weights @ stack / weights.sum()
        if mix.peak is not None:
            highest = mixed[:, k].max()
            if not highest > LEAST_PU:
                key = f"profiles.series.{name}.peak"
                problems.add(where, key, mix.peak, "the series is zero throughout", "Remove it")
                continue
            mixed[:, k] *= mix.peak / highest
    if step_s % columns.step_s == 0:
        share = step_s // columns.step_s
        means: FloatArray = mixed.reshape(-1, share, mixed.shape[1]).mean(axis=1)
        return means
    if columns.step_s % step_s == 0:
        return np.repeat(mixed, columns.step_s // step_s, axis=0)
    problems.add(
        where,
        "timing.step_min",
        step_s / 60,
        f"neither divides nor is a multiple of the record's {columns.step_s / 60:g} minutes",
        "Choose another step",
    )
    return mixed


def _read_parquet(
    path: Path, names: Mapping[str, str], where: str, problems: Problems
) -> tuple[np.ndarray, dict[str, FloatArray]]:
    empty: tuple[np.ndarray, dict[str, FloatArray]] = (np.empty(0, "datetime64[s]"), {})
    if not small_enough(path, MOST_RECORD_BYTES, where, problems):
        return empty
    file = pq.ParquetFile(path)
    n_rows = file.metadata.num_rows
    if n_rows > MOST_ROWS:
        remedy = "Cut it down to the years that are needed"
        problems.add(
            where, "rows", n_rows, f"are more than the {MOST_ROWS:,} that are read", remedy
        )
        return empty
    if not _check_columns(file.schema_arrow.names, names, where, problems):
        return empty
    if not _check_content(file, names, where, problems):
        return empty
    # `pq.read_table`, `to_numpy` and `fill_null` import pandas, half a second for nothing. Threads
    # cost more than they save at this size.
    table = file.read(columns=["time", *names], use_threads=False)
    return (
        _array(table["time"].cast(pa.timestamp("s")).cast(pa.int64())).astype("datetime64[s]"),
        {name: _array(table[name].cast(pa.float64())) for name in names},
    )


def _check_content(
    file: pq.ParquetFile, names: Mapping[str, str], where: str, problems: Problems
) -> bool:
    """Return whether columns are of numbers and fit into memory: a short file may hold a lot."""
    before = len(problems)
    for name in ("time", *names):
        kind = file.schema_arrow.field(name).type
        numbers = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        empty = pa.types.is_null(kind)  # each cell is named later
        if not empty and not (pa.types.is_temporal(kind) if name == "time" else numbers):
            message = f"is a column of {kind}"
            remedy = "Store time stamps as timestamps and values as numbers"
            problems.add(where, "header", name, message, remedy)
    count = file.metadata.num_rows * len(names)
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    if count > MOST_RECORDED or size > MOST_UNPACKED_BYTES:
        message = f"hold {count:,} values in {size / MIB:,.0f} MiB; at most {MOST_RECORDED:,} are "
        message += f"read, from at most {MOST_UNPACKED_BYTES / MIB:,.0f} MiB"
        problems.add(where, "columns", len(names), message, "Cut it down to what is needed")
    return len(problems) == before


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values of a column; an empty cell is NaN, to be reported with its row."""
    if column.null_count:
        column = column.fill_null(np.nan)
    return np.from_dlpack(column.combine_chunks())


def _read_csv(
    path: Path, names: Mapping[str, str], where: str, problems: Problems
) -> tuple[np.ndarray, dict[str, FloatArray]]:
    times: list[np.datetime64] = []
    values: dict[str, list[float]] = {name: [] for name in names}
    if small_enough(path, MOST_RECORD_BYTES, where, problems):
        # Line by line: the texts of a long record take ten times the memory of its numbers.
        with csv_lines(path) as lines:
            header = [cell.strip() for cell in next(lines, (0, []))[1]]
            if separated_by_commas(header, where, problems) and _check_columns(
                header, names, where, problems
            ):
                _read_rows(lines, header, where, problems, times, values)
    arrays = {name: np.array(column, dtype=np.float64) for name, column in values.items()}
    return np.array(times, dtype="datetime64[s]"), arrays


def _read_rows(
    lines: Iterator[tuple[int, list[str]]],
    header: list[str],
    where: str,
    problems: Problems,
    times: list[np.datetime64],
    values: dict[str, list[float]],
) -> None:
    """Append what stands in `lines` to `times` and `values`."""
    places = {name: header.index(name) for name in values}
    clock = header.index("time")
    for number, cells in lines:
        if len(cells) != len(header):
            message = f"has {len(cells)} values for {len(header)} columns"
            remedy = "Give one value per column, with points in numbers"
            problems.add(where, f"line {number}", ",".join(cells), message, remedy)
            continue
        key, cell = "time", cells[clock]
        try:
            stamp = datetime.fromisoformat(cell.strip())
            if stamp.tzinfo is not None:
                problems.add(where, f"line {number}, time", cell, "has a zone", STANDARD_TIME)
                break  # so have all others
            times.append(np.datetime64(stamp, "s"))
            for name, place in places.items():
                key, cell = name, cells[place]
                values[name].append(float(cell))
        except ValueError:
            remedy = "Write times as 2016-01-31 12:00 and values as numbers"
            problems.add(where, f"line {number}, {key}", cell, "cannot be read", remedy)


def _check_columns(
    known: list[str], names: Mapping[str, str], where: str, problems: Problems
) -> bool:
    before = len(problems)
    if "time" not in known:
        problems.add(where, "header", "time", "the column is missing", "Add the time stamps")
    for name, user in names.items():
        if name == "time":
            remedy = "Name a column of values"
            problems.add(user, "profile", name, f"is the clock of {where}", remedy)
        elif name not in known:
            choices = [column for column in known if column != "time"]
            problems.add(
                user, "profile", name, f"is no column of {where}", suggestion(name, choices)
            )
    for name in ("time", *names):
        if known.count(name) > 1:
            problems.add(where, "header", name, "appears twice", "Remove one of the columns")
    return len(problems) == before
