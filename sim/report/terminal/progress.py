"""A progress bar of episodes: count, rate, time left."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sim.study.jobs import Failure, FinishedEpisode
from sim.world.recorder import Decision

SPEED_OVER_S = 120.0  # rate and time left are those of the last two minutes


class EpisodeBar:
    """Receives the progress of a running study.

    Parameters
    ----------
    bar, task
        Where it is shown.
    """

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def expects(self, episodes: int) -> None:
        """Show how many there will be in all."""
        self._bar.update(self._task, total=episodes)

    def resumed(self, episodes: int) -> None:
        """Show the episodes that were there before; they say nothing of the rate."""
        self._bar.reset(self._task, completed=episodes)

    def ended(self, result: FinishedEpisode | Failure) -> None:
        """Show that another episode has ended."""
        text = f"{escape(result.controller)} {result.replication}"
        self._bar.update(self._task, advance=1, description=text)


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[EpisodeBar]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
        speed_estimate_period=SPEED_OVER_S,
    )
    with bar:
        yield EpisodeBar(bar, bar.add_task("Episodes", total=None))


@contextlib.contextmanager
def decision_progress(
    controller: str, periods: int, *, quiet: bool = False
) -> Iterator[Callable[[Decision], None]]:
    """Show a bar of the periods of an episode with what each decision said, on a terminal only."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(f"{escape(controller)}: first decision", total=periods)

        def follow(decision: Decision) -> None:
            gap = f", gap {decision.gap:.2%}" if math.isfinite(decision.gap) else ""
            text = f"{escape(controller)}: {decision.status}{gap}"
            bar.update(task, completed=decision.period + 1, description=text)

        yield follow


class _Rate(ProgressColumn):
    """Episodes per second, or per minute where they take longer."""

    def render(self, task: Task) -> Text:
        if not task.speed:
            return Text("")
        per_s = task.speed
        return Text(f"{per_s:.1f}/s" if per_s >= 1 else f"{60 * per_s:.1f}/min")
