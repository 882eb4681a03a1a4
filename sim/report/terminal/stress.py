"""Print a stress study on the terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sim.report.stress_wording import sentences
from sim.report.terminal.output import (
    plain_table,
    print_failures,
    print_json,
    print_warnings,
    terminal,
)
from sim.report.wording import ROUNDING, caveats, title, with_interval, with_margin
from sim.study.inference.days import inference_statement
from sim.study.inference.risk import OBJECTIVE
from sim.study.inference.statistics import estimate_at
from sim.study.stress.curves import StressStudy, at_point
from sim.study.stress.design import Point
from sim.study.stress.summary import stress_summary

METRICS = (OBJECTIVE, "voltage_violation_pu_h", "unserved_mwh", "delay_h")


def print_stress(study: StressStudy, *, as_json: bool = False) -> None:
    """Print a stress study; failures go to standard error either way."""
    if as_json:
        print_json(stress_summary(study))
    elif len(study.cells.metrics):
        _print_tables(study, terminal())
    print_failures(study.cells.failures, study.cells.replications * len(study.cells.controllers))


def _print_tables(study: StressStudy, console: Console) -> None:
    summary, paired = study.summary, study.paired
    first, *others = study.controllers
    cells = study.cells

    def means(metric: str) -> Callable[[str, Point], str]:
        return lambda name, point: with_margin(estimate_at(at_point(summary, point), name, metric))

    for metric in METRICS:
        if metric == OBJECTIVE or cells.metrics[metric].abs().max() > ROUNDING:
            head = f"{cells.scenario}: {title(metric)}, mean of {cells.replications} days"
            names = study.controllers
            console.print(_table(study, f"{head} with 95 % interval", names, means(metric)))
    if others:
        console.print(
            _table(
                study,
                f"{title(OBJECTIVE)}: difference from {first} on the same days",
                tuple(others),
                lambda name, point: with_interval(
                    estimate_at(at_point(paired, point), name, OBJECTIVE)
                ),
            )
        )
    findings = list(sentences(study))
    for sentence in findings:
        if not sentence.warning:
            console.print(escape(sentence.text))
    console.print(inference_statement(cells.days, cells.metrics.index.unique("replication")))
    totals = cells.metrics.groupby("controller", sort=False).sum()
    print_warnings(sentence.text for sentence in findings if sentence.warning)
    print_warnings(caveats(totals, study.cells.reasons))


def _table(
    study: StressStudy, head: str, names: tuple[str, ...], text: Callable[[str, Point], str]
) -> Table:
    table = plain_table(escape(head))
    for axis in study.design.axes:
        table.add_column(escape(axis.name))
    for name in names:
        table.add_column(escape(name), justify="right")
    for point in study.design.points:
        places = [
            escape(axis.levels[level].label)
            for axis, level in zip(study.design.axes, point.levels, strict=True)
        ]
        table.add_row(*places, *(escape(text(name, point)) for name in names))
    return table
