"""Read the matrices of a MATPOWER case; format 2 of the MATPOWER User's Manual, appendix B."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sim.scenario.problems import Problems

_ASSIGNMENT = re.compile(r"^\s*mpc\.(\w+)\s*=\s*(.*)$", re.DOTALL)
_TEXT_OR_COMMENT = re.compile(r"'[^']*'|%.*")
# What radial cases do behind their matrices: ohms to per unit, kilowatts to megawatts.
_TO_PU = re.compile(
    r"mpc\.branch\(:,\[BR_R,?BR_X\]\)=mpc\.branch\(:,\[BR_R,?BR_X\]\)/\(Vbase\^2/Sbase\)"
)
_TO_MW = re.compile(r"mpc\.bus\(:,\[PD,?QD\]\)=mpc\.bus\(:,\[PD,?QD\]\)/1e3")
LEAST_COLUMNS = {"bus": 13, "gen": 10, "branch": 11, "gencost": 5}
REQUIRED = ("bus", "gen", "branch")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a matrix; `where` names its line, or its number in a file without lines."""

    where: str
    values: tuple[float, ...]


@dataclass(slots=True, kw_only=True)
class Case:
    """The matrices of a case, by name, and the base of its per-unit system [MVA]."""

    file: str
    base_mva: float = 100.0
    matrices: dict[str, list[Row]] = field(default_factory=dict)


def read_case(path: Path, problems: Problems) -> Case | None:
    """Return the case in a file; what cannot be read is noted, by line."""
    before = len(problems)
    case = _read_mat(path, problems) if path.suffix == ".mat" else _read_m(path, problems)
    if case is None:
        return None
    for name in REQUIRED:
        if name not in case.matrices and len(problems) == before:
            remedy = "Give a case of format 2 as one file"
            problems.add(case.file, f"mpc.{name}", "", "is missing", remedy)
    for name, least in LEAST_COLUMNS.items():
        for row in case.matrices.get(name, []):
            if len(row.values) < least:
                message = f"has {len(row.values)} columns; mpc.{name} has at least {least}"
                problems.add(case.file, row.where, f"mpc.{name}", message, "Complete the row")
    if not (math.isfinite(case.base_mva) and case.base_mva > 0):
        message = "is no base"
        problems.add(case.file, "mpc.baseMVA", case.base_mva, message, "Give MVA above 0")
    return case if len(problems) == before else None


def _read_m(path: Path, problems: Problems) -> Case | None:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, ValueError) as error:
        problems.add(path.name, "file", str(path), f"cannot be read ({error})", "Check the path")
        return None
    case = Case(file=path.name)
    ohms = kilowatts = False
    for line, statement in _statements(text):
        compact = re.sub(r"\s+", "", re.sub(r"(?<=\w)\s+(?=\w)", ",", statement)).rstrip(";")
        if found := _ASSIGNMENT.match(statement):
            _assign(case, line, found[1], found[2].strip(), problems)
        elif _TO_PU.fullmatch(compact):
            ohms = True
        elif _TO_MW.fullmatch(compact):
            kilowatts = True
        elif re.match(r"\s*mpc\s*\.\s*\w+\s*\(", statement):
            remedy = "Run the case in MATPOWER and save it with savecase"
            message = "is code, which the importer does not run"
            problems.add(case.file, f"line {line}", statement.strip(), message, remedy)
    buses = case.matrices.get("bus", [])
    if ohms and buses and len(buses[0].values) > 9:
        base_ohm = buses[0].values[9] ** 2 / case.base_mva if case.base_mva else 0.0
        _scale(case, "branch", (2, 3), 1 / base_ohm if base_ohm else math.nan)
    if kilowatts:
        _scale(case, "bus", (2, 3), 1e-3)
    return case


def _statements(text: str) -> list[tuple[int, str]]:
    """Return statements without comments, each with the number of its first line."""
    found: list[tuple[int, str]] = []
    parts: list[str] = []
    start, depth, in_comment = 0, 0, False
    for number, raw in enumerate(text.splitlines(), start=1):
        if raw.strip() in ("%{", "%}"):
            in_comment = raw.strip() == "%{"
            continue
        # Texts may hold brackets and percent signs; comments may hold apostrophes.
        line = "" if in_comment else _TEXT_OR_COMMENT.sub("", raw)
        continued = line.rstrip().endswith("...")
        line = line.rstrip().removesuffix("...")
        if not parts:
            start = number
        parts.append(line)
        depth += sum(line.count(sign) for sign in "[{(") - sum(line.count(sign) for sign in "]})")
        if depth <= 0 and not continued:
            if any(part.strip() for part in parts):
                found.append((start, "\n".join(parts)))
            parts, depth = [], 0
    if any(part.strip() for part in parts):
        found.append((start, "\n".join(parts)))
    return found


def _assign(case: Case, line: int, name: str, value: str, problems: Problems) -> None:
    if name == "baseMVA":
        case.base_mva = _number(value.rstrip("; "))
    if name not in LEAST_COLUMNS:
        return
    if not value.startswith("[") or not value.rstrip("; \n").endswith("]"):
        message = "is no matrix between brackets"
        problems.add(case.file, f"line {line}", f"mpc.{name}", message, "Write [ rows ];")
        return
    rows = []
    for number, text in enumerate(value.rstrip("; \n")[1:-1].split("\n"), start=line):
        for part in text.split(";"):
            cells = part.replace(",", " ").split()
            values = tuple(_number(cell) for cell in cells)
            wrong = [cell for cell, each in zip(cells, values, strict=True) if math.isnan(each)]
            if wrong:
                message = "is no number"
                problems.add(case.file, f"line {number}", wrong[0], message, "Write a number")
            elif cells:
                rows.append(Row(f"line {number}", values))
    case.matrices[name] = rows


def _number(text: str) -> float:
    try:
        return float(text) if "_" not in text else math.nan
    except ValueError:
        return math.nan


def _scale(case: Case, name: str, columns: tuple[int, ...], factor: float) -> None:
    case.matrices[name] = [
        Row(
            row.where,
            tuple(x * factor if k in columns else x for k, x in enumerate(row.values)),
        )
        for row in case.matrices.get(name, [])
    ]


def _read_mat(path: Path, problems: Problems) -> Case | None:
    from scipy.io import loadmat

    try:
        mpc: Any = loadmat(str(path), squeeze_me=False, struct_as_record=True)["mpc"][0, 0]
        case = Case(file=path.name, base_mva=float(mpc["baseMVA"][0, 0]))
        for name in LEAST_COLUMNS:
            if name in mpc.dtype.names:
                case.matrices[name] = [
                    Row(f"{name} row {k}", tuple(float(value) for value in row))
                    for k, row in enumerate(np.atleast_2d(mpc[name]), start=1)
                ]
    except Exception as error:  # noqa: BLE001 - the file may hold anything, scipy raise anything
        message = f"holds no struct mpc ({type(error).__name__}: {error})"
        problems.add(path.name, "file", str(path), message, "Save the case with savecase")
        return None
    return case
