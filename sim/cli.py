"""The command line: options in, calls down, exit codes out.

Nothing heavy is imported before a command runs, so that ``gridhaul --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sim.errors import GridhaulError, InputError, shown
from sim.study.stress.axes import overview

DONE, FAILED, BAD_INPUT = 0, 1, 2
# Beyond these, a slip of the pen would fill the memory before anything runs.
MOST_REPLICATIONS, MOST_WORKERS, MOST_DAYS, LARGEST_SEED = 1_000_000, 1024, 3660, 2**63 - 1


def whole(least: int, most: int) -> Callable[[str | int], int]:
    """Return a parser of whole numbers from `least` to `most` that names what it refuses."""

    def parse_whole(text: str | int) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise typer.BadParameter(f"{shown(text)} is no whole number from {least} to {most}")
        return number

    return parse_whole


app = typer.Typer(
    name="gridhaul",
    help="Simulate mobile battery storage in power grids, and compare controllers on common days.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ScenarioArgument = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="Name of a bundled scenario, or a folder.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole(0, LARGEST_SEED),
        help="Root of all randomness; default: the scenario's.",
    ),
]
DaysOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        parser=whole(1, MOST_DAYS),
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
VERIFY_HELP = "Steps that pandapower computes again: full, audit (a sample) or off."


@app.command()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the result.")] = Path(
        "results/demo"
    ),
) -> None:
    """Compare four controllers on real days of a 33-bus grid, in a few minutes."""
    from sim.report.html.page import write_report
    from sim.report.terminal import console
    from sim.report.terminal.progress import progress
    from sim.scenario import load_scenario
    from sim.study import demo as job
    from sim.study.compare import compare

    scenario = load_scenario(job.SCENARIO, {})
    console.announce(scenario, job.CONTROLLERS, job.REPLICATIONS)
    with progress(len(job.CONTROLLERS) * job.REPLICATIONS) as bar:
        study = compare(
            scenario,
            job.CONTROLLERS,
            replications=job.REPLICATIONS,
            workers=job.WORKERS,
            verify=job.VERIFY,
            out=out,
            command=_command(),
            on_resume=bar.resumed,
            on_episode=bar.ended,
        )
    console.print_study(study)
    typer.echo(f"Report: {write_report(out)}")
    raise typer.Exit(FAILED if study.failures else DONE)


@app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Show the scenarios and controllers that are installed."""
    from sim.inspect.catalogue import catalogue
    from sim.report.terminal import console

    console.print_catalogue(catalogue(), as_json=as_json)


@app.command()
def run(
    scenario: ScenarioArgument,
    controller: Annotated[
        str, typer.Option(metavar="NAME", help="Registered name, or my_file.py:MyController.")
    ],
    seed: SeedOption = None,
    replication: Annotated[
        int, typer.Option(metavar="N", parser=whole(0, LARGEST_SEED), help="Which day.")
    ] = 0,
    days: DaysOption = None,
    settings: SetOption = None,
    verify: Annotated[str, typer.Option(help=VERIFY_HELP)] = "full",
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Run one controller on one day; --out keeps its tables and a report."""
    from sim.episode.specification import specify
    from sim.report.html.page import write_report
    from sim.report.terminal import console
    from sim.scenario import load_scenario
    from sim.study.run import run as run_
    from sim.study.settings import parse

    chosen = parse(settings or [], days=days)
    (spec,) = specify([controller], chosen.controller)
    episode = run_(
        load_scenario(scenario, chosen.scenario),
        spec,
        seed=seed,
        replication=replication,
        verify=verify,
        out=out,
        command=_command(),
    )
    console.print_episode(episode, as_json=as_json)
    if out is not None:
        path = write_report(out)
        if not as_json:
            typer.echo(f"Report: {path}")


@app.command()
def compare(
    scenario: ScenarioArgument,
    controllers: Annotated[
        str,
        typer.Option(
            metavar="A,B,...", help="Controllers; the others are compared with the first."
        ),
    ],
    replications: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole(1, MOST_REPLICATIONS),
            help="Number of common days; with --until the most.",
        ),
    ],
    until: Annotated[
        str | None,
        typer.Option(
            metavar="X%",
            help="Stop once each paired interval of the objective is at most ± X % of the first "
            "controller's mean; looks from 50 days on.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, MOST_WORKERS), help="Worker processes.")
    ] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on the workers of this Dask scheduler; local starts --workers of them here.",
        ),
    ] = None,
    seed: SeedOption = None,
    days: DaysOption = None,
    settings: SetOption = None,
    verify: Annotated[str, typer.Option(help=VERIFY_HELP)] = "audit",
    keep: Annotated[
        str,
        typer.Option(
            help="What --out keeps of each episode: steps (all tables) or summary (sums only)."
        ),
    ] = "steps",
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Compare controllers on common days, with paired differences.

    With --out, the same command again runs only what is missing.
    """
    from sim.episode.specification import specify
    from sim.report.terminal import console
    from sim.report.terminal.progress import progress
    from sim.scenario import load_scenario
    from sim.study.compare import compare as compare_
    from sim.study.inference.stopping import as_until
    from sim.study.settings import parse

    chosen = parse(settings or [], days=days)
    specs = specify(
        [name.strip() for name in controllers.split(",") if name.strip()], chosen.controller
    )
    with progress(len(specs) * replications) as bar:
        study = compare_(
            load_scenario(scenario, chosen.scenario),
            specs,
            replications=replications,
            until=None if until is None else as_until(until),
            seed=seed,
            workers=workers,
            dask=dask,
            verify=verify,
            keep=keep,
            out=out,
            command=_command(),
            on_resume=bar.resumed,
            on_episode=bar.ended,
        )
    console.print_study(study, as_json=as_json)
    raise typer.Exit(FAILED if study.failures else DONE)


STRESS_HELP = f"""Compare controllers along axes on which the scenario gets harder.

All points and controllers live the same days. Of several axes all combinations are run.

With --out, the same command again runs only what is missing; `gridhaul report DIR` draws curves.

\b
{overview()}"""


@app.command(help=STRESS_HELP)
def stress(
    scenario: ScenarioArgument,
    controllers: Annotated[
        str,
        typer.Option(
            metavar="A,B,...", help="Controllers; the others are compared with the first."
        ),
    ],
    replications: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole(1, MOST_REPLICATIONS),
            help="Number of common days at every point.",
        ),
    ],
    axis: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V1,V2,...", help="What to vary. May be repeated."),
    ] = None,
    pack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Named points: traffic, weather or faults.")
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", parser=whole(1, MOST_WORKERS), help="Worker processes.")
    ] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on the workers of this Dask scheduler; local starts --workers of them here.",
        ),
    ] = None,
    seed: SeedOption = None,
    days: DaysOption = None,
    settings: SetOption = None,
    verify: Annotated[str, typer.Option(help=VERIFY_HELP)] = "audit",
    keep: Annotated[
        str,
        typer.Option(
            help="What --out keeps of each episode: steps (all tables) or summary (sums only)."
        ),
    ] = "steps",
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Compare controllers along axes; see `STRESS_HELP`."""
    from sim.episode.specification import specify
    from sim.report.terminal.progress import progress
    from sim.report.terminal.stress import print_stress
    from sim.scenario import load_scenario
    from sim.study.settings import parse
    from sim.study.stress.run import stress as stress_
    from sim.study.stress.stressors import parse_axes

    chosen = parse(settings or [], days=days)
    loaded = load_scenario(scenario, chosen.scenario)
    specs = specify(
        [name.strip() for name in controllers.split(",") if name.strip()], chosen.controller
    )
    with progress() as bar:
        study = stress_(
            loaded,
            specs,
            axes=parse_axes(axis or []),
            pack=pack,
            replications=replications,
            seed=seed,
            workers=workers,
            dask=dask,
            verify=verify,
            keep=keep,
            out=out,
            command=_command(),
            on_start=bar.expects,
            on_resume=bar.resumed,
            on_episode=bar.ended,
        )
    print_stress(study, as_json=as_json)
    raise typer.Exit(FAILED if study.cells.failures else DONE)


@app.command()
def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What --out has filled.")],
    controller: Annotated[
        str | None, typer.Option(metavar="A", help="Whose episode; may be left out if it is alone.")
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole(0, LARGEST_SEED), help="Which day; likewise if it is alone."
        ),
    ] = None,
    from_period: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole(0, LARGEST_SEED), help="First period that --with plans."
        ),
    ] = None,
    hand_to: Annotated[
        str | None,
        typer.Option(
            "--with", metavar="B", help="Who takes over: registered, or my_file.py:MyController."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="controller.KEY of --with; all else is as it was. May be repeated.",
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Where the scenario is now, if it has moved since."),
    ] = None,
    verify: Annotated[
        str | None, typer.Option(help=f"{VERIFY_HELP} Default: as in the study.")
    ] = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR2", help="New folder for the tables and a report of this day."),
    ] = None,
) -> None:
    """Run an episode of a study again, prove that it is the same, and hand over on the way."""
    from sim.episode.specification import specify
    from sim.report.html.page import write_report
    from sim.report.terminal import replay as replayed
    from sim.study.replay.replay import replay as replay_
    from sim.study.settings import parse_for_controller

    chosen = parse_for_controller(settings or [], hand_to)
    found = replay_(
        folder,
        controller,
        replication,
        from_period=from_period,
        hand_to=None if hand_to is None else specify([hand_to], chosen)[0],
        scenario=scenario,
        verify=verify,
        out=out,
        command=_command(),
    )
    replayed.print_replay(found, as_json=as_json)
    if out is not None:
        path = write_report(out)
        if not as_json:
            typer.echo(f"Report: {path}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What --out has filled.")],
) -> None:
    """Write the HTML report of a study and print its path."""
    from sim.report.html.page import write_report

    typer.echo(write_report(folder))


@app.command()
def check(
    scenario: Annotated[
        str, typer.Argument(metavar="PATH", help="A folder, or the name of a bundled scenario.")
    ],
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Compare forecasts with what comes true instead.")
    ] = False,
    replications: Annotated[
        int,
        typer.Option(
            metavar="N", parser=whole(1, MOST_DAYS), help="Number of days that --forecast looks at."
        ),
    ] = 500,
    seed: SeedOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a scenario: all problems at once, or what it holds and what looks like a mistake."""
    from sim.report.terminal import check as report_
    from sim.scenario import load_scenario
    from sim.study.settings import parse_for_scenario

    loaded = load_scenario(scenario, parse_for_scenario(settings or []))
    if forecast:
        from sim.inspect.calibration import calibration

        figures = calibration(loaded, replications=replications, seed=seed)
        report_.print_calibration(loaded, figures, as_json=as_json)
    else:
        from sim.inspect.check import check as check_

        report_.print_findings(loaded, check_(loaded, seed=seed), as_json=as_json)


@app.command()
def export(
    scenario: ScenarioArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
    settings: SetOption = None,
) -> None:
    """Copy a scenario, with what --set changes, into a folder that needs nothing beside it."""
    from sim.scenario.export import export_scenario
    from sim.study.settings import parse_for_scenario

    typer.echo(export_scenario(scenario, folder, parse_for_scenario(settings or [])))


def main() -> None:
    """Run the command line; exit with 0 (done), 1 (failed run) or 2 (bad input)."""
    # Small matrices gain nothing from threads, and with one thread the results of one process
    # equal those of many. Must be set before the numerical libraries are imported.
    for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(key, "1")
    try:
        app()
    except InputError as error:
        _complain(error, BAD_INPUT)
    except GridhaulError as error:
        _complain(error, FAILED)


def _command() -> dict[str, object]:
    """Return what the folder of a study remembers of who asked."""
    import datetime as dt

    # The first word is a path of this machine.
    words = ["gridhaul", *sys.argv[1:]]
    return {"command": words, "started": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}


def _complain(error: GridhaulError, code: int) -> None:
    typer.echo(f"gridhaul: {error}", err=True)
    sys.exit(code)
