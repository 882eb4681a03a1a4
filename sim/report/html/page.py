"""Write the HTML report: one file that needs no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from sim.errors import InputError
from sim.report.html import decisions, stress_page, study_figures
from sim.report.html.day_end import day_end
from sim.report.html.day_figures import explaining_figures
from sim.report.html.objective_parts import costs
from sim.report.html.tables import TableRow, tables, text_rows
from sim.report.wording import caveats, number, stopping
from sim.study.inference.contrasts import NamedDifference, with_regret
from sim.study.inference.days import Days, inference_statement
from sim.study.store import checksums, durable
from sim.study.store.bundle import LOG
from sim.study.store.stored_study import SUMMARY, StoredStudy, read_study, unverified_is_input
from sim.study.store.sums import first_reason
from sim.study.study import controllers_without_decisions
from sim.system.areas import PARTIES

FILE = "report.html"
MOST_DAYS = 500  # longer tables of days are left to the stored tables


def write_report(folder: str | Path) -> Path:
    """Write the report of a study into its folder and return its path.

    Parameters
    ----------
    folder
        What ``out`` of `run` or `compare` has filled.

    Raises
    ------
    InputError
        If the folder holds no study, something in it is damaged, or the page cannot be written.
    """
    study = read_study(folder)
    path = study.folder / FILE
    with unverified_is_input(study.folder):
        page = render(study)
    try:
        durable.write_text(path, page)
    except OSError as error:
        raise InputError.single(
            where=str(path),
            key="file",
            value=FILE,
            message=f"cannot be written ({durable.reason(error)})",
            remedy="Make room for it, or copy the folder to where you may write",
        ) from error
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
        "caveats": caveats(
            metrics.groupby("controller", sort=False).sum(), _reasons(study, finished)
        ),
        "stress": None,
    }
    if finished and "stress" in manifest:
        context |= stress_page.context(study, metrics, finished, days)
    elif finished:
        day = study_figures.select_day(study, metrics, finished)
        drawn = study_figures.figures_of_all_days(study, metrics, finished, days)
        if day is not None:
            drawn += explaining_figures(
                study, day.loading_percent, day.replication, day.start, day.label
            )
            drawn += study_figures.figures_of_day(study, day, finished[0])
        declared = [NamedDifference(**each) for each in manifest.get("contrasts", ())]
        steps = [NamedDifference(**each) for each in manifest.get("ladder", ())]
        context |= tables(metrics, finished, days, manifest["seed"], declared, steps)
        parties = manifest["system"].get("parties", PARTIES)
        paid = costs(study.table("ledger"), metrics, parties)
        context |= {
            "figures": drawn,
            "map": study_figures.map_of_day(study, day, _best(metrics, finished)),
            "days": _days(metrics, dates, finished),
            "stopping": _stopping(study, finished[0]),
            "day_end": day_end(metrics, paid, finished),
        }
    if finished:
        context |= {
            "solver": text_rows(
                decisions.rows(study.table("decisions"), study.table("timings"), finished)
            ),
            "solver_columns": (*decisions.COLUMNS, *decisions.TIMES),
            "inference": inference_statement(days, metrics.index.unique("replication")),
        }
    return environment.get_template("report.html").render(context)


def _stopping(study: StoredStudy, first: str) -> str:
    """Return why a study with a stopping rule stopped, empty without one."""
    path = study.folder / SUMMARY
    if path.is_file():
        checksums.check(study.folder, path)
    summary = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return stopping(summary["stopping"], first) if summary.get("stopping") else ""


def _reasons(study: StoredStudy, names: list[str]) -> dict[str, str]:
    """Return why the first failed decision of each controller failed."""
    decisions = study.table("decisions")
    if decisions.empty:
        return {}
    own = {name: first_reason(decisions[decisions["controller"] == name]) for name in names}
    return {name: reason for name, reason in own.items() if reason}


def _best(metrics: pd.DataFrame, names: list[str]) -> str:
    """Return the controller with the lowest mean objective among those whose decisions count."""
    lost = controllers_without_decisions(metrics, names)
    ranked = [name for name in names if name not in lost] or names
    mean = metrics["objective_usd"].groupby("controller").mean()
    return min(ranked, key=lambda name: float(mean[name]))


def _days(metrics: pd.DataFrame, dates: pd.Series, names: list[str]) -> list[TableRow]:
    """Return a row per day with its date and the objective under each controller."""
    objective = metrics["objective_usd"].unstack("controller")[names]
    if not 1 < len(objective) <= MOST_DAYS:
        return []
    return text_rows(
        (str(day), (f"{dates[day]:%Y-%m-%d}", *(number(float(usd)) for usd in own)))
        for day, own in zip(objective.index, objective.to_numpy(), strict=True)
    )
