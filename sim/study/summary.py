"""Studies and episodes as plain JSON values: what ``--json`` prints and the manifest keeps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

import numpy as np
import pandas as pd

from sim.scenario import Scenario
from sim.study.execute import Failure
from sim.study.specification import ControllerSpec, labels
from sim.study.statistics import Estimate, at
from sim.study.study import Study
from sim.world.episode import Episode

DECISION = "decision"  # name of the rows of `Episode.timings` that time one decision each


def episode_summary(episode: Episode) -> dict[str, object]:
    """Return one episode as ``gridhaul run --json`` prints it."""
    return {
        "scenario": episode.scenario,
        "controller": episode.controller,
        "seed": episode.seed,
        "replication": episode.replication,
        "start": episode.start.isoformat(),
        "reproducible": episode.metrics["deadline_decisions"] == 0,
        "metrics": _plain(episode.metrics),
        "timings": _plain(timings_of(episode)),
        "ledger": ledger_of(episode).to_dict(orient="records"),
    }


def study_summary(study: Study) -> dict[str, object]:
    """Return a comparison as ``gridhaul compare --json`` prints it."""
    metrics = [str(metric) for metric in study.metrics.columns]
    return {
        "scenario": study.scenario,
        "seed": study.seed,
        "replications": study.replications,
        "baseline": study.controllers[0],
        "controllers": _by_controller(study.summary, study.controllers, metrics),
        "paired": _by_controller(study.paired, study.controllers[1:], metrics),
        "contrasts": {
            contrast.name: {
                "without": contrast.without,
                "having": contrast.having,
                **_estimate(found),
            }
            for contrast, found in study.contrasts
        },
        "failures": failures_as_rows(study.failures),
    }


def failures_as_rows(failures: Sequence[Failure]) -> list[dict[str, object]]:
    """Return failures as JSON values."""
    return [
        {
            "controller": failure.controller,
            "replication": failure.replication,
            "error": failure.error,
        }
        for failure in failures
    ]


def manifest(
    scenario: Scenario,
    specs: Sequence[ControllerSpec],
    *,
    seed: int,
    replications: Sequence[int],
    verify: str,
    failures: Sequence[Failure] = (),
) -> dict[str, object]:
    """Return what a reader of the tables needs to know about the study."""
    system = scenario.system
    return {
        "gridhaul": version("gridhaul"),
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "description": scenario.description,
            "digest": scenario.digest,
        },
        "seed": seed,
        "replications": list(replications),
        "verify": str(verify),
        "controllers": [
            {"label": label, "name": spec.name, "parameters": dict(spec.parameters)}
            for label, spec in zip(labels(specs), specs, strict=True)
        ],
        "failures": failures_as_rows(failures),
        "system": {
            "step_h": system.timing.step_h,
            "end_h": system.timing.end_h,
            "buses": list(system.grid.bus_name),
            "v_min_pu": system.grid.v_min_pu.tolist(),
            "v_max_pu": system.grid.v_max_pu.tolist(),
            "stations": [
                {"name": station.name, "set_up_h": station.set_up_h} for station in system.stations
            ],
            "vehicles": [vehicle.name for vehicle in system.vehicles],
        },
    }


def timings_of(episode: Episode) -> dict[str, float]:
    """Return wall-clock figures of an episode; different on every run."""
    table = episode.timings
    is_decision = (table["name"] == DECISION).to_numpy()
    seconds = table["seconds"].to_numpy(dtype=float)
    decisions, stages = seconds[is_decision], seconds[~is_decision]
    return {
        "solve_s_total": float(decisions.sum()),
        "solve_s_p95": float(np.percentile(decisions, 95)) if len(decisions) else 0.0,
        "steps_per_s": float(len(episode.steps) / stages.sum()),
    }


def ledger_of(episode: Episode) -> pd.DataFrame:
    """Return what was paid in an episode, ``payer, payee, item, usd``, summed over its steps."""
    usd = episode.ledger.groupby(["payer", "payee", "item"])["usd"].sum()
    return usd.to_frame().reset_index()


def _by_controller(
    table: pd.DataFrame, controllers: Sequence[str], metrics: Iterable[str]
) -> dict[str, dict[str, object]]:
    return {
        name: {metric: _estimate(at(table, name, metric)) for metric in metrics}
        for name in controllers
    }


def _estimate(found: Estimate) -> dict[str, object]:
    interval = [found.ci95_low, found.ci95_high] if found.has_interval else None
    return {"mean": _finite(found.mean), "ci95": interval}


def _plain(values: Mapping[str, float]) -> dict[str, float | int | None]:
    return {name: _finite(value) for name, value in values.items()}


def _finite(value: float) -> float | int | None:
    # JSON knows neither NaN nor infinity; whole numbers stay whole.
    if isinstance(value, int | np.integer):
        return int(value)
    return float(value) if math.isfinite(value) else None
