"""Print results on the terminal: tables for people, one JSON object for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from rich.markup import escape
from rich.table import Table

from sim.episode.episode import Episode
from sim.inspect.catalogue import Catalogue
from sim.report.risk_rows import difference_rows, risk_rows
from sim.report.terminal.output import print_failures, print_json, print_warnings, terminal
from sim.report.wording import (
    HEADLINES,
    LADDER,
    METRICS,
    caveats,
    number,
    stopping,
    title,
    with_interval,
    with_margin,
)
from sim.scenario import Scenario
from sim.study.inference.days import inference_statement
from sim.study.inference.ladder import WHOLE
from sim.study.inference.risk import OBJECTIVE
from sim.study.inference.statistics import difference_at, estimate_at
from sim.study.json_values import look_as_json
from sim.study.store.sums import first_reason
from sim.study.study import Study
from sim.study.summary import episode_summary, ledger_of, study_summary


def announce(scenario: Scenario, controllers: Sequence[str], replications: int) -> None:
    """Say what is about to run."""
    terminal().print(
        f"{escape(scenario.title)} ({scenario.name}): {', '.join(controllers)} on "
        f"{replications} common days"
    )


def print_study(study: Study, *, as_json: bool = False) -> None:
    """Print a comparison; failures go to standard error either way."""
    if as_json:
        print_json(study_summary(study))
    elif len(study.metrics):
        console = terminal()
        totals = study.metrics.groupby("controller", sort=False).sum()
        print_warnings(caveats(totals, study.reasons))
        console.print(_summary_table(study))
        if len(study.controllers) > 1:
            console.print(_paired_table(study))
        if study.ladder:
            console.print(_ladder_table(study))
        for contrast, found in study.contrasts:
            console.print(
                f"{contrast.name}: {escape(with_interval(found))} USD per episode "
                f"({contrast.without} - {contrast.having}: {contrast.meaning})"
            )
        if study.look is not None:
            console.print(escape(stopping(look_as_json(study.look), study.controllers[0])))
        console.print(inference_statement(study.days, study.metrics.index.unique("replication")))
    print_failures(study.failures, study.replications * len(study.controllers))


def print_episode(episode: Episode, *, as_json: bool = False) -> None:
    """Print one episode: its figures and who paid whom."""
    if as_json:
        print_json(episode_summary(episode))
        return
    table = Table(
        title=f"{escape(episode.controller)} on {escape(episode.scenario)}, "
        f"replication {episode.replication}, from {episode.start:%Y-%m-%d %H:%M}",
        title_justify="left",
    )
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name in present(episode.metrics):
        table.add_row(escape(title(name)), number(episode.metrics[name]))
    ledger = Table(title="Ledger", title_justify="left")
    for column in ("payer", "payee", "item"):
        ledger.add_column(column)
    ledger.add_column("USD", justify="right")
    for entry in ledger_of(episode).to_dict(orient="records"):
        names = [escape(str(entry[column])) for column in ("payer", "payee", "item")]
        ledger.add_row(*names, number(entry["usd"]))
    reasons = {episode.controller: first_reason(episode.decisions)}
    print_warnings(caveats(pd.DataFrame([episode.metrics], index=[episode.controller]), reasons))
    terminal().print(table, ledger)


def print_catalogue(catalogue: Catalogue, *, as_json: bool = False) -> None:
    """Print what is installed."""
    kinds = {"scenarios": catalogue.scenarios, "controllers": catalogue.controllers}
    if as_json:
        print_json(kinds)
        return
    console = terminal()
    for kind, lines in kinds.items():
        table = Table.grid(padding=(0, 2))
        for name, line in lines.items():
            table.add_row(f"  [bold]{escape(name)}[/bold]", escape(line))
        console.print(kind, table)


def _summary_table(study: Study) -> Table:
    table = Table(
        title=f"{escape(study.scenario)}: mean of {study.replications} days with 95 % interval",
        title_justify="left",
    )
    table.add_column("per episode")
    for name in study.controllers:
        table.add_column(_head(study, name), justify="right")
    summary, risks = study.summary, study.risk
    more = risk_rows([risks[name] for name in study.controllers])
    for metric in present(study.metrics.columns):
        cells = [with_margin(estimate_at(summary, name, metric)) for name in study.controllers]
        table.add_row(escape(title(metric)), *cells)
        for row in more.get(metric, ()):
            table.add_row(escape(row.title), *map(escape, row.cells))
    return table


def _head(study: Study, name: str) -> str:
    """Return the head of a controller's column; one that decided nothing is marked."""
    mark = " (no decisions)" if name in study.without_decisions else ""
    return escape(f"{name}{mark}")


def _paired_table(study: Study) -> Table:
    first, *others = study.controllers
    table = Table(
        title=f"Difference from {escape(first)} on the same days, with 95 % interval",
        title_justify="left",
    )
    table.add_column("per episode")
    for name in others:
        table.add_column(_head(study, name), justify="right")
    differences = study.paired
    more = difference_rows([difference_at(differences, name, OBJECTIVE) for name in others])
    for metric in HEADLINES:
        cells = [with_interval(estimate_at(differences, name, metric)) for name in others]
        table.add_row(escape(title(metric)), *map(escape, cells))
        for row in more.get(metric, ()):
            table.add_row(escape(row.title), *map(escape, row.cells))
    return table


def _ladder_table(study: Study) -> Table:
    table = Table(title=f"{LADDER} [USD per episode]".replace("[", r"\["), title_justify="left")
    table.add_column("step")
    table.add_column("what it adds")
    table.add_column("worth", justify="right", no_wrap=True)
    for step, found in study.ladder:
        if step.name == WHOLE:
            table.add_section()
        between = f"{step.without} → {step.having}"
        table.add_row(*map(escape, (between, step.meaning, with_interval(found))))
    return table


def present(metrics: Iterable[str]) -> list[str]:
    """Return the figures there are, in the order in which they are shown."""
    names = list(metrics)
    return [name for name in METRICS if name in names] + [
        name for name in names if name not in METRICS
    ]
