"""Damage files of a study as a disk does, read it, and give the same command again."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from sim.errors import InputError
from sim.report.html.page import write_report
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.jobs import StudyProgress
from sim.study.store.stored_study import COMMANDS, read_study
from tests.study.folders import contents

CONTROLLERS, DAYS = ["idle", "greedy"], 6
EPISODES_PER_FILE = 4  # three files of each table


class Killed(BaseException):
    """Ends a study as a signal does."""


class Killer:
    """Ends a study after some episodes."""

    def __init__(self, after: int) -> None:
        self._left = after

    def expects(self, episodes: int) -> None: ...

    def resumed(self, episodes: int) -> None: ...

    def ended(self, result: object) -> None:
        self._left -= 1
        if not self._left:
            raise Killed


def study(folder: Path, progress: StudyProgress | None = None) -> None:
    """Run what is missing in a folder, as the same command does."""
    compare(
        load_scenario("tiny"),
        CONTROLLERS,
        replications=DAYS,
        verify="off",
        out=folder,
        progress=progress,
    )


def half_a_study(folder: Path) -> None:
    """Run a study that is killed when half of it is done: some episodes wait in parts."""
    try:
        study(folder, Killer(7))
    except Killed:
        return
    raise AssertionError("the study ended before it was killed")


def trial(whole: Path, half: Path, folder: Path, rng: random.Random) -> tuple[str, str]:
    """Damage a copy of a study; return what became of it, and what went wrong, if anything."""
    shutil.copytree(rng.choice([whole, half]), folder)
    file, what = _damage(folder, rng)
    try:
        _read_everything(folder)
    except InputError as error:
        message = str(error)
    else:
        return "read", f"{what}: nobody noticed"
    if file.name not in message and file.name != "_SHA256SUMS":
        return "read", f"{what}: another file is named: {message}"
    try:
        study(folder)
    except InputError as error:
        known = "study.json" in str(error)
        return "refused", "" if known else f"{what}: {error}"
    (folder / "report.html").unlink(missing_ok=True)
    same = contents(folder) == contents(whole)
    return "mended", "" if same else f"{what}: other bytes after the same command"


def _damage(folder: Path, rng: random.Random) -> tuple[Path, str]:
    """Flip a bit of a file, or cut its end off; return the file, and what was done."""
    files = [own for own in sorted(folder.rglob("*")) if own.is_file() and own.name != COMMANDS]
    file = rng.choice(files)
    content = bytearray(file.read_bytes())
    if rng.random() < 0.25:
        content = content[: rng.randrange(len(content))]
        what = f"{file.relative_to(folder)} cut at {len(content)}"
    else:
        place, bit = rng.randrange(len(content)), rng.randrange(8)
        content[place] ^= 1 << bit
        what = f"{file.relative_to(folder)}, bit {bit} of byte {place}"
    file.write_bytes(content)
    return file, what


def _read_everything(folder: Path) -> None:
    found = read_study(folder)
    for table in sorted(own.name for own in folder.iterdir() if own.is_dir()):
        if table != "parts":
            found.table(table)
    write_report(folder)
