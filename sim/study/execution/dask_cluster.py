"""A pool of Dask workers: those of a running cluster, or of a local one started for a study."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
import pickle
import signal
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor
from typing import Any

from sim.errors import GridhaulError, InputError, described
from sim.study.execution.pools import single_thread_children
from sim.study.execution.worker import JobContext, prepare, release
from sim.study.store.manifest import PACKAGES, fingerprints

LOCAL = "local"
ANSWER_S = 10.0
# A job whose worker dies is returned at once; `execute` decides which jobs run again. And a worker
# that dies again while its successor is starting is replaced again: a cluster would otherwise check
# once, some seconds after the first death, and start no other.
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.deploy.lost-worker-timeout": "365 days",
}
PATIENCE_S = 60.0
SAFE = (
    "Episodes that have ended are safe if --out was given: start the cluster again, or leave "
    "--dask out, and give the same command; it runs what is missing."
)
INSTALL = "Install the extra: pip install 'gridhaul[dask]'"


class ClusterError(GridhaulError):
    """The cluster went away while it was needed."""


class DaskPool:
    """The workers of a Dask cluster, counted once at the start."""

    prefetch = 1

    def __init__(self, client: Any, token: str) -> None:
        from distributed.scheduler import KilledWorker

        self.token = token
        self.workers = max(1, len(client.nthreads()))
        self.death_errors: tuple[type[Exception], ...] = (KilledWorker,)
        self._client = client
        self._seen_s = time.monotonic()  # when there were workers

    def check(self) -> None:
        """Raise an error if there have been no workers for a minute.

        Raises
        ------
        ClusterError
            Then.
        """
        now_s = time.monotonic()
        if self._client.nthreads():
            self._seen_s = now_s
        elif now_s - self._seen_s > PATIENCE_S:
            address = self._client.scheduler.address
            raise ClusterError(
                f"--dask: dask = {address!r}: there have been no workers for {PATIENCE_S:g} s. "
                f"{SAFE}"
            )

    @contextlib.contextmanager
    def start(self, workers: int) -> Iterator[Executor]:
        """Return an executor; see `WorkerPool`. The cluster replaces workers that die.

        Raises
        ------
        ClusterError
            If the scheduler goes away meanwhile.
        """
        del workers
        address = self._client.scheduler.address
        executor: Executor = self._client.get_executor(pure=False)
        try:
            yield executor
        except (Exception, asyncio.CancelledError) as error:
            # A client that has lost its scheduler cancels all it was asked for, even if another
            # scheduler comes up in time; later requests fail with closed connections.
            if not isinstance(error, CancelledError) and self._client.status == "running":
                raise
            raise ClusterError(
                f"--dask: dask = {address!r}: the scheduler has gone away. {SAFE}"
            ) from error
        finally:
            # This cancels what is not done; a client without a scheduler has cancelled it itself.
            with contextlib.suppress(Exception, asyncio.CancelledError):
                executor.shutdown(wait=False)


@contextlib.contextmanager
def dask_pool(
    context: JobContext, address: str, workers: int, controllers: Sequence[str]
) -> Iterator[DaskPool]:
    """Yield a pool of Dask workers that are prepared for the study.

    Parameters
    ----------
    context
        What all jobs share.
    address
        A scheduler's address such as ``tcp://host:8786``, or ``"local"``.
    workers
        How many a local cluster has.
    controllers
        Names of those that will be built there.

    Raises
    ------
    InputError
        If Dask is not installed, no scheduler answers within 10 s, or the workers have other
        versions of what results depend on.
    """
    try:
        import distributed
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise _refused(address, f"needs Dask ({error})", INSTALL) from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(silence_logging_cmgr(logging.CRITICAL))  # errors of ours say enough
        if address == LOCAL:
            client = stack.enter_context(_local(distributed, workers))
        else:
            if workers != 1:
                raise _refused(
                    address, "has workers of its own", "Leave --workers out, or use --dask local"
                )
            client = stack.enter_context(_remote(distributed, address))
            _check_versions(client, address, controllers)
        token = uuid.uuid4().hex
        plugin = _plugin(token, context)
        client.register_plugin(plugin, name=token)
        try:
            yield DaskPool(client, token)
        finally:
            # A cluster that has gone away needs no clean-up.
            with contextlib.suppress(Exception, asyncio.CancelledError):
                client.unregister_worker_plugin(token)


@contextlib.contextmanager
def _local(distributed: Any, workers: int) -> Iterator[Any]:
    import dask

    try:
        # Whoever reaches its port could run anything: certificates that nobody else has.
        security = distributed.Security.temporary()
    except ImportError as error:
        raise _refused(LOCAL, f"needs the package cryptography ({error})", INSTALL) from error
    with single_thread_children(), dask.config.set(SETTINGS), contextlib.ExitStack() as stack:
        with _children_without_interrupts():
            cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                protocol="tls://",
                security=security,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs="CRITICAL",
            )
        stack.enter_context(cluster)
        yield stack.enter_context(distributed.Client(cluster))


@contextlib.contextmanager
def _children_without_interrupts() -> Iterator[None]:
    """Let processes that are started inside ignore Ctrl-C, which this one handles."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _remote(distributed: Any, address: str) -> Iterator[Any]:
    try:
        client = _client(distributed, address)
    except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
        if not isinstance(error, OSError):  # no such protocol, or one that needs certificates
            raise _refused(
                address,
                f"cannot be used ({described(error)})",
                "Use tcp://host:port, or for tls:// set distributed.comm.tls in Dask's "
                "configuration",
            ) from error
        raise _refused(
            address,
            f"does not answer within {ANSWER_S:g} s",
            "Start `dask scheduler` and `dask worker` there, or use --dask local",
        ) from error
    try:
        try:
            client.wait_for_workers(1, timeout=ANSWER_S)
        except TimeoutError:
            raise _refused(
                address,
                f"has no workers after {ANSWER_S:g} s",
                f"Start some with `dask worker {address}`",
            ) from None
        yield client
    finally:
        # A client that is still looking for a lost scheduler may fail to close, in ways that depend
        # on the moment; whatever went wrong before is what counts.
        with contextlib.suppress(Exception, asyncio.CancelledError):
            client.close()
        client.status = "closed"  # so that it does not try again when it is collected


def _client(distributed: Any, address: str) -> Any:
    # Where something accepts the connection and then says nothing, a client waits for ever; so the
    # address is asked first, in a loop that can be given up. It has a thread of its own: in a
    # notebook, this one is already running a loop.
    async def ask() -> None:
        async with asyncio.timeout(ANSWER_S), distributed.rpc(address) as scheduler:
            await scheduler.identity()

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(lambda: asyncio.run(ask())).result()
    return distributed.Client(address, timeout=ANSWER_S, set_as_default=False)


def _check_versions(client: Any, address: str, controllers: Sequence[str]) -> None:
    problems = []
    for name in PACKAGES:
        own = _own_version(name)
        found = client.run(importlib.metadata.version, name, on_error="return")
        others = {there if isinstance(there, str) else "missing" for there in found.values()}
        if others != {own}:
            problems.append(f"{name} is {', '.join(sorted(others))} there and {own} here")
    if not problems:
        code = fingerprints(controllers)
        found = client.run(fingerprints, controllers, on_error="return")
        if any(there != code for there in found.values()):
            problems.append("the code differs from that here")
    if problems:
        raise _refused(
            address,
            f"has workers with other packages: {'; '.join(problems)}",
            "Install the same versions; results depend on them",
        )


def _own_version(name: str) -> str:
    return importlib.metadata.version(name)


def _plugin(token: str, context: JobContext) -> Any:
    from distributed.diagnostics.plugin import WorkerPlugin

    # A plugin also reaches workers that join later or replace one that died.
    content = pickle.dumps(context, protocol=5)  # see `ProcessPool.start`

    class Prepared(WorkerPlugin):
        def setup(self, worker: object) -> None:
            del worker
            prepare(token, pickle.loads(content))

        def teardown(self, worker: object) -> None:
            del worker
            release(token)

    return Prepared()


def _refused(address: str, message: str, remedy: str) -> InputError:
    return InputError.single(
        where="--dask", key="dask", value=address, message=message, remedy=remedy
    )
