"""A progress bar in a notebook: HTML that IPython replaces, with no widgets to install."""

from __future__ import annotations

import html
import math
import sys
import time
from collections.abc import Callable
from typing import Any

from sim.study.jobs import Failure, FinishedEpisode
from sim.world.recorder import Decision

LEAST_APART_S = 0.2  # of two drawings


class NotebookBar:
    """A bar of episodes, or of the periods of one; see `StudyProgress`.

    Parameters
    ----------
    display
        ``IPython.display.display``.
    unit
        What it counts.
    total
        How many there will be.
    """

    def __init__(self, display: Callable[..., Any], unit: str, total: int = 0) -> None:
        self._unit = unit
        self._total = total
        self._done = 0
        self._text = ""
        self._began = self._drawn = time.monotonic()
        self._handle = display(self._content(), raw=True, display_id=True)

    def expects(self, episodes: int) -> None:
        """Take how many there will be."""
        self._total = episodes

    def resumed(self, episodes: int) -> None:
        """Take how many were there before."""
        self._done = episodes

    def ended(self, result: FinishedEpisode | Failure) -> None:
        """Show that another episode has ended."""
        self._move(self._done + 1, f"{result.controller} {result.replication}")

    def decided(self, decision: Decision) -> None:
        """Show a decision with its gap."""
        gap = f", gap {decision.gap:.2%}" if math.isfinite(decision.gap) else ""
        self._move(decision.period + 1, f"{decision.status}{gap}")

    def _move(self, done: int, text: str) -> None:
        self._done, self._text = done, text
        now = time.monotonic()
        if done >= self._total or now - self._drawn >= LEAST_APART_S:
            self._drawn = now
            self._handle.update(self._content(), raw=True)

    def _content(self) -> dict[str, str]:
        seconds = time.monotonic() - self._began
        text = f"{self._done} of {self._total} {self._unit}, {seconds:.0f} s"
        text += f": {self._text}" if self._text else ""
        bar = f'<progress max="{max(self._total, 1)}" value="{self._done}"></progress>'
        return {"text/html": f"{bar} {html.escape(text)}", "text/plain": text}


def notebook_bar(unit: str, total: int = 0) -> NotebookBar | None:
    """Return a bar in a notebook, None elsewhere: a script's output is its own."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    return NotebookBar(ipython.display.display, unit, total)
