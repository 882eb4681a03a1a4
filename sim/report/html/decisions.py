"""The table of decisions: solver status, gap, fallbacks and solution times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sim.report.wording import number
from sim.study.store.sums import DECISION

COLUMNS = ("Decisions", "Ended as", "Gap p50", "largest gap", "Fallbacks")
TIMES = ("Time p50 [ms]", "p95 [ms]", "largest [ms]")


def rows(
    decisions: pd.DataFrame, timings: pd.DataFrame, controllers: Sequence[str]
) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and cells of each controller, columns as in `COLUMNS` and `TIMES`.

    Parameters
    ----------
    decisions
        One row per decision, or per kind of decision with their number in ``decisions``.
    timings
        Wall clock, ``controller, name, seconds``.
    controllers
        In the order of the rows.
    """
    return [
        (
            name,
            (
                *_ends(decisions[decisions["controller"] == name]),
                *_times(timings[timings["controller"] == name]),
            ),
        )
        for name in controllers
    ]


def _ends(own: pd.DataFrame) -> tuple[str, ...]:
    counts = own["decisions"] if "decisions" in own else pd.Series(1, index=own.index)
    by_status = counts.groupby(own["status"]).sum().sort_values(ascending=False)
    fell_back = own["fallback"].fillna("").astype(str).isin(["", "none"])
    counted = "gap" not in own
    gaps = own["gap_max" if counted else "gap"].to_numpy(dtype=float)
    gaps = gaps[np.isfinite(gaps)]
    return (
        number(float(counts.sum())),
        ", ".join(f"{status} {count:,}" for status, count in by_status.items()),
        _percent(float(np.median(gaps))) if len(gaps) and not counted else "–",
        _percent(float(gaps.max())) if len(gaps) else "–",
        number(float(counts[~fell_back].sum())),
    )


def _times(own: pd.DataFrame) -> tuple[str, ...]:
    seconds = own.loc[own["name"] == DECISION, "seconds"].to_numpy(dtype=float)
    if not len(seconds):
        return ("–",) * len(TIMES)
    figures = (*np.quantile(seconds, [0.5, 0.95]), seconds.max())
    return tuple(f"{round(1000 * value, 1 if value > 0.01 else 3):,g}" for value in figures)


def _percent(share: float) -> str:
    # Less than a millionth is an artefact of adding floats.
    return f"{share * 100 if share > 1e-6 else 0:.3g} %"
