"""``gridhaul demo``: a comparison on real days that takes a few minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import DONE, FAILED, AllOption, OpenOption

WORKERS = 2


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the result.")] = Path(
        "results/demo"
    ),
    everything: AllOption = False,
    open_: OpenOption = False,
) -> None:
    """Compare controllers on real days of a 33-bus grid, in a few minutes."""
    from sim.inspect.demonstration import demonstration
    from sim.report.html.page import write_report
    from sim.report.terminal import console
    from sim.report.terminal.progress import progress
    from sim.scenario import load_scenario
    from sim.study.compare import compare

    shown = demonstration()
    scenario = load_scenario(shown.scenario, {})
    console.announce(scenario, shown.controllers, shown.replications)
    with progress() as bar:
        study = compare(
            scenario,
            shown.controllers,
            replications=shown.replications,
            workers=WORKERS,
            verify="full",
            out=out,
            progress=bar,
        )
    console.print_study(study, everything=everything)
    path = write_report(out)
    typer.echo(f"Report: {path}")
    if open_:
        typer.launch(str(path))
    raise typer.Exit(FAILED if study.failures else DONE)
