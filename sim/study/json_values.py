"""Statistics of a study as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sim.study.inference.days import inference
from sim.study.inference.risk import OBJECTIVE, VIOLATIONS, Risk
from sim.study.inference.statistics import Difference, Estimate, at, difference_at
from sim.study.inference.stopping import Look
from sim.study.study import Study


def plain_controllers(study: Study) -> dict[str, dict[str, dict[str, object]]]:
    """Return ``{controller: {metric: {mean, ci95}}}``.

    The objective also has ``cvar95`` (with ``note`` where there are too few episodes for its
    interval) and ``worst``, the violated steps have ``p_violation``.
    """
    table, risks = study.summary, study.risk
    found = {
        name: {metric: plain_estimate(at(table, name, metric)) for metric in _metrics(study)}
        for name in study.controllers
    }
    for name, own in found.items():
        for metric, more in _risk(risks[name]).items():
            own.get(metric, {}).update(more)
    return found


def plain_paired(study: Study) -> dict[str, dict[str, dict[str, object]]]:
    """Return ``{controller: {metric: {mean, ci95, p_value, variance_reduction}}}``."""
    table = study.paired
    return {
        name: {
            metric: _difference(difference_at(table, name, metric)) for metric in _metrics(study)
        }
        for name in study.controllers[1:]
    }


def plain_inference(study: Study) -> dict[str, object]:
    """Return what the intervals speak of."""
    replications: Sequence[int] = study.metrics.index.unique("replication").tolist()
    return {
        "days": len(np.unique(study.days.clusters(replications))),
        "profile_days": study.days.in_profile,
        "statement": inference(study.days, replications),
    }


def plain_look(look: Look) -> dict[str, object]:
    """Return the last look of a study with a stopping rule."""
    return {
        "until": look.until,
        "reached": look.reached,
        "replications": look.replications,
        "allowed_half_width": finite(look.allowed_usd),
        "differences": {name: plain_estimate(own) for name, own in look.differences.items()},
    }


def plain_estimate(found: Estimate) -> dict[str, object]:
    """Return ``{mean, ci95}``, null where there is none."""
    interval = [found.ci95_low, found.ci95_high] if found.has_interval else None
    return {"mean": finite(found.mean), "ci95": interval}


def plain_figures(values: Mapping[str, float]) -> dict[str, float | int | None]:
    """Return figures by name as JSON values."""
    return {name: finite(value) for name, value in values.items()}


def finite(value: float) -> float | int | None:
    """Return a number that JSON knows: neither NaN nor infinity; whole numbers stay whole."""
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _metrics(study: Study) -> list[str]:
    return [str(metric) for metric in study.metrics.columns]


def _risk(found: Risk) -> dict[str, dict[str, object]]:
    note = {"note": found.note} if found.note else {}
    return {
        OBJECTIVE: {
            "cvar95": {**plain_estimate(found.cvar95), **note},
            "worst": finite(found.worst),
        },
        VIOLATIONS: {"p_violation": plain_estimate(found.p_violation)},
    }


def _difference(found: Difference) -> dict[str, object]:
    return {
        **plain_estimate(found.estimate),
        "p_value": finite(found.p_value),
        "variance_reduction": finite(found.variance_reduction),
    }
