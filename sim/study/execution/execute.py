"""Run jobs in batches on a worker pool: results as they arrive, failures named.

An episode is a pure function of its job, so the pool and the size of batches change only the time
it takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeAlias

from sim.study.execution.pools import WorkerPool
from sim.study.execution.worker import BatchResult, run_batch
from sim.study.jobs import Failure, Job
from sim.termination import termination

# Sending a batch and receiving its results costs some 5 ms, with Dask 20: less than 1 % of this.
# A longer batch would lose more when a study is killed, and show its progress less often.
BATCH_S = 2.0
CHECK_S = 10.0  # how often a pool is asked whether anybody works
MOST_JOBS = 64  # of a batch, should episodes take no time at all
WORKER_DIED = (
    "its worker died twice (killed by the system, for example for want of memory, or by a crash of "
    "a library); a script needs the __main__ guard"
)

Jobs: TypeAlias = tuple[Job, ...]


def execute(jobs: Iterable[Job], pool: WorkerPool) -> Generator[BatchResult, None, None]:
    """Run jobs and yield their results, batch by batch, in the order they end.

    A job that raises is a `Failure`. When a worker dies, it is unknown which of the jobs in flight
    was the cause: each of them runs once more, alone, and one whose worker dies again is a
    `Failure`. The others are not affected.

    Parameters
    ----------
    jobs
        What to run, in the order in which it should start; only a few are submitted in advance.
    pool
        The workers that run them.
    """
    batches = _BatchQueue(jobs, pool.workers)
    to_retry: deque[Job] = deque()
    while batches.more or to_retry:
        with pool.start(pool.workers) as executor:
            yield from _run_in_parallel(batches, to_retry, pool, executor)
        while to_retry:
            with pool.start(1) as executor:
                yield from _retry_alone(to_retry, pool, executor)


def _run_in_parallel(
    batches: _BatchQueue, to_retry: deque[Job], pool: WorkerPool, executor: Executor
) -> Generator[BatchResult, None, None]:
    """Run batches until there are no more, or until a worker has died."""
    in_flight: dict[Future[BatchResult], Jobs] = {}
    try:
        while in_flight or (batches.more and not to_retry):
            while (
                batches.more
                and not to_retry
                and len(in_flight) < pool.workers * (1 + pool.prefetch)
            ):
                jobs = batches.take()
                try:
                    in_flight[executor.submit(run_batch, pool.token, jobs)] = jobs
                except pool.death_errors:
                    to_retry.extend(jobs)
            done, _ = wait(in_flight, timeout=CHECK_S, return_when=FIRST_COMPLETED)
            pool.check()
            for future in done:
                jobs = in_flight.pop(future)
                try:
                    batch = future.result()
                except pool.death_errors:
                    to_retry.extend(jobs)
                    continue
                batches.record(jobs[: len(batch.seconds)], batch.seconds)
                yield batch
                termination.check()
    finally:
        for future in in_flight:
            future.cancel()


def _retry_alone(
    to_retry: deque[Job], pool: WorkerPool, executor: Executor
) -> Generator[BatchResult, None, None]:
    """Retry jobs one by one until there are no more, or until a worker has died again."""
    while to_retry:
        job = to_retry.popleft()
        try:
            batch = executor.submit(run_batch, pool.token, (job,)).result()
        except pool.death_errors:
            failure = Failure(controller=job.label, replication=job.replication, error=WORKER_DIED)
            yield BatchResult(results=(failure,), seconds=(0.0,), content=None)
            return
        yield batch


class _BatchQueue:
    """Forms batches so that each takes about `BATCH_S`, and the last ones end together."""

    def __init__(self, jobs: Iterable[Job], workers: int) -> None:
        self._jobs = deque(jobs)
        self._workers = workers
        self._seconds: dict[str, float] = {}  # by controller; recent time of an episode

    @property
    def more(self) -> bool:
        return bool(self._jobs)

    def take(self) -> Jobs:
        most = min(MOST_JOBS, max(1, len(self._jobs) // (2 * self._workers)))
        jobs: list[Job] = []
        expected_s = 0.0
        while self._jobs and len(jobs) < most and expected_s < BATCH_S:
            jobs.append(self._jobs.popleft())
            expected_s += self._seconds.get(jobs[-1].label, BATCH_S)
        return tuple(jobs)

    def record(self, jobs: Jobs, seconds: tuple[float, ...]) -> None:
        for job, own in zip(jobs, seconds, strict=True):
            # The first episode of a worker includes imports, which must not make batches small.
            earlier = self._seconds.get(job.label, own)
            self._seconds[job.label] = min((earlier + own) / 2, own)
