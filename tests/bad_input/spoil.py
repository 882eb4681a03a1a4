"""How folders are spoiled, and what must be said of them."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sim.report.terminal.console
import sim.study.run  # noqa: F401 - imported now, so that no test pays for it
from sim.cli import main
from sim.scenario import scenario_folder

TOML = "scenario.toml"
Spoil = Callable[[Path], None]


class Case(NamedTuple):
    """How a folder is spoiled, and what the message must name."""

    spoil: Spoil
    file: str
    key: str
    value: str
    remedy: str
    scenario: str = "tiny"


BUS = "buses.csv"
LINES = "lines.csv"
PROFILES = "profiles.csv"
FIX = "Correct the value"


def swap(file: str, old: str, new: str) -> Spoil:
    def spoil(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} holds no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return spoil


def add(file: str, text: str) -> Spoil:
    return lambda folder: write(file, (folder / file).read_text(encoding="utf-8") + text)(folder)


def write(file: str, content: str | bytes) -> Spoil:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / file).write_bytes(data)


def remove(file: str) -> Spoil:
    return lambda folder: (folder / file).unlink()


def linked(file: str, target: str) -> Spoil:
    def spoil(folder: Path) -> None:
        outside = folder.parent / target
        shutil.move(folder / file, outside)
        (folder / file).symlink_to(outside)

    return spoil


def circle(file: str) -> Spoil:
    return both(remove(file), lambda folder: (folder / file).symlink_to(file))


def pipe(file: str) -> Spoil:
    return both(remove(file), lambda folder: os.mkfifo(folder / file))


def directory(file: str) -> Spoil:
    return both(remove(file), lambda folder: (folder / file).mkdir())


def large(file: str, mib: int) -> Spoil:
    return lambda folder: os.truncate(folder / file, mib * 2**20)


def both(*spoils: Spoil) -> Spoil:
    def spoil(folder: Path) -> None:
        for one in spoils:
            one(folder)

    return spoil


def parquet(**columns: object) -> Spoil:
    def spoil(folder: Path) -> None:
        pq.write_table(pa.table(columns), folder / "profiles.parquet")
        swap(TOML, "profiles.csv", "profiles.parquet")(folder)

    return spoil


def record(edit: Callable[[list[str]], list[str]]) -> Spoil:
    """Edit the lines of the record, header first."""

    def spoil(folder: Path) -> None:
        path = folder / "profiles.csv"
        path.write_text("\n".join(edit(path.read_text().splitlines())) + "\n")

    return spoil


def run(*more: str, controller: str = "idle", scenario: str = "tiny") -> tuple[str, ...]:
    return ("run", scenario, "--controller", controller, *more)


def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """Run a command in this process: exit code, output, errors."""
    monkeypatch.setattr(sys, "argv", ["gridhaul", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    output, errors = capfd.readouterr()
    return int(caught.value.code or 0), output, errors


def spoiled(tmp_path: Path, case: Case) -> Path:
    folder = tmp_path / "mine"
    shutil.copytree(scenario_folder(case.scenario), folder)
    case.spoil(folder)
    return folder


def assert_refused(
    folder: Path,
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Run in a spoiled folder: exit code 2, and one line that names all that the case says."""
    began = time.process_time()
    code, output, errors = call(monkeypatch, capfd, *run(scenario=str(folder)))
    assert (code, output) == (2, "")
    assert "Traceback" not in errors
    assert time.process_time() - began < 2
    assert len(errors) < 20_000
    words = (f"mine/{case.file}", case.key, case.value, case.remedy)
    named = [line for line in errors.splitlines() if all(word in line for word in words)]
    assert named, errors
