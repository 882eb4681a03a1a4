"""Statistics of a study as JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from sim.study.inference.days import inference_statement
from sim.study.inference.risk import OBJECTIVE, VIOLATIONS, Risk
from sim.study.inference.statistics import Difference, Estimate, difference_at, estimate_at
from sim.study.inference.stopping import Look
from sim.study.study import Study


def controllers_as_json(study: Study) -> dict[str, dict[str, dict[str, object]]]:
    """Return ``{controller: {metric: {mean, ci95}}}``.

    The objective also has ``cvar95`` (with ``note`` where there are too few episodes for its
    interval) and ``worst``, the violated steps have ``p_violation``.
    """
    table, risks = study.summary, study.risk
    found = {
        name: {
            metric: estimate_as_json(estimate_at(table, name, metric)) for metric in _metrics(study)
        }
        for name in study.controllers
    }
    for name, own in found.items():
        for metric, more in _risk(risks[name]).items():
            own.get(metric, {}).update(more)
    return found


def paired_as_json(study: Study) -> dict[str, dict[str, dict[str, object]]]:
    """Return ``{controller: {metric: {mean, ci95, p_value, variance_reduction}}}``."""
    table = study.paired
    return {
        name: {
            metric: _difference(difference_at(table, name, metric)) for metric in _metrics(study)
        }
        for name in study.controllers[1:]
    }


def inference_as_json(study: Study) -> dict[str, object]:
    """Return the population that the intervals refer to."""
    replications: Sequence[int] = study.metrics.index.unique("replication").tolist()
    return {
        "days": len(np.unique(study.days.clusters(replications))),
        "profile_days": study.days.in_profile,
        "statement": inference_statement(study.days, replications),
    }


def look_as_json(look: Look) -> dict[str, object]:
    """Return the last look of a study with a stopping rule."""
    return {
        "until": look.until,
        "reached": look.reached,
        "replications": look.replications,
        "allowed_half_width": finite(look.allowed_usd),
        "differences": {
            name: {
                **estimate_as_json(own),
                "differing": look.differing[name],
                "effective": look.effective[name],
            }
            for name, own in look.differences.items()
        },
        "narrow_since": look.narrow_since,
        "rare": list(look.rare),
    }


def estimate_as_json(found: Estimate) -> dict[str, object]:
    """Return ``{mean, ci95}``, null where there is none."""
    interval = [found.ci95_low, found.ci95_high] if found.has_interval else None
    return {"mean": finite(found.mean), "ci95": interval}


def metrics_as_json(values: Mapping[str, float]) -> dict[str, float | int | None]:
    """Return metrics by name as JSON values."""
    return {name: finite(value) for name, value in values.items()}


def finite(value: float) -> float | int | None:
    """Return a number as JSON allows it: null for NaN and infinity; whole numbers stay whole."""
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _metrics(study: Study) -> list[str]:
    return [str(metric) for metric in study.metrics.columns]


def _risk(found: Risk) -> dict[str, dict[str, object]]:
    note = {"note": found.note} if found.note else {}
    return {
        OBJECTIVE: {
            "cvar95": {**estimate_as_json(found.cvar95), **note},
            "worst": finite(found.worst),
        },
        VIOLATIONS: {"p_violation": estimate_as_json(found.p_violation)},
    }


def _difference(found: Difference) -> dict[str, object]:
    return {
        **estimate_as_json(found.estimate),
        "p_value": finite(found.p_value),
        "variance_reduction": finite(found.variance_reduction),
    }
