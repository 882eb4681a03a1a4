"""SIGKILL at random moments; the same command again; the tables of an undisturbed study."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.study.folders import assert_each_episode_once, contents

CONTROLLERS = ["idle", "greedy"]
REPLICATIONS = 40
# Files of few episodes, so that they are also merged while the study runs; and whoever edits the
# source in the meantime shall not be taken for another study.
PROGRAM = """
from sim.study.store import manifest
from sim.study.store import writer
writer.EPISODES_PER_FILE = 16
manifest.fingerprints = lambda controllers: {}
from sim.cli import main
main()
"""
SERIAL = ("--workers", "1")
POOL = ("--workers", "2")
DASK = ("--workers", "2", "--dask", "local")
PATIENCE_S = 120


def start(folder: Path, pool: tuple[str, ...]) -> subprocess.Popen[bytes]:
    command = ["compare", "tiny", "--controllers", ",".join(CONTROLLERS), *pool]
    more = ["--replications", str(REPLICATIONS), "--verify", "off", "--out", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command, *more],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> int:
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert errors == b"" or process.returncode < 0, errors.decode()
    return process.returncode


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def disturb(folder: Path, pool: tuple[str, ...], victim: str, rng: random.Random) -> bool:
    """Run the study and kill somebody; return whether there was still something to disturb."""
    before = len(list(folder.glob("*/*")))
    process = start(folder, pool)
    begun = time.monotonic()
    # From here on anything may be going on: hiring, running, merging.
    while process.poll() is None and len(list(folder.glob("*/*"))) <= before:
        assert time.monotonic() < begun + PATIENCE_S
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 0.6))
    workers = workers_of(process) if process.poll() is None else []
    if victim == "parent" or not workers:
        process.kill()
        code = finish(process)
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert alive == []  # workers do not outlive their parent
        return code == -signal.SIGKILL
    os.kill(rng.choice(workers).pid, signal.SIGKILL)
    code = finish(process)
    assert code == 0  # one death is forgiven
    return True


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    assert finish(start(folder, SERIAL)) == 0
    assert_each_episode_once(folder, CONTROLLERS, REPLICATIONS)
    return contents(folder)


def check(folder: Path, undisturbed: dict[str, str]) -> None:
    assert finish(start(folder, SERIAL)) == 0
    assert contents(folder) == undisturbed
    assert_each_episode_once(folder, CONTROLLERS, REPLICATIONS)


@pytest.mark.slow
def test_a_study_that_is_killed_again_and_again_is_that_of_an_undisturbed_run(
    tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    rng = random.Random(1)
    assert disturb(tmp_path, POOL, "parent", rng)
    assert disturb(tmp_path, DASK, "parent", rng)
    disturb(tmp_path, DASK, "worker", rng)
    check(tmp_path, undisturbed)


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path, undisturbed: dict[str, str]) -> None:
    rng = random.Random(2)
    killed = 0
    for story in range(40):
        folder = tmp_path / str(story)
        pool, victim = rng.choice([POOL, DASK]), "parent"
        while victim == "parent" and killed < 20:
            victim = rng.choice(["parent", "worker"])
            disturbed = disturb(folder, pool, victim, rng)
            killed += disturbed
            if not disturbed:
                break
        check(folder, undisturbed)
        if killed == 20:
            return
    pytest.fail(f"only {killed} kills hit a study that was still running")
