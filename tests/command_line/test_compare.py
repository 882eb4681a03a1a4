"""What `compare` says and leaves behind: bar, folder, report, exit code, Dask addresses."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.execution import dask_cluster as cluster
from sim.study.store.bundle import TABLES
from sim.study.store.stored_study import read_study
from tests.study.folders import Listener, contents

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]
STUDY = ("compare", "tiny", "--controllers", "idle,greedy", "--verify", "off")


@contextlib.contextmanager
def terminal(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Let messages go to a pseudo-terminal; what it has shown is there at the end."""
    ours, theirs = pty.openpty()
    shown: list[str] = []

    def watch() -> None:
        with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
            while piece := os.read(ours, 65536):
                shown.append(piece.decode())

    watching = threading.Thread(target=watch)
    watching.start()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream, patch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        patched.setenv("TERM", "xterm")
        patched.setenv("COLUMNS", "120")
        yield shown
    watching.join()
    os.close(ours)


def test_elsewhere_nothing_is_shown(gridhaul: CommandLine) -> None:
    code, _, errors = gridhaul(*STUDY, "--replications", 2)
    assert (code, errors) == (0, "")


def test_a_terminal_shows_how_far_how_fast_and_how_long(
    gridhaul: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal(monkeypatch) as shown:
        code, output, _ = gridhaul(*STUDY, "--replications", 60, "--json")
    assert code == 0
    assert json.loads(output)["replications"] == 60  # the bar is not in the way
    bar = "".join(shown)
    assert "120/120" in bar
    assert re.search(r"\d+\.\d/(s|min)", bar)
    assert re.search(r"\d:\d\d:\d\d", bar)


def test_what_keep_leaves_in_the_folder(gridhaul: CommandLine, tmp_path: Path) -> None:
    always = {"episodes", "decisions", "ledger", "timings"}
    always |= {"study.json", "summary.json", "commands.json", "_SHA256SUMS"}
    for keep, expected in {"summary": always, "steps": always | set(TABLES)}.items():
        out = tmp_path / keep
        code, _, _ = gridhaul(*STUDY, "--replications", 2, "--keep", keep, "--out", out)
        assert code == 0
        assert {entry.name for entry in out.iterdir()} == expected
        assert gridhaul("report", out) == (0, f"{out / 'report.html'}\n", "")
        page = (out / "report.html").read_text(encoding="utf-8")
        assert ("Sums only" in page) == (keep == "summary")
    code, _, errors = gridhaul(*STUDY, "--replications", 2, "--keep", "all", "--out", out)
    assert code == 2
    assert "keep: keep = 'all'" in errors


def test_the_report_of_a_study_that_was_stopped_names_what_is_missing(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    def stop(result: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        compare(
            load_scenario("tiny"),
            ["idle", "greedy"],
            replications=3,
            verify="off",
            out=tmp_path,
            progress=Listener(stop),
        )
    assert gridhaul("report", tmp_path)[0] == 0
    missing = read_study(tmp_path).missing
    assert 0 < len(missing) < 6
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"Unfinished: {len(missing)} episodes are missing" in page
    assert "greedy, replication 2" in page


def test_dask_for_the_time_being_leaves_the_same_folder(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    study = (*STUDY, "--replications", 2, "--json")
    found = {}
    for crew in ((), ("--dask", "local")):
        out = tmp_path / "".join(crew)
        code, output, errors = gridhaul(*study, *crew, "--out", out / "study")
        assert (code, errors) == (0, "")
        found[crew] = json.loads(output), contents(out / "study")
    assert found[()] == found["--dask", "local"]


def test_a_dask_address_where_nobody_answers_is_bad_input(
    gridhaul: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 1.0)  # in place of 10 s
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        code, output, errors = gridhaul(*STUDY, "--replications", 1, "--dask", address)
    assert (code, output) == (2, "")
    assert errors.count("\n") == 1
    for words in ("--dask: dask = ", address, "does not answer within 1 s", "--dask local"):
        assert words in errors
