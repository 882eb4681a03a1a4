"""Worker pools: this process, or processes on this machine; `dask_cluster` adds Dask.

A pool starts executors. All of them are a `concurrent.futures.Executor`, so `execute` is the same
for all; they differ in how a worker gets what all jobs share, and in the error of a dead worker.
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

from sim.study.execution.worker import JobContext, prepare, prepare_process, release

# Numerical libraries would otherwise start one thread per core in every worker.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}

P = ParamSpec("P")
T = TypeVar("T")


class WorkerPool(Protocol):
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
    def prefetch(self) -> int:
        """How many batches are queued for each worker in addition to the one that runs."""
        ...

    @property
    def death_errors(self) -> tuple[type[Exception], ...]:
        """Errors that a future raises if its worker has died."""
        ...

    def start(self, workers: int) -> AbstractContextManager[Executor]:
        """Return an executor with prepared workers; after one has broken, a new one is started."""
        ...


class SerialExecutor(Executor):
    """Runs each call at once, in the calling thread."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call the function and return what came out as a finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


class SerialPool:
    """The calling process: nothing to start, but a controller that kills it ends the study."""

    workers = 1
    prefetch = 0
    death_errors: tuple[type[Exception], ...] = ()

    def __init__(self, context: JobContext) -> None:
        self.token = uuid.uuid4().hex
        self._context = context

    @contextlib.contextmanager
    def start(self, workers: int) -> Iterator[Executor]:
        """Return an executor; see `WorkerPool`."""
        del workers
        prepare(self.token, self._context)
        try:
            yield SerialExecutor()
        finally:
            release(self.token)


class ProcessPool:
    """Processes on this machine, started by spawning; what they need is pickled."""

    prefetch = 1
    death_errors: tuple[type[Exception], ...] = (BrokenExecutor,)

    def __init__(self, context: JobContext, workers: int) -> None:
        self.token = uuid.uuid4().hex
        self.workers = workers
        self._context = context

    @contextlib.contextmanager
    def start(self, workers: int) -> Iterator[Executor]:
        """Return an executor; see `WorkerPool`."""
        # Libraries read these when they are imported, which in a new process is before any of our
        # code runs; so the parent sets them and the children inherit.
        with single_thread_children():
            executor = ProcessPoolExecutor(
                workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=prepare_process,
                initargs=(self.token, self._context),
            )
            try:
                yield executor
            finally:
                executor.shutdown(cancel_futures=True)


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
