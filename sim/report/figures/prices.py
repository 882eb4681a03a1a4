"""Heat maps of locational marginal prices by bus and period."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import CLOCK, panels, timestamps, with_common_layout
from sim.report.wording import number

LMP = "lmp_usd_per_mwh"
# Where load is about to be shed, prices are tens of times those of all other hours.
HIGHEST = 0.97  # quantile of the prices that has the last colour


def figure(prices: Mapping[str, pd.DataFrame], start: pd.Timestamp, end_h: float) -> go.Figure:
    """Return one heat map per controller, one row per bus; the few highest share a colour.

    Parameters
    ----------
    prices
        Tables of prices by controller, each with at least one row; see `Episode`.
    start
        Time stamp of hour 0.
    end_h
        End of the episode [h].
    """
    drawn = panels(list(prices))
    values = np.concatenate([own[LMP].to_numpy(dtype=float) for own in prices.values()])
    buses = list(dict.fromkeys(bus for own in prices.values() for bus in own["bus"]))
    for row, own in enumerate(prices.values(), start=1):
        wide = own.pivot_table(index="bus", columns="time_h", values=LMP).reindex(buses)
        drawn.add_trace(
            go.Heatmap(
                x=timestamps(start, [*wide.columns, end_h]),  # edges: a price holds until the next
                y=np.arange(len(buses)),
                z=wide.to_numpy().round(3),
                coloraxis="coloraxis",
                hovertemplate="bus %{y}, %{x|%H:%M}: %{z:.2f} USD/MWh<extra></extra>",
            ),
            row=row,
            col=1,
        )
        every = max(len(buses) // 12, 1)
        drawn.update_yaxes(
            range=[len(buses) - 0.5, -0.5],
            tickvals=list(range(0, len(buses), every)),
            ticktext=[html.escape(str(bus)) for bus in buses[::every]],
            title_text="bus",
            row=row,
            col=1,
        )
    drawn.update_layout(
        coloraxis={
            "colorscale": "Cividis",
            "cmin": float(values.min()),
            "cmax": float(np.quantile(values, HIGHEST)),
            "colorbar": {"title": {"text": "USD/MWh"}, "thickness": 14, "len": 1.0, "y": 0.5},
        },
        showlegend=False,
        height=90 + max(150, min(18 * len(buses), 420)) * len(prices),
    )
    drawn.update_xaxes(tickformat=CLOCK, showticklabels=False, showgrid=False)
    drawn.update_xaxes(range=timestamps(start, [0.0, end_h]))
    drawn.update_xaxes(showticklabels=True, row=len(prices))
    drawn.update_yaxes(showgrid=False, zeroline=False)
    return with_common_layout(drawn)


def alternative(prices: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figure shows."""
    sentences = []
    for name, own in prices.items():
        low, mean, high = (float(getattr(own[LMP], word)()) for word in ("min", "mean", "max"))
        apart = own.groupby("time_h")[LMP].agg(lambda at: at.max() - at.min())
        sentences.append(
            f"{name}: between {number(low)} and {number(high)} USD/MWh, {number(mean)} on average; "
            f"buses at most {number(float(apart.max()))} USD/MWh apart."
        )
    return " ".join(sentences)
