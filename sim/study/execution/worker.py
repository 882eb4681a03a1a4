"""What runs in a worker: batches of jobs in, metrics and serialised tables out.

A worker is prepared once with what all jobs of a study have in common. It may serve several studies
(on a cluster that others use as well), so each has a token.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sim.episode.episode import Episode
from sim.episode.following import Follower
from sim.episode.verification import Verify
from sim.errors import GridhaulError, described
from sim.scenario import Scenario
from sim.study.execution.runner import run_episode
from sim.study.jobs import Failure, FinishedEpisode, Job, JobResult, Key
from sim.study.store.bundle import Keep, bundle, join, to_bytes
from sim.study.store.sums import first_reason, sum_ledger, sum_timings
from sim.termination import Terminated, termination


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobContext:
    """What all jobs of a study have in common; pickled once for each worker.

    Attributes
    ----------
    scenarios
        One per point of the study; a comparison has one.
    seed, verify
        See `run_episode`.
    keep
        How much of the tables is serialised; None for nothing.
    strict
        Whether a failed decision ends its episode.
    deadline_s
        See `run_episode`.
    episode
        Runs one job; None stands for `run_episode`. For tests of the pools.
    """

    scenarios: tuple[Scenario, ...]
    seed: int
    verify: Verify
    keep: Keep | None
    strict: bool = False
    deadline_s: float | None = None
    episode: Callable[[Job], Episode] | None = None

    def __call__(self, job: Job) -> Episode:
        """Run one job."""
        if self.episode is not None:
            return self.episode(job)
        return run_episode(
            self.scenarios[job.point],
            job.controller,
            seed=self.seed,
            replication=job.replication,
            verify=self.verify,
            follow=Follower(
                controller=job.label, strict=self.strict, then=lambda _: termination.check()
            ),
            deadline_s=self.deadline_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchResult:
    """The results of some jobs.

    Attributes
    ----------
    results
        One per job, in order.
    seconds
        Wall clock of each job [s].
    content
        The finished episodes as a bundle, see `bundle.to_bytes`; None if nothing is kept.
    """

    results: tuple[JobResult, ...]
    seconds: tuple[float, ...]
    content: bytes | None

    @property
    def finished(self) -> tuple[Key, ...]:
        """Keys of the episodes in `content`."""
        return tuple(own.key for own in self.results if isinstance(own, FinishedEpisode))


_contexts: dict[str, JobContext] = {}  # of this process, by token
# Workers of a cluster may have several threads; episodes share the solvers of their process, whose
# caches are not made for that.
_episode_lock = threading.Lock()


def prepare(token: str, context: JobContext) -> None:
    """Store what all jobs of a study share."""
    _contexts[token] = context


def prepare_process(token: str, file: Path) -> None:
    """Prepare a process that this study has started and that must end with it.

    Parameters
    ----------
    token
        Which study.
    file
        Holds the pickled `JobContext`. Not an argument by itself: a parent that hands a process
        more than a pipe holds waits for ever if that process dies before it has read it.
    """
    # The parent handles Ctrl-C, and what a batch system sends to all processes of a job.
    for name in ("SIGINT", "SIGTERM", "SIGUSR1"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare(token, pickle.loads(file.read_bytes()))


def is_ready() -> bool:
    """Return True: what a worker answers once it has started."""
    return True


def release(token: str) -> None:
    """Free what `prepare` has stored."""
    _contexts.pop(token, None)


def run_batch(token: str, jobs: Sequence[Job]) -> BatchResult:
    """Run jobs one after the other; what one of them raises is its own failure.

    If a signal asks this process to end, the results are those of the jobs that have ended.
    """
    context = _contexts[token]
    results: list[JobResult] = []
    seconds, bundles = [], []
    with _episode_lock, termination.held(), contextlib.suppress(Terminated):
        for job in jobs:
            started = time.perf_counter()
            result, row = _run_job(context, job)
            seconds.append(time.perf_counter() - started)
            results.append(result)
            if row is not None:
                bundles.append(row)
    content = to_bytes(join(bundles)) if bundles else None
    return BatchResult(results=tuple(results), seconds=tuple(seconds), content=content)


def _run_job(context: JobContext, job: Job) -> tuple[JobResult, pa.Table | None]:
    try:
        episode = context(job)
        return _finished(job, episode), context.keep and bundle(job.label, episode, context.keep)
    except GridhaulError as error:
        return _failure(job, str(error)), None
    except Exception as error:  # noqa: BLE001 - one bad episode must not end a study
        return _failure(job, described(error)), None


def _finished(job: Job, episode: Episode) -> FinishedEpisode:
    return FinishedEpisode(
        controller=job.label,
        replication=job.replication,
        start=episode.start,
        metrics={name: float(value) for name, value in episode.metrics.items()},
        timings=sum_timings(episode.timings, len(episode.steps)),
        ledger=sum_ledger(episode.ledger),
        reason=first_reason(episode.decisions),
    )


def _failure(job: Job, error: str) -> Failure:
    return Failure(controller=job.label, replication=job.replication, error=error)


def _end_with_parent() -> None:
    # A parent that is killed cannot stop its workers, which would wait for jobs for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
