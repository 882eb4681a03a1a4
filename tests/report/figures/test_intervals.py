"""Intervals of skewed figures are longer on one side, and are drawn so."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.report.figures import comparison, stress

LOW, MEAN, HIGH = [-36.0, -9.0, -4.0], [-7.0, -5.0, -3.0], [-1.0, 2.0, 90.0]


def ends(bars: dict[str, object], middle: object) -> tuple[list[float], list[float]]:
    above, below = (np.asarray(bars[name], dtype=float) for name in ("array", "arrayminus"))
    return (np.asarray(middle) - below).tolist(), (np.asarray(middle) + above).tolist()


def test_paired_differences_reach_both_ends_of_their_intervals() -> None:
    metrics = ["objective_usd", "cost_usd", "penalty_usd"]
    index = pd.MultiIndex.from_product([["greedy"], metrics])
    table = pd.DataFrame({"mean": MEAN, "ci95_low": LOW, "ci95_high": HIGH}, index=index)
    (drawn,) = comparison.paired(table, ["idle", "greedy"]).data
    assert ends(drawn.error_x.to_plotly_json(), drawn.x) == (LOW, HIGH)


def test_means_at_named_points_reach_both_ends_of_their_intervals() -> None:
    table = pd.DataFrame({"controller": "idle", "level": ["a", "b", "c"], "mean": MEAN,
                          "ci95_low": LOW, "ci95_high": HIGH})  # fmt: skip
    (drawn,) = stress.points({"all": table}, ["idle"], "objective_usd").data
    assert ends(drawn.error_y.to_plotly_json(), drawn.y) == (LOW, HIGH)
