"""Print the results of `gridhaul check` on the terminal."""

from __future__ import annotations

import dataclasses
from typing import cast

import pandas as pd
from rich.markup import escape
from rich.table import Table

from sim.inspect.check import BaseCase, Findings
from sim.report.terminal.output import plain_table, print_json, terminal
from sim.scenario import Scenario

NOT_CALIBRATED = (
    "Not calibrated: a slope below 1 says that forecasts swing more than the truth, one above 1 "
    "that they swing less; bounds that hold less than 90 % are too narrow. Controllers that plan "
    "on the forecast, or on its bounds, are worse there than they could be. Comparisons stay "
    "valid: all controllers see the same forecasts, and are judged by what comes true. More days "
    "in the record, or a smaller forecast error in the scenario, help."
)


def print_findings(scenario: Scenario, findings: Findings, *, as_json: bool = False) -> None:
    """Print what a scenario holds and what looks like a mistake."""
    if as_json:
        content = dataclasses.asdict(findings)
        print_json({"scenario": scenario.name, "digest": scenario.digest, **content})
        return
    table = Table.grid(padding=(0, 2))
    for key, text in findings.contents.items():
        table.add_row(key, escape(text))
    if findings.base_case is not None:
        for key, text in _base_case(findings.base_case).items():
            table.add_row(key, escape(text))
    console = terminal()
    console.print(f"[bold]{escape(scenario.title)}[/bold] ({escape(scenario.name)})", table)
    for warning in findings.warnings:
        console.print(f"[yellow]warning[/yellow]: {escape(warning)}")
    count = len(findings.warnings)
    console.print(f"No errors, {count or 'no'} warning{'' if count == 1 else 's'}.")


def print_calibration(scenario: Scenario, figures: pd.DataFrame, *, as_json: bool = False) -> None:
    """Print the calibration report; see `sim.inspect.calibration.calibration`."""
    rows = figures.reset_index().astype(object)
    records = rows.where(rows.notna(), None).to_dict(orient="records")
    if as_json:
        everything = bool(figures["calibrated"].all())
        print_json({"scenario": scenario.name, "calibrated": everything, "forecasts": records})
        return
    table = plain_table(f"{escape(scenario.name)}: forecasts and what came true")
    table.add_column("forecast of")
    for column in ("lead [h]", "n", "slope", "bias", "in 90 % bounds", "mean error", "calibrated"):
        table.add_column(column, justify="right")
    for row in records:
        table.add_row(
            str(row["kind"]),
            f"{row['lead_h']:g}",
            str(row["n"]),
            _figure(row["slope"], ".3f"),
            _figure(row["bias"], "+.1%"),
            _figure(row["coverage"], ".1%"),
            f"{row['mean_absolute_error']:.4f} {row['unit']}",
            "yes" if row["calibrated"] else "[yellow]no[/yellow]",
        )
    console = terminal()
    console.print(table)
    console.print(
        "Calibrated: slope of truth on forecast 1 ± 0.05, bias within ± 5 %, coverage 90 ± 3 %."
    )
    if not figures["calibrated"].all():
        console.print(NOT_CALIBRATED)


def _base_case(case: BaseCase) -> dict[str, str]:
    (low, low_bus), (high, high_bus) = case.vm_pu_min, case.vm_pu_max
    loading, branch = case.loading_percent_max
    return {
        "without storage": f"on {case.start.partition('T')[0]}:",
        "  voltage": f"{low:.3f} pu ({low_bus}) to {high:.3f} pu ({high_bus}), beyond "
        f"limits in {case.violated_steps} of {case.steps} steps",
        "  loading": f"at most {loading:.0f} % ({branch})",
        "  from sources": f"{case.import_mw_min:.2f} to {case.import_mw_max:.2f} MW",
    }


def _figure(value: object, form: str) -> str:
    return "-" if value is None else format(cast(float, value), form)
