"""Line charts of the stored energy of every vehicle over the day."""

from __future__ import annotations

import html
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import (
    CLOCK,
    DASHES,
    PALETTE,
    panels,
    timestamps,
    with_common_layout,
)
from sim.report.wording import number

ROW_PX = 150


def figure(vehicles: Mapping[str, pd.DataFrame], start: pd.Timestamp, end_h: float) -> go.Figure:
    """Return one panel per controller, one line per vehicle.

    Parameters
    ----------
    vehicles
        Tables of vehicles by controller; see `Episode`.
    start
        Time stamp of hour 0.
    end_h
        End of the episode [h].
    """
    drawn = panels(list(vehicles), one_scale=True)
    for row, table in enumerate(vehicles.values(), start=1):
        for i, (vehicle, own) in enumerate(table.groupby("vehicle", sort=False)):
            drawn.add_trace(
                go.Scatter(
                    x=timestamps(start, own["time_h"]),
                    y=own["energy_mwh"].to_numpy(),
                    mode="lines",
                    line={
                        "color": PALETTE[i % len(PALETTE)],
                        "dash": DASHES[i % len(DASHES)],
                        "width": 2,
                    },
                    name=html.escape(str(vehicle)),
                    legendgroup=str(i),
                    showlegend=row == 1,
                    hovertemplate="%{y:.3f} MWh",
                ),
                row=row,
                col=1,
            )
        drawn.update_yaxes(title_text="MWh", row=row, col=1)
    highest = max(float(table["energy_mwh"].max()) for table in vehicles.values())
    drawn.update_yaxes(range=[0.0, 1.08 * highest])
    drawn.update_xaxes(tickformat=CLOCK, hoverformat="%d %b %H:%M", showticklabels=False)
    drawn.update_xaxes(range=timestamps(start, [0.0, end_h]))
    drawn.update_xaxes(showticklabels=True, row=len(vehicles))
    drawn.update_layout(height=110 + ROW_PX * len(vehicles), hovermode="x unified")
    return with_common_layout(drawn, top_px=70)


def alternative(vehicles: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figure shows."""
    sentences = []
    for name, table in vehicles.items():
        ends = table.groupby("vehicle", sort=False)["energy_mwh"].agg(["min", "max", "last"])
        sentences += [
            f"{vehicle} under {name}: between {number(float(low))} and {number(float(high))} MWh, "
            f"{number(float(last))} at the end."
            for vehicle, (low, high, last) in zip(ends.index, ends.to_numpy(), strict=True)
        ]
    return " ".join(sentences)
