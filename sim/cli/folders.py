"""Commands that write folders: ``new``, ``report`` and ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import OpenOption, ScenarioArgument, SetOption


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
) -> None:
    """Write a commented scenario and a controller to start from."""
    from sim.adapters.new import new_project

    for file in new_project(folder):
        typer.echo(file)


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What --out has filled.")],
    open_: OpenOption = False,
) -> None:
    """Write the HTML report of a study and print its path."""
    from sim.report.html.page import write_report

    path = write_report(folder)
    typer.echo(path)
    if open_:
        typer.launch(str(path))


def export(
    scenario: ScenarioArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
    settings: SetOption = None,
) -> None:
    """Copy a scenario, with what --set changes, into a folder that needs nothing beside it."""
    from sim.scenario.export import export_scenario
    from sim.study.settings import parse_for_scenario

    typer.echo(export_scenario(scenario, folder, parse_for_scenario(settings or [])))
