"""The event log of an episode: all that was ordered and all that happened, in a form to compare.

It consists of five of the tables of an `Episode`, as they are or as they come back from a file.
Payments and figures are computed from it; wall-clock times are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from sim.episode.episode import Episode
from sim.errors import shown
from sim.units import BoolArray, FloatArray

# What causes something stands before what it causes: at equal times the first is named.
LOG_TABLES = ("decisions", "events", "trips", "vehicles", "steps")
_JUST_H = 1e-9  # times are sums of steps


class Difference(NamedTuple):
    """Where two logs part.

    Attributes
    ----------
    time_h
        When [h since the episode's start].
    what
        Which row of which table, and what stands there in one log and here in the other.
    """

    time_h: float
    what: str


def log_of(episode: Episode) -> dict[str, pd.DataFrame]:
    """Return the tables that make the log of an episode."""
    return {name: getattr(episode, name) for name in LOG_TABLES}


def log_sha256(log: Mapping[str, pd.DataFrame], before_h: float = math.inf) -> str:
    """Return a SHA-256 over a log, equal for logs that are equal to the bit.

    Parameters
    ----------
    log
        See `log_of`; with all columns.
    before_h
        Only what happened before this time counts: decisions, events and arrivals before it, and
        steps that end by then.
    """
    digest = hashlib.sha256()
    for name in LOG_TABLES:
        table = log[name][_is_before(name, log[name], before_h)]
        digest.update(f"{name} {len(table)}\n".encode())
        for column in table.columns:
            digest.update(f"{column}\n".encode())
            values = _values(table[column])
            is_text = values.dtype == object
            digest.update(json.dumps(values.tolist()).encode() if is_text else values.tobytes())
    return digest.hexdigest()


def first_difference(
    there: Mapping[str, pd.DataFrame], here: Mapping[str, pd.DataFrame]
) -> Difference | None:
    """Return where two logs part first, None if nothing differs in the columns that both have."""
    found = [each for name in LOG_TABLES for each in _differences(name, there[name], here[name])]
    return min(found, key=lambda each: each.time_h, default=None)


def _differences(name: str, there: pd.DataFrame, here: pd.DataFrame) -> Iterator[Difference]:
    """Yield the first difference between two tables, if there is one."""
    columns = [column for column in there.columns if column in here.columns]
    # Trips are sorted by vehicle: without this, one more of the first would displace the others.
    order = [np.argsort(_ended_h(name, table), kind="stable") for table in (there, here)]
    old, new = (table.iloc[own] for table, own in zip((there, here), order, strict=True))
    n_both = min(len(old), len(new))
    differs = np.zeros(n_both, dtype=np.bool_)
    for column in columns:
        differs |= _unequal(_values(old[column][:n_both]), _values(new[column][:n_both]))
    if differs.any():
        row = int(differs.argmax())
    elif len(old) != len(new):
        row = n_both
    else:
        return
    times = [float(_ended_h(name, table)[row]) for table in (old, new) if row < len(table)]
    if row == n_both:
        longer, where = (old, "there") if len(old) > len(new) else (new, "here")
        content = ", ".join(f"{column} {shown(longer[column].iloc[row])}" for column in columns)
        yield Difference(min(times), f"{name}: one more row {where} ({content})")
        return
    pairs = [(column, old[column].iloc[row], new[column].iloc[row]) for column in columns]
    parts = [
        f"{column} is {_text(a)} there and {_text(b)} here"
        for column, a, b in pairs
        if _unequal(_values(pd.Series([a])), _values(pd.Series([b])))[0]
    ]
    whose = f" of {old['vehicle'].iloc[row]}" if "vehicle" in columns else ""
    yield Difference(min(times), f"{name}{whose}: {'; '.join(parts)}")


def _ended_h(name: str, table: pd.DataFrame) -> FloatArray:
    """Return when what a row tells was over [h]."""
    if name == "steps":  # rows carry the start of the step
        start_h = _numbers(table["time_h"])
        return start_h + (start_h[1] - start_h[0] if len(start_h) > 1 else math.inf)
    return _numbers(table["arrive_h" if name == "trips" else "time_h"])


def _is_before(name: str, table: pd.DataFrame, before_h: float) -> BoolArray:
    if math.isinf(before_h):
        return np.ones(len(table), dtype=np.bool_)
    ended_h = _ended_h(name, table)
    if name in ("steps", "vehicles"):  # metered at the end of a step, before anybody decides
        return ended_h <= before_h + _JUST_H
    return ended_h < before_h - _JUST_H


def _numbers(column: pd.Series) -> FloatArray:
    return column.to_numpy(dtype="<f8")


def _values(column: pd.Series) -> np.ndarray:
    """Return texts as objects and all else as numbers, however the column is stored."""
    if len(column) and not pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=object)
    numbers = _numbers(column)
    return np.where(np.isnan(numbers), np.nan, numbers)  # one NaN, whatever its bits


def _unequal(old: np.ndarray, new: np.ndarray) -> BoolArray:
    if old.dtype == object or new.dtype == object:
        return np.asarray(old != new, dtype=np.bool_)
    return np.asarray(old.view(np.int64) != new.view(np.int64), dtype=np.bool_)


def _text(value: object) -> str:
    return shown(value.item() if isinstance(value, np.generic) else value)
