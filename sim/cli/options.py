"""Arguments and options that several commands share, with the bounds of their values."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sim.errors import shown

DONE, FAILED, BAD_INPUT = 0, 1, 2  # exit codes
# Beyond these, a typing error would fill the memory before anything runs.
MOST_REPLICATIONS, MOST_WORKERS, MOST_DAYS, LARGEST_SEED = 1_000_000, 1024, 3660, 2**63 - 1


def whole_number(least: int, most: int) -> Callable[[str | int], int]:
    """Return a parser of whole numbers from `least` to `most` that names what it refuses."""

    def parse(text: str | int) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise typer.BadParameter(f"{shown(text)} is no whole number from {least} to {most}")
        return number

    return parse


ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Name of a bundled scenario, or a folder.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(0, LARGEST_SEED),
        help="Root of all randomness; default: the scenario's.",
    ),
]
DaysOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole_number(1, MOST_DAYS),
        help="Length of an episode; default: the scenario's.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a value of the scenario, or with controller.KEY of the controller. "
        "May be repeated.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder for the tables: new, empty, or where this very study was stopped.",
    ),
]
ControllersOption = Annotated[
    str,
    typer.Option(metavar="A,B,...", help="Controllers; the others are compared with the first."),
]
WorkersOption = Annotated[
    int,
    typer.Option(metavar="N", parser=whole_number(1, MOST_WORKERS), help="Worker processes."),
]
DaskOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run on the workers of this Dask scheduler; local starts --workers of them here.",
    ),
]
KeepOption = Annotated[
    str,
    typer.Option(
        help="What --out keeps of each episode: steps (all tables) or summary (sums only)."
    ),
]
VERIFY_HELP = "Steps that pandapower computes again: full, audit (a sample) or off."
VerifyOption = Annotated[str, typer.Option(help=VERIFY_HELP)]


def command_record() -> dict[str, object]:
    """Return what the folder of a study remembers of who asked."""
    # The first word is a path of this machine.
    words = ["gridhaul", *sys.argv[1:]]
    return {"command": words, "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}


def names_in(text: str) -> list[str]:
    """Return the names in a list separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
