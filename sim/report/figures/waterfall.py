"""Waterfall charts: how payments and penalties add up to an objective, or to a difference."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import PALETTE, VIOLATION, panels, with_common_layout
from sim.report.wording import number, signed
from sim.units import FloatArray

TOTAL = "objective"
LESS = PALETTE[2]
ROW_PX = 26


def steps(usd: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the steps of each waterfall; the last is the sum of all before.

    Parameters
    ----------
    usd
        Mean payments and penalties per episode, one row per item, one column per controller [USD].

    Returns
    -------
    dict
        For one controller its items. For several, of each but the first: the objective of the
        first, and what changes item by item.
    """
    first, *others = (str(name) for name in usd.columns)
    largest_first = usd.abs().max(axis=1).sort_values(ascending=False).index
    if not others:
        own = usd[first].reindex(largest_first)
        return {first: pd.concat([own, pd.Series({f"{TOTAL} of {first}": own.sum()})])}
    found = {}
    for name in others:
        change = (usd[name] - usd[first]).sort_values(key=abs, ascending=False, kind="stable")
        start = pd.Series({f"{TOTAL} of {first}": usd[first].sum()})
        end = pd.Series({f"{TOTAL} of {name}": usd[name].sum()})
        found[name] = pd.concat([start, change[change.abs() > 0], end])
    return found


def figure(usd: pd.DataFrame) -> go.Figure:
    """Return one waterfall per panel; see `steps`."""
    found = steps(usd)
    compared = len(usd.columns) > 1
    titles = list(found)  # where several are compared, each from the first to this one
    drawn = panels(titles, [len(own) for own in found.values()])
    for row, own in enumerate(found.values(), start=1):
        kinds = ["relative"] * (len(own) - 1) + ["total"]
        if compared:
            kinds[0] = "absolute"
        items = [html.escape(str(item)) for item in own.index]
        # The sign is written out: colours alone would not do.
        labels = [
            signed(usd) if kind == "relative" else number(usd)
            for usd, kind in zip(own, kinds, strict=True)
        ]
        drawn.add_trace(
            go.Waterfall(
                orientation="h",
                measure=kinds,
                y=items,
                x=own.to_numpy(),
                text=labels,
                textposition="none",
                increasing={"marker": {"color": VIOLATION}},
                decreasing={"marker": {"color": LESS}},
                totals={"marker": {"color": "#8c8c8c"}},
                connector={"line": {"width": 1, "color": "#8c8c8c"}},
                hovertemplate="%{y}: %{text} USD<extra></extra>",
            ),
            row=row,
            col=1,
        )
        # To the right of its bar, whichever way that goes: on the left a phone has names only.
        drawn.add_trace(
            go.Scatter(
                x=_right_ends(own.to_numpy(), kinds),
                y=items,
                text=[f" {label}" for label in labels],
                mode="text",
                textposition="middle right",
                cliponaxis=False,
                hoverinfo="skip",
            ),
            row=row,
            col=1,
        )
    drawn.update_yaxes(autorange="reversed")
    drawn.update_xaxes(range=_window(list(found.values()), compared))
    drawn.update_xaxes(title_text="USD per episode", row=len(found), col=1)
    rows = sum(len(own) for own in found.values())
    drawn.update_layout(showlegend=False, height=90 + 40 * len(found) + ROW_PX * rows)
    # Labels stand outside of their bars, also on a phone.
    return with_common_layout(drawn).update_layout(margin={"r": 70})


def alternative(usd: pd.DataFrame) -> str:
    """Return in words what the figure shows."""
    return " ".join(
        f"{name}: " + ", ".join(f"{item} {number(value)} USD" for item, value in own.items()) + "."
        for name, own in steps(usd).items()
    )


def _right_ends(usd: FloatArray, kinds: Sequence[str]) -> FloatArray:
    """Return where each bar ends on the right; totals and the first sum begin at zero."""
    after = usd.cumsum()
    relative = np.array(kinds) == "relative"
    after[~relative] = usd[~relative]
    before = np.where(relative, np.append(0.0, after[:-1]), 0.0)
    ends: FloatArray = np.maximum(before, after)
    return ends


def _window(found: list[pd.Series], compared: bool) -> list[float]:
    # Differences of a few dollars between costs of thousands would be invisible from zero.
    edges = np.concatenate([own.to_numpy()[:-1].cumsum() for own in found])
    low, high = float(edges.min()), float(edges.max())
    if not compared:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.1 * (high - low) or 1.0
    return [low - margin, high + margin]
