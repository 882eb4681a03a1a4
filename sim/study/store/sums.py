"""Sums over an episode's long tables: seconds by kind, payments by parties."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.control import SolveStatus

DECISION = "decision"  # name of the rows of `Episode.timings` that time one decision each


def sum_timings(timings: pd.DataFrame, n_steps: int) -> dict[str, float]:
    """Return wall-clock times of an episode; different on every run.

    Parameters
    ----------
    timings
        Rows ``name, seconds``.
    n_steps
        How many steps the episode has.
    """
    is_decision = (timings["name"] == DECISION).to_numpy()
    seconds = timings["seconds"].to_numpy(dtype=float)
    decisions, stages = seconds[is_decision], seconds[~is_decision]
    return {
        "solve_s_total": float(decisions.sum()),
        "solve_s_p95": float(np.percentile(decisions, 95)) if len(decisions) else 0.0,
        "steps_per_s": float(n_steps / stages.sum()),
    }


def first_reason(decisions: pd.DataFrame) -> str:
    """Return why the first failed decision failed, empty where none did.

    Parameters
    ----------
    decisions
        One row per decision in order of time, or per kind of decision; ``status, fallback``.
    """
    failed = decisions.loc[decisions["status"] == SolveStatus.FAILED, "fallback"]
    return str(failed.iloc[0]) if len(failed) else ""


def sum_ledger(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return what was paid in an episode, ``payer, payee, item, usd``, summed over its steps."""
    usd = ledger.groupby(["payer", "payee", "item"])["usd"].sum()
    return usd.to_frame().reset_index()
