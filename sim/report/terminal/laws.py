"""Print what `gridhaul check-controller` finds."""

from __future__ import annotations

import dataclasses

from rich.markup import escape
from rich.table import Table

from sim.inspect.laws.check_controller import LawReport, Verdict
from sim.report.terminal.output import print_json, print_warnings, terminal

COLOUR = {Verdict.KEPT: "green", Verdict.BROKEN: "red", Verdict.NOT_JUDGED: "yellow"}


def print_laws(report: LawReport, *, as_json: bool = False) -> None:
    """Print one line per law, then each breach with the command that shows it."""
    if as_json:
        print_json({"kept": report.kept, **dataclasses.asdict(report)})
        return
    table = Table.grid(padding=(0, 2))
    for each in report.laws:
        colour = COLOUR[each.verdict]
        table.add_row(f"[{colour}]{each.verdict}[/{colour}]", each.law, escape(each.meaning))
    console = terminal()
    console.print(
        f"[bold]{escape(report.controller)}[/bold] on {escape(report.scenario)}, "
        f"{report.n_periods} periods",
        table,
    )
    print_warnings(report.remarks)
    for each in report.broken:
        where = "" if each.period is None else f", period {each.period}"
        console.print(f"[red]{each.law}[/red]: {escape(each.finding)}.")
        console.print(
            f"  Scenario {escape(report.scenario)}, replication {each.replication}{where}. See it:"
        )
        console.print(f"  {escape(each.command)}", soft_wrap=True)
    if report.kept:
        console.print("All laws are kept.")
