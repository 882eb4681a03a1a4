"""Where the penalty comes from: bars by hour and by place, voltages and loadings apart."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import CLOCK, PALETTE, panels, timestamps, with_common_layout
from sim.report.wording import number
from sim.units import FloatArray

KINDS = {"voltage": PALETTE[0], "loading": PALETTE[1]}
PLACES = {"voltage": "bus", "loading": "branch"}
MOST_PLACES = 8
ROW_PX = 130


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Limits:
    """Limits of a grid and what violating them costs.

    Attributes
    ----------
    v_min_pu, v_max_pu
        Limits of the voltages, ``(bus,)`` [pu].
    voltage_usd_per_pu_h, loading_usd_per_percent_h
        Weights of the scenario; loadings count above 100 %.
    step_h
        Length of a step [h].
    """

    v_min_pu: FloatArray
    v_max_pu: FloatArray
    voltage_usd_per_pu_h: float
    loading_usd_per_percent_h: float
    step_h: float


def by_place_and_time(
    vm_pu: pd.DataFrame, loading_percent: pd.DataFrame, limits: Limits
) -> pd.DataFrame:
    """Return the penalty of each step and place: ``kind, place, time_h, usd``, none that is zero.

    Parameters
    ----------
    vm_pu, loading_percent
        Step means, index ``time_h``, one column per bus or branch; steps without a power flow are
        NaN and cost nothing.
    limits
        What they cost.
    """
    volts = vm_pu.to_numpy(dtype=float)
    beyond = np.maximum(volts - limits.v_max_pu, limits.v_min_pu - volts)
    loads = loading_percent.to_numpy(dtype=float) - 100.0
    parts = []
    for kind, table, excess, weight in (
        ("voltage", vm_pu, beyond, limits.voltage_usd_per_pu_h),
        ("loading", loading_percent, loads, limits.loading_usd_per_percent_h),
    ):
        usd = np.maximum(np.nan_to_num(excess, nan=0.0), 0.0) * weight * limits.step_h
        step, place = np.nonzero(usd)
        parts.append(
            pd.DataFrame(
                {
                    "kind": kind,
                    "place": np.array([f"{PLACES[kind]} {own}" for own in table.columns])[place],
                    "time_h": table.index.to_numpy(dtype=float)[step],
                    "usd": usd[step, place],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def figure_by_hour(
    found: Mapping[str, pd.DataFrame], start: pd.Timestamp, end_h: float
) -> go.Figure:
    """Return stacked bars of USD by hour, one panel per controller; see `by_place_and_time`."""
    drawn = panels(list(found), one_scale=True)
    hours = np.arange(np.ceil(end_h))
    for row, table in enumerate(found.values(), start=1):
        for kind, colour in KINDS.items():
            own = table[table["kind"] == kind]
            usd = own["usd"].groupby(np.floor(own["time_h"])).sum().reindex(hours, fill_value=0.0)
            drawn.add_trace(
                go.Bar(
                    x=timestamps(start, hours + 0.5),
                    y=usd.to_numpy(),
                    name=kind,
                    legendgroup=kind,
                    showlegend=row == 1,
                    marker={"color": colour},
                    hovertemplate="%{y:,.1f} USD",
                ),
                row=row,
                col=1,
            )
        drawn.update_yaxes(title_text="USD", row=row, col=1)
    drawn.update_xaxes(tickformat=CLOCK, hoverformat="%d %b %H:%M", showticklabels=False)
    drawn.update_xaxes(range=timestamps(start, [0.0, end_h]))
    drawn.update_xaxes(showticklabels=True, row=len(found))
    totals = [own["usd"].groupby(np.floor(own["time_h"])).sum() for own in found.values()]
    highest = max((float(own.max()) for own in totals if len(own)), default=1.0)
    drawn.update_yaxes(range=[0.0, 1.08 * highest])
    drawn.update_layout(
        barmode="stack", height=110 + ROW_PX * len(found), hovermode="x unified", bargap=0.1
    )
    return with_common_layout(drawn, top_px=70)


def figure_by_place(found: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Return bars of the dearest places, one panel per controller; see `by_place_and_time`."""
    tops = {name: dearest(table) for name, table in found.items()}
    drawn = panels(list(tops), [max(len(own), 1) for own in tops.values()])
    for row, own in enumerate(tops.values(), start=1):
        drawn.add_trace(
            go.Bar(
                orientation="h",
                y=[html.escape(str(place)) for place in own["place"]],
                x=own["usd"].to_numpy(),
                text=[number(float(usd)) for usd in own["usd"]],
                textposition="auto",
                insidetextfont={
                    "color": ["#ffffff" if kind == "voltage" else "#10151a" for kind in own["kind"]]
                },
                marker={"color": [KINDS[kind] for kind in own["kind"]]},
                hovertemplate="%{y}: %{x:,.1f} USD<extra></extra>",
            ),
            row=row,
            col=1,
        )
        drawn.update_yaxes(autorange="reversed", type="category", row=row, col=1)
    drawn.update_xaxes(title_text="USD", row=len(tops), col=1)
    rows = sum(max(len(own), 1) for own in tops.values())
    drawn.update_layout(showlegend=False, height=100 + 40 * len(tops) + 24 * rows)
    return with_common_layout(drawn)


def dearest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the dearest places of a day: ``kind, place, usd``, at most `MOST_PLACES`."""
    usd = table.groupby(["kind", "place"], sort=False)["usd"].sum()
    return usd.sort_values(ascending=False, kind="stable").head(MOST_PLACES).reset_index()


def alternative(found: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figures show: how much, of what kind, where and when."""
    return " ".join(_sentence(name, table) for name, table in found.items())


def _sentence(name: str, table: pd.DataFrame) -> str:
    if table.empty:
        return f"{name}: no penalty."
    usd = table["usd"]
    by_kind = usd.groupby(table["kind"]).sum()
    kinds = ", ".join(f"{number(float(own))} USD for {kind}s" for kind, own in by_kind.items())
    top = dearest(table).iloc[0]
    by_hour = usd.groupby(np.floor(table["time_h"])).sum()
    worst = int(by_hour.index.to_numpy()[by_hour.to_numpy().argmax()])
    return (
        f"{name}: {kinds}; most at {top['place']} ({number(float(top['usd']))} USD) and in the "
        f"hour from {worst % 24:02d}:00 ({number(float(by_hour[worst]))} USD)."
    )
