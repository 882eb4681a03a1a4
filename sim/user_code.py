"""Run code of users: whatever it raises or prints, it neither ends the program nor spoils it.

This protects against mistakes, not against malice: a controller is code that the user trusts. What
no Python can hold back (a crash of a library, a signal) ends the process; with workers, that is one
failed episode.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from sim.termination import Terminated

# Ends of a process that Python's exceptions do not pass through.
ENDINGS = ("_exit", "execv", "execve")


class ProgramEnded(Exception):
    """Code of a user asked for the end of the program, for example by ``sys.exit()``."""


class contained:
    """Run a user's code inside.

    Whatever it raises comes out as an `Exception`: what is none, such as `SystemExit`, as
    `ProgramEnded`. Only Ctrl-C stays what it is, if it was pressed. What is printed goes to
    stderr; the working directory stays the same.

    Raises
    ------
    ProgramEnded
        If the code wants to end the program.
    KeyboardInterrupt
        If the user pressed Ctrl-C, or a signal asks for the end.
    """

    def __enter__(self) -> None:
        self._process, self._folder = os.getpid(), _working_directory()
        with contextlib.ExitStack() as stack:
            self._pressed = stack.enter_context(_interrupts())
            stack.enter_context(_endings_refused(self._process))
            stack.enter_context(contextlib.redirect_stdout(sys.stderr))
            self._resources = stack.pop_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if os.getpid() != self._process:
            os._exit(0)  # a copy that the code has made by ``os.fork()``: there is one study
        self._resources.close()
        if self._folder is not None and _working_directory() != self._folder:
            os.chdir(self._folder)
        if error is None or isinstance(error, Exception):
            return
        if isinstance(error, Terminated):
            return
        if isinstance(error, KeyboardInterrupt) and self._pressed():
            return
        ended = ProgramEnded(f"it raised {_shown(error)}")
        raise ended.with_traceback(traceback) from error


def _shown(error: BaseException) -> str:
    try:
        return repr(error)
    except BaseException:  # noqa: BLE001
        return type(error).__name__


def _working_directory() -> str | None:
    with contextlib.suppress(OSError):
        return os.getcwd()  # noqa: PTH109 - twice a decision
    return None


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether Ctrl-C was pressed meanwhile."""
    before = signal.getsignal(signal.SIGINT)
    in_charge = threading.current_thread() is threading.main_thread()
    if not in_charge or not callable(before):  # nobody is interrupted here, or it is ignored
        yield lambda: False
        return
    presses: list[int] = []

    def pressed(number: int, frame: FrameType | None) -> Any:
        presses.append(number)
        return before(number, frame)

    signal.signal(signal.SIGINT, pressed)
    try:
        yield lambda: bool(presses)
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _endings_refused(process: int) -> Iterator[None]:
    """Refuse to end this process, to all threads that were not there before."""
    ending = {name: getattr(os, name) for name in ENDINGS}
    own = threading.get_ident()
    others = {thread.ident for thread in threading.enumerate()} - {own}

    def refusing(name: str) -> Callable[..., Any]:
        def refuse(*arguments: Any) -> Any:
            if os.getpid() != process or threading.get_ident() in others:
                return ending[name](*arguments)
            raise ProgramEnded(f"it called os.{name}()")

        return refuse

    for name in ENDINGS:
        setattr(os, name, refusing(name))
    try:
        yield
    finally:
        for name in ENDINGS:
            setattr(os, name, ending[name])
