"""Bring tables with time stamps of any kind to evenly spaced rows in standard time."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from sim.plugins import suggestion
from sim.scenario.files import MOST_RECORD_BYTES, small_enough
from sim.scenario.problems import Problems

Missing = Literal["refuse", "interpolate", "hold", "zero", "day_before"]
FILLED = {
    "interpolate": "interpolated between neighbours",
    "hold": "the value before",
    "zero": "0",
    "day_before": "the value a day before",
}
CLOCKS = ("time", "timestamp", "datetime", "date", "utc_timestamp", "zeit", "datum")
MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How the stamps of a table are to be read.

    Attributes
    ----------
    column
        Name of the column; None: ``time`` or the like, or the index of a data frame.
    zone
        Zone of the stamps, or to which those with an offset belong, such as ``Europe/Berlin``;
        None: standard time all year already.
    layout
        Format of the stamps as in `datetime.strptime`; None: ISO 8601, or day.month.year.
    """

    column: str | None = None
    zone: str | None = None
    layout: str | None = None


def read_any(source: str | Path | pd.DataFrame, problems: Problems) -> pd.DataFrame | None:
    """Return the table in a CSV or Parquet file with any separator, or a copy of a data frame."""
    if isinstance(source, pd.DataFrame):
        named = not isinstance(source.index, pd.RangeIndex)
        return source.reset_index() if named else source.copy()
    path = Path(source)
    try:
        if not small_enough(path, MOST_RECORD_BYTES, path.name, problems):
            return None
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
            return table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
        with path.open(encoding="utf-8-sig") as stream:
            head = [stream.readline() for _ in range(2)]
        separator = max(";\t,", key=head[0].count)
        decimal = "," if separator != "," and "," in head[1] else "."
        table = pd.read_csv(path, sep=separator, decimal=decimal, encoding="utf-8-sig")
        return table.rename(columns=str.strip)
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        problems.add(path.name, "file", str(path), f"cannot be read ({error})", "Repair the file")
        return None


def stamps(
    table: pd.DataFrame, clock: Clock, where: str, problems: Problems
) -> tuple[str, pd.Series | None, list[str]]:
    """Return the clock's column, its stamps in standard time, and what to say of them."""
    named = clock.column or next(
        (name for name in map(str, table.columns) if name.lower() in CLOCKS), str(table.columns[0])
    )
    if clock.column is not None and clock.column not in table.columns:
        remedy = suggestion(clock.column, [str(name) for name in table.columns])
        problems.add(where, "time", clock.column, "is no column", remedy)
        return named, None, []
    times = _parsed(table[named], clock, where, problems)
    if times is None:
        return named, None, []
    aware = times.dt.tz is not None
    if clock.zone is None:
        if aware:
            remedy = (
                "Say the zone in which the day begins: --zone Europe/Berlin, in Python "
                "clock=Clock(zone='Europe/Berlin')"
            )
            problems.add(where, f"row 1, {named}", str(times.iloc[0]), "has a zone", remedy)
            return named, None, []
        return named, times, []
    try:
        zone = ZoneInfo(clock.zone)
        if not aware:
            times = times.dt.tz_localize(zone, ambiguous="infer", nonexistent="raise")
    except Exception as error:  # noqa: BLE001 - zones and pandas raise many kinds
        message = f"does not fit the stamps ({error})"
        remedy = "Name a zone such as Europe/Berlin, or give stamps with offsets"
        problems.add(where, "zone", clock.zone, message, remedy)
        return named, None, []
    year = int(times.iloc[0].year)
    offsets = [datetime(year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    standard = min(offset or timedelta(0) for offset in offsets)
    hours = standard / timedelta(hours=1)
    return (
        named,
        times.dt.tz_convert(timezone(standard)).dt.tz_localize(None),
        [f"stamps are in standard time all year, UTC{hours:+g}"],
    )


def _parsed(column: pd.Series, clock: Clock, where: str, problems: Problems) -> pd.Series | None:
    """Return stamps, of one zone or of none; each that is none is noted, up to some."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    text = column.astype(str).str.strip()
    first = text.iloc[0] if len(text) else ""
    offset = first.endswith("Z") or any(sign in first[10:] for sign in "+-")
    layout = clock.layout
    if layout is None and len(first) > 9 and first[2:3] == first[5:6] == ".":
        layout = "%d.%m.%Y %H:%M:%S" if first.count(":") == 2 else "%d.%m.%Y %H:%M"
    try:
        parsed = pd.to_datetime(text, format=layout or "ISO8601", errors="coerce", utc=offset)
    except ValueError as error:
        problems.add(where, "layout", layout, f"is no format ({error})", "Write %d.%m.%Y %H:%M")
        return None
    wrong = np.flatnonzero(parsed.isna().to_numpy())
    for row in wrong[:MOST_NAMED].tolist():
        remedy = "Write times as 2016-01-31 12:00, or say their format"
        key = f"row {row + 1}, {column.name}"
        problems.add(where, key, text.iloc[row], "is no time stamp", remedy)
    if len(wrong) > MOST_NAMED:
        message = f"are no time stamps in all; the first {MOST_NAMED} are named"
        problems.add(where, str(column.name), len(wrong), message, "Say their format")
    return None if len(wrong) or not len(parsed) else parsed


def filled(
    values: pd.DataFrame, missing: Missing, where: str, problems: Problems
) -> tuple[pd.DataFrame, list[str]]:
    """Return values at every step between the first and the last stamp, and what was filled.

    Parameters
    ----------
    values
        Columns with their stamps as index.
    missing
        What stands for missing rows and cells.
    where
        The source, for messages.
    problems
        Takes note of what cannot be filled.
    """
    if missing == "refuse" or len(values) < 2:
        return values, []
    index = pd.DatetimeIndex(values.index)
    steps = np.diff(index.to_numpy())
    kinds, count = np.unique(steps, return_counts=True)
    step = kinds[count.argmax()]
    if step <= np.timedelta64(0) or (steps <= np.timedelta64(0)).any():
        return values, []  # named by row as rows out of order
    every = pd.date_range(index[0], index[-1], freq=pd.Timedelta(step))
    if not index.isin(every).all():
        return values, []  # named by row as uneven
    whole = values.reindex(every)
    gaps = whole.isna()
    said = [
        f"{name}: {n} of {len(whole):,} values were missing and are {FILLED[missing]}"
        for name, n in gaps.sum().items()
        if n
    ]
    if missing == "interpolate":
        whole = whole.interpolate(method="linear", limit_area="inside")
    elif missing == "hold":
        whole = whole.ffill()
    elif missing == "zero":
        whole = whole.fillna(0.0)
    else:
        day = max(round(np.timedelta64(1, "D") / step), 1)
        for _ in range(len(whole) // day + 1):
            left = whole.isna()
            if not left.to_numpy().any():
                break
            whole = whole.fillna(whole.shift(day))
            if whole.isna().equals(left):
                break
    for name in whole.columns[whole.isna().any()]:
        row = int(np.flatnonzero(whole[name].isna())[0])
        message = f"is missing, and nothing is there to fill it ({missing})"
        remedy = "Fill it another way, or begin and end the record where values are"
        problems.add(where, f"{every[row]}, {name}", "", message, remedy)
    return whole, said


def whole_days(values: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows from the first midnight up to the last, and what was cut."""
    index = pd.DatetimeIndex(values.index)
    if len(index) < 2:
        return values, []
    step = index[1] - index[0]
    first, last = index[0].ceil("D"), (index[-1] + step).floor("D")
    kept = values[(index >= first) & (index < last)]
    cut = len(values) - len(kept)
    return kept, [f"{cut} rows of days that are not whole are cut"] if cut else []


def numeric(
    table: pd.DataFrame, names: Sequence[str], where: str, problems: Problems
) -> pd.DataFrame:
    """Return columns as numbers; cells that are neither empty nor numbers are noted."""
    found = {}
    for name in names:
        column = table[name]
        values = pd.to_numeric(column, errors="coerce").astype(float)
        wrong = np.flatnonzero((values.isna() & column.notna()).to_numpy())
        for row in wrong[:MOST_NAMED].tolist():
            key, cell = f"row {row + 1}, {name}", column.iloc[row]
            problems.add(where, key, cell, "is no number", "Write a number, or leave it empty")
        found[name] = values.to_numpy()
    return pd.DataFrame(found)
