"""Commands for many episodes: ``compare`` and ``stress``."""

from __future__ import annotations

from typing import Annotated

import typer

from sim.cli.options import (
    DONE,
    FAILED,
    MOST_REPLICATIONS,
    ControllersOption,
    DaskOption,
    DaysOption,
    JsonOption,
    KeepOption,
    OutOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    VerifyOption,
    WorkersOption,
    command_record,
    names_in,
    whole_number,
)
from sim.study.stress.axes import overview

STRESS_HELP = f"""Compare controllers along axes on which the scenario gets harder.

All points and controllers run on the same days. Of several axes all combinations are run.

With --out, the same command again runs only what is missing; `gridhaul report DIR` draws curves.

\b
{overview()}"""


def compare(
    scenario: ScenarioArgument,
    controllers: ControllersOption,
    replications: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(1, MOST_REPLICATIONS),
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
    workers: WorkersOption = 1,
    dask: DaskOption = None,
    seed: SeedOption = None,
    days: DaysOption = None,
    settings: SetOption = None,
    verify: VerifyOption = "audit",
    keep: KeepOption = "steps",
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
    specs = specify(names_in(controllers), chosen.controller)
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
            command=command_record(),
            on_resume=bar.resumed,
            on_episode=bar.ended,
        )
    console.print_study(study, as_json=as_json)
    raise typer.Exit(FAILED if study.failures else DONE)


def stress(
    scenario: ScenarioArgument,
    controllers: ControllersOption,
    replications: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole_number(1, MOST_REPLICATIONS),
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
    workers: WorkersOption = 1,
    dask: DaskOption = None,
    seed: SeedOption = None,
    days: DaysOption = None,
    settings: SetOption = None,
    verify: VerifyOption = "audit",
    keep: KeepOption = "steps",
    as_json: JsonOption = False,
    out: OutOption = None,
) -> None:
    """Compare controllers along axes; see `STRESS_HELP`."""
    from sim.episode.specification import specify
    from sim.report.terminal.progress import progress
    from sim.report.terminal.stress import print_stress
    from sim.scenario import load_scenario
    from sim.study.settings import parse
    from sim.study.stress.build import parse_axes
    from sim.study.stress.run import stress as stress_

    chosen = parse(settings or [], days=days)
    loaded = load_scenario(scenario, chosen.scenario)
    specs = specify(names_in(controllers), chosen.controller)
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
            command=command_record(),
            on_start=bar.expects,
            on_resume=bar.resumed,
            on_episode=bar.ended,
        )
    print_stress(study, as_json=as_json)
    raise typer.Exit(FAILED if study.cells.failures else DONE)
