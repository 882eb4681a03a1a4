"""Loading of the branches over a day: the highest one of each step, and how many are beyond."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import (
    CLOCK,
    VIOLATION,
    colours,
    faint,
    panels,
    timestamps,
    with_common_layout,
)
from sim.report.wording import number

ROW_PX = 140
TENTH = 90  # percentile below the highest


def figure(loading_percent: Mapping[str, pd.DataFrame], start: pd.Timestamp) -> go.Figure:
    """Return one panel per controller: the highest loading, and that of the tenth most loaded.

    Parameters
    ----------
    loading_percent
        Step means by controller, index ``time_h``, one column per branch [%].
    start
        Time stamp of hour 0.
    """
    names = list(loading_percent)
    drawn = panels(names, one_scale=True)
    for row, (name, table) in enumerate(loading_percent.items(), start=1):
        times = timestamps(start, table.index.to_numpy(dtype=float))
        values = np.nan_to_num(table.to_numpy(dtype=float), nan=0.0)
        colour = colours(names)[name]
        branch = table.columns.to_numpy(dtype=object)[values.argmax(axis=1)]
        drawn.add_trace(
            go.Scatter(
                x=times,
                y=values.max(axis=1),
                customdata=branch,
                mode="lines",
                line={"color": colour, "width": 2},
                fill="tozeroy",
                fillcolor=faint(colour, 0.15),
                hovertemplate="highest %{y:.0f} % (%{customdata})<extra></extra>",
            ),
            row=row,
            col=1,
        )
        drawn.add_trace(
            go.Scatter(
                x=times,
                y=np.percentile(values, TENTH, axis=1),
                mode="lines",
                line={"color": colour, "width": 1, "dash": "dot"},
                hovertemplate="one branch in ten above %{y:.0f} %<extra></extra>",
            ),
            row=row,
            col=1,
        )
        drawn.add_hline(
            y=100, line={"dash": "dash", "width": 1, "color": VIOLATION}, row=row, col=1
        )
        drawn.update_yaxes(title_text="%", rangemode="tozero", row=row, col=1)
    drawn.update_xaxes(tickformat=CLOCK, hoverformat="%d %b %H:%M", showticklabels=False)
    drawn.update_xaxes(showticklabels=True, row=len(names))
    drawn.update_layout(height=80 + ROW_PX * len(names), showlegend=False, hovermode="x unified")
    return with_common_layout(drawn)


def alternative(loading_percent: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figure shows."""
    return " ".join(_sentence(name, table) for name, table in loading_percent.items())


def _sentence(name: str, table: pd.DataFrame) -> str:
    values = np.nan_to_num(table.to_numpy(dtype=float), nan=0.0)
    if not values.size:
        return f"{name}: no branches."
    step, branch = np.unravel_index(values.argmax(), values.shape)
    beyond = int((values > 100).any(axis=1).sum())
    return (
        f"{name}: at most {number(float(values.max()))} % ({table.columns[branch]} at "
        f"{table.index[step] % 24:.2f} h), beyond 100 % in {beyond} of {len(values)} steps."
    )
