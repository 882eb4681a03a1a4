"""The two ways to standard output: a console for people, one JSON object for machines."""

from __future__ import annotations

import json
import sys

from rich.console import Console

# Where there is no terminal, lines may be longer than the 80 characters rich assumes.
WIDTH_WITHOUT_TERMINAL = 140


def terminal() -> Console:
    """Return the console of standard output."""
    console = Console(highlight=False)
    return (
        console if console.is_terminal else Console(highlight=False, width=WIDTH_WITHOUT_TERMINAL)
    )


def print_json(content: object) -> None:
    """Print one JSON object and nothing else."""
    sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
