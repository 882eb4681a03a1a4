"""Controllers that do not end: a deadline, Ctrl-C, and threads left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sim.study.store.stored_study import read_study

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]
SOURCE = """
import threading, time
from sim.control import Plan

class Endless:
    def start(self, system, rng): ...
    def decide(self, observation):
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                pass

class EndlessStart(Endless):
    def start(self, system, rng):
        self.decide(None)

class Slow:
    def start(self, system, rng): ...
    def decide(self, observation):
        time.sleep(600)

class Threads:
    def start(self, system, rng):
        threading.Thread(target=time.sleep, args=(600,)).start()
    def decide(self, observation):
        return Plan()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "late.py"
    found.write_text(SOURCE)
    return found


@pytest.mark.parametrize("name", ["Endless", "Slow"])
def test_a_decision_ends_at_the_deadline(gridhaul: CommandLine, file: Path, name: str) -> None:
    code, output, _ = gridhaul(
        *("run", "tiny", "--controller", f"{file}:{name}", "--deadline", "0.05", "--json")
    )
    metrics = json.loads(output)["metrics"]
    assert code in {0, 1}
    assert metrics["deadline_decisions"] == metrics["decisions"] == 4


def test_a_start_that_does_not_end_fails(gridhaul: CommandLine, file: Path) -> None:
    code, _, errors = gridhaul(
        *("run", "tiny", "--controller", f"{file}:EndlessStart", "--deadline", "0.05")
    )
    assert code == 1
    assert "start() did not end within 0.05 s" in errors


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "soon"])
def test_a_deadline_is_a_number_of_seconds(gridhaul: CommandLine, given: str) -> None:
    code, _, errors = gridhaul(
        *("run", "tiny", "--controller", "idle", "--deadline", given),
    )
    assert code == 2
    assert "is no number of seconds" in errors


def listens() -> None:
    """A job in the background of a shell ignores interrupts, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_one_interrupt_ends_a_study_with_workers_that_compute_for_ever(
    file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "gridhaul", "compare", "tiny", "--workers", "2"]
    command += ["--controllers", f"idle,{file}:Slow", "--replications", "3", "--out", str(out)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=listens
    )
    try:
        for _ in range(1200):  # until the first episodes are stored
            if list(out.glob("parts/*.arrow")):
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode not in {0, -signal.SIGKILL}
    assert len(read_study(out).table("episodes")) >= 1


def test_threads_that_are_left_behind_do_not_keep_a_run_alive(file: Path) -> None:
    command = [sys.executable, "-m", "gridhaul", "run", "tiny", "--json"]
    command += ["--controller", f"{file}:Threads", "--verify", "off"]
    process = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert process.returncode == 0
    assert json.loads(process.stdout)["metrics"]["failed_decisions"] == 0
