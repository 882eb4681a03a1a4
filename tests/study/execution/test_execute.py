from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.errors import EpisodeError
from sim.scenario import load_scenario
from sim.study.execution.execute import BATCH_S, _BatchQueue, execute
from sim.study.execution.pools import SINGLE_THREAD, ProcessPool, SerialPool, WorkerPool
from sim.study.execution.runner import run_episode
from sim.study.execution.worker import JobContext
from sim.study.jobs import Failure, FinishedEpisode, Job, Key
from sim.study.store.bundle import Keep

IDLE = ControllerSpec(name="idle")


def jobs(*names: str, n: int) -> list[Job]:
    return [Job(label=name, controller=IDLE, replication=i) for i in range(n) for name in names]


def episode(job: Job) -> Episode:
    episode = run_episode(
        load_scenario("tiny"), IDLE, seed=0, replication=job.replication, verify=Verify.OFF
    )
    threads = float(os.environ.get("OMP_NUM_THREADS", "0"))
    return dataclasses.replace(episode, metrics=episode.metrics | {"threads": threads})


def fragile(job: Job) -> Episode:
    if job.label == "raises":
        raise KeyError("bus")
    if job.label == "distrusted":
        raise EpisodeError("pandapower differs")
    return episode(job)


def dies_once(job: Job) -> Episode:
    """Kill the first worker that tries; the next one finds the file and lives."""
    file = Path(os.environ["GRIDHAUL_TEST_DIED"])
    if job.replication == 1 and not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return episode(job)


def job_context(run: Callable[[Job], Episode]) -> JobContext:
    return JobContext(
        scenarios=(load_scenario("tiny"),),
        seed=0,
        verify=Verify.OFF,
        keep=Keep.SUMMARY,
        episode=run,
    )


def results(jobs: list[Job], pool: WorkerPool) -> dict[Key, FinishedEpisode | Failure]:
    found = [result for batch in execute(jobs, pool) for result in batch.results]
    assert len(found) == len(jobs)
    return {result.key: result for result in found}


def failures(found: dict[Key, FinishedEpisode | Failure]) -> list[str]:
    return [str(found[key]) for key in sorted(found) if isinstance(found[key], Failure)]


def test_a_failing_episode_is_named_and_the_others_go_on() -> None:
    found = results(jobs("fine", "raises", "distrusted", n=2), SerialPool(job_context(fragile)))
    assert failures(found) == [
        "distrusted, replication 0: pandapower differs",
        "distrusted, replication 1: pandapower differs",
        "raises, replication 0: KeyError: 'bus'",
        "raises, replication 1: KeyError: 'bus'",
    ]


def test_an_episode_whose_worker_dies_by_chance_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRIDHAUL_TEST_DIED", str(tmp_path / "died"))
    assert failures(results(jobs("unlucky", n=3), ProcessPool(job_context(dies_once), 1))) == []
    assert (tmp_path / "died").exists()


def test_workers_run_single_threaded_and_leave_this_process_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in SINGLE_THREAD:
        monkeypatch.setenv(key, "2")
    before = {key: os.environ.get(key) for key in SINGLE_THREAD}
    found = results(jobs("fine", n=12), ProcessPool(job_context(episode), 2))
    assert [
        own.metrics["threads"] for own in found.values() if isinstance(own, FinishedEpisode)
    ] == ([1.0] * 12)
    assert {key: os.environ.get(key) for key in SINGLE_THREAD} == before


def test_batches_grow_to_their_length_and_shrink_towards_the_end() -> None:
    """An episode that waited for imports is no measure of the next ones."""
    batches = _BatchQueue(jobs("fine", n=400), workers=2)
    first = batches.take()
    assert len(first) == 1  # nobody knows yet how long it takes
    batches.record(first, (40 * BATCH_S,))
    second = batches.take()
    assert len(second) == 1
    batches.record(second, (BATCH_S / 8,))
    sizes = []
    while batches.more:
        sizes.append(len(batches.take()))
    assert sizes[0] == 8
    assert sizes[-1] == 1
    assert sum(sizes) == 398
