"""The report: one HTML file with everything in it, readable without a network."""

from __future__ import annotations

import json
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
from sim.report.tables import tables
from sim.report.wording import (
    stopping,
)
from sim.study import statistics
from sim.study.contrasts import with_regret
from sim.study.days import Days, inference
from sim.study.store import SUMMARY, StoredStudy, read_study

FILE = "report.html"


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
    episodes = study.table("episodes")
    days = Days.of_episodes(episodes, manifest["system"].get("profile_days"))
    episodes = episodes.drop(columns="start")
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
        context |= tables(metrics, finished, days, manifest["seed"])
        context |= {
            "figures": _figures(study, metrics, finished, days),
            "inference": inference(days, metrics.index.unique("replication")),
            "stopping": _stopping(study, finished[0]),
        }
    return environment.get_template("report.html").render(context)


def _stopping(study: StoredStudy, first: str) -> str:
    """Return why a study with a stopping rule stopped, empty without one."""
    path = study.folder / SUMMARY
    summary = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return stopping(summary["stopping"], first) if summary.get("stopping") else ""


def _figures(
    study: StoredStudy, metrics: pd.DataFrame, names: list[str], days: Days
) -> list[Figure]:
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
                figures.paired(statistics.paired(metrics, names, days), names),
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
