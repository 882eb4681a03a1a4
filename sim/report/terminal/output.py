"""Standard output: a console for people, one JSON object for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sim.study.jobs import Failure

# Where there is no terminal, lines may be longer than the 80 characters rich assumes.
WIDTH_WITHOUT_TERMINAL = 140


def terminal() -> Console:
    """Return the console of standard output; a class X in a file is no emoji (``file.py:X: ``)."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


def plain_table(title: str = "") -> Table:
    """Return a table without frame: its title, its head, a line, its rows."""
    return Table(
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )


def print_json(content: object) -> None:
    """Print one JSON object and nothing else."""
    sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


def print_warnings(sentences: Iterable[str]) -> None:
    """Print warnings."""
    for sentence in sentences:
        terminal().print(f"[yellow]warning[/yellow]: {escape(sentence)}")


def print_failures(failures: Sequence[Failure], episodes: int) -> None:
    """Print to standard error which of the episodes of a study failed, and why."""
    errors = Console(stderr=True, soft_wrap=True, emoji=False)
    for failure in failures:
        errors.print(f"failed: {escape(str(failure))}", style="red", highlight=False)
    if failures:
        errors.print(f"{len(failures)} of {episodes} episodes failed", highlight=False)
