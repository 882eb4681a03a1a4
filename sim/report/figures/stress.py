"""Figures of a stress study: curves along an axis, and points without a position."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import DASHES, colours, faint, panels, with_common_layout
from sim.report.wording import number, signed, title
from sim.study.stress.curves import PairedCurve

PANEL_PX = 320
BAND = 0.18  # opacity
MARKERS = ("circle", "square", "triangle-up", "cross", "star", "triangle-down")
DIAMOND_PX = 11


def curves(
    tables: Mapping[str, pd.DataFrame],
    controllers: Sequence[str],
    axis: str,
    unit: str,
    paired_curves: Mapping[str, Sequence[PairedCurve]],
    *,
    zero: bool = False,
) -> go.Figure:
    """Return curves with bands along an axis, one panel for each title.

    Parameters
    ----------
    tables
        By title of the panel: columns ``controller, position, mean, ci95_low, ci95_high``.
    controllers
        All of the study, which keep their colours; those without rows are not drawn.
    axis, unit
        What the axes are called.
    paired_curves
        By title: crossovers to be marked.
    zero
        Whether a line marks zero.
    """
    figure = panels(list(tables), one_scale=True)
    for row, (name, table) in enumerate(tables.items(), start=1):
        own = {
            controller: table[table["controller"] == controller].dropna(subset="mean")
            for controller in controllers
        }
        # All bands lie below all lines.
        for controller in controllers:
            for trace in _band(own[controller], controller, controllers):
                figure.add_trace(trace, row=row, col=1)
        for controller in controllers:
            if len(own[controller]):
                line = _line(own[controller], controller, controllers, first=row == 1)
                figure.add_trace(line, row=row, col=1)
        for trace in _crossovers(table, paired_curves.get(name, ())):
            figure.add_trace(trace, row=row, col=1)
        if zero:
            figure.add_hline(y=0, line={"width": 1, "color": "#8c8c8c"}, row=row, col=1)
        figure.update_yaxes(title_text=html.escape(unit), row=row, col=1)
    figure.update_xaxes(title_text=html.escape(axis), row=len(tables))
    figure.update_xaxes(showticklabels=True)
    figure.update_layout(height=90 + PANEL_PX * len(tables))
    return with_common_layout(figure, top_px=70)


def points(
    tables: Mapping[str, pd.DataFrame], controllers: Sequence[str], metric: str
) -> go.Figure:
    """Return means with intervals at named points, one panel for each title.

    Parameters
    ----------
    tables
        By title: columns ``controller, level, mean, ci95_low, ci95_high``.
    controllers
        All of the study.
    metric
        What is shown.
    """
    figure = panels(list(tables), one_scale=True)
    for row, table in enumerate(tables.values(), start=1):
        for i, (name, colour) in enumerate(colours(controllers).items()):
            own = table[table["controller"] == name]
            figure.add_scatter(
                x=[html.escape(str(level)) for level in own["level"]],
                y=own["mean"].to_numpy(),
                error_y={
                    "type": "data",
                    "array": (own["ci95_high"] - own["mean"]).to_numpy(),
                    "arrayminus": (own["mean"] - own["ci95_low"]).to_numpy(),
                    "thickness": 2,
                    "width": 6,
                },
                mode="markers",
                marker={"size": 10, "color": colour, "symbol": MARKERS[i % len(MARKERS)]},
                name=html.escape(name),
                legendgroup=name,
                showlegend=row == 1,
                hovertemplate="%{y:,.2f} at %{x}<extra>%{fullData.name}</extra>",
                row=row,
                col=1,
            )
        figure.update_yaxes(title_text=title(metric), row=row, col=1)
    figure.update_xaxes(showticklabels=True)
    figure.update_layout(scattermode="group", scattergap=0.5, height=90 + PANEL_PX * len(tables))
    return with_common_layout(figure, top_px=70)


def in_words(table: pd.DataFrame, controllers: Sequence[str], *, difference: bool = False) -> str:
    """Return what a panel shows: the mean of each controller at each level."""
    write = signed if difference else number
    return " ".join(
        f"{name}: "
        + ", ".join(
            f"{write(float(mean))} at {level}"
            for level, mean in zip(own["level"], own["mean"], strict=True)
        )
        + "."
        for name in controllers
        for own in [table[table["controller"] == name]]
        if len(own)
    )


def _band(own: pd.DataFrame, controller: str, controllers: Sequence[str]) -> list[go.Scatter]:
    """Return the band of the intervals, nothing where there are none."""
    own = own.dropna(subset="ci95_low")
    if not len(own):
        return []
    style = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    x, group = own["position"].to_numpy(), {"legendgroup": controller}
    colour = faint(colours(controllers)[controller], BAND)
    return [
        go.Scatter(x=x, y=own["ci95_low"].to_numpy(), **style, **group),
        go.Scatter(
            x=x,
            y=own["ci95_high"].to_numpy(),
            fill="tonexty",
            fillcolor=colour,
            **style,
            **group,
        ),
    ]


def _line(
    own: pd.DataFrame, controller: str, controllers: Sequence[str], *, first: bool
) -> go.Scatter:
    place = list(controllers).index(controller)
    colour = colours(controllers)[controller]
    return go.Scatter(
        x=own["position"].to_numpy(),
        y=own["mean"].to_numpy(),
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": DASHES[place % len(DASHES)]},
        marker={"size": 8, "color": colour, "symbol": MARKERS[place % len(MARKERS)]},
        customdata=[html.escape(str(level)) for level in own["level"]],
        hovertemplate="%{y:,.2f} at %{customdata}<extra>%{fullData.name}</extra>",
        name=html.escape(controller),
        showlegend=first,
        legendgroup=controller,
    )


def _crossovers(table: pd.DataFrame, paired_curves: Sequence[PairedCurve]) -> list[go.Scatter]:
    """Return a diamond with the interval of its place for each crossover."""
    traces = []
    for pair in paired_curves:
        own = table[table["controller"] == pair.one].sort_values("position")
        start, end = float(pair.position[0]), float(pair.position[-1])
        for crossing in pair.curve.crossings:
            low, high = np.clip([crossing.low, crossing.high], start, end)
            height = float(np.interp(crossing.at, own["position"], own["mean"]))
            traces.append(
                go.Scatter(
                    x=[crossing.at],
                    y=[height],
                    error_x={
                        "type": "data",
                        "array": [high - crossing.at],
                        "arrayminus": [crossing.at - low],
                        "thickness": 2,
                        "width": 6,
                    },
                    mode="markers",
                    marker={"symbol": "diamond-open", "size": DIAMOND_PX, "color": "#D55E00"},
                    name=html.escape(f"{pair.one} and {pair.other} meet"),
                    showlegend=False,
                    hovertemplate="at %{x:.3g}<extra>%{fullData.name}</extra>",
                )
            )
    return traces
