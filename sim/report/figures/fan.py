"""Fan charts of the voltages of all days by the hour."""

from __future__ import annotations

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
from sim.units import FloatArray

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MIDDLE = len(QUANTILES) // 2
ROW_PX = 170
ANY_DAY = pd.Timestamp("2000-01-01")  # a time axis needs a date; it is not shown


def quantiles(steps: pd.DataFrame) -> pd.DataFrame:
    """Return quantiles over the days of the lowest and highest bus voltage.

    Parameters
    ----------
    steps
        Rows of the table of steps: ``controller, time_h, vm_pu_min, vm_pu_max``.

    Returns
    -------
    pandas.DataFrame
        ``controller, extreme, time_h, q05, q25, q50, q75, q95`` [pu].
    """
    rows = []
    for (name, time_h), own in steps.groupby(["controller", "time_h"], sort=True):
        for extreme in ("lowest", "highest"):
            values = own["vm_pu_min" if extreme == "lowest" else "vm_pu_max"].to_numpy(dtype=float)
            known = values[np.isfinite(values)]
            found = np.quantile(known, QUANTILES) if len(known) else [np.nan] * len(QUANTILES)
            rows.append((name, extreme, time_h, *found))
    return pd.DataFrame(
        rows, columns=["controller", "extreme", "time_h", *(f"q{q * 100:02.0f}" for q in QUANTILES)]
    )


def figure(
    found: pd.DataFrame, controllers: list[str], lower_limit: float, upper_limit: float
) -> go.Figure:
    """Return one fan per controller; `found` comes from `quantiles`, limits are in pu."""
    drawn = panels(controllers, one_scale=True)
    for row, (name, colour) in enumerate(colours(controllers).items(), start=1):
        for extreme, dash in (("lowest", "solid"), ("highest", "dot")):
            own = found[(found["controller"] == name) & (found["extreme"] == extreme)]
            times = timestamps(ANY_DAY, own["time_h"])
            values = own.iloc[:, 3:].to_numpy(dtype=float)
            for trace in _fan(times, values, colour, dash, extreme):
                drawn.add_trace(trace, row=row, col=1)
        for limit in (lower_limit, upper_limit):
            drawn.add_hline(
                y=limit, line={"dash": "dash", "width": 1, "color": VIOLATION}, row=row, col=1
            )
        drawn.update_yaxes(title_text="pu", row=row, col=1)
    several_days = float(found["time_h"].max()) >= 24
    drawn.update_xaxes(tickformat="day %-j, %H:%M" if several_days else CLOCK.split("\n")[0])
    drawn.update_xaxes(showticklabels=False, hoverformat="%H:%M")
    drawn.update_xaxes(showticklabels=True, title_text="time of day", row=len(controllers))
    drawn.update_layout(
        height=90 + ROW_PX * len(controllers), showlegend=False, hovermode="x unified"
    )
    return with_common_layout(drawn)


def alternative(found: pd.DataFrame, controllers: list[str]) -> str:
    """Return in words what the figure shows."""
    sentences = []
    for name in controllers:
        own = found[found["controller"] == name]
        low = own[own["extreme"] == "lowest"]["q05"].min()
        high = own[own["extreme"] == "highest"]["q95"].max()
        sentences.append(
            f"{name}: in nine days of ten no bus below {low:.3f} or above {high:.3f} pu at any "
            "single time."
        )
    return " ".join(sentences)


def _fan(
    times: list[str], values: FloatArray, colour: str, dash: str, extreme: str
) -> list[go.Scatter]:
    traces = []
    for inner, opacity in ((0, 0.18), (1, 0.32)):
        border = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
        traces.append(go.Scatter(x=times, y=values[:, inner], **border))
        traces.append(
            go.Scatter(
                x=times,
                y=values[:, -1 - inner],
                fill="tonexty",
                fillcolor=faint(colour, opacity),
                **border,
            )
        )
    traces.append(
        go.Scatter(
            x=times,
            y=values[:, MIDDLE],
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            name=extreme,
            customdata=values,
            hovertemplate="%{y:.4f} pu (%{customdata[0]:.3f} to %{customdata[4]:.3f})",
        )
    )
    return traces
