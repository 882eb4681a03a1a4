"""Dask: the same bytes, controllers from files, deaths, and addresses where nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest

from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.execution import dask_cluster as module
from sim.study.execution.dask_cluster import dask_pool
from sim.study.execution.execute import execute
from sim.study.execution.runner import run_episode
from sim.study.execution.worker import JobContext
from sim.study.jobs import Failure, Job
from sim.study.store.bundle import TABLES, Keep
from sim.study.study import Study
from tests.study.folders import contents

FILE = Path(__file__).parents[1] / "controllers_under_test.py"


@pytest.fixture(scope="module")
def remote() -> Iterator[str]:
    """Start a cluster as somebody else would, with two threads per worker."""
    with (
        dask.config.set(module.SETTINGS),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            dashboard_address="127.0.0.1:0",
            silence_logs="CRITICAL",
        ) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.mark.slow
def test_any_number_of_workers_and_dask_give_the_same_bytes(tmp_path: Path, remote: str) -> None:
    pools: dict[str, dict[str, Any]] = {
        "1": {},
        "4": {"workers": 4},
        "dask": {"dask": remote},
    }
    scenario = load_scenario("ieee33")
    for pool, asked in pools.items():
        compare(
            scenario,
            ["idle", "greedy"],
            replications=3,
            verify="off",
            out=tmp_path / pool,
            **asked,
        )
    expected = contents(tmp_path / "1")
    assert len(expected) == 2 * (len(TABLES) + 1) + 3  # episodes; each with its sum; three above
    for pool in pools:
        assert contents(tmp_path / pool) == expected, pool


def test_a_controller_in_a_file_reaches_workers_that_do_not_have_the_file(
    tmp_path: Path, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.py").write_text(FILE.read_text())
    monkeypatch.chdir(tmp_path)  # the workers have started elsewhere
    study = compare(
        load_scenario("tiny"), ["idle", "here.py:Plain"], replications=2, verify="off", dask=remote
    )
    assert study.failures == ()
    objective = study.metrics["objective_usd"].unstack("controller")
    assert (objective["idle"] == objective["here.py:Plain"]).all()


def run_idle(job: Job) -> Episode:
    if job.label == "dies" and job.replication == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    return run_episode(
        load_scenario("tiny"),
        job.controller,
        seed=0,
        replication=job.replication,
        verify=Verify.OFF,
    )


def test_a_worker_that_dies_costs_its_episode_only(remote: str) -> None:
    idle = ControllerSpec(name="idle")
    jobs = [
        Job(label=own, controller=idle, replication=i) for i in range(4) for own in ("a", "dies")
    ]
    scenario = load_scenario("tiny")
    context = JobContext(
        scenarios=(scenario,), seed=0, verify=Verify.OFF, keep=Keep.SUMMARY, episode=run_idle
    )
    with dask_pool(context, remote, 1, ["idle"]) as pool:
        results = [own for batch in execute(jobs, pool) for own in batch.results]
    assert len({own.key for own in results}) == len(results) == len(jobs)
    (failure,) = [own for own in results if isinstance(own, Failure)]
    assert failure.key == ("dies", 1)
    assert "its worker died twice" in failure.error


def refused(address: str, **asked: Any) -> str:
    with pytest.raises(InputError) as caught:
        compare(load_scenario("tiny"), ["idle"], replications=1, dask=address, **asked)
    (problem,) = caught.value.problems
    return str(problem)


def test_a_notebook_which_runs_an_event_loop_reaches_a_cluster_too(remote: str) -> None:
    async def cell() -> Study:
        return compare(load_scenario("tiny"), ["idle"], replications=1, verify="off", dask=remote)

    # A thread of its own: pytest's may be running the loop of a browser.
    with ThreadPoolExecutor(max_workers=1) as thread:
        study = thread.submit(lambda: asyncio.run(cell())).result()
    assert not study.failures
    assert len(study.metrics) == 1


def test_an_address_where_nobody_answers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After 10 s; here after 1 s, so that nobody has to wait. Without a limit it would hang."""
    assert module.ANSWER_S == 10.0
    monkeypatch.setattr(module, "ANSWER_S", 1.0)
    out = tmp_path / "out"
    compare(load_scenario("tiny"), ["idle"], replications=1, out=out)
    before = contents(out)
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="does not answer within 1 s"):
            compare(load_scenario("tiny"), ["idle"], replications=2, dask=address, out=out)
    compare(load_scenario("tiny"), ["idle"], replications=2, out=out)
    assert {name: own for name, own in contents(out).items() if name in before}.keys() == (
        before.keys()
    )


class Lost(distributed.Client):  # type: ignore[misc]
    """A client that fails to close, as one may that is still looking for its scheduler."""

    def close(self, *args: Any, **kwargs: Any) -> None:
        if self.status == "closed":
            return
        super().close(*args, **kwargs)
        self.status = "closing"
        raise TimeoutError("the loop does not answer")


def test_a_client_that_cannot_say_goodbye_does_not_hide_what_a_study_found(
    remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributed, "Client", Lost)
    scenario = load_scenario("tiny")
    study = compare(scenario, ["idle"], replications=1, verify="off", dask=remote)
    assert (study.failures, len(study.metrics)) == ((), 1)


@pytest.mark.parametrize("address", ["nonsense://there", "", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 1.0)
    assert "--dask: dask = " in refused(address)


def test_a_cluster_without_workers_or_with_other_packages_is_refused(
    monkeypatch: pytest.MonkeyPatch, remote: str
) -> None:
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as empty,
        monkeypatch.context() as impatient,
    ):
        wait = distributed.Client.wait_for_workers
        impatient.setattr(
            distributed.Client, "wait_for_workers", lambda client, n, timeout: wait(client, n, 0.1)
        )
        assert "has no workers after 10 s" in refused(empty.scheduler_address)
    assert "Leave --workers out" in refused(remote, workers=2)
    monkeypatch.setattr(module, "PACKAGES", ("numpy",))
    monkeypatch.setattr(module, "_own_version", lambda name: "0.0")
    assert "numpy is" in refused(remote)
