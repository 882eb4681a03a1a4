"""Write the CSV tables and ``scenario.toml`` of an imported scenario."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from sim.errors import InputError
from sim.scenario.schema.values import Table
from sim.scenario.toml_writer import toml_text

SETTINGS = "scenario.toml"


def write_rows(folder: Path, file: str, rows: Sequence[Table]) -> None:
    """Write one CSV table of a scenario; an earlier one is replaced.

    Columns in which every row has the default are left out, as is the file if there are no rows.

    Parameters
    ----------
    folder
        The scenario's folder; made if it does not exist.
    file
        Name of the table, ``buses.csv``.
    rows
        Rows of one model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    if not rows:
        path.unlink(missing_ok=True)
        return
    fields = type(rows[0]).model_fields
    plain = [{name: getattr(row, name) for name in fields} for row in rows]
    columns = [
        name
        for name, field in fields.items()
        if field.is_required() or any(row[name] != field.default for row in plain)
    ]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row[name]) for name in columns] for row in plain)


def write_settings(folder: str | Path, *pieces: Mapping[str, object]) -> Path:
    """Write ``scenario.toml`` from pieces, such as importers return; return its path.

    Parameters
    ----------
    folder
        The scenario's folder; made if it does not exist.
    pieces
        Nested dictionaries as `tomllib` reads them. Tables are joined.

    Raises
    ------
    InputError
        If two pieces give one key different values, or there is a ``scenario.toml`` already: it is
        the file that people edit.
    """
    path = Path(folder) / SETTINGS
    if path.exists():
        raise InputError.single(
            where=str(path),
            key="file",
            value=SETTINGS,
            message="exists already",
            remedy="Edit it, or remove it first",
        )
    document: dict[str, object] = {}
    for piece in pieces:
        _join(document, piece, "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(toml_text(document), encoding="utf-8")
    return path


def _join(document: dict[str, object], piece: Mapping[str, object], prefix: str) -> None:
    for key, value in piece.items():
        if isinstance(value, Mapping):
            inner = document.setdefault(key, {})
            if isinstance(inner, dict):
                _join(inner, value, f"{prefix}{key}.")
                continue
        elif key not in document:
            document[key] = value
            continue
        if document[key] != value:
            raise InputError.single(
                where=SETTINGS,
                key=prefix + key,
                value=value,
                message=f"another piece says {document[key]!r}",
                remedy="Keep one of the two",
            )


def _cell(value: object) -> object:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value
