"""Many episodes, here or in worker processes: results in order, failures named.

An episode is a pure function of its job, so the number of workers changes nothing but the time it
takes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeAlias

from sim.errors import GridhaulError
from sim.study.specification import ControllerSpec
from sim.world.episode import Episode

# Numerical libraries would otherwise start one thread per core in every worker.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One episode to run.

    Attributes
    ----------
    label
        What the controller is called in tables.
    controller
        Which controller.
    replication
        Which day: equal numbers are equal days for all controllers.
    """

    label: str
    controller: ControllerSpec
    replication: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An episode that did not end, and why."""

    controller: str
    replication: int
    error: str

    def __str__(self) -> str:
        return f"{self.controller}, replication {self.replication}: {self.error}"


Work: TypeAlias = Callable[[Job], Episode]


def execute(
    jobs: Sequence[Job], work: Work, *, workers: int = 1
) -> Iterator[tuple[Job, Episode | Failure]]:
    """Run `work` on every job and yield the results in the order of `jobs`.

    An exception in one episode becomes a `Failure`; so does a worker process that dies. The other
    episodes are not affected.

    Parameters
    ----------
    jobs
        What to run.
    work
        Runs one job. With more than one worker it is pickled once per worker.
    workers
        Number of processes; 1 stays in this one.
    """
    if workers < 1:
        raise ValueError(f"workers(={workers}) must be at least 1.")
    if workers == 1:
        for job in jobs:
            yield job, _attempt(work, job)
    else:
        yield from _in_processes(jobs, work, workers)


def _in_processes(
    jobs: Sequence[Job], work: Work, workers: int
) -> Iterator[tuple[Job, Episode | Failure]]:
    # A few episodes wait for each worker, so that none idles and memory does not grow with the
    # number of jobs.
    window = 4 * workers
    done = 0
    while done < len(jobs):
        with _pool(work, workers) as pool:
            running: deque[Future[Episode | Failure]] = deque()
            try:
                for job in jobs[done:]:
                    running.append(pool.submit(_run_here, job))
                    if len(running) == window:
                        yield jobs[done], running.popleft().result()
                        done += 1
                while running:
                    yield jobs[done], running.popleft().result()
                    done += 1
            except BrokenProcessPool:
                pass
        # A worker died, and nobody knows on which of the waiting jobs: each of them gets a process
        # of its own, and only the guilty one fails.
        for job in jobs[done : done + window]:
            yield job, _alone(work, job)
            done += 1


def _alone(work: Work, job: Job) -> Episode | Failure:
    with _pool(work, 1) as pool:
        try:
            return pool.submit(_run_here, job).result()
        except BrokenProcessPool:
            return _failure(job, "the worker process died; a script needs the __main__ guard")


@contextlib.contextmanager
def _pool(work: Work, workers: int) -> Iterator[ProcessPoolExecutor]:
    before = {key: os.environ.get(key) for key in SINGLE_THREAD}
    # Libraries read these when they are imported, which in a new process is before any of our code
    # runs; so the parent sets them and the children inherit.
    os.environ.update(SINGLE_THREAD)
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare,
        initargs=(work,),
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


_work: Work | None = None  # of this worker process; set once by `_prepare`


def _prepare(work: Work) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business


def _run_here(job: Job) -> Episode | Failure:
    assert _work is not None
    return _attempt(_work, job)


def _attempt(work: Work, job: Job) -> Episode | Failure:
    try:
        return work(job)
    except GridhaulError as error:
        return _failure(job, str(error))
    except Exception as error:  # noqa: BLE001 - one bad episode must not end a study
        return _failure(job, f"{type(error).__name__}: {error}")


def _failure(job: Job, error: str) -> Failure:
    return Failure(controller=job.label, replication=job.replication, error=error)
