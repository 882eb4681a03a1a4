"""Box plots of the objective over the days."""

from __future__ import annotations

import html

import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import colours, with_common_layout
from sim.report.wording import number

ROW_PX = 90


def figure(objective_usd: pd.DataFrame) -> go.Figure:
    """Return one box per controller with a point per day.

    Parameters
    ----------
    objective_usd
        One row per replication, one column per controller [USD].
    """
    names = [str(name) for name in objective_usd.columns]
    drawn = go.Figure()
    for name, colour in colours(names).items():
        own = objective_usd[name].dropna()
        drawn.add_box(
            orientation="h",
            x=own.to_numpy(),
            y0=html.escape(name),
            name=html.escape(name),
            boxpoints="all",
            jitter=0.6,
            pointpos=0,
            marker={"color": colour, "size": 5, "opacity": 0.55},
            line={"color": colour, "width": 2},
            fillcolor="rgba(0,0,0,0)",
            customdata=own.index.to_numpy(),
            hovertemplate="%{x:,.1f} USD in replication %{customdata}<extra>%{y}</extra>",
        )
    drawn.update_xaxes(title_text="objective of an episode, USD")
    drawn.update_yaxes(autorange="reversed")
    drawn.update_layout(showlegend=False, height=100 + ROW_PX * len(names))
    return with_common_layout(drawn, top_px=20)


def alternative(objective_usd: pd.DataFrame) -> str:
    """Return in words what the figure shows."""
    return " ".join(_in_words(objective_usd, str(name)) for name in objective_usd.columns)


def _in_words(objective_usd: pd.DataFrame, name: str) -> str:
    low, middle, high = objective_usd[name].quantile([0.05, 0.5, 0.95])
    return (
        f"{name}: median {number(middle)} USD, nine days in ten between {number(low)} and "
        f"{number(high)} USD."
    )
