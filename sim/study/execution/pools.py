"""Worker pools: this process, or processes on this machine; `dask_cluster` adds Dask.

A pool starts executors. All of them are a `concurrent.futures.Executor`, so `execute` is the same
for all; they differ in how a worker gets what all jobs share, and in the error of a dead worker.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar, cast

from sim.errors import GridhaulError
from sim.study.execution.worker import JobContext, is_ready, prepare, prepare_process, release

# Numerical libraries would otherwise start one thread per core in every worker.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}

MOST_STARTS = 3
STOP_S = 2.0
DIED_AT_START = (
    f"workers died {MOST_STARTS} times while they started (killed by the system, for example for "
    "want of memory; a script needs the __main__ guard). Episodes that have ended are safe if "
    "--out was given: the same command runs what is missing. --workers 1 starts no processes"
)

P = ParamSpec("P")
T = TypeVar("T")


class StartError(GridhaulError):
    """No worker could be started."""


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

    def check(self) -> None:
        """Raise an error if nobody works any more and nobody will."""
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

    def check(self) -> None:
        """Do nothing: this process works."""

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

    def check(self) -> None:
        """Do nothing: the executor sees that a process dies."""

    @contextlib.contextmanager
    def start(self, workers: int) -> Iterator[Executor]:
        """Return an executor; see `WorkerPool`."""
        # Libraries read these when they are imported, which in a new process is before any of our
        # code runs; so the parent sets them and the children inherit.
        with single_thread_children(), tempfile.TemporaryDirectory(prefix="gridhaul-") as folder:
            file = Path(folder) / "context"
            # In this protocol, arrays that cannot be written to stay so.
            file.write_bytes(pickle.dumps(self._context, protocol=5))
            for attempt in range(1, MOST_STARTS + 1):
                with self._executor(workers, file) as executor:
                    try:
                        executor.submit(is_ready).result()
                    except BrokenExecutor as error:
                        if attempt == MOST_STARTS:
                            raise StartError(DIED_AT_START) from error
                        continue
                    yield executor
                    return

    @contextlib.contextmanager
    def _executor(self, workers: int, file: Path) -> Iterator[Executor]:
        before = set(multiprocessing.active_children())
        executor = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=prepare_process,
            initargs=(self.token, file),
        )
        patience_s = 0.0  # whoever is interrupted waits for nobody
        try:
            yield executor
            patience_s = STOP_S
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
            _stop(set(multiprocessing.active_children()) - before, patience_s)
            executor.shutdown()


def _stop(processes: Iterable[BaseProcess], patience_s: float) -> None:
    """Wait for processes to end, and kill those that do not, such as one with threads left."""
    running = {process.sentinel: process for process in processes}
    last_s = time.monotonic() + patience_s
    while running and (left_s := last_s - time.monotonic()) > 0:
        for ended in wait(list(running), left_s):
            del running[cast("int", ended)]
    for process in running.values():
        process.kill()


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
