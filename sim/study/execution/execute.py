"""Many episodes, whoever runs them: results as they come, failures named.

An episode is a pure function of its job, so neither the crew nor the size of batches changes
anything but the time it takes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeAlias

from sim.study.execution.pools import Crew
from sim.study.execution.worker import Batch, run_batch
from sim.study.jobs import Failure, Job

# Handing out a batch and taking it back costs some 5 ms, with Dask 20: less than 1 % of this. What
# a study loses when it is killed, and how often its progress is shown, speak against longer ones.
BATCH_S = 2.0
MOST_JOBS = 64  # of a batch, should episodes take no time at all
DIED = (
    "its worker died twice (killed by the system, for example for want of memory, or by a crash of "
    "a library); a script needs the __main__ guard"
)

Jobs: TypeAlias = tuple[Job, ...]


def execute(jobs: Iterable[Job], crew: Crew) -> Generator[Batch, None, None]:
    """Run jobs and yield what becomes of them, batch by batch, in the order they end.

    A job that raises is a `Failure`. When a worker dies, nobody knows on which of the jobs on their
    way: each of them runs once more, alone, and one that kills its worker again is a `Failure`. The
    others are not affected.

    Parameters
    ----------
    jobs
        What to run, in the order in which it should start; only a few are taken ahead.
    crew
        Who runs them.
    """
    batches = _Batches(jobs, crew.workers)
    suspects: deque[Job] = deque()
    while batches.more or suspects:
        with crew.hire(crew.workers) as executor:
            yield from _in_company(batches, suspects, crew, executor)
        while suspects:
            with crew.hire(1) as executor:
                yield from _alone(suspects, crew, executor)


def _in_company(
    batches: _Batches, suspects: deque[Job], crew: Crew, executor: Executor
) -> Generator[Batch, None, None]:
    """Run batches until there are no more, or until a worker has died."""
    running: dict[Future[Batch], Jobs] = {}
    try:
        while running or (batches.more and not suspects):
            while batches.more and not suspects and len(running) < crew.workers * (1 + crew.ahead):
                jobs = batches.take()
                try:
                    running[executor.submit(run_batch, crew.token, jobs)] = jobs
                except crew.death:
                    suspects.extend(jobs)
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                jobs = running.pop(future)
                try:
                    batch = future.result()
                except crew.death:
                    suspects.extend(jobs)
                    continue
                batches.took(jobs, batch.seconds)
                yield batch
    finally:
        for future in running:
            future.cancel()


def _alone(suspects: deque[Job], crew: Crew, executor: Executor) -> Generator[Batch, None, None]:
    """Run suspects one by one until there are no more, or until one has killed its worker."""
    while suspects:
        job = suspects.popleft()
        try:
            batch = executor.submit(run_batch, crew.token, (job,)).result()
        except crew.death:
            failure = Failure(controller=job.label, replication=job.replication, error=DIED)
            yield Batch(results=(failure,), seconds=(0.0,), content=None)
            return
        yield batch


class _Batches:
    """Deals out jobs so that a batch takes about `BATCH_S`, and the last ones end together."""

    def __init__(self, jobs: Iterable[Job], workers: int) -> None:
        self._jobs = deque(jobs)
        self._workers = workers
        self._seconds: dict[str, float] = {}  # by controller; how long an episode takes lately

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

    def took(self, jobs: Jobs, seconds: tuple[float, ...]) -> None:
        for job, own in zip(jobs, seconds, strict=True):
            # The first episode of a worker waits for imports, which shall not make batches small.
            earlier = self._seconds.get(job.label, own)
            self._seconds[job.label] = min((earlier + own) / 2, own)
