"""Read columns of pandapower's tables as arrays, without importing pandapower."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic import ValidationError

from sim.errors import InputError, Problem
from sim.scenario.schema.values import TABLE_KEYS, Table
from sim.units import BoolArray, FloatArray, IntArray

Row = TypeVar("Row", bound=Table)


@dataclass(slots=True)
class NetProblems:
    """Collects what is wrong with a network."""

    found: list[Problem] = field(default_factory=list)

    def add(self, key: str, value: object, message: str, remedy: str) -> None:
        """Note one problem; see `sim.errors.Problem`."""
        self.found.append(
            Problem(
                where="pandapower net", key=key, value=str(value), message=message, remedy=remedy
            )
        )

    def raise_any(self) -> None:
        """Raise one `InputError` with all problems, if there are any."""
        if self.found:
            raise InputError(self.found)


def numbers(table: Any, column: str, *, default: float = np.nan) -> FloatArray:
    """Return a column as floats, `default` where it is missing or NaN."""
    if column not in table:
        return np.full(len(table), default)
    values: FloatArray = table[column].astype(float).to_numpy(dtype=np.float64, copy=True)
    return np.where(np.isnan(values), default, values)


def flags(table: Any, column: str, *, default: bool = True) -> BoolArray:
    """Return a column as flags, `default` where it is missing or empty."""
    if column not in table:
        return np.full(len(table), default, dtype=np.bool_)
    values = [default if pd.isna(value) else bool(value) for value in table[column]]
    return np.array(values, dtype=np.bool_)


def bus_numbers(table: Any, column: str, bus_of: dict[int, int]) -> IntArray:
    """Return the grid's bus index for each row of `table`, ``(row,)``."""
    return np.array([bus_of[int(bus)] for bus in table[column]], dtype=np.int64)


def usable_ends(table: Any, column: str, usable: dict[int, bool]) -> BoolArray:
    """Return whether the bus of each row is in service, ``(row,)``."""
    return np.array([usable[bus] for bus in table[column]], dtype=np.bool_)


def opened(net: Any, kind: str, table: Any, end: str) -> BoolArray:
    """Return whether an open switch of `kind` disconnects the `end` of each row of `table`."""
    switches = net.switch[(net.switch["et"] == kind) & ~net.switch["closed"].astype(bool)]
    pairs = set(zip(switches["element"], switches["bus"], strict=True))
    ends = zip(table.index, table[end], strict=True)
    return np.array([pair in pairs for pair in ends], dtype=np.bool_)


def unique_names(table: Any, kind: str, others: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names in a table, with the index where a name is missing or used twice.

    Those of `others`, and those that a scenario refuses as columns, count as used.
    """
    given = ["" if pd.isna(name) else str(name).strip() for name in table["name"]]
    count, taken = Counter(given), {*others, *TABLE_KEYS}
    once = {name for name in given if name and count[name] == 1} - taken
    names: list[str] = []
    used = once | taken
    for name, index in zip(given, table.index, strict=True):
        unique = name if name in once else f"{name or kind} {index}"
        # With its index it may have become the name of another row.
        while name not in once and unique in used:
            unique += f" {index}"
        used.add(unique)
        names.append(unique)
    return tuple(names)


def positions(net: Any) -> tuple[FloatArray, FloatArray]:
    """Return the coordinates in the GeoJSON points of the bus table, zero where there are none."""
    x, y = np.zeros(len(net.bus)), np.zeros(len(net.bus))
    for row, point in enumerate(net.bus.get("geo", [])):
        if isinstance(point, str) and point:
            x[row], y[row] = json.loads(point)["coordinates"][:2]
    return x, y


def checked_rows(
    model: type[Row], values: Iterable[Mapping[str, object]], where: str, problems: NetProblems
) -> list[Row]:
    """Return `values` as rows of a scenario; what `model` refuses is noted with the row's name."""
    rows = []
    for row in values:
        try:
            rows.append(model.model_validate(row))
        except ValidationError as error:
            for finding in error.errors(include_url=False):
                problems.add(
                    f"{where} {row['name']}",
                    f"{finding['loc'][0]} {finding['input']}",
                    finding["msg"].lower(),
                    "Correct the value in the net",
                )
    return rows
