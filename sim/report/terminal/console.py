"""Print results on the terminal: tables for people, one JSON object for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sim.episode.episode import Episode
from sim.inspect.catalogue import Catalogue
from sim.report.risk_rows import difference_rows, p_value, risk_rows
from sim.report.terminal.output import (
    plain_table,
    print_failures,
    print_json,
    print_warnings,
    terminal,
)
from sim.report.wording import (
    HEADLINES,
    LADDER,
    METRICS,
    caveats,
    essential,
    figure,
    mean_figure,
    number,
    stopping,
    title,
    with_interval,
    with_margin,
)
from sim.scenario import Scenario
from sim.scenario.switched_off import switched_off
from sim.study.inference.days import inference_statement
from sim.study.inference.ladder import WHOLE
from sim.study.inference.risk import OBJECTIVE
from sim.study.inference.statistics import difference_at, estimate_at
from sim.study.json_values import look_as_json
from sim.study.store.sums import first_reason
from sim.study.study import Study
from sim.study.summary import episode_summary, ledger_of, study_summary

MORE = "--all shows every figure."
MOST_COLUMNS = 4  # controllers side by side
# Of tables with a row per controller.
COLUMNS = (
    ("Objective [USD]", "objective_usd"),
    ("Cost", "cost_usd"),
    ("Penalty", "penalty_usd"),
    ("Beyond\nlimits", "voltage_violation_steps"),
    ("Lowest\npu", "vm_pu_min"),
    ("Trips", "trips"),
)
WORDY = 100  # columns of a terminal that has room for explanations inside a table


def print_switched_off(scenario: Scenario) -> None:
    """Say what a scenario leaves switched off."""
    for sentence in switched_off(scenario):
        terminal().print(f"[yellow]off[/yellow]: {escape(sentence)}")


def announce(scenario: Scenario, controllers: Sequence[str], replications: int) -> None:
    """Say what is about to run."""
    terminal().print(
        f"{escape(scenario.title)} ({scenario.name}): {', '.join(controllers)} on "
        f"{replications} common {'day' if replications == 1 else 'days'}"
    )


def print_study(study: Study, *, as_json: bool = False, everything: bool = False) -> None:
    """Print a comparison; failures go to standard error either way.

    Without `everything`, only the figures that matter, and one row per controller where their
    columns would not fit.
    """
    if as_json:
        print_json(study_summary(study))
    elif len(study.metrics):
        console = terminal()
        totals = study.metrics.groupby("controller", sort=False).sum()
        print_warnings(caveats(totals, study.reasons))
        console.print(f"{escape(study.scenario)}: {_mean_of(study.replications)}")
        console.print(_narrow(console, _summary_table(study, everything=everything), study))
        console.print()
        if len(study.controllers) > 1:
            between = f"Difference from {escape(study.controllers[0])} on the same days"
            console.print(f"{between}{', with 95 % interval' if study.replications > 1 else ''}")
            console.print(_paired_table(study, everything=everything))
            console.print()
        if study.ladder:
            console.print(escape(f"{LADDER} [USD]"))
            wordy = everything or console.width >= WORDY
            console.print(_ladder_table(study, wordy=wordy))
            console.print()
        for contrast, found in study.contrasts:
            console.print(
                f"{contrast.name}: {escape(with_interval(found))} USD per episode "
                f"({contrast.without} - {contrast.having}: {contrast.meaning})"
            )
        if study.look is not None:
            console.print(escape(stopping(look_as_json(study.look), study.controllers[0])))
        console.print(inference_statement(study.days, study.metrics.index.unique("replication")))
        if not everything:
            console.print(MORE)
    print_failures(study.failures, study.replications * len(study.controllers))


def print_episode(episode: Episode, *, as_json: bool = False, everything: bool = False) -> None:
    """Print one episode: the figures that matter, or all of them, and who paid whom."""
    if as_json:
        print_json(episode_summary(episode))
        return
    table = plain_table()
    table.add_column("figure")
    table.add_column("value", justify="right")
    own = pd.DataFrame([episode.metrics], index=[episode.controller])
    for name in present(episode.metrics) if everything else essential(own):
        table.add_row(escape(title(name)), figure(name, episode.metrics[name]))
    ledger = plain_table()
    for column in ("payer", "payee", "item"):
        ledger.add_column(column)
    ledger.add_column("USD", justify="right")
    for entry in ledger_of(episode).to_dict(orient="records"):
        names = [escape(str(entry[column])) for column in ("payer", "payee", "item")]
        ledger.add_row(*names, number(entry["usd"]))
    reasons = {episode.controller: first_reason(episode.decisions)}
    print_warnings(caveats(own, reasons))
    terminal().print(
        f"{escape(episode.controller)} on {escape(episode.scenario)}, "
        f"replication {episode.replication}, from {episode.start:%Y-%m-%d %H:%M}"
    )
    terminal().print(table)
    terminal().print()
    terminal().print("Ledger")
    terminal().print(ledger)
    if not everything:
        terminal().print(MORE)


def print_catalogue(catalogue: Catalogue, *, as_json: bool = False) -> None:
    """Print what is installed."""
    kinds = {"scenarios": catalogue.scenarios, "controllers": catalogue.controllers}
    if as_json:
        print_json(kinds | {"fitting": catalogue.fitting})
        return
    console = terminal()
    for kind, lines in kinds.items():
        table = Table.grid(padding=(0, 2))
        for name, line in lines.items():
            table.add_row(f"  [bold]{escape(name)}[/bold]", escape(line))
        console.print(kind, table)
    console.print("which controllers fit")
    table = Table.grid(padding=(0, 2))
    for scenarios, fitting in _by_fitting(catalogue).items():
        table.add_row(f"  [bold]{escape(', '.join(scenarios))}[/bold]", escape(fitting))
    console.print(table)


def _by_fitting(catalogue: Catalogue) -> dict[tuple[str, ...], str]:
    """Return which controllers fit, by the scenarios which the same ones fit."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for scenario, own in catalogue.fitting.items():
        groups.setdefault(own, []).append(scenario)
    every = list(catalogue.controllers)
    words = {}
    for own, scenarios in groups.items():
        others = [name for name in every if name not in own]
        words[tuple(scenarios)] = (
            f"all but {', '.join(others)}"
            if others and len(others) < len(own)
            else ", ".join(own) or "none: see above"
            if others
            else "all"
        )
    return words


def _summary_table(study: Study, *, everything: bool) -> Table:
    table = plain_table()
    table.add_column("per episode")
    for name in study.controllers:
        table.add_column(_head(study, name), justify="right")
    summary, risks = study.summary, study.risk
    more = risk_rows([risks[name] for name in study.controllers]) if everything else {}
    for metric in present(study.metrics.columns) if everything else essential(study.metrics):
        cells = [
            mean_figure(metric, estimate_at(summary, name, metric)) for name in study.controllers
        ]
        table.add_row(escape(title(metric)), *cells)
        for row in more.get(metric, ()):
            table.add_row(escape(row.title), *map(escape, row.cells))
    return table


def _narrow(console: Console, table: Table, study: Study) -> Table:
    """Return the table, or one with a row per controller where its columns do not fit."""
    if console.measure(table).minimum <= console.width and len(study.controllers) <= MOST_COLUMNS:
        return table
    narrow = plain_table()
    narrow.add_column("controller", no_wrap=True)
    for head, _ in COLUMNS:
        narrow.add_column(escape(head), justify="right", no_wrap=head.startswith("Objective"))
    summary = study.summary
    for name in study.controllers:
        own = {metric: estimate_at(summary, name, metric) for _, metric in COLUMNS}
        cells = [
            with_margin(found) if metric == OBJECTIVE else number(found.mean)
            for metric, found in own.items()
        ]
        narrow.add_row(_head(study, name), *cells)
    return narrow


def _mean_of(count: int) -> str:
    return "one day" if count == 1 else f"mean of {count} days with 95 % interval"


def _head(study: Study, name: str) -> str:
    """Return the head of a controller's column; one that decided nothing is marked."""
    mark = " (no decisions)" if name in study.without_decisions else ""
    return escape(f"{name}{mark}")


def _paired_table(study: Study, *, everything: bool) -> Table:
    _, *others = study.controllers
    table = plain_table()
    differences = study.paired
    if not everything:
        table.add_column("controller", no_wrap=True)
        table.add_column("Objective [USD]".replace("[", r"\["), justify="right", no_wrap=True)
        table.add_column("p-value", justify="right")
        for name in others:
            found = difference_at(differences, name, OBJECTIVE)
            table.add_row(
                _head(study, name), escape(with_interval(found.estimate)), p_value(found.p_value)
            )
        return table
    table.add_column("per episode")
    for name in others:
        table.add_column(_head(study, name), justify="right")
    more = difference_rows([difference_at(differences, name, OBJECTIVE) for name in others])
    for metric in HEADLINES:
        cells = [with_interval(estimate_at(differences, name, metric)) for name in others]
        table.add_row(escape(title(metric)), *map(escape, cells))
        for row in more.get(metric, ()):
            table.add_row(escape(row.title), *map(escape, row.cells))
    return table


def _ladder_table(study: Study, *, wordy: bool) -> Table:
    table = plain_table()
    table.add_column("step", no_wrap=True)
    if wordy:
        table.add_column("what it adds")
    table.add_column("worth", justify="right", no_wrap=True)
    for step, found in study.ladder:
        if step.name == WHOLE:
            table.add_section()
        words = [step.meaning] if wordy else []
        between = f"{step.without} → {step.having}"
        table.add_row(*map(escape, (between, *words, with_interval(found))))
    return table


def present(metrics: Iterable[str]) -> list[str]:
    """Return the figures there are, in the order in which they are shown."""
    names = list(metrics)
    return [name for name in METRICS if name in names] + [
        name for name in names if name not in METRICS
    ]
