"""A signal asks this process to end: at once, or at the next moment at which it may.

An exception that a signal raises in the middle of compiled code's wrappers may crash them. So while
an episode is computed in this process, the end waits for its next decision.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class Terminated(KeyboardInterrupt):
    """The end that was asked for; like Ctrl-C it goes through a user's code."""


class Termination:
    """Whether this process is asked to end; there is one, as there is one process."""

    def __init__(self) -> None:
        self.is_asked = False
        self._is_held = False

    def ask(self) -> None:
        """Ask for the end, from the handler of a signal; a second time changes nothing.

        Raises
        ------
        Terminated
            If nothing holds it.
        """
        if not self.is_asked:
            self.is_asked = True
            if not self._is_held:
                raise Terminated

    def check(self) -> None:
        """End here, if that was asked for.

        Raises
        ------
        Terminated
            If it was.
        """
        if self.is_asked:
            raise Terminated

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let the end wait for `check` as long as this lasts."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def forget(self) -> None:
        """Start anew."""
        self.is_asked = False


termination = Termination()
