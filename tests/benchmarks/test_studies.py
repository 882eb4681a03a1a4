"""What a second worker is worth, and what handing out work costs; `make bench` prints it.

All pools run the same study, one after the other, and are timed from the first episode on: workers
start, import and warm up before their clock does. GRIDHAUL_BENCH_REPLICATIONS sets the number of
common days.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.scenario import Scenario, load_scenario
from sim.study import conduct as module
from sim.study.compare import compare
from sim.study.execution.execute import execute
from sim.study.execution.pools import ProcessPool, WorkerPool
from sim.study.execution.runner import run_episode
from sim.study.execution.worker import BatchResult, JobContext
from sim.study.jobs import FinishedEpisode, Job

pytestmark = pytest.mark.benchmark

REPLICATIONS = int(os.environ.get("GRIDHAUL_BENCH_REPLICATIONS", "16"))
SCENARIO, SEED = "ieee33", 0
FAST, MIXED = ("idle", "greedy"), ("idle", "greedy", "stationary")
# As a user asks for them; "pool of 1" is the same pool as with two, which nobody asks for.
POOLS: dict[str, dict[str, Any]] = {
    "this process": {},
    "pool of 1": {},
    "pool of 2": {"workers": 2},
    "Dask, 2 workers": {"workers": 2, "dask": "local"},
}
MOST_SCHEDULING = 0.02  # of the workers' time
READY, WORKERS = "GRIDHAUL_BENCH_READY", "GRIDHAUL_BENCH_WORKERS"  # read by workers


@functools.cache
def scenario() -> Scenario:
    return load_scenario(SCENARIO)


@functools.cache
def warm_up() -> None:
    """Import and compile what episodes need, once per worker; then wait for the other workers."""
    for name in MIXED:
        run_one(ControllerSpec(name=name), 0)
    ready = Path(os.environ[READY])
    (ready / str(os.getpid())).touch()
    patience_s = time.monotonic() + 120
    while len(list(ready.iterdir())) < int(os.environ[WORKERS]):
        assert time.monotonic() < patience_s
        time.sleep(0.001)


def run_one(controller: ControllerSpec, replication: int) -> Episode:
    return run_episode(
        scenario(), controller, seed=SEED, replication=replication, verify=Verify.AUDIT
    )


def stamped(job: Job) -> Episode:
    """Run a job and note on the episode who ran it and when."""
    asked_s = time.monotonic()  # one clock for all processes of a machine
    warm_up()
    started_s = time.monotonic()
    episode = run_one(job.controller, job.replication)
    stamps = {"worker": float(os.getpid()), "asked_s": asked_s, "started_s": started_s}
    metrics = episode.metrics | stamps | {"ended_s": time.monotonic()}
    return dataclasses.replace(episode, metrics=metrics)


def timed_study(
    pool: str, controllers: tuple[str, ...], days: int, out: Path, patch: pytest.MonkeyPatch
) -> pd.DataFrame:
    """Run a study and return one row per episode: who, when, and the seconds of its job."""
    rows: list[dict[str, float]] = []

    def watched(jobs: Iterable[Job], pool: WorkerPool) -> Generator[BatchResult, None, None]:
        for number, batch in enumerate(execute(jobs, pool)):
            for own, seconds in zip(batch.results, batch.seconds, strict=True):
                assert isinstance(own, FinishedEpisode)
                rows.append({**own.metrics, "job_s": seconds, "batch": number})
            yield batch

    ready = out.with_name(f"{out.name} ready")
    ready.mkdir()
    warm_up.cache_clear()
    with patch.context() as patched:
        patched.setenv(READY, str(ready))
        patched.setenv(WORKERS, str(POOLS[pool].get("workers", 1)))
        patched.setattr(module, "JobContext", functools.partial(JobContext, episode=stamped))
        patched.setattr(module, "execute", watched)
        if pool == "pool of 1":
            patched.setattr(module, "SerialPool", functools.partial(ProcessPool, workers=1))
        compare(scenario(), controllers, replications=days, seed=SEED, out=out, **POOLS[pool])
    return pd.DataFrame(rows)


def shares(episodes: pd.DataFrame) -> dict[str, float]:
    """Return the time of a study [s] and what workers spent theirs on, in shares of it."""
    workers = episodes["worker"].nunique()
    took_s = episodes["ended_s"].max() - episodes["started_s"].min()
    first, last = (episodes.groupby("worker")[key] for key in ("started_s", "ended_s"))
    busy_s = (last.max() - first.min()).sum()
    episode_s = (episodes["ended_s"] - episodes["started_s"]).sum()
    # The tables of an episode, without those of each worker's last: its clock stops before.
    packing = episodes["job_s"] - (episodes["ended_s"] - episodes["asked_s"])
    packing_s = packing.drop(last.idxmax()).sum()
    whole_s = workers * took_s
    return {
        "seconds": took_s,
        "episodes": episode_s / whole_s,
        "packing": packing_s / whole_s,
        "scheduling": (busy_s - episode_s - packing_s) / whole_s,
        "idle": 1 - busy_s / whole_s,
        "batches": episodes["batch"].nunique(),
    }


@pytest.mark.parametrize(("controllers", "times"), [(MIXED, 1), (FAST, 8)])
def test_a_second_worker_and_what_scheduling_costs(
    controllers: tuple[str, ...],
    times: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    days = times * REPLICATIONS
    found = {
        pool: shares(timed_study(pool, controllers, days, tmp_path / pool, monkeypatch))
        for pool in POOLS
    }
    table = pd.DataFrame(found).T
    one_s, one_of_pool_s = table.loc[["this process", "pool of 1"], "seconds"]
    lines = [
        f"  {pool:16}{own.seconds:8.1f} s"
        f"{one_s / own.seconds:8.2f} x{one_of_pool_s / own.seconds:8.2f} x"
        f"{100 * own.episodes:10.1f} %{100 * own.packing:8.1f} %{100 * own.scheduling:10.2f} %"
        f"{100 * own.idle:8.1f} %{own.batches:8.0f}"
        for pool, own in table.iterrows()
    ]
    with capsys.disabled():
        print(
            f"\n{SCENARIO}, {','.join(controllers)}, {days} replications, --out; load "
            f"{os.getloadavg()[0]:.1f}\n"
            f"  {'':16}{'time':>10}{'speed-up':>10}{'of pool':>10}"
            f"{'episodes':>12}{'packing':>10}{'scheduling':>12}{'at end':>10}{'batches':>8}"
        )
        print("\n".join(lines))
    assert (table["scheduling"] <= MOST_SCHEDULING).all()
