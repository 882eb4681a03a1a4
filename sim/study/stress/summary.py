"""Summary of a stress study as JSON values: what ``--json`` prints and ``summary.json`` keeps."""

from __future__ import annotations

import pandas as pd

from sim.study.inference.statistics import difference_at, estimate_at
from sim.study.json_values import estimate_as_json, finite, inference_as_json
from sim.study.stress.curves import ExpectedRise, PairedCurve, Reversal, StressStudy, at_point
from sim.study.stress.design import cell_label, design_as_json
from sim.study.summary import failures_as_json


def stress_summary(study: StressStudy) -> dict[str, object]:
    """Return a stress study as ``gridhaul stress --json`` prints it."""
    cells, design = study.cells, study.design
    summary, paired = study.summary, study.paired
    return {
        "scenario": cells.scenario,
        "seed": cells.seed,
        "replications": cells.replications,
        "baseline": study.controllers[0],
        "axes": design_as_json(design),
        "points": [
            {
                "label": point.label,
                "levels": {
                    axis.name: axis.levels[level].label
                    for axis, level in zip(design.axes, point.levels, strict=True)
                },
                "cells": {name: cell_label(name, point) for name in study.controllers},
                "controllers": _means(at_point(summary, point), study.controllers),
                "paired": _differences(at_point(paired, point), study.controllers[1:]),
            }
            for point in design.points
        ],
        "crossovers": [_paired_curve(own) for own in study.paired_curves],
        "reversals": [_reversal(own) for own in study.reversals],
        "rises": [_rise(own) for own in study.expected_rises],
        "inference": inference_as_json(cells),
        "failures": failures_as_json(cells.failures),
    }


def _means(table: pd.DataFrame, names: tuple[str, ...]) -> dict[str, object]:
    metrics = table.index.unique("metric").tolist()
    return {
        name: {metric: estimate_as_json(estimate_at(table, name, metric)) for metric in metrics}
        for name in names
    }


def _differences(table: pd.DataFrame, names: tuple[str, ...]) -> dict[str, object]:
    metrics = table.index.unique("metric").tolist()
    found: dict[str, object] = {}
    for name in names:
        own = {metric: difference_at(table, name, metric) for metric in metrics}
        found[name] = {
            metric: {**estimate_as_json(each.estimate), "p_value": finite(each.p_value)}
            for metric, each in own.items()
        }
    return found


def _paired_curve(own: PairedCurve) -> dict[str, object]:
    return {
        "axis": own.along.axis.name,
        "scale": own.along.axis.scale,
        "held": own.along.held,
        "one": own.one,
        "other": own.other,
        "positions": own.position.tolist(),
        "difference_usd": [finite(value) for value in own.curve.mean.tolist()],
        "replications": own.curve.replications,
        "same_sign": finite(own.curve.same_sign),
        "crossings": [
            {
                "at": each.at,
                # null: beyond the points, or unknown with few replications
                "ci95": [finite(each.low), finite(each.high)],
                "overtakes": own.one if each.rises else own.other,
                "share": finite(each.share),
            }
            for each in own.curve.crossings
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


def _rise(own: ExpectedRise) -> dict[str, object]:
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
