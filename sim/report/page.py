"""The report: one HTML file with everything in it, readable without a network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sim.accounting import INCOME, INSIDE
from sim.report import figures, timeline
from sim.report.wording import (
    HEADLINES,
    METRICS,
    number,
    signed,
    title,
    with_interval,
    with_margin,
)
from sim.study import statistics
from sim.study.contrasts import contrasts, with_regret
from sim.study.statistics import Estimate
from sim.study.store import StoredStudy, read_study

FILE = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table: its text, and how it is to look."""

    text: str
    look: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table."""

    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure with its caption and its data as JSON for plotly."""

    key: str
    label: str
    caption: str
    json: Markup


def write_report(folder: str | Path) -> Path:
    """Write the report of a study beside its tables and return its path.

    Parameters
    ----------
    folder
        What ``out`` of `run` or `compare` has filled.

    Raises
    ------
    InputError
        If the folder holds no study.
    """
    study = read_study(folder)
    path = study.folder / FILE
    beside = path.with_suffix(f".partial-{os.getpid()}")
    beside.write_text(render(study), encoding="utf-8")
    beside.replace(path)
    return path


def render(study: StoredStudy) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("sim.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    manifest = study.manifest
    names = [controller["label"] for controller in manifest["controllers"]]
    episodes = study.table("episodes").drop(columns="start")
    metrics = with_regret(episodes.set_index(["controller", "replication"]))
    finished = [name for name in names if name in metrics.index.get_level_values("controller")]
    context: dict[str, Any] = {
        "manifest": manifest,
        "controllers": finished,
        "replications": len(manifest["replications"]),
        "plotly": Markup(get_plotlyjs()),  # comes with the package, not from a user
        "figures": [],
    }
    if finished:
        context |= _tables(metrics, finished) | {"figures": _figures(study, metrics, finished)}
    return environment.get_template("report.html").render(context)


def _tables(metrics: pd.DataFrame, names: list[str]) -> dict[str, object]:
    means = statistics.summarise(metrics, names)
    differences = statistics.paired(metrics, names)
    columns = list(metrics.columns)
    order = [name for name in METRICS if name in columns]
    order += [name for name in columns if name not in METRICS]
    rows = {metric: _summary_row(means, names, metric) for metric in order}
    return {
        "headlines": [rows[metric] for metric in HEADLINES],
        "details": [row for metric, row in rows.items() if metric not in HEADLINES],
        "paired": [_paired_row(differences, names[1:], metric) for metric in HEADLINES],
        "contrasts": [
            {"name": contrast.name, "meaning": contrast.meaning, "value": with_interval(found)}
            for contrast, found in contrasts(metrics, names)
        ],
        "findings": [_finding(differences, name, names[0]) for name in names[1:]],
    }


def _summary_row(means: pd.DataFrame, names: list[str], metric: str) -> Row:
    found = [statistics.at(means, name, metric) for name in names]
    better = METRICS[metric].better if metric in METRICS else 0
    values = np.array([own.mean for own in found])
    best = np.zeros(len(values), dtype=bool)
    if better and len(values) > 1 and np.ptp(values) > 0:
        best = values == (values.max() if better > 0 else values.min())
    return Row(
        title=title(metric),
        cells=tuple(
            Cell(text=with_margin(own), look="best" if is_best else "")
            for own, is_best in zip(found, best, strict=True)
        ),
    )


def _paired_row(differences: pd.DataFrame, names: list[str], metric: str) -> Row:
    found = [statistics.at(differences, name, metric) for name in names]
    return Row(
        title=title(metric),
        cells=tuple(Cell(text=with_interval(own), look=_direction(own)) for own in found),
    )


def _direction(difference: Estimate) -> str:
    """Return which way a difference goes, empty where it may be chance; less is better here."""
    if difference.ci95_high < 0:
        return "better"
    return "worse" if difference.ci95_low > 0 else ""


def _finding(differences: pd.DataFrame, name: str, first: str) -> dict[str, object]:
    found = statistics.at(differences, name, "objective_usd")
    interval = f"{signed(found.ci95_low)} to {signed(found.ci95_high)}"
    return {
        "name": name,
        "first": first,
        "amount": number(abs(found.mean)),
        "direction": "less" if found.mean < 0 else "more",
        "interval": interval if found.has_interval else "",
        "sure": bool(_direction(found)),
    }


def _figures(study: StoredStudy, metrics: pd.DataFrame, names: list[str]) -> list[Figure]:
    replication = _shown(metrics, names)
    system = study.manifest["system"]
    episodes = study.table("episodes", replication=replication)
    start = pd.Timestamp(episodes["start"].iloc[0])
    vm_pu, bars = {}, {}
    set_up_h = {station["name"]: station["set_up_h"] for station in system["stations"]}
    for name in names:
        chosen = {"controller": name, "replication": replication}
        vm_pu[name] = (
            study.table("vm_pu", **chosen)
            .drop(columns=["controller", "replication"])
            .set_index("time_h")
        )
        bars[name] = timeline.bars(
            study.table("events", **chosen),
            study.table("vehicles", **chosen),
            set_up_h,
            system["end_h"],
        )
    day = f"replication {replication}, which starts on {start:%d %B %Y}"
    found = []
    if len(names) > 1:
        found.append(
            _figure(
                "paired",
                "Paired differences",
                "Mean difference per episode on common days, with its 95 % interval. Left of zero "
                "is better.",
                figures.paired(statistics.paired(metrics, names), names),
            )
        )
    found += [
        _figure(
            "cost",
            "Where the cost comes from",
            "Mean payments of operator and fleet to others per episode; income counts negative. "
            "For each controller the bars add up to its cost.",
            figures.ledger(_costs(study, metrics), names),
        ),
        _figure(
            "voltages",
            "Voltages against their limits",
            f"Band between the lowest and the highest bus voltage, step means, {day}: of the days "
            f"simulated the one with the most violation under {names[0]}. Dashed: limits. Filled "
            "solid: beyond them.",
            figures.voltages(
                vm_pu, np.array(system["v_min_pu"]), np.array(system["v_max_pu"]), start
            ),
        ),
        _figure(
            "timeline",
            "What the trucks did",
            f"On {day}. Names are stations: where a truck stands, or where it drives to.",
            figures.timeline(bars, start, system["end_h"]),
        ),
    ]
    return found


def _shown(metrics: pd.DataFrame, names: list[str]) -> int:
    """Return the day that shows most: it violates the limits most under the first controller."""
    table = metrics["voltage_violation_pu_h"].unstack("controller")[names].dropna()
    if table.empty:  # no day that all of them finished
        return int(metrics.index.get_level_values("replication")[0])
    worst = int(table[names[0]].to_numpy().argmax())
    return int(table.index.to_numpy()[worst])


def _costs(study: StoredStudy, metrics: pd.DataFrame) -> pd.DataFrame:
    entries = study.table("ledger")
    entries = entries[entries["item"] != INCOME]
    sign = entries["payer"].isin(INSIDE).astype(int) - entries["payee"].isin(INSIDE).astype(int)
    usd = (entries["usd"] * sign).groupby([entries["controller"], entries["item"]]).sum()
    episodes = metrics.groupby("controller").size()
    mean = usd.div(episodes, level="controller").rename("usd").rename_axis(["controller", "entry"])
    table = mean.reset_index()
    table["entry"] = table["entry"].str.replace("_", " ")
    return table


def _figure(key: str, label: str, caption: str, figure: go.Figure) -> Figure:
    # Inside a script element only "<" could end it; JSON has another way to write that.
    text = figure.to_json().replace("<", "\\u003c")
    return Figure(key=key, label=label, caption=caption, json=Markup(text))
