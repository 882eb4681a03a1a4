"""Run code of users: whatever it raises or prints, it neither ends the program nor spoils it.

This protects against mistakes, not against malice: a controller is code that the user trusts. What
no Python can hold back (a crash of a library, a signal) ends the process; with workers, that is one
failed episode.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
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
        # Once a decision: cheaper by hand than by a stack of context managers.
        self._process, self._folder = os.getpid(), _working_directory()
        self._presses = 0
        self._stdout = sys.stdout
        self._endings = {name: getattr(os, name) for name in ENDINGS}
        self._interrupted: Any = signal.getsignal(signal.SIGINT)
        in_charge = threading.current_thread() is threading.main_thread()
        # Elsewhere nobody is interrupted, or it is ignored.
        self._watches = in_charge and callable(self._interrupted)
        try:
            if self._watches:
                signal.signal(signal.SIGINT, self._pressed)
            self._refuse_endings()
            sys.stdout = sys.stderr
        except BaseException:
            self._restore()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if os.getpid() != self._process:
            os._exit(0)  # a copy that the code has made by ``os.fork()``: there is one study
        self._restore()
        if self._folder is not None and _working_directory() != self._folder:
            os.chdir(self._folder)
        if error is None or isinstance(error, Exception):
            return
        if isinstance(error, Terminated):
            return
        if isinstance(error, KeyboardInterrupt) and self._presses:
            return
        ended = ProgramEnded(f"it raised {_shown(error)}")
        raise ended.with_traceback(traceback) from error

    def _pressed(self, number: int, frame: FrameType | None) -> Any:
        """Note that Ctrl-C was pressed, and do what is done then."""
        self._presses += 1
        return self._interrupted(number, frame)

    def _refuse_endings(self) -> None:
        """Refuse to end this process, to all threads that were not there before."""
        process, endings, own = self._process, self._endings, threading.get_ident()
        others = {thread.ident for thread in threading.enumerate()} - {own}

        def refusing(name: str) -> Callable[..., Any]:
            def refuse(*arguments: Any) -> Any:
                if os.getpid() != process or threading.get_ident() in others:
                    return endings[name](*arguments)
                raise ProgramEnded(f"it called os.{name}()")

            return refuse

        for name in ENDINGS:
            setattr(os, name, refusing(name))

    def _restore(self) -> None:
        try:
            sys.stdout = self._stdout
            for name, ending in self._endings.items():
                setattr(os, name, ending)
        finally:
            if self._watches:
                signal.signal(signal.SIGINT, self._interrupted)


def _shown(error: BaseException) -> str:
    try:
        return repr(error)
    except BaseException:  # noqa: BLE001
        return type(error).__name__


def _working_directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - twice a decision
    except OSError:
        return None
