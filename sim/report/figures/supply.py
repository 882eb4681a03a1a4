"""Who supplied whom over a day: stacked power of sources and uses, and the price."""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import CLOCK, DASHES, GREY, panels, timestamps, with_common_layout
from sim.report.wording import number

# By name: column of the steps, sign (1 above zero, -1 below), colour.
SOURCES = {
    "import": ("import_mw", 1, GREY),
    "sun and wind": ("generation_mw", 1, "#F0E442"),
    "thermal units": ("unit_mw", 1, "#D55E00"),
    "discharge": ("storage_mw", 1, "#009E73"),
    "load and cars": ("load_mw", -1, "#56B4E9"),
    "charge": ("storage_mw", -1, "#0072B2"),
    "export": ("import_mw", -1, "#CC79A7"),
}
PRICE, PRICE_COLUMN = "price", "import_usd_per_mwh"
ROW_PX = 190


def shares(steps: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the power of each source and use by step, sources positive, uses negative [MW].

    Parameters
    ----------
    steps
        Table ``steps`` of an episode.
    """
    found = {}
    for name, (column, sign, _) in SOURCES.items():
        value = np.nan_to_num(steps[column].to_numpy(dtype=float), nan=0.0)
        # Load is drawn below zero whatever happens; the others are split by their sign.
        own = -value if column == "load_mw" else sign * np.maximum(sign * value, 0.0)
        if np.abs(own).max(initial=0.0) > 0:
            found[name] = own
    return found


def import_prices(steps: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the price of imports by step [USD/MWh]: of each area where there are several.

    Parameters
    ----------
    steps
        Table ``steps`` of an episode.
    """
    by_area = {
        f"{PRICE} in {column.partition('.')[2]}": steps[column].to_numpy(dtype=float)
        for column in steps.columns
        if column.startswith(f"{PRICE_COLUMN}.")
    }
    return by_area or {PRICE: steps[PRICE_COLUMN].to_numpy(dtype=float)}


def figure(steps: Mapping[str, pd.DataFrame], start: pd.Timestamp, end_h: float) -> go.Figure:
    """Return one panel of stacked power per controller, and one of the price below them."""
    first = next(iter(steps.values()))
    prices = import_prices(first)
    priced = any(own.any() for own in prices.values())  # markets of units have no price of imports
    titles = [*steps, *([PRICE] if priced else [])]
    drawn = panels(titles, [2.0] * len(steps) + [1.0] * priced)
    seen: set[str] = set()
    for row, table in enumerate(steps.values(), start=1):
        times = timestamps(start, table["time_h"])
        for name, power in shares(table).items():
            drawn.add_trace(
                go.Scatter(
                    x=times,
                    y=power,
                    mode="lines",
                    line={"width": 0.5, "color": SOURCES[name][2], "shape": "hv"},
                    stackgroup=f"{row}{'above' if SOURCES[name][1] > 0 else 'below'}",
                    name=html.escape(name),
                    legendgroup=name,
                    showlegend=name not in seen,
                    hovertemplate="%{y:.3f} MW",
                ),
                row=row,
                col=1,
            )
            seen.add(name)
        drawn.update_yaxes(title_text="MW", row=row, col=1)
    if priced:
        times = timestamps(start, first["time_h"])
        for (name, usd_per_mwh), dash in zip(prices.items(), itertools.cycle(DASHES)):
            drawn.add_trace(
                go.Scatter(
                    x=times,
                    y=usd_per_mwh,
                    mode="lines",
                    line={"color": GREY, "width": 2, "shape": "hv", "dash": dash},
                    name=html.escape(name),
                    showlegend=len(prices) > 1,
                    hovertemplate="%{y:.1f} USD/MWh",
                ),
                row=len(titles),
                col=1,
            )
        drawn.update_yaxes(title_text="USD/MWh", row=len(titles), col=1)
    drawn.update_xaxes(tickformat=CLOCK, hoverformat="%d %b %H:%M", showticklabels=False)
    drawn.update_xaxes(range=timestamps(start, [0.0, end_h]))
    drawn.update_xaxes(showticklabels=True, row=len(titles))
    drawn.update_layout(height=200 + ROW_PX * len(steps), hovermode="x unified")
    return with_common_layout(drawn, top_px=90)


def alternative(steps: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figure shows: the energy of each source and use."""
    sentences = []
    for name, table in steps.items():
        hours = np.diff(table["time_h"].to_numpy(dtype=float), append=np.nan)
        step_h = float(hours[0]) if len(hours) > 1 else 0.0
        parts = [
            f"{what} {number(float(abs(p.sum()) * step_h))}" for what, p in shares(table).items()
        ]
        sentences.append(f"{name} [MWh]: {', '.join(parts)}.")
    return " ".join(sentences)
