"""Follow an episode while it runs: tell the first failed decision at once, or stop at it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from sim.control import SolveStatus
from sim.errors import EpisodeError
from sim.world.recorder import Decision

LOGGER = logging.getLogger("gridhaul")


@dataclass(slots=True, kw_only=True)
class Follower:
    """Takes the decisions of one episode as they are made.

    Attributes
    ----------
    controller
        Whose decisions.
    strict
        Whether the first failed decision ends the episode.
    tell
        Whether the first failed decision is told as a warning of the logger ``gridhaul``, which
        goes to standard error unless logging is configured otherwise.
    then
        Takes every decision that does not end the episode.
    """

    controller: str
    strict: bool = False
    tell: bool = False
    then: Callable[[Decision], None] | None = None
    _is_told: bool = field(default=False, init=False)

    def __call__(self, decision: Decision) -> None:
        """Take a decision.

        Raises
        ------
        EpisodeError
            If it failed, and the episode is strict.
        """
        if decision.status == SolveStatus.FAILED:
            message = _sentence(self.controller, decision.time_h, decision.fallback)
            if self.strict:
                raise EpisodeError(message)
            if self.tell and not self._is_told:
                self._is_told = True
                LOGGER.warning(message)
        if self.then is not None:
            self.then(decision)


def _sentence(controller: str, time_h: float, reason: str) -> str:
    """Return the sentence that tells the first failed decision of a controller."""
    return f"{controller}: the decision at {time_h:g} h failed: {reason}"
