"""The report page of a stress study: findings, tables of all points, curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from sim.report.figures import stress as stress_figures
from sim.report.html.embedding import Figure, figure
from sim.report.html.tables import text_rows
from sim.report.stress_wording import sentences
from sim.report.wording import METRICS, ROUNDING, title, with_interval, with_margin
from sim.study.inference import statistics
from sim.study.inference.days import Days
from sim.study.inference.risk import OBJECTIVE
from sim.study.store.stored_study import StoredStudy
from sim.study.stress.curves import PairedCurve, StressStudy, at_point, axis_title
from sim.study.stress.design import Axis, Slice, design_from_json
from sim.study.study import Study

SHOWN = (OBJECTIVE, "voltage_violation_pu_h", "unserved_mwh", "curtailed_mwh", "delay_h")
MOST_PANELS = 6  # of a figure; the tables have all points
COLUMNS = ("mean", "ci95_low", "ci95_high", "episodes")


def context(
    stored: StoredStudy, metrics: pd.DataFrame, cells: list[str], days: Days
) -> dict[str, Any]:
    """Return what the template shows of a stress study.

    Parameters
    ----------
    stored
        The study on disk.
    metrics
        Its episodes, index ``(controller at a point, replication)``.
    cells
        Controllers at points with finished episodes.
    days
        Which replications share a day.
    """
    manifest = stored.manifest
    study = StressStudy(
        cells=Study(
            scenario=manifest["scenario"]["name"],
            seed=manifest["seed"],
            replications=len(manifest["replications"]),
            controllers=tuple(cells),
            metrics=metrics,
            timings=pd.DataFrame(),
            ledger=pd.DataFrame(),
            failures=(),
            days=days,
        ),
        controllers=tuple(manifest["stress"]["controllers"]),
        design=design_from_json(manifest["stress"]["axes"]),
    )
    summary, paired = study.summary, study.paired
    shown = [
        metric for metric in SHOWN if metric == OBJECTIVE or metrics[metric].abs().max() > ROUNDING
    ]
    return {
        "stress": {
            "controllers": study.controllers,
            "points": study.design.points,
            "findings": list(sentences(study)),
            "meanings": [
                level for axis in study.design.axes for level in axis.levels if level.meaning
            ],
            "tables": list(_tables(study, summary, paired, shown)),
        },
        "figures": list(_figures(study, summary, paired, shown)),
    }


def _tables(
    study: StressStudy, summary: pd.DataFrame, paired: pd.DataFrame, shown: list[str]
) -> Iterator[dict[str, object]]:
    first, *others = study.controllers
    for metric in shown:
        yield {
            "caption": f"{title(metric)}: mean per episode with 95 % interval",
            "columns": study.controllers,
            "rows": text_rows(
                (
                    point.label,
                    [
                        with_margin(statistics.estimate_at(at_point(summary, point), name, metric))
                        for name in study.controllers
                    ],
                )
                for point in study.design.points
            ),
        }
        if others and metric == OBJECTIVE:
            yield {
                "caption": f"{title(metric)}: difference from {first} on the same days, with "
                "95 % interval",
                "columns": others,
                "rows": text_rows(
                    (
                        point.label,
                        [
                            with_interval(
                                statistics.estimate_at(at_point(paired, point), name, metric)
                            )
                            for name in others
                        ],
                    )
                    for point in study.design.points
                ),
            }


def _figures(
    study: StressStudy, summary: pd.DataFrame, paired: pd.DataFrame, shown: list[str]
) -> Iterator[Figure]:
    for place, axis in enumerate(study.design.axes):
        slices = [own for own in study.design.slices() if own.axis is axis]
        if len(axis.placed_levels) < len(axis.levels):
            yield _points(study, summary, slices, place)
        if not axis.is_curve:
            continue
        yield _curves(study, summary, slices, place, OBJECTIVE)
        if study.controllers[1:]:
            yield _differences(study, paired, slices, place)
        for metric in shown:
            if metric != OBJECTIVE:
                yield _curves(study, summary, slices, place, metric)


def _points(study: StressStudy, summary: pd.DataFrame, slices: list[Slice], place: int) -> Figure:
    names = study.controllers
    tables = {own.held: _table(summary, own, names, OBJECTIVE) for own in slices}
    drawn = dict(list(tables.items())[:MOST_PANELS])
    axis = slices[0].axis
    return figure(
        f"points-{place}",
        f"{METRICS[OBJECTIVE].title} at the points of {_called(axis)}",
        f"Mean per episode with its 95 % interval.{_left_out(tables)}",
        _words(drawn, names),
        stress_figures.points(drawn, names, OBJECTIVE),
        _data(tables),
    )


def _curves(
    study: StressStudy, summary: pd.DataFrame, slices: list[Slice], place: int, metric: str
) -> Figure:
    names, axis = study.controllers, slices[0].axis
    tables = {own.held: _table(summary, own, names, metric) for own in slices}
    drawn = _placed(tables)
    paired_curves = _paired_curves(study, slices, metric)
    meet = any(each.curve.crossings for own in paired_curves.values() for each in own)
    return figure(
        f"curve-{place}-{metric.replace('_', '-')}",
        f"{METRICS[metric].title} along {axis.scale}",
        "Mean per episode; the bands are its 95 % intervals."
        + (" Diamonds: where one overtakes another, with its interval." if meet else "")
        + _left_out(tables),
        _words(drawn, names),
        stress_figures.curves(drawn, names, axis_title(axis), title(metric), paired_curves),
        _data(tables),
    )


def curves_along(study: StressStudy, slices: list[Slice], metric: str) -> go.Figure:
    """Return the curves of a metric along an axis, as the page draws them."""
    summary, names = study.summary, study.controllers
    return stress_figures.curves(
        _placed({own.held: _table(summary, own, names, metric) for own in slices}),
        names,
        axis_title(slices[0].axis),
        title(metric),
        _paired_curves(study, slices, metric),
    )


def _paired_curves(
    study: StressStudy, slices: list[Slice], metric: str
) -> dict[str, list[PairedCurve]]:
    if metric != OBJECTIVE:
        return {}
    return {own.held: [each for each in study.paired_curves if each.along == own] for own in slices}


def _differences(
    study: StressStudy, paired: pd.DataFrame, slices: list[Slice], place: int
) -> Figure:
    first, *others = study.controllers
    axis = slices[0].axis
    tables = {own.held: _table(paired, own, others, OBJECTIVE) for own in slices}
    drawn = _placed(tables)
    return figure(
        f"difference-{place}",
        f"Who does better along {axis.scale}",
        f"Objective less that of {first} on the same days, mean per episode with its 95 % "
        f"interval. Below zero is better than {first}.{_left_out(tables)}",
        _words(drawn, others, difference=True),
        stress_figures.curves(
            drawn, study.controllers, axis_title(axis), f"USD against {first}", {}, zero=True
        ),
        _data(tables),
    )


def _table(
    means: pd.DataFrame, along: Slice, names: tuple[str, ...] | list[str], metric: str
) -> pd.DataFrame:
    """Return a row per controller and level: its label, its position, mean and interval."""
    rows = [
        {
            "controller": name,
            "level": level.label,
            "position": level.position,
            **dict(
                zip(
                    COLUMNS,
                    statistics.estimate_at(at_point(means, point), name, metric),
                    strict=True,
                )
            ),
        }
        for name in names
        for level, point in zip(along.axis.levels, along.points, strict=True)
    ]
    return pd.DataFrame(rows)


def _placed(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the panels that are drawn, their rows by rising position."""
    return {
        held: table.dropna(subset="position").sort_values("position", kind="stable")
        for held, table in list(tables.items())[:MOST_PANELS]
    }


def _data(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    if len(tables) == 1:
        return next(iter(tables.values()))
    return pd.concat([table.assign(at=held) for held, table in tables.items()])


def _words(
    tables: dict[str, pd.DataFrame],
    names: tuple[str, ...] | list[str],
    *,
    difference: bool = False,
) -> str:
    return " ".join(
        f"{held + ': ' if held else ''}"
        + stress_figures.in_words(table, names, difference=difference)
        for held, table in tables.items()
    )


def _left_out(tables: dict[str, pd.DataFrame]) -> str:
    more = len(tables) - MOST_PANELS
    return f" {more} more combinations of the other axes are in the data." if more > 0 else ""


def _called(axis: Axis) -> str:
    return axis.name if axis.is_pack else f"axis {axis.name}"
