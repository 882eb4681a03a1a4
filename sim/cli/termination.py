"""End when a batch system asks for it: SIGTERM, or SIGUSR1 some time before the limit."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

from sim.cli.options import TERMINATED
from sim.termination import termination

# A library that computes on lets no Python code run. What is on the disk is whole at any moment.
PATIENCE_S = 8.0


@contextlib.contextmanager
def ending_when_asked() -> Iterator[None]:
    """Let the signals end what runs inside, and the program with exit code 143 within 10 s.

    What runs inside is interrupted as by Ctrl-C, an episode at its next decision. If it goes on
    nevertheless, the process ends at once after `PATIENCE_S`; workers end with it. Elsewhere than
    on POSIX nothing is done.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = {signal.SIGTERM, signal.SIGUSR1}

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        termination.ask()

    # A batch system signals all processes of a job. What counts semaphores ends with the last of
    # them, and would complain if it ended before.
    before = {each: signal.signal(each, signal.SIG_IGN) for each in signals}
    resource_tracker.ensure_running()
    ended = threading.Event()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    for each in signals:
        signal.signal(each, end)
    wake_up = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reader, signals, ended), daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(wake_up)
        for each, handler in before.items():
            signal.signal(each, handler)
        os.close(writer)
        watch.join()
        os.close(reader)
        if termination.is_asked:
            termination.forget()
            sys.exit(TERMINATED)


def _watch(reader: int, signals: set[signal.Signals], ended: threading.Event) -> None:
    """End the process if it has not ended by itself so long after a signal."""
    while arrived := os.read(reader, 64):
        if signals.intersection(arrived) and not ended.wait(PATIENCE_S):
            os._exit(TERMINATED)
