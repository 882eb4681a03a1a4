"""Faults that a study meets from the command line: no memory, and a cluster that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sim.study.execution import dask_cluster as cluster
from sim.study.store.stored_study import read_study
from sim.uncertainty.streams import stream
from tests.study.folders import assert_each_episode_once, contents

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]

# Which days are bad is drawn from the controller's own randomness: the same ones on every try.
KILLED = """
import os, signal
from sim.control import Plan

class Hungry:
    def start(self, system, rng):
        if rng.random() < 0.3:
            os.kill(os.getpid(), signal.SIGKILL)  # as Linux does when memory runs out

    def decide(self, observation):
        return Plan()
"""
REFUSED = """
import resource
from pathlib import Path
import numpy as np
from sim.control import Plan

class Hungry:
    def start(self, system, rng):
        if rng.random() < 0.3:
            before = resource.getrlimit(resource.RLIMIT_AS)
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            used = pages * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, before[1]))
            try:
                self.matrix = np.ones(2**28)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, before)

    def decide(self, observation):
        return Plan()
"""
SLOW = """
import time
from sim.control import Plan

class Slow:
    def start(self, system, rng):
        time.sleep(0.1)

    def decide(self, observation):
        return Plan()
"""
CLUSTER = """
import sys, distributed
if __name__ == "__main__":
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs="CRITICAL"
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""
DAYS = 6


@pytest.mark.parametrize(
    ("source", "workers", "reason"),
    [(KILLED, 2, "its worker died twice"), (REFUSED, 1, "MemoryError: Unable to allocate")],
    ids=["killed by the system", "refused by the system"],
)
def test_an_episode_without_memory_costs_itself_only(
    gridhaul: CommandLine, tmp_path: Path, source: str, workers: int, reason: str
) -> None:
    file = tmp_path / "hungry.py"
    file.write_text(source)
    label = f"{file}:Hungry"
    seed = next(seed for seed in range(100) if len(bad_days(seed, "Hungry")) == 1)
    (bad,) = bad_days(seed, "Hungry")
    out = tmp_path / "out"
    code, _, errors = gridhaul(
        *("compare", "tiny", "--controllers", f"idle,{label}", "--replications", DAYS),
        *("--workers", workers, "--seed", seed, "--verify", "off", "--out", out),
    )
    assert code == 1
    assert f"replication {bad}: " in errors
    assert reason in errors
    stored = read_study(out)
    (failure,) = stored.manifest["failures"]
    assert (failure["controller"], failure["replication"]) == (label, bad)
    assert reason in failure["error"]
    assert len(stored.table("episodes")) == 2 * DAYS - 1
    assert stored.missing == ()


def bad_days(seed: int, controller: str) -> list[int]:
    days = range(DAYS)
    return [day for day in days if stream(seed, day, "controller", controller).random() < 0.3]


@pytest.mark.slow
def test_a_scheduler_that_vanishes_ends_the_study_with_one_message_and_nothing_is_lost(
    gridhaul: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_S", 4.0)  # also how long a client waits for its return
    file = tmp_path / "slow.py"
    file.write_text(SLOW)
    names = ["idle", f"{file}:Slow"]
    program = tmp_path / "cluster.py"
    program.write_text(CLUSTER)
    study = ("compare", "tiny", "--controllers", ",".join(names), "--replications", 12)
    study = (*study, "--verify", "off", "--json", "--out")
    scheduler = subprocess.Popen(
        [sys.executable, str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    out = tmp_path / "out"

    def kill_when_something_is_there() -> None:
        patience_s = time.monotonic() + 120
        while not list(out.glob("parts/*.arrow")) and time.monotonic() < patience_s:
            time.sleep(0.001)
        os.kill(scheduler.pid, signal.SIGKILL)

    with scheduler:
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().strip()
        killing = threading.Thread(target=kill_when_something_is_there)
        killing.start()
        code, output, errors = gridhaul(*study, out, "--dask", address)
        killing.join()
    assert (code, output) == (1, "")
    assert errors.count("\n") == 1
    assert f"{address!r}: the scheduler has gone away" in errors
    assert 0 < len(read_study(out).table("episodes")) < 24
    assert gridhaul(*study, out)[0] == 0
    assert_each_episode_once(out, names, 12)
    assert gridhaul(*study, tmp_path / "whole")[0] == 0
    assert contents(out) == contents(tmp_path / "whole")
