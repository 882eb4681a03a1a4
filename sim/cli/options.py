"""Arguments and options that several commands share, with the bounds of their values."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from sim.errors import shown

DONE, FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143  # exit codes
# Beyond these, a typing error would fill the memory before anything runs.
LONGEST_DEADLINE_S = 86_400.0
MOST_REPLICATIONS, MOST_WORKERS, MOST_DAYS, LARGEST_SEED = 1_000_000, 1024, 3660, 2**63 - 1
MOST_POINTS = 10_000


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


def seconds(text: str | float) -> float:
    """Return a length of time; what is none is named."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= LONGEST_DEADLINE_S:
        raise typer.BadParameter(
            f"{shown(text)} is no number of seconds above 0 and up to {LONGEST_DEADLINE_S:g}"
        )
    return number


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
OpenOption = Annotated[bool, typer.Option("--open", help="Open the report in the browser.")]
QuietOption = Annotated[
    bool, typer.Option("-q", "--quiet", help="Print no tables and no progress, only failures.")
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Print every figure, not only those that matter most.")
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Stop at the first decision that fails, and exit with 1.")
]
DeadlineOption = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        parser=seconds,
        help="Wall clock for each decision; one that takes longer is given up. Default: none.",
    ),
]
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
ReplicationsOption = Annotated[
    int,
    typer.Option(
        metavar="N", parser=whole_number(1, MOST_REPLICATIONS), help="Number of common days."
    ),
]
VERIFY_HELP = "Steps that pandapower computes again: full, audit (a sample) or off."
VerifyOption = Annotated[str, typer.Option(help=VERIFY_HELP)]


def names_in(text: str) -> list[str]:
    """Return the names in a list separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Options of commands that run a study, in the order of their help."""

    replications: ReplicationsOption
    workers: WorkersOption = 1
    dask: DaskOption = None
    seed: SeedOption = None
    days: DaysOption = None
    settings: SetOption = None
    verify: VerifyOption = "audit"
    keep: KeepOption = "steps"
    strict: StrictOption = False
    deadline: DeadlineOption = None
    everything: AllOption = False
    quiet: QuietOption = False
    as_json: JsonOption = False
    out: OutOption = None

    @property
    def execution(self) -> dict[str, Any]:
        """The arguments that `gridhaul.compare` and `gridhaul.stress` have in common."""
        names = ["replications", "seed", "workers", "dask", "verify", "keep", "strict", "out"]
        return {name: getattr(self, name) for name in names} | {"deadline_s": self.deadline}


def with_study_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that takes the fields of `StudyOptions` in place of a last such argument."""
    own = [*inspect.signature(command, eval_str=True).parameters.values()][:-1]
    hints = get_type_hints(StudyOptions, include_extras=True)
    shared = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in fields(StudyOptions)
    ]

    def called(**given: Any) -> None:
        mine = {each.name: given.pop(each.name) for each in own}
        command(**mine, options=StudyOptions(**given))

    required = [each for each in shared if each.default is inspect.Parameter.empty]
    others = [each for each in shared if each.default is not inspect.Parameter.empty]
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    signature = inspect.Signature(
        [
            *(each for each in named if each.default is inspect.Parameter.empty),
            *required,
            *(each for each in named if each.default is not inspect.Parameter.empty),
            *others,
        ]
    )
    called.__name__, called.__doc__ = command.__name__, command.__doc__
    called.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    called.__signature__ = signature  # type: ignore[attr-defined]
    return called
