"""Energy that electric cars drew, between the least and the most they could have drawn."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import (
    CLOCK,
    GREY,
    PALETTE,
    faint,
    panels,
    timestamps,
    with_common_layout,
)
from sim.report.wording import number

ROW_PX = 150
CURVES = ("least_mwh", "most_mwh", "drawn_mwh")


def figure(groups: Mapping[str, pd.DataFrame], start: pd.Timestamp, end_h: float) -> go.Figure:
    """Return one panel per controller: the sum over groups, inside its band.

    Parameters
    ----------
    groups
        Tables of groups of cars by controller; see `Episode`.
    start
        Time stamp of hour 0.
    end_h
        End of the episode [h].
    """
    drawn = panels(list(groups), one_scale=True)
    border = {"mode": "lines", "line": {"width": 1, "color": GREY}}
    for row, table in enumerate(groups.values(), start=1):
        total = _total(table)
        times = timestamps(start, total.index)
        for name, column in (
            ("as late as possible", CURVES[0]),
            ("as early as possible", CURVES[1]),
        ):
            fill = (
                {"fill": "tonexty", "fillcolor": faint(GREY, 0.25)} if column == CURVES[1] else {}
            )
            drawn.add_trace(
                go.Scatter(
                    x=times,
                    y=total[column].to_numpy(),
                    name=name,
                    legendgroup=name,
                    showlegend=row == 1,
                    hovertemplate="%{y:.3f} MWh",
                    **border,
                    **fill,
                ),
                row=row,
                col=1,
            )
        drawn.add_trace(
            go.Scatter(
                x=times,
                y=total[CURVES[2]].to_numpy(),
                mode="lines",
                line={"color": PALETTE[0], "width": 2.5},
                name="drawn",
                legendgroup="drawn",
                showlegend=row == 1,
                hovertemplate="%{y:.3f} MWh",
            ),
            row=row,
            col=1,
        )
        drawn.update_yaxes(title_text="MWh", row=row, col=1)
    totals = [_total(table) for table in groups.values()]
    lowest = min(float(total[CURVES[0]].min()) for total in totals)
    highest = max(float(total[CURVES[1]].max()) for total in totals)
    spare = 0.08 * (highest - min(lowest, 0.0))
    drawn.update_yaxes(range=[min(lowest, 0.0) - spare, highest + spare])
    drawn.update_xaxes(tickformat=CLOCK, hoverformat="%d %b %H:%M", showticklabels=False)
    drawn.update_xaxes(range=timestamps(start, [0.0, end_h]))
    drawn.update_xaxes(showticklabels=True, row=len(groups))
    drawn.update_layout(height=110 + ROW_PX * len(groups), hovermode="x unified")
    return with_common_layout(drawn, top_px=70)


def alternative(groups: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figure shows."""
    sentences = []
    for name, table in groups.items():
        least, most, drawn = (float(_total(table)[column].iloc[-1]) for column in CURVES)
        sentences.append(
            f"Under {name} the cars had drawn {number(drawn)} MWh at the end, between "
            f"{number(least)} and {number(most)} MWh."
        )
    return " ".join(sentences)


def _total(table: pd.DataFrame) -> pd.DataFrame:
    """Return the sums over groups by the end of each step, indexed by that hour [MWh]."""
    total = table.groupby("time_h")[list(CURVES)].sum()
    step_h = float(total.index[1] - total.index[0]) if len(total) > 1 else 0.0
    return total.set_axis(total.index + step_h)
