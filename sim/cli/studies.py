"""Commands for many episodes: ``compare`` and ``stress``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import (
    DONE,
    FAILED,
    INTERRUPTED,
    ControllersOption,
    ScenarioArgument,
    StudyOptions,
    names_in,
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
    *,
    options: StudyOptions,
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

    chosen = parse(options.settings or [], days=options.days)
    specs = specify(names_in(controllers), chosen.controller)
    loaded = load_scenario(scenario, chosen.scenario)
    limit = None if until is None else as_until(until)
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


def _exit_code(study: Study) -> int:
    if study.interrupted:
        return INTERRUPTED
    return FAILED if study.failures or study.without_decisions else DONE
