"""Commands for one episode: ``run`` and ``replay``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import (
    FAILED,
    INTERRUPTED,
    LARGEST_SEED,
    VERIFY_HELP,
    AllOption,
    DaysOption,
    DeadlineOption,
    JsonOption,
    OpenOption,
    OutOption,
    QuietOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
    StrictOption,
    VerifyOption,
    whole_number,
)


def run(
    scenario: ScenarioArgument,
    controller: Annotated[
        str, typer.Option(metavar="NAME", help="Registered name, or my_file.py:MyController.")
    ],
    seed: SeedOption = None,
    replication: Annotated[
        int, typer.Option(metavar="N", parser=whole_number(0, LARGEST_SEED), help="Which day.")
    ] = 0,
    days: DaysOption = None,
    settings: SetOption = None,
    verify: VerifyOption = "full",
    strict: StrictOption = False,
    deadline: DeadlineOption = None,
    everything: AllOption = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    out: OutOption = None,
    open_: OpenOption = False,
) -> None:
    """Run one controller on one day; --out keeps its tables and a report."""
    from sim.episode.specification import specify
    from sim.report.terminal import console
    from sim.report.terminal.progress import decision_progress
    from sim.scenario import load_scenario
    from sim.study.run import run as run_
    from sim.study.settings import parse

    chosen = parse(settings or [], days=days)
    (spec,) = specify([controller], chosen.controller)
    loaded = load_scenario(scenario, chosen.scenario)
    with decision_progress(spec.label, loaded.system.timing.n_periods, quiet=quiet) as bar:
        episode = run_(
            loaded,
            spec,
            seed=seed,
            replication=replication,
            verify=verify,
            strict=strict,
            deadline_s=deadline,
            follow=bar,
            out=out,
        )
    if not quiet:
        console.print_episode(episode, as_json=as_json, everything=everything)
        if not as_json:
            console.print_switched_off(loaded)
    if out is not None:
        from sim.report.html.page import write_report

        path = write_report(out)
        if not (as_json or quiet):
            typer.echo(f"Report: {path}")
        if open_:
            typer.launch(str(path))
    if bar.stopped:
        raise typer.Exit(INTERRUPTED)
    if episode.metrics["failed_decisions"] == episode.metrics["decisions"]:
        raise typer.Exit(FAILED)


def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What --out has filled.")],
    controller: Annotated[
        str | None, typer.Option(metavar="A", help="Whose episode; may be left out if it is alone.")
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(0, LARGEST_SEED),
            help="Which day; likewise if it is alone.",
        ),
    ] = None,
    from_period: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(0, LARGEST_SEED),
            help="First period that --with plans.",
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
    everything: AllOption = False,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR2", help="New folder for the tables and a report of this day."),
    ] = None,
) -> None:
    """Run an episode of a study again, prove that it is the same, and hand over on the way."""
    from sim.episode.specification import specify
    from sim.report.terminal.replay import print_replay
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
    )
    print_replay(found, as_json=as_json, everything=everything)
    if out is not None:
        from sim.report.html.page import write_report

        path = write_report(out)
        if not as_json:
            typer.echo(f"Report: {path}")
