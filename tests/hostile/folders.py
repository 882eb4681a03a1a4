"""Folders of studies that somebody has touched, and paths that are none."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.scenario import load_scenario
from sim.study.compare import compare
from tests.hostile.command import gridhaul

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 3, 10**30, 1e308, "", "x", "../../etc", "a\u0000b", "\x1b[2J"),
    *([], [None], [[1]], {}, {"x": 1}, ["idle"], "idle", "nan", "mine.py:Mine"),
)
ASKED = ["idle", "greedy"]


def study(folder: Path) -> None:
    """Run a small study into a folder."""
    compare(load_scenario("tiny"), ASKED, replications=2, verify="off", out=folder)


def touched(whole: Path, folder: Path, rng: random.Random) -> str:
    """Copy a study and touch something in the copy; return what."""
    shutil.copytree(whole, folder)
    if rng.random() < 0.5:  # as others make folders, or earlier versions: nothing is proven
        for sums in folder.rglob("_SHA256SUMS"):
            sums.unlink()
        content = json.loads((folder / "study.json").read_text())
        del content["checksums"]
        (folder / "study.json").write_text(json.dumps(content))
    if rng.random() < 0.25:
        act = rng.choice(STRAY)
        act(folder)
        return act.__name__
    content = json.loads((folder / "study.json").read_text())
    place, key = _anywhere(content, rng)
    if rng.random() < 0.3:
        del place[key]
        what = f"without {key}"
    else:
        place[key] = rng.choice(VALUES)
        what = f"{key} = {place[key]!r}"
    (folder / "study.json").write_text(json.dumps(content))
    return what


def _anywhere(content: dict[str, Any], rng: random.Random) -> tuple[Any, Any]:
    """Return a container in a document and a key of it, places near the top more often."""
    place: Any = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = rng.choice(keys)
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.4:
            return place, key
        place = inner


def report_is_a_folder(folder: Path) -> None:
    (folder / "report.html").mkdir()


def manifest_is_a_folder(folder: Path) -> None:
    (folder / "study.json").unlink()
    (folder / "study.json").mkdir()


def parts_is_a_file(folder: Path) -> None:
    (folder / "parts").write_text("x")


def table_is_a_file(folder: Path) -> None:
    shutil.rmtree(folder / "episodes")
    (folder / "episodes").write_text("x")


def stray_shard(folder: Path) -> None:
    (folder / "episodes" / "zz.parquet").write_text("x")


def stray_part(folder: Path) -> None:
    (folder / "parts").mkdir(exist_ok=True)
    (folder / "parts" / "zz.arrow").write_text("x")


def empty_shard(folder: Path) -> None:
    (folder / "steps" / "000000.parquet").write_bytes(b"")


def table_is_gone(folder: Path) -> None:
    shutil.rmtree(folder / "ledger")


def summary_is_garbage(folder: Path) -> None:
    (folder / "summary.json").write_text("[")


def commands_are_garbage(folder: Path) -> None:
    (folder / "commands.json").write_text('{"x": [')


def manifest_is_a_list(folder: Path) -> None:
    (folder / "study.json").write_text("[" * 10_000)


def loop_of_links(folder: Path) -> None:
    (folder / "steps" / "loop").symlink_to(folder)


STRAY: tuple[Callable[[Path], None], ...] = (
    *(report_is_a_folder, manifest_is_a_folder, parts_is_a_file, table_is_a_file, stray_shard),
    *(stray_part, empty_shard, table_is_gone, summary_is_garbage, commands_are_garbage),
    *(manifest_is_a_list, loop_of_links),
)


def commands(folder: Path) -> list[tuple[set[int], tuple[object, ...]]]:
    """Return what a user may do with a folder, and with which exit codes it may end."""
    names = ",".join(ASKED)
    return [
        ({0, 2}, ("report", folder)),
        # A day that is another one now ends with 1, and says so.
        ({0, 1, 2}, ("replay", folder, "--controller", "greedy", "--replication", "1", "--json")),
        (
            {0, 2},
            (
                *("compare", "tiny", "--controllers", names, "--replications", 2),
                *("--verify", "off", "--out", folder),
            ),
        ),
    ]


def paths(rng: random.Random, n: int) -> list[str]:
    """Return paths that are odd; the working directory holds `link`, `loop` and `file`."""
    fixed = [
        *("", ".", "..", "/", "/dev/null", "/proc/1/mem", "/proc/nowhere", "/dev/full/x", "link"),
        *("loop", "loop/x", "file", "file/x", "a" * 255, "b" * 256, "d/" * 2000 + "x", "~", "~x/y"),
        *("--", "-x", "with space", "new\nline", "tab\t", "\x1b[31mred", "\u202eright", "ä/ß/漢"),
        *("%s", "{}", "$HOME", "*", "?", "con", "a:b", "a\\b", "x/../y", "./z", "x//y", ".hidden"),
        os.fsdecode(b"no-utf8-\xff\xfe"),
        os.fsdecode(b"\x80/\x81"),
    ]
    signs = "ab./~ -%\n\t\x07é漢\udcff"
    drawn = ["".join(rng.choices(signs, k=rng.randint(1, 30))) for _ in range(n)]
    return (fixed + drawn)[:n]


def use_path(path: str, home: Path) -> list[str]:
    """Give a path to every command that takes one; return what went wrong."""
    before = Path.cwd()
    place = home / "cwd"
    place.mkdir()
    os.chdir(place)
    try:
        (place / "link").symlink_to("nowhere")
        (place / "loop").symlink_to("loop")
        (place / "file").write_text("x")
        wrong = []
        for command in (
            ("run", "tiny", "--controller", "idle", "--verify", "off", f"--out={path}"),
            ("export", "tiny", "--", path),
            ("report", "--", path),
            ("check", "--", path),
            ("replay", "--", path),
        ):
            code, output = gridhaul(*command)
            if code not in {0, 2} or "Traceback" in output:
                wrong.append(f"{command[0]} {path[:60]!r}: {code}: {output[-300:]}")
        return wrong
    finally:
        os.chdir(before)
        shutil.rmtree(place)
