"""The front between several objectives, one panel per pair."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sim.report.figures.drawing import PALETTE, VIOLATION, with_common_layout
from sim.report.wording import ROUNDING, title

HEIGHT_PX = 420


def front(table: pd.DataFrame, objectives: Sequence[str]) -> go.Figure:
    """Return the points of a front against each pair of objectives that differ.

    Parameters
    ----------
    table
        One row per point, with the objectives and ``knee``.
    objectives
        Names of metrics.
    """
    spread = table[list(objectives)].max() - table[list(objectives)].min()
    wide = [name for name in objectives if spread[name] > ROUNDING]
    wide += [name for name in objectives if name not in wide][: max(2 - len(wide), 0)]
    pairs = list(combinations(wide, 2))
    figure = make_subplots(
        rows=len(pairs), cols=1, vertical_spacing=0.3 / max(len(pairs), 1) ** 1.5
    )
    is_knee = table["knee"].to_numpy(dtype=np.bool_)
    for row, (x, y) in enumerate(pairs, 1):
        for name, chosen, marker in (
            ("non-dominated plans", ~is_knee, {"size": 9, "color": PALETTE[0]}),
            ("knee", is_knee, {"size": 14, "color": VIOLATION, "symbol": "star"}),
        ):
            figure.add_scatter(
                x=table.loc[chosen, x].to_numpy(),
                y=table.loc[chosen, y].to_numpy(),
                mode="markers",
                marker=marker,
                name=name,
                showlegend=row == 1,
                row=row,
                col=1,
            )
        figure.update_xaxes(title_text=title(x), row=row, col=1)
        figure.update_yaxes(title_text=title(y), row=row, col=1)
    figure.update_layout(height=HEIGHT_PX * len(pairs))
    return with_common_layout(figure)
