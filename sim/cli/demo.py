"""``gridhaul demo``: a comparison on real days that takes a few minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import DONE, FAILED, command_record


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
            command=command_record(),
            on_resume=bar.resumed,
            on_episode=bar.ended,
        )
    console.print_study(study)
    typer.echo(f"Report: {write_report(out)}")
    raise typer.Exit(FAILED if study.failures else DONE)
