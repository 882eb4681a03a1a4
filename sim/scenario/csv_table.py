"""Read one CSV table: a header of known columns, each row validated by its model."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from sim.plugins import suggestion
from sim.scenario.files import (
    MOST_TABLE_BYTES,
    csv_lines,
    path_inside,
    separated_by_commas,
    small_enough,
)
from sim.scenario.problems import Problems
from sim.scenario.schema.values import Table

Row = TypeVar("Row", bound=Table)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvTable(Generic[Row]):
    """What was read from one CSV file.

    Attributes
    ----------
    where
        The file, for messages.
    rows
        The valid rows with their line number in the file.
    names
        Index by name, of all rows that have a name, valid or not: a reference to a row that is
        wrong elsewhere is no second problem.
    """

    where: str
    rows: tuple[tuple[int, Row], ...]
    names: dict[str, int]


def read_table(
    folder: Path, file: str, model: type[Row], problems: Problems, *, required: bool = True
) -> CsvTable[Row]:
    """Read ``folder/file``, one `model` a row.

    Parameters
    ----------
    folder, file
        Where to read.
    model
        Row model; its fields are the columns, its ``name`` is unique.
    problems
        Takes note of what is wrong.
    required
        Whether the file must exist and have a row.
    """
    where = f"{folder.name}/{file}"
    lines = _lines(folder, file, where, problems, required=required)
    if not lines:
        return CsvTable(where=where, rows=(), names={})
    header, *body = lines
    columns = [column.strip() for column in header[1]]
    if not _check_header(where, columns, model, problems):
        names = _names(where, columns, body, problems)
        return CsvTable(where=where, rows=(), names=names)
    rows: list[tuple[int, Row]] = []
    for number, cells in body:
        if len(cells) != len(columns):
            problems.add(
                where,
                f"line {number}",
                ",".join(cells),
                f"has {len(cells)} values for {len(columns)} columns",
                "Give one value per column",
            )
            continue
        # An empty cell is a value not given: the column's default, if it has one.
        values = {
            key: cell.strip() for key, cell in zip(columns, cells, strict=True) if cell.strip()
        }
        try:
            rows.append((number, model.model_validate(values)))
        except ValidationError as error:
            problems.add_validation(error, model, where=where, prefix=f"line {number}, ")
    if required and not body:
        problems.add(where, "rows", 0, "the table is empty", "Add at least one row")
    return CsvTable(where=where, rows=tuple(rows), names=_names(where, columns, body, problems))


def _lines(
    folder: Path, file: str, where: str, problems: Problems, *, required: bool
) -> list[tuple[int, list[str]]]:
    """Return the non-empty lines with their numbers, header first."""
    if not os.path.lexists(folder / file):
        if required:
            problems.add(where, "file", file, "is missing", "Add the table")
        return []
    path = path_inside(folder, file, where, "file", problems)
    if path is None or not small_enough(path, MOST_TABLE_BYTES, where, problems):
        return []
    try:
        with csv_lines(path) as found:
            lines = list(found)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        problems.add(where, "file", path.name, f"cannot be read ({error})", "Save it as UTF-8 CSV")
        return []
    if not lines:
        problems.add(where, "file", path.name, "is empty", "Add a header and rows")
        return []
    return lines if separated_by_commas(lines[0][1], where, problems) else []


def _check_header(where: str, columns: list[str], model: type[Table], problems: Problems) -> bool:
    before = len(problems)
    fields = model.model_fields
    for column in dict.fromkeys(columns):
        if column not in fields:
            problems.add(
                where, "header", column, "is no known column", suggestion(column, list(fields))
            )
        if columns.count(column) > 1:
            problems.add(where, "header", column, "appears twice", "Remove one of the columns")
    for field, info in fields.items():
        if info.is_required() and field not in columns:
            problems.add(where, "header", field, "the column is missing", "Add the column")
    return len(problems) == before


def _names(
    where: str, columns: list[str], body: list[tuple[int, list[str]]], problems: Problems
) -> dict[str, int]:
    names: dict[str, int] = {}
    if "name" not in columns:
        return names
    position = columns.index("name")
    for index, (number, cells) in enumerate(body):
        name = cells[position].strip() if position < len(cells) else ""
        if name in names:
            problems.add(
                where, f"line {number}, name", name, "is used twice", "Give every row its own name"
            )
        elif name:
            names[name] = index
    return names
