"""Figures of a comparison: differences, payments, voltages, and activities of vehicles."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import (
    CLOCK,
    VIOLATION,
    colours,
    panels,
    timestamps,
    with_common_layout,
)
from sim.report.figures.timeline import ACTIVITIES, Bar
from sim.report.wording import METRICS
from sim.units import FloatArray

ACTIVITY_COLOURS = {
    "charging": "#56B4E9",
    "discharging": "#E69F00",
    "connected, idle": "#b8b8b8",
    "driving": "#0072B2",
    "queueing": "#F0E442",
    "setting up": "#CC79A7",
    "broken": "#000000",
}
MS_PER_H = 3_600_000
ROW_PX = 150
LABEL_MIN_H = 1.5  # shorter bars have no room for a station's name


def paired(differences: pd.DataFrame, controllers: Sequence[str]) -> go.Figure:
    """Return differences from the first controller in USD, as points with 95 % intervals."""
    metrics = ["objective_usd", "cost_usd", "penalty_usd"]
    figure = go.Figure()
    for name, colour in list(colours(controllers).items())[1:]:
        rows = differences.loc[[(name, metric) for metric in metrics]]
        figure.add_scatter(
            x=rows["mean"].to_numpy(),
            y=[METRICS[metric].title for metric in metrics],
            error_x={
                "type": "data",
                "array": (rows["ci95_high"] - rows["mean"]).to_numpy(),
                "arrayminus": (rows["mean"] - rows["ci95_low"]).to_numpy(),
                "thickness": 2,
                "width": 6,
            },
            mode="markers",
            orientation="h",
            marker={"size": 10, "color": colour},
            name=html.escape(name),
            hovertemplate="%{x:,.1f} USD<extra>%{fullData.name}</extra>",
        )
    figure.add_vline(x=0, line={"width": 1, "color": "#8c8c8c"})
    figure.update_xaxes(title_text=f"USD against {html.escape(controllers[0])}")
    figure.update_yaxes(range=[len(metrics) - 0.5, -0.5])
    # Controllers stand below one another inside a row, not on top of each other.
    figure.update_layout(scattermode="group", scattergap=0.4, height=90 + 90 * len(metrics))
    return with_common_layout(figure)


def voltages(
    vm_pu: Mapping[str, pd.DataFrame],
    v_min_pu: FloatArray,
    v_max_pu: FloatArray,
    start: pd.Timestamp,
) -> go.Figure:
    """Return the band between lowest and highest bus voltage, one row per controller.

    Parameters
    ----------
    vm_pu
        Voltages by controller, index ``time_h``, one column per bus [pu].
    v_min_pu, v_max_pu
        Limits, ``(bus,)`` [pu].
    start
        Time stamp of hour 0.
    """
    names = list(vm_pu)
    figure = panels(names, one_scale=True)
    lower_limit, upper_limit = float(np.max(v_min_pu)), float(np.min(v_max_pu))
    for row, (name, table) in enumerate(vm_pu.items(), start=1):
        times = timestamps(start, table.index.to_numpy(dtype=float))
        values = table.to_numpy(dtype=float)
        colour = colours(names)[name]
        for trace in _band(times, values, [str(bus) for bus in table.columns], colour):
            figure.add_trace(trace, row=row, col=1)
        for trace in _area_outside(times, values, lower_limit, upper_limit):
            figure.add_trace(trace, row=row, col=1)
        for limit in (lower_limit, upper_limit):
            figure.add_hline(
                y=limit, line={"dash": "dash", "width": 1, "color": VIOLATION}, row=row, col=1
            )
        figure.update_yaxes(title_text="pu", row=row, col=1)
    figure.update_xaxes(tickformat=CLOCK, hoverformat="%d %b %H:%M", showticklabels=False)
    figure.update_xaxes(showticklabels=True, row=len(names))
    figure.update_layout(height=80 + ROW_PX * len(names), showlegend=False, hovermode="x unified")
    return with_common_layout(figure)


def timeline(bars: Mapping[str, Iterable[Bar]], start: pd.Timestamp, end_h: float) -> go.Figure:
    """Return who was where and did what until `end_h`, one row of trucks per controller."""
    found = {name: list(own) for name, own in bars.items()}
    trucks = {name: list(dict.fromkeys(bar.vehicle for bar in own)) for name, own in found.items()}
    heights = [max(len(trucks[name]), 1) for name in found]
    figure = panels(list(found), heights)
    for row, own in enumerate(found.values(), start=1):
        for activity in ACTIVITIES:
            chosen = [bar for bar in own if bar.activity == activity]
            figure.add_trace(_activity(activity, chosen, start), row=row, col=1)
        figure.update_yaxes(autorange="reversed", row=row, col=1)
    shown = {bar.activity for own in found.values() for bar in own}
    _legend(figure, [activity for activity in ACTIVITIES if activity in shown])
    figure.update_xaxes(type="date", tickformat=CLOCK, showticklabels=False)
    figure.update_xaxes(range=timestamps(start, [0.0, end_h]))
    figure.update_xaxes(showticklabels=True, row=len(found))
    figure.update_layout(
        barmode="overlay", bargap=0.25, height=130 + 45 * len(found) + 34 * sum(heights)
    )
    return with_common_layout(figure, top_px=70)


def ledger(entries: pd.DataFrame, controllers: Sequence[str]) -> go.Figure:
    """Return mean USD per episode by ledger item.

    Parameters
    ----------
    entries
        Columns ``controller, entry, usd``, one row per controller and entry.
    """
    largest = entries["usd"].abs().groupby(entries["entry"]).max()
    order = largest.sort_values(ascending=False)
    figure = go.Figure()
    for name, colour in colours(controllers).items():
        own = entries[entries["controller"] == name].set_index("entry")["usd"]
        figure.add_bar(
            orientation="h",
            y=[html.escape(str(entry)) for entry in order.index],
            x=own.reindex(order.index, fill_value=0.0).to_numpy(),
            name=html.escape(name),
            marker={"color": colour},
            hovertemplate="%{x:,.1f} USD<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(title_text="USD per episode")
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(
        barmode="group", bargap=0.3, height=110 + (12 + 13 * len(controllers)) * len(order)
    )
    return with_common_layout(figure)


def _band(times: list[str], values: FloatArray, buses: list[str], colour: str) -> list[go.Scatter]:
    # Unlike nanmin and nanmax these take a row without any value for what it is.
    low, high = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    filled = np.where(np.isfinite(values), values, np.inf)
    where_low = [html.escape(buses[i]) for i in filled.argmin(axis=1)]
    filled = np.where(np.isfinite(values), values, -np.inf)
    where_high = [html.escape(buses[i]) for i in filled.argmax(axis=1)]
    line = {"color": colour, "width": 1.5}
    return [
        go.Scatter(
            x=times,
            y=low,
            mode="lines",
            line=line,
            customdata=where_low,
            name="lowest",
            hovertemplate="%{y:.4f} pu at %{customdata}",
        ),
        go.Scatter(
            x=times,
            y=high,
            mode="lines",
            line=line,
            fill="tonexty",
            customdata=where_high,
            name="highest",
            hovertemplate="%{y:.4f} pu at %{customdata}",
        ),
    ]


def _area_outside(
    times: list[str], values: FloatArray, lower_limit: float, upper_limit: float
) -> list[go.Scatter]:
    """Return filled areas between a limit and values outside it."""
    low = np.fmin(np.fmin.reduce(values, axis=1), lower_limit)
    high = np.fmax(np.fmax.reduce(values, axis=1), upper_limit)
    traces = []
    for edge, limit in ((low, lower_limit), (high, upper_limit)):
        if np.allclose(edge, limit, rtol=0, atol=1e-9):
            continue
        border = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=times, y=np.full(len(times), limit), **border))
        traces.append(go.Scatter(x=times, y=edge, fill="tonexty", fillcolor=VIOLATION, **border))
    return traces


def _activity(activity: str, bars: Sequence[Bar], start: pd.Timestamp) -> go.Bar:
    stations = [html.escape(bar.station) for bar in bars]
    return go.Bar(
        orientation="h",
        y=[html.escape(bar.vehicle) for bar in bars],
        x=[(bar.end_h - bar.start_h) * MS_PER_H for bar in bars],
        base=timestamps(start, [bar.start_h for bar in bars]),
        text=[
            station if bar.end_h - bar.start_h >= LABEL_MIN_H else ""
            for station, bar in zip(stations, bars, strict=True)
        ],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        constraintext="inside",
        insidetextfont={"color": "#1d2329"},
        cliponaxis=True,
        customdata=[
            f"{station}, {_clock(start, bar.start_h)} to {_clock(start, bar.end_h)}"
            for station, bar in zip(stations, bars, strict=True)
        ],
        hovertemplate=f"{activity}: %{{customdata}}<extra>%{{y}}</extra>",
        marker=_activity_style(activity),
        name=activity,
        showlegend=False,
    )


def _legend(figure: go.Figure, activities: Iterable[str]) -> None:
    # A bar trace without bars carries the legend, so that no controller's row owns it.
    for activity in activities:
        figure.add_trace(
            go.Bar(x=[None], y=[None], name=activity, marker=_activity_style(activity)),
            row=1,
            col=1,
        )
    # A name that does not fit its bar is left out: on a phone few do.
    figure.update_layout(
        legend={"itemclick": False, "itemdoubleclick": False},
        uniformtext={"minsize": 10, "mode": "hide"},
    )


def _activity_style(activity: str) -> dict[str, object]:
    style: dict[str, object] = {"color": ACTIVITY_COLOURS[activity], "line": {"width": 0}}
    if activity == "broken":  # black alone would vanish on a dark page
        style["pattern"] = {"shape": "x", "fgcolor": "#ffffff", "size": 6}
    return style


def _clock(start: pd.Timestamp, hour: float) -> str:
    return f"{start + pd.Timedelta(hours=hour):%H:%M}"
