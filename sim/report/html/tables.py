"""Tables of the page: means, paired differences, and findings in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sim.report.risk_rows import Rows, difference_rows, risk_rows
from sim.report.wording import (
    HEADLINES,
    LADDER,
    METRICS,
    mean_figure,
    number,
    says_nothing,
    signed_numbers,
    title,
    with_interval,
)
from sim.study.inference import statistics
from sim.study.inference.contrasts import NamedDifference, contrasts
from sim.study.inference.days import Days
from sim.study.inference.ladder import WHOLE
from sim.study.inference.risk import OBJECTIVE, risk
from sim.study.inference.statistics import CONFIDENCE, Difference, Estimate
from sim.study.study import controllers_without_decisions

# "7,581 -11,025 +58,952", "10 ± 2", "+8 [+2, +14]": a figure and what surrounds it.
_WITH_SPREAD = re.compile(r"([^\s<]\S*) (\[.*\]|± \S+|-\S+ \+\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """A cell of a table: its text and CSS class."""

    text: str
    css_class: str = ""

    @property
    def parts(self) -> tuple[str, str]:
        """A figure and its interval, which may stand below it; the latter empty without one."""
        found = _WITH_SPREAD.fullmatch(self.text)
        return (found[1], found[2]) if found else (self.text, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row of a table."""

    title: str
    cells: tuple[TableCell, ...]
    css_class: str = ""


def text_rows(rows: Iterable[tuple[str, Sequence[str]]]) -> list[TableRow]:
    """Return rows of a title and texts."""
    return [
        TableRow(title=text, cells=tuple(TableCell(text=own) for own in cells))
        for text, cells in rows
    ]


def tables(
    metrics: pd.DataFrame,
    names: list[str],
    days: Days,
    seed: int,
    declared: Sequence[NamedDifference],
    steps: Sequence[NamedDifference] = (),
) -> dict[str, object]:
    """Return the tables of a study by their names in the template.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``.
    names
        Controllers with finished episodes, the baseline first.
    days
        Which replications share a day.
    seed
        Root seed of the study.
    declared
        Differences that its controllers declare.
    steps
        Steps of the ladder of its controllers.
    """
    means = statistics.summarise(metrics, names, days)
    differences = statistics.paired(metrics, names, days)
    columns = list(metrics.columns)
    order = [name for name in METRICS if name in columns]
    order += [name for name in columns if name not in METRICS]
    further = [metric for metric in order if metric not in HEADLINES]
    empty = says_nothing(metrics)
    lost = controllers_without_decisions(metrics, names)
    rows = {metric: _summary_row(means, names, metric, lost) for metric in order}
    several = metrics.index.unique("replication").size > 1
    paired = {metric: _paired_row(differences, names[1:], metric) for metric in HEADLINES}
    objective = [statistics.difference_at(differences, name, OBJECTIVE) for name in names[1:]]
    return {
        "headlines": _insert_rows(
            {metric: rows[metric] for metric in HEADLINES},
            risk_rows([risk(metrics, name, seed) for name in names]) if several else {},
        ),
        "details": [rows[metric] for metric in further if metric not in empty],
        "empty": [rows[metric] for metric in further if metric in empty],
        "paired": _insert_rows(paired, difference_rows(objective) if several else {}),
        "contrasts": [
            {"name": contrast.name, "meaning": contrast.meaning, "value": with_interval(found)}
            for contrast, found in contrasts(metrics, declared, days)
        ],
        "ladder": [_step_row(*own) for own in contrasts(metrics, steps, days)],
        "ladder_title": LADDER,
        "findings": [
            _finding(found, name, names[0], lost)
            for name, found in zip(names[1:], objective, strict=True)
        ],
    }


def _insert_rows(rows: dict[str, TableRow], more: Rows) -> list[TableRow]:
    """Return rows, each followed by the further rows of its metric."""
    return [
        row
        for metric, own in rows.items()
        for row in (own, *(_detail(extra.title, extra.cells) for extra in more.get(metric, ())))
    ]


def _detail(text: str, cells: Sequence[str]) -> TableRow:
    return TableRow(
        title=text.strip(), cells=tuple(TableCell(text=own) for own in cells), css_class="detail"
    )


def _summary_row(
    means: pd.DataFrame, names: list[str], metric: str, lost: Sequence[str]
) -> TableRow:
    """Return the row of a metric; the best is sought among those whose decisions count."""
    found = [statistics.estimate_at(means, name, metric) for name in names]
    better = METRICS[metric].better if metric in METRICS else 0
    values = np.array([own.mean for own in found])
    values[[name in lost for name in names]] = np.nan
    best = np.zeros(len(values), dtype=bool)
    ranked = values[np.isfinite(values)]
    if better and len(ranked) > 1 and np.ptp(ranked) > 0:
        best = values == (ranked.max() if better > 0 else ranked.min())
    return TableRow(
        title=title(metric),
        cells=tuple(
            TableCell(text=mean_figure(metric, own), css_class="best" if is_best else "")
            for own, is_best in zip(found, best, strict=True)
        ),
        css_class=_depth(metric),
    )


def _step_row(step: NamedDifference, worth: Estimate) -> TableRow:
    return TableRow(
        title=f"{step.without} → {step.having}",
        cells=(
            TableCell(text=with_interval(worth)),
            TableCell(text=step.meaning, css_class="words"),
        ),
        css_class="total" if step.name == WHOLE else "",
    )


def _paired_row(differences: pd.DataFrame, names: list[str], metric: str) -> TableRow:
    found = [statistics.estimate_at(differences, name, metric) for name in names]
    return TableRow(
        title=title(metric),
        cells=tuple(TableCell(text=with_interval(own), css_class=_direction(own)) for own in found),
        css_class=_depth(metric),
    )


def _depth(metric: str) -> str:
    """Return the class of rows that are part of the one above."""
    return "detail" if title(metric).startswith(" ") else ""


def _direction(difference: Estimate) -> str:
    """Return which way a difference goes, empty where it may be chance; less is better here."""
    if difference.ci95_high < 0:
        return "better"
    return "worse" if difference.ci95_low > 0 else ""


def _finding(found: Difference, name: str, first: str, lost: Sequence[str]) -> dict[str, object]:
    amount, low, high = signed_numbers(abs(found.mean), found.ci95_low, found.ci95_high)
    interval, interval_known = f"{low} to {high}", found.estimate.has_interval
    return {
        "name": name,
        "first": first,
        "lost": [each for each in (name, first) if each in lost],
        "amount": amount.removeprefix("+") if interval_known else number(abs(found.mean)),
        "direction": "less" if found.mean < 0 else "more",
        "interval": interval if interval_known else "",
        # Corrected: of many controllers that differ by nothing, some look as if they did.
        "sure": found.p_value < 1 - CONFIDENCE,
    }
