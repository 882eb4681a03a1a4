"""A deadline for every decision: the safety net under controllers that do not end."""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import numpy as np

from sim.control import (
    Capabilities,
    Controller,
    Observation,
    Outcome,
    Plan,
    SolveStatus,
    capabilities_of,
)
from sim.errors import EpisodeError
from sim.system.system import System

GRACE_S = 10.0  # what cannot be interrupted ends the process so long after the deadline
AGAIN_S = 0.1  # a controller that catches the interruption is interrupted again


class Limited:
    """Gives a controller so many seconds for its start and for each decision.

    A decision that takes longer is recorded with status ``deadline``, and the plan in force stays.
    Code that no signal interrupts (a library that computes on) ends its process; in a study with
    workers that is one failed episode.

    Parameters
    ----------
    controller
        Who decides.
    deadline_s
        Wall clock for each decision [s].
    """

    def __init__(self, controller: Controller, deadline_s: float) -> None:
        self._controller = controller
        self._deadline_s = deadline_s

    @property
    def capabilities(self) -> Capabilities:
        """Those of the controller."""
        return capabilities_of(self._controller)

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Start the controller.

        Raises
        ------
        EpisodeError
            If that takes too long.
        """
        with _limit(self._deadline_s) as late:
            self._controller.start(system, rng)
        if late:
            raise EpisodeError(f"start() did not end within {self._deadline_s:g} s")

    def decide(self, observation: Observation) -> Plan:
        """Return the controller's plan, or one that says that it is late."""
        late_plan = Plan(
            outcome=Outcome(
                status=SolveStatus.DEADLINE,
                fallback=f"no decision within {self._deadline_s:g} s",
            )
        )
        with _limit(self._deadline_s) as late:
            plan = self._controller.decide(observation)
        return late_plan if late else plan


class _TimeIsUp(BaseException):
    """No `Exception`, so that controllers that catch those do not catch it."""


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[list[bool]]:
    """End what runs inside after so many seconds; the list that is yielded is then not empty."""
    late: list[bool] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        late.append(True)
        raise _TimeIsUp

    # Signals reach the main thread only; Dask's workers run episodes in another one.
    by_signal = threading.current_thread() is threading.main_thread()
    faulthandler.dump_traceback_later(seconds + GRACE_S, exit=True)
    try:
        if by_signal:
            before = signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
        try:
            yield late
        finally:
            if by_signal:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, before)
    except _TimeIsUp:
        pass
    finally:
        faulthandler.cancel_dump_traceback_later()
