"""The report: one HTML file with everything in it, readable without a network."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sim.report.html import gallery, solver, stress_page
from sim.report.html.tables import Row, plain_rows, tables
from sim.report.wording import caveats, number, stopping
from sim.study.inference.contrasts import with_regret
from sim.study.inference.days import Days, inference_statement
from sim.study.store.bundle import LOG
from sim.study.store.stored_study import SUMMARY, StoredStudy, read_study

FILE = "report.html"
MOST_DAYS = 500  # a longer table of days is for the tables beside the page


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
        loader=PackageLoader("sim.report.html", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    manifest = study.manifest
    names = [controller["label"] for controller in manifest["controllers"]]
    episodes = study.table("episodes")
    days = Days.of_episodes(episodes, manifest["system"].get("profile_days"))
    dates = episodes.groupby("replication")["start"].first()
    episodes = episodes.drop(columns=["start", LOG], errors="ignore")
    metrics = with_regret(episodes.set_index(["controller", "replication"]))
    finished = [name for name in names if name in metrics.index.get_level_values("controller")]
    context: dict[str, Any] = {
        "manifest": manifest,
        "controllers": finished,
        "replications": len(manifest["replications"]),
        "plotly": Markup(get_plotlyjs()),  # comes with the package, not from a user
        "missing": [f"{name}, replication {number}" for name, number in study.missing],
        "figures": [],
        "map": None,
        "caveats": caveats(metrics.groupby("controller", sort=False).sum()),
        "stress": None,
    }
    if finished and "stress" in manifest:
        context |= stress_page.context(study, metrics, finished, days)
    elif finished:
        day = gallery.the_day(study, metrics, finished)
        drawn = gallery.across_days(study, metrics, finished, days)
        if day is not None:
            drawn += gallery.of_the_day(study, day, finished[0])
        context |= tables(metrics, finished, days, manifest["seed"])
        context |= {
            "figures": drawn,
            "map": gallery.the_map(study, day),
            "days": _days(metrics, dates, finished),
            "stopping": _stopping(study, finished[0]),
        }
    if finished:
        context |= {
            "solver": plain_rows(
                solver.rows(study.table("decisions"), study.table("timings"), finished)
            ),
            "solver_columns": (*solver.COLUMNS, *solver.TIMES),
            "inference": inference_statement(days, metrics.index.unique("replication")),
        }
    return environment.get_template("report.html").render(context)


def _stopping(study: StoredStudy, first: str) -> str:
    """Return why a study with a stopping rule stopped, empty without one."""
    path = study.folder / SUMMARY
    summary = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return stopping(summary["stopping"], first) if summary.get("stopping") else ""


def _days(metrics: pd.DataFrame, dates: pd.Series, names: list[str]) -> list[Row]:
    """Return a row per day with its date and the objective under each controller."""
    objective = metrics["objective_usd"].unstack("controller")[names]
    if not 1 < len(objective) <= MOST_DAYS:
        return []
    return plain_rows(
        (str(day), (f"{dates[day]:%Y-%m-%d}", *(number(float(usd)) for usd in own)))
        for day, own in zip(objective.index, objective.to_numpy(), strict=True)
    )
