from __future__ import annotations

import os
import signal

import pandas as pd
import pytest

from sim.errors import EpisodeError
from sim.study.execute import SINGLE_THREAD, Failure, Job, execute
from sim.study.specification import ControllerSpec
from sim.world.episode import Episode

IDLE = ControllerSpec(name="idle")


def jobs(*names: str, n: int) -> list[Job]:
    return [Job(label=name, controller=IDLE, replication=i) for i in range(n) for name in names]


def episode(job: Job) -> Episode:
    empty = pd.DataFrame()
    return Episode(
        scenario="none",
        controller=job.label,
        seed=0,
        replication=job.replication,
        start=pd.Timestamp("2016-07-01"),
        metrics={"threads": float(os.environ.get("OMP_NUM_THREADS", "0"))},
        steps=empty,
        vm_pu=empty,
        loading_percent=empty,
        vehicles=empty,
        events=empty,
        trips=empty,
        decisions=empty,
        ledger=empty,
        timings=empty,
    )


def fragile(job: Job) -> Episode:
    if job.label == "raises":
        raise KeyError("bus")
    if job.label == "distrusted":
        raise EpisodeError("pandapower differs")
    if job.label == "dies" and job.replication == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return episode(job)


def keys(results: list[tuple[Job, Episode | Failure]]) -> list[tuple[str, int]]:
    return [(job.label, job.replication) for job, _ in results]


def test_a_failing_episode_is_named_and_the_others_go_on() -> None:
    results = list(execute(jobs("fine", "raises", "distrusted", n=2), fragile))
    failures = [result for _, result in results if isinstance(result, Failure)]
    assert len(results) == 6
    assert [str(failure) for failure in failures] == [
        "raises, replication 0: KeyError: 'bus'",
        "distrusted, replication 0: pandapower differs",
        "raises, replication 1: KeyError: 'bus'",
        "distrusted, replication 1: pandapower differs",
    ]


def test_there_is_at_least_one_worker() -> None:
    with pytest.raises(ValueError, match=r"workers\(=0\)"):
        list(execute(jobs("fine", n=1), episode, workers=0))


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_episode_only() -> None:
    work = jobs("fine", "dies", n=3)
    results = list(execute(work, fragile, workers=2))
    assert keys(results) == [(job.label, job.replication) for job in work]
    failures = [result for _, result in results if isinstance(result, Failure)]
    assert [(failure.controller, failure.replication) for failure in failures] == [("dies", 1)]
    assert "worker process died" in failures[0].error


def test_workers_run_single_threaded_and_leave_this_process_as_it_was() -> None:
    before = {key: os.environ.get(key) for key in SINGLE_THREAD}
    work = jobs("fine", n=12)  # more than wait at a time
    results = list(execute(work, episode, workers=2))
    assert keys(results) == [("fine", i) for i in range(12)]
    assert all(isinstance(result, Episode) for _, result in results)
    assert {result.metrics["threads"] for _, result in results if isinstance(result, Episode)} == {
        1.0
    }
    assert {key: os.environ.get(key) for key in SINGLE_THREAD} == before
