"""A stress study as plain JSON values: what ``--json`` prints and ``summary.json`` keeps."""

from __future__ import annotations

import pandas as pd

from sim.study.inference.statistics import at, difference_at
from sim.study.json_values import finite, plain_estimate, plain_inference
from sim.study.stress.curves import Contest, Reversal, Rise, StressStudy, here
from sim.study.stress.design import cell, plain_design
from sim.study.summary import failures_as_rows


def stress_summary(study: StressStudy) -> dict[str, object]:
    """Return a stress study as ``gridhaul stress --json`` prints it."""
    cells, design = study.cells, study.design
    summary, paired = study.summary, study.paired
    return {
        "scenario": cells.scenario,
        "seed": cells.seed,
        "replications": cells.replications,
        "baseline": study.controllers[0],
        "axes": plain_design(design),
        "points": [
            {
                "label": point.label,
                "levels": {
                    axis.name: axis.levels[level].label
                    for axis, level in zip(design.axes, point.levels, strict=True)
                },
                "cells": {name: cell(name, point) for name in study.controllers},
                "controllers": _means(here(summary, point), study.controllers),
                "paired": _differences(here(paired, point), study.controllers[1:]),
            }
            for point in design.points
        ],
        "crossovers": [_contest(own) for own in study.contests],
        "reversals": [_reversal(own) for own in study.reversals],
        "rises": [_rise(own) for own in study.rises],
        "inference": plain_inference(cells),
        "failures": failures_as_rows(cells.failures),
    }


def _means(table: pd.DataFrame, names: tuple[str, ...]) -> dict[str, object]:
    metrics = table.index.unique("metric").tolist()
    return {
        name: {metric: plain_estimate(at(table, name, metric)) for metric in metrics}
        for name in names
    }


def _differences(table: pd.DataFrame, names: tuple[str, ...]) -> dict[str, object]:
    metrics = table.index.unique("metric").tolist()
    found: dict[str, object] = {}
    for name in names:
        own = {metric: difference_at(table, name, metric) for metric in metrics}
        found[name] = {
            metric: {**plain_estimate(each.estimate), "p_value": finite(each.p_value)}
            for metric, each in own.items()
        }
    return found


def _contest(own: Contest) -> dict[str, object]:
    return {
        "axis": own.along.axis.name,
        "scale": own.along.axis.scale,
        "held": own.along.held,
        "one": own.one,
        "other": own.other,
        "positions": own.position.tolist(),
        "difference_usd": [finite(value) for value in own.course.mean.tolist()],
        "replications": own.course.replications,
        "same_sign": finite(own.course.same_sign),
        "crossings": [
            {
                "at": each.at,
                # null: beyond the points, or unknown with few replications
                "ci95": [finite(each.low), finite(each.high)],
                "overtakes": own.one if each.rises else own.other,
                "share": finite(each.share),
            }
            for each in own.course.crossings
        ],
    }


def _reversal(own: Reversal) -> dict[str, object]:
    return {
        "axis": own.along.axis.name,
        "held": own.along.held,
        "point": own.point.label,
        "better": own.better,
        "worse": own.worse,
        "sure": own.sure,
    }


def _rise(own: Rise) -> dict[str, object]:
    return {
        "axis": own.along.axis.name,
        "held": own.along.held,
        "controller": own.controller,
        "metric": own.metric,
        "per_trip": own.per_trip,
        "positions": own.position.tolist(),
        "values": own.value.tolist(),
        "rises": not own.falls,
    }
