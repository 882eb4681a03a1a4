"""Heat maps of the voltage of every bus at every step."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import CLOCK, panels, timestamps, with_common_layout
from sim.units import FloatArray, IntArray

MOST_BUSES = 120  # more rows than that are thinner than a pixel on paper
# Low is blue, high is orange, for every common kind of colour vision.
SCALE = (
    (0.0, "#08306b"),
    (0.2, "#0072B2"),
    (0.42, "#c6dbe9"),
    (0.5, "#f5f5f2"),
    (0.58, "#f6dfb8"),
    (0.8, "#E69F00"),
    (1.0, "#8a3c00"),
)


def buses_shown(
    vm_pu: Mapping[str, pd.DataFrame], v_min_pu: FloatArray, v_max_pu: FloatArray
) -> IntArray:
    """Return the buses of the figure: all, or in a large grid those nearest to a limit."""
    margin = np.full(len(v_min_pu), np.inf)
    for table in vm_pu.values():
        values = table.to_numpy(dtype=float)
        nearest = np.fmin.reduce(np.minimum(values - v_min_pu, v_max_pu - values), axis=0)
        margin = np.fmin(margin, nearest)
    return np.sort(np.argsort(margin, kind="stable")[:MOST_BUSES])


def figure(
    vm_pu: Mapping[str, pd.DataFrame],
    v_min_pu: FloatArray,
    v_max_pu: FloatArray,
    start: pd.Timestamp,
) -> go.Figure:
    """Return one heat map per controller, one row per bus; triangles mark what violates limits.

    Parameters
    ----------
    vm_pu
        Voltages by controller, index ``time_h``, one column per bus [pu].
    v_min_pu, v_max_pu
        Limits, ``(bus,)`` [pu].
    start
        Time stamp of hour 0.
    """
    drawn = panels(list(vm_pu))
    n_buses = len(v_min_pu)
    for row, table in enumerate(vm_pu.values(), start=1):
        times = timestamps(start, table.index.to_numpy(dtype=float))
        values = table.to_numpy(dtype=float)
        names = [html.escape(str(bus)) for bus in table.columns]
        drawn.add_trace(
            go.Heatmap(
                x=times,
                y=np.arange(n_buses),
                z=values.T.round(4).astype(np.float32),
                coloraxis="coloraxis",
                hovertemplate="bus %{y}, %{x|%H:%M}: %{z:.4f} pu<extra></extra>",
            ),
            row=row,
            col=1,
        )
        for beyond, symbol in (
            (values < v_min_pu, "triangle-down"),
            (values > v_max_pu, "triangle-up"),
        ):
            at, bus = np.nonzero(beyond)
            if len(at):
                drawn.add_trace(_marks([times[i] for i in at], bus, symbol), row=row, col=1)
        every = max(n_buses // 12, 1)
        drawn.update_yaxes(
            range=[n_buses - 0.5, -0.5],
            tickvals=list(range(0, n_buses, every)),
            ticktext=names[::every],
            title_text="bus",
            row=row,
            col=1,
        )
    centre = float(np.mean((v_min_pu + v_max_pu) / 2))
    reach = 1.25 * float(np.max(v_max_pu - v_min_pu)) / 2
    drawn.update_layout(
        coloraxis={
            "colorscale": SCALE,
            "cmin": centre - reach,
            "cmax": centre + reach,
            "colorbar": {"title": {"text": "pu"}, "thickness": 14, "len": 1.0, "y": 0.5},
        },
        showlegend=False,
        height=90 + max(150, min(7 * n_buses, 420)) * len(vm_pu),
    )
    drawn.update_xaxes(tickformat=CLOCK, showticklabels=False, showgrid=False)
    drawn.update_xaxes(range=[times[0], times[-1]], showticklabels=True, row=len(vm_pu))
    drawn.update_yaxes(showgrid=False, zeroline=False)
    return with_common_layout(drawn)


def alternative(
    vm_pu: Mapping[str, pd.DataFrame], v_min_pu: FloatArray, v_max_pu: FloatArray
) -> str:
    """Return in words what the figure shows."""
    return " ".join(
        f"{name}: {_violations(table, v_min_pu, v_max_pu)}." for name, table in vm_pu.items()
    )


def _violations(table: pd.DataFrame, v_min_pu: FloatArray, v_max_pu: FloatArray) -> str:
    values = table.to_numpy(dtype=float)
    low = np.any(values < v_min_pu, axis=0).tolist()
    high = np.any(values > v_max_pu, axis=0).tolist()
    if not any(low) and not any(high):
        return "no bus leaves its limits"
    parts = []
    for beyond, words in ((low, "below its lower limit"), (high, "above its upper limit")):
        names = [str(bus) for bus, is_out in zip(table.columns, beyond, strict=True) if is_out]
        if names:
            many = f"{len(names)} buses" if len(names) > 8 else f"bus {', '.join(names)}"
            parts.append(f"{many} {words} at times")
    return " and ".join(parts)


def _marks(times: list[str], bus: IntArray, symbol: str) -> go.Scatter:
    return go.Scatter(
        x=times,
        y=bus,
        mode="markers",
        marker={"symbol": symbol, "size": 5, "color": "#ffffff", "line": {"width": 0.7}},
        hoverinfo="skip",
    )
