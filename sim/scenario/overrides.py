"""Overrides: dotted keys of the command line, applied to the TOML before it is validated."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from typing import Any

from sim.scenario.problems import OVERRIDES, Problems


def toml_value(value: object) -> object:
    """Return a string read as a TOML value; as it stands where it is none, or is no string.

    ``"2"`` is a number, ``"[6, 7]"`` a list, ``"true"`` a truth value and ``"summer"`` a text.
    """
    if not isinstance(value, str):
        return value
    try:
        read = tomllib.loads(f"value = {value}")
    except (ValueError, RecursionError):  # no TOML, a million digits, a million brackets
        return value
    # A text with line breaks may hold more than a value.
    return read["value"] if set(read) == {"value"} else value


def with_overrides(
    raw: dict[str, Any], overrides: Mapping[str, object], problems: Problems
) -> dict[str, Any]:
    """Return a copy of the TOML document with `overrides` written into it.

    Parameters
    ----------
    raw
        The document.
    overrides
        Value by dotted key, ``timing.days``, ``grid.source.0.vm_pu`` or, for all entries of a
        list, ``ev.*.count``.
    problems
        Takes note of keys that lead nowhere. Unknown names are left to the schema.
    """
    document = copy.deepcopy(raw)
    for key, value in overrides.items():
        _write(document, key, toml_value(value), problems)
    # Whole days were asked for: the shorter episode that the file may define gives way.
    if "timing.days" in overrides and "timing.hours" not in overrides:
        timing = document.get("timing")
        if isinstance(timing, dict):
            timing.pop("hours", None)
    return document


def _write(document: dict[str, Any], key: str, value: object, problems: Problems) -> None:
    *parents, last = key.split(".")
    places: list[Any] = [document]
    for part in parents:
        places = [inner for place in places for inner in _inside(place, part)]
    written = bool(last and places)
    for place in places:
        if isinstance(place, dict) and last:
            place[last] = value
        elif isinstance(place, list) and _entries(place, last):
            for entry in _entries(place, last):
                place[entry] = value
        else:
            written = False
    if not written:
        problems.add(
            OVERRIDES,
            key,
            value,
            "is no place in scenario.toml",
            "Name a key as in the file, table.key; entries of a list by number, from 0; all by *",
        )


def _inside(place: Any, part: str) -> list[Any]:
    """Return what stands at a part of a key: a table, or entries of a list, if anything."""
    if isinstance(place, dict):
        return [] if part == "*" else [place.setdefault(part, {})]
    return [place[entry] for entry in _entries(place, part)]


def _entries(place: Any, part: str) -> list[int]:
    """Return the entries of a list that a part of a key names."""
    if not isinstance(place, list):
        return []
    if part == "*":
        return list(range(len(place)))
    return [int(part)] if part.isdecimal() and int(part) < len(place) else []
