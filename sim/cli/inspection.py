"""Commands that look at one thing: ``list`` what there is, ``check`` a scenario or a controller."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from sim.cli.options import (
    FAILED,
    MOST_DAYS,
    JsonOption,
    SeedOption,
    SetOption,
    whole_number,
)


def list_(as_json: JsonOption = False) -> None:
    """Show the scenarios and controllers that are installed."""
    from sim.inspect.catalogue import catalogue
    from sim.report.terminal import console

    console.print_catalogue(catalogue(), as_json=as_json)


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
            metavar="N",
            parser=whole_number(1, MOST_DAYS),
            help="Number of days that --forecast looks at.",
        ),
    ] = 500,
    seed: SeedOption = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a scenario: all problems at once, or what it holds and what looks like a mistake."""
    from sim.report.terminal.check import print_calibration, print_findings
    from sim.scenario import load_scenario
    from sim.study.settings import parse_for_scenario

    loaded = load_scenario(scenario, parse_for_scenario(settings or []))
    if forecast:
        from sim.inspect.calibration import calibration

        figures = calibration(loaded, replications=replications, seed=seed)
        print_calibration(loaded, figures, as_json=as_json)
    else:
        from sim.inspect.check import check as check_

        print_findings(loaded, check_(loaded, seed=seed), as_json=as_json)


def describe(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="scenario, controller, metric, or all.")
    ],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which controller; default: all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List what can be set or is measured, with unit, default and meaning.

    scenario --json prints a JSON schema for editors, all a page of Markdown.
    """
    from sim.inspect import describe as found
    from sim.report.terminal.describe import metric_keys, print_keys, reference
    from sim.report.terminal.output import print_json

    found.check_kind(what)
    if what == "all":
        typer.echo(reference(), nl=False)
    elif what == "metric":
        print_keys("Figures of an episode", metric_keys(), as_json=as_json)
    elif what == "controller":
        every = {
            each: found.controller_keys(each)
            for each in ([name] if name else found.installed_controllers())
        }
        if as_json:
            print_json({each: [asdict(key) for key in keys] for each, keys in every.items()})
            return
        for each, keys in every.items():
            print_keys(f"Parameters of {each}", keys)
    elif as_json:
        print_json(found.scenario_schema())
    else:
        print_keys("scenario.toml", found.scenario_keys())


def check_controller(
    controller: Annotated[
        str, typer.Argument(metavar="FILE:CLASS", help="my_file.py:Mine, or a registered name.")
    ],
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCENARIO]",
            help="Name or folder; default: the smallest with what the controller requires.",
        ),
    ] = None,
    settings: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the laws on a controller; say which one is broken and how to see it."""
    from sim.episode.specification import specify
    from sim.inspect.laws.check_controller import check_controller as check_
    from sim.report.terminal.laws import print_laws
    from sim.scenario import load_scenario
    from sim.study.settings import parse, parse_for_controller

    if scenario is None:
        (spec,) = specify([controller], parse_for_controller(settings or [], controller))
        report = check_(spec)
    else:
        chosen = parse(settings or [])
        (spec,) = specify([controller], chosen.controller)
        report = check_(spec, load_scenario(scenario, chosen.scenario))
    print_laws(report, as_json=as_json)
    if not report.kept:
        raise typer.Exit(FAILED)
