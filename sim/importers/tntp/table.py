"""Read what a TNTP file holds: metadata between angle brackets, a header, rows of numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.scenario.problems import Problems

_TAG = re.compile(r"<([^>]+)>\s*([^~]*)")
LARGEST_NODE = 10**15  # beyond, floats skip whole numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class TntpTable:
    """What a TNTP file holds.

    Attributes
    ----------
    where
        Name of the file, for messages.
    tags
        Metadata by tag, in capitals.
    header
        Names of the columns as the file spells them, empty without a header.
    rows
        Cells of each row with the number of its line.
    """

    where: str
    tags: dict[str, str]
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def places(
        self,
        spellings: Mapping[str, Sequence[str]],
        required: Sequence[str],
        problems: Problems,
    ) -> dict[str, int] | None:
        """Return the position of each column, None where required ones are missing.

        Without a header, the columns are in the order of `spellings`.

        Parameters
        ----------
        spellings
            Other names of each column, in small letters without signs.
        required
            Columns that a file must have.
        problems
            Takes note of what is missing.
        """
        if not self.header:
            return {name: place for place, name in enumerate(spellings)}
        plain = [_plain(name) for name in self.header]
        found = {}
        for name, others in spellings.items():
            for spelling in (_plain(name), *others):
                if spelling in plain:
                    found[name] = plain.index(spelling)
                    break
        missing = [name for name in required if name not in found]
        if missing:
            remedy = f"Give a line '~ {' '.join(required)} ;' before the rows"
            message = f"lacks {', '.join(missing)}"
            problems.add(self.where, "header", self.header, message, remedy)
            return None
        return found

    def whole(self, tag: str, problems: Problems) -> int | None:
        """Return the whole number of a tag, None where there is no such tag."""
        if tag not in self.tags:
            return None
        text = self.tags[tag]
        if not (text.isascii() and text.isdecimal() and len(text) < 16):
            remedy = "Write the number behind the tag"
            problems.add(self.where, f"<{tag}>", text, "is no whole number", remedy)
            return None
        return int(text)

    def numbers(
        self, line: int, cells: list[str], places: Mapping[str, int], problems: Problems
    ) -> dict[str, float] | None:
        """Return the numbers of a row by column, None and a problem where one is none."""
        values = {}
        for name, place in places.items():
            text = cells[place] if place < len(cells) else ""
            value = _number(text)
            if value is None:
                problems.add(
                    self.where, f"line {line}, {name}", text, "is no number", "Write a number"
                )
                return None
            values[name] = value
        return values

    def node(self, line: int, name: str, value: float, problems: Problems) -> int:
        """Return the number of a node; what is none is noted."""
        if not (value == int(value) and 0 <= value <= LARGEST_NODE):
            message = "is no number of a node"
            problems.add(self.where, f"line {line}, {name}", value, message, "Write a whole number")
        return int(value)


def read_tntp(path: Path, problems: Problems) -> TntpTable | None:
    """Return what a file holds, None and a problem where it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        problems.add(path.name, "file", str(path), f"cannot be read ({error})", "Check the path")
        return None
    tags: dict[str, str] = {}
    header: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if tag := _TAG.match(text):
            tags[tag[1].strip().upper()] = tag[2].strip()
            continue
        # ``~`` opens the header, or a comment; ``;`` ends each row.
        named = text.startswith("~")
        text = text.replace(";", " ").lstrip(" \t~").rstrip()
        cells = text.split()
        if not cells:
            continue
        if not rows and (named or _number(cells[0]) is None):
            # Names may hold blanks where tabs are between them.
            header = [cell.strip() for cell in text.split("\t")] if "\t" in text else cells
        elif not named:
            rows.append((number, cells))
    if not rows:
        problems.add(path.name, "file", str(path), "holds no rows", "Check the file")
        return None
    return TntpTable(where=path.name, tags=tags, header=header, rows=rows)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _plain(name: str) -> str:
    """Return a column's name in small letters, without blanks, signs, and units in brackets."""
    return re.sub(r"[^a-z]", "", re.sub(r"\(.*", "", name.lower()))
