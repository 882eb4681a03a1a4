"""Commands for many episodes: ``compare``, ``stress`` and ``pareto``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import (
    DONE,
    FAILED,
    INTERRUPTED,
    LARGEST_SEED,
    MOST_POINTS,
    ControllersOption,
    DaysOption,
    JsonOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    StudyOptions,
    names_in,
    whole_number,
    with_study_options,
)
from sim.study.stress.axes import overview

if TYPE_CHECKING:
    from sim.study.study import Study

STRESS_HELP = f"""Compare controllers along axes on which the scenario gets harder.

All points and controllers run on the same days. Of several axes all combinations are run.

With --out, the same command again runs only what is missing; `gridhaul report DIR` draws curves.

\b
{overview()}"""


@with_study_options
def compare(
    scenario: ScenarioArgument,
    controllers: ControllersOption,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="X%",
            help="Stop once each paired interval of the objective is at most ± X % of the first "
            "controller's mean; looks from 50 days on, at most --replications.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="K/N",
            help="Run the K-th of N parts only, for job arrays; then `gridhaul missing DIR` and "
            "`gridhaul collect DIR`.",
        ),
    ] = None,
    *,
    options: StudyOptions,
) -> None:
    """Compare controllers on common days, with paired differences.

    With --out, the same command again runs only what is missing.
    """
    from sim.cli.arrays import run_part
    from sim.episode.specification import specify
    from sim.report.terminal import console
    from sim.report.terminal.progress import progress
    from sim.scenario import load_scenario
    from sim.study.compare import compare as compare_
    from sim.study.inference.stopping import as_until
    from sim.study.settings import parse

    chosen = parse(options.settings or [], days=options.days)
    specs = specify(names_in(controllers), chosen.controller)
    loaded = load_scenario(scenario, chosen.scenario)
    limit = None if until is None else as_until(until)
    if shard is not None:
        raise typer.Exit(run_part(loaded, specs, shard, options, until=limit))
    with progress(quiet=options.quiet) as bar:
        study = compare_(loaded, specs, until=limit, progress=bar, **options.execution)
    if not options.quiet:
        console.print_study(study, as_json=options.as_json, everything=options.everything)
        if not options.as_json:
            console.print_switched_off(loaded)
    raise typer.Exit(_exit_code(study))


@with_study_options
def stress(
    scenario: ScenarioArgument,
    controllers: ControllersOption,
    axis: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=V1,V2,...", help="What to vary. May be repeated."),
    ] = None,
    pack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Named points: traffic, weather or faults.")
    ] = None,
    *,
    options: StudyOptions,
) -> None:
    """Compare controllers along axes; see `STRESS_HELP`."""
    from sim.episode.specification import specify
    from sim.report.terminal.progress import progress
    from sim.report.terminal.stress import print_stress
    from sim.scenario import load_scenario
    from sim.study.settings import parse
    from sim.study.stress.build import parse_axes
    from sim.study.stress.run import stress as stress_

    chosen = parse(options.settings or [], days=options.days)
    loaded = load_scenario(scenario, chosen.scenario)
    specs = specify(names_in(controllers), chosen.controller)
    axes = parse_axes(axis or [])
    with progress(quiet=options.quiet) as bar:
        study = stress_(loaded, specs, axes=axes, pack=pack, progress=bar, **options.execution)
    if not options.quiet:
        print_stress(study, as_json=options.as_json)
    raise typer.Exit(_exit_code(study.cells))


def pareto(
    scenario: ScenarioArgument,
    controller: Annotated[
        str, typer.Option(metavar="NAME", help="A controller with several objectives.")
    ],
    points: Annotated[
        int,
        typer.Option(
            metavar="N", parser=whole_number(1, MOST_POINTS), help="About how many plans to try."
        ),
    ] = 20,
    seed: SeedOption = None,
    replication: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(0, LARGEST_SEED), help="Which day.")
    ] = 0,
    days: DaysOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for front.csv, front.json and front.html."),
    ] = None,
) -> None:
    """Show what a controller's objectives cost each other on one day that is known.

    Every point is a plan that has been carried out and checked by AC power flow; points that
    another one dominates are left out.
    """
    from sim.episode.specification import specify
    from sim.report.html.front_page import check_folder, write_front
    from sim.report.terminal.front import print_front
    from sim.scenario import load_scenario
    from sim.study.pareto import pareto as pareto_
    from sim.study.settings import parse

    chosen = parse(settings or [], days=days)
    (spec,) = specify([controller], chosen.controller)
    loaded = load_scenario(scenario, chosen.scenario)
    if out is not None:
        check_folder(out)
    front = pareto_(loaded, spec, points=points, seed=seed, replication=replication)
    print_front(front, as_json=as_json)
    if out is not None:
        path = write_front(front, out)
        if not as_json:
            typer.echo(f"Front: {path}")


def _exit_code(study: Study) -> int:
    if study.interrupted:
        return INTERRUPTED
    return FAILED if study.failures or study.without_decisions else DONE
