"""Who does the work: this process, or processes of its own; `dask_cluster` adds Dask.

A crew hires executors. All of them are a `concurrent.futures.Executor`, so the runner is the same
for all; they differ in how they are told about the study, and in how they say that a worker died.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from typing import ParamSpec, Protocol, TypeVar

from sim.study.execution.worker import Work, forget, prepare, prepare_process

# Numerical libraries would otherwise start one thread per core in every worker.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}

P = ParamSpec("P")
T = TypeVar("T")


class Crew(Protocol):
    """Workers for one study."""

    @property
    def token(self) -> str:
        """Which study, for `run_batch`."""
        ...

    @property
    def workers(self) -> int:
        """How many jobs run at a time."""
        ...

    @property
    def ahead(self) -> int:
        """How many batches may wait for each worker, beside the one that runs."""
        ...

    @property
    def death(self) -> tuple[type[Exception], ...]:
        """What a future raises whose worker has died."""
        ...

    def hire(self, workers: int) -> AbstractContextManager[Executor]:
        """Return an executor whose workers know the study. One that broke is hired anew."""
        ...


class InThisProcess(Executor):
    """Does what it is given at once, in the thread that asks."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call the function and return what came out as a finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


class SerialCrew:
    """One's own process: nothing to start, but a controller that kills it ends the study."""

    workers = 1
    ahead = 0
    death: tuple[type[Exception], ...] = ()

    def __init__(self, work: Work) -> None:
        self.token = uuid.uuid4().hex
        self._work = work

    @contextlib.contextmanager
    def hire(self, workers: int) -> Iterator[Executor]:
        """Return an executor; see `Crew`."""
        del workers
        prepare(self.token, self._work)
        try:
            yield InThisProcess()
        finally:
            forget(self.token)


class ProcessCrew:
    """Processes on this machine, started afresh and told everything by pickle."""

    ahead = 1
    death: tuple[type[Exception], ...] = (BrokenExecutor,)

    def __init__(self, work: Work, workers: int) -> None:
        self.token = uuid.uuid4().hex
        self.workers = workers
        self._work = work

    @contextlib.contextmanager
    def hire(self, workers: int) -> Iterator[Executor]:
        """Return an executor; see `Crew`."""
        # Libraries read these when they are imported, which in a new process is before any of our
        # code runs; so the parent sets them and the children inherit.
        with single_thread_children():
            pool = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=prepare_process,
                initargs=(self.token, self._work),
            )
            try:
                yield pool
            finally:
                pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def single_thread_children() -> Iterator[None]:
    """Let processes that are started inside compute with one thread each."""
    before = {key: os.environ.get(key) for key in SINGLE_THREAD}
    os.environ.update(SINGLE_THREAD)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
