"""Summaries of studies and episodes as JSON values: for ``--json`` and ``summary.json``."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sim.episode.episode import Episode
from sim.episode.log import log_of, log_sha256
from sim.study.jobs import Failure
from sim.study.json_values import (
    controllers_as_json,
    estimate_as_json,
    inference_as_json,
    look_as_json,
    metrics_as_json,
    paired_as_json,
)
from sim.study.store.sums import sum_ledger, sum_timings
from sim.study.study import Study


def episode_summary(episode: Episode) -> dict[str, object]:
    """Return one episode as ``gridhaul run --json`` prints it."""
    return {
        "scenario": episode.scenario,
        "controller": episode.controller,
        "seed": episode.seed,
        "replication": episode.replication,
        "start": episode.start.isoformat(),
        "reproducible": episode.metrics["deadline_decisions"] == 0,
        "log_sha256": log_sha256(log_of(episode)),
        "metrics": metrics_as_json(episode.metrics),
        "timings": metrics_as_json(timings_of(episode)),
        "ledger": ledger_of(episode).to_dict(orient="records"),
    }


def study_summary(study: Study) -> dict[str, object]:
    """Return a comparison as ``gridhaul compare --json`` prints it."""
    return {
        "scenario": study.scenario,
        "seed": study.seed,
        "replications": study.replications,
        "baseline": study.controllers[0],
        "controllers": controllers_as_json(study),
        "paired": paired_as_json(study),
        "contrasts": {
            contrast.name: {
                "without": contrast.without,
                "having": contrast.having,
                **estimate_as_json(found),
            }
            for contrast, found in study.contrasts
        },
        "ladder": [
            {
                "step": step.name,
                "without": step.without,
                "having": step.having,
                "adds": step.meaning,
                **estimate_as_json(found),
            }
            for step, found in study.ladder
        ],
        "inference": inference_as_json(study),
        "stopping": look_as_json(study.look) if study.look else None,
        "failures": failures_as_json(study.failures),
    }


def failures_as_json(failures: Sequence[Failure]) -> list[dict[str, object]]:
    """Return failures as JSON values."""
    return [
        {
            "controller": failure.controller,
            "replication": failure.replication,
            "error": failure.error,
        }
        for failure in failures
    ]


def timings_of(episode: Episode) -> dict[str, float]:
    """Return wall-clock times of an episode; different on every run."""
    return sum_timings(episode.timings, len(episode.steps))


def ledger_of(episode: Episode) -> pd.DataFrame:
    """Return what was paid in an episode, ``payer, payee, item, usd``, summed over its steps."""
    return sum_ledger(episode.ledger)
