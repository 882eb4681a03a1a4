"""Progress of studies, episodes and decisions: bars, and lines where a decision takes long."""

from __future__ import annotations

import contextlib
import math
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

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

from sim.control import progress as planning
from sim.study.jobs import Failure, FinishedEpisode
from sim.world.recorder import Decision

SPEED_OVER_S = 120.0  # rate and time left are those of the last two minutes

# A decision that takes longer has a line per stage: on a terminal, beside its bar, and elsewhere.
TERMINAL_PATIENCE_S, PATIENCE_S = 5.0, 20.0
REPEAT_S = 10.0  # a stage that goes on has a line so often

_NUMBER = re.compile(r"\d+")  # stages that differ in numbers only are of one kind

STOPPING = (
    "No more planning: the plan in force stays to the end of the episode, which is then computed. "
    "Ctrl-C again ends all at once."
)


class EpisodeBar:
    """Receives the progress of a running study.

    Parameters
    ----------
    bar, task
        Where it is shown.
    lines
        Where what is said during an episode is shown.
    """

    def __init__(self, bar: Progress, task: TaskID, lines: DecisionLines) -> None:
        self._bar = bar
        self._task = task
        self._lines = lines

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
        self._lines.begin()


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[EpisodeBar]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),  # moves, too, while workers plan their first episodes
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
        speed_estimate_period=SPEED_OVER_S,
    )
    with bar:
        task = bar.add_task("Episodes", total=None)

        def write(line: str) -> None:
            bar.update(task, description=escape(line.partition(",")[0].strip()))

        # Without workers, decisions are made here and can be heard.
        lines = DecisionLines(write, TERMINAL_PATIENCE_S)
        listener = planning.Listener(lines.hear)
        with contextlib.nullcontext() if bar.disable else planning.listening(listener):
            yield EpisodeBar(bar, task, lines)


class DecisionLines:
    """Tells the stages of a decision that takes long, a line each.

    Parameters
    ----------
    write
        Takes a line.
    patience_s
        A decision that ends sooner has no lines [s].
    clock
        Says what time it is [s].
    """

    def __init__(
        self,
        write: Callable[[str], None],
        patience_s: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._write = write
        self._patience_s = patience_s
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Begin another decision."""
        self._began_s = self._clock()
        self._kind = ""
        self._last_s = self._began_s
        self._held_back: list[str] = []

    def hear(self, news: planning.Progress) -> None:
        """Take news: a new kind of stage is a line, the same kind again every `REPEAT_S`."""
        now_s = self._clock()
        kind = _NUMBER.sub("", news.stage)
        if kind == self._kind and now_s < self._last_s + REPEAT_S:
            return
        self._kind, self._last_s = kind, now_s
        self._held_back.append(f"{now_s - self._began_s:6.0f} s  {in_words(news)}")
        if now_s >= self._began_s + self._patience_s:
            for line in self._held_back:
                self._write(line)
            self._held_back = []


def in_words(news: planning.Progress) -> str:
    """Return news of a decision in a line."""
    parts = [news.stage]
    if news.best is not None:
        parts.append(f"best {news.best:,.1f}")
    if news.bound is not None:
        parts.append(f"bound {news.bound:,.1f}")
    if news.gap is not None and news.gap <= 1:  # beyond, the best is too near zero to say much
        parts.append(f"gap {max(news.gap, 0.0):.2%}")
    return ", ".join(parts)


class PeriodBar:
    """Receives the progress of one episode.

    Parameters
    ----------
    controller
        Who plans.
    bar, task
        Where its periods are shown.
    lines
        Where what is said during a decision is shown.
    """

    def __init__(self, controller: str, bar: Progress, task: TaskID, lines: DecisionLines) -> None:
        self._name = escape(controller)
        self._bar = bar
        self._task = task
        self._lines = lines
        self.listener = planning.Listener(self._hear)

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C has ended the planning."""
        return self.listener.stop

    def __call__(self, decision: Decision) -> None:
        """Show that a decision has been made."""
        gap = f", gap {decision.gap:.2%}" if math.isfinite(decision.gap) else ""
        text = f"{self._name}: {decision.status}{gap}"
        self._bar.update(self._task, completed=decision.period + 1, description=text)
        self._lines.begin()

    def _hear(self, news: planning.Progress) -> None:
        self._bar.update(self._task, description=f"{self._name}: {escape(news.stage)}")
        self._lines.hear(news)


@contextlib.contextmanager
def decision_progress(controller: str, periods: int, *, quiet: bool = False) -> Iterator[PeriodBar]:
    """Show how far an episode is, on standard error.

    On a terminal that is a bar of its periods with what each decision said. A decision that takes
    long has a line per stage, elsewhere too. Ctrl-C ends the planning: the plan in force stays to
    the end of the episode; pressed again, it ends all.
    """
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

    def write(line: str) -> None:
        if not quiet:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    lines = DecisionLines(write, TERMINAL_PATIENCE_S if console.is_terminal else PATIENCE_S)
    with bar:
        task = bar.add_task(f"{escape(controller)}: first decision", total=periods)
        shown = PeriodBar(controller, bar, task, lines)
        with _stop_on_interrupt(shown.listener, console):
            yield shown


@contextlib.contextmanager
def _stop_on_interrupt(listener: planning.Listener, console: Console) -> Iterator[None]:
    """Let a listener hear, and the first Ctrl-C end the planning."""

    def pressed(number: int, frame: FrameType | None) -> None:
        if listener.stop:
            signal.default_int_handler(number, frame)
        listener.stop = True
        console.print(STOPPING, style="yellow", soft_wrap=True)

    with planning.listening(listener):
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, pressed)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


class _Rate(ProgressColumn):
    """Episodes per second, or per minute where they take longer."""

    def render(self, task: Task) -> Text:
        if not task.speed:
            return Text("")
        per_s = task.speed
        return Text(f"{per_s:.1f}/s" if per_s >= 1 else f"{60 * per_s:.1f}/min")
