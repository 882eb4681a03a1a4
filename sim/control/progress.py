"""What a controller may say while it plans, and how it learns that it should come to an end.

A decision may take minutes. A controller says with `tell` what it is doing and how far it is; who
runs the episode may listen. Where nobody does, `tell` costs the look-up of a variable::

    for number in range(searches):
        tell(f"search {number + 1} of {searches}", best=best_usd, bound=bound_usd)

Nothing that is told enters the results.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a decision is.

    Attributes
    ----------
    stage
        What is being done.
    best, bound
        The best value so far of what is minimised and its proven bound, in the unit of the model;
        None where there is none.
    """

    stage: str
    best: float | None = None
    bound: float | None = None

    @property
    def gap(self) -> float | None:
        """``(best - bound) / |best|``, None where one is missing or the best is zero [-]."""
        if self.best is None or self.bound is None or self.best == 0:
            return None
        return (self.best - self.bound) / abs(self.best)


class StopPlanning(Exception):
    """Whoever runs the episode wants no more planning.

    A controller that has something already may catch it and return that.
    """


@dataclass(slots=True)
class Listener:
    """Who listens to a decision.

    Attributes
    ----------
    hear
        Takes what is told.
    stop
        Whether planning is to end: the next `tell` raises, and no further decision is asked for.
    """

    hear: Callable[[Progress], None]
    stop: bool = False


_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener hear what is told inside."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def is_heard() -> bool:
    """Return whether anybody listens; what is costly to find out is worth it only then."""
    return _LISTENER.get() is not None


def stop_asked() -> bool:
    """Return whether planning is to end."""
    listener = _LISTENER.get()
    return listener is not None and listener.stop


def tell(stage: str, *, best: float | None = None, bound: float | None = None) -> None:
    """Say what is being done now.

    Parameters
    ----------
    stage
        In a few words, for example ``"second stage, generation 3 of 100"``.
    best, bound
        See `Progress`.

    Raises
    ------
    StopPlanning
        If planning is to end.
    """
    listener = _LISTENER.get()
    if listener is None:
        return
    listener.hear(Progress(stage=stage, best=best, bound=bound))
    if listener.stop:
        raise StopPlanning
