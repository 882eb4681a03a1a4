"""Colours, panels and layout that all figures share; text and grid colours depend on the page."""

from __future__ import annotations

import html
import zlib
from collections.abc import Iterable, Sequence

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

# Okabe and Ito's palette, which the colour-blind can tell apart; grey is for what others are
# compared with. Source: jfly.uni-koeln.de/color, "Color Universal Design".
GREY = "#8c8c8c"
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
LINES = PALETTE[:6]  # yellow is too faint for a line
VIOLATION = "#D55E00"
# Who cannot tell colours apart can tell these.
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
CLOCK = "%H:%M\n%d %b"


def colours(controllers: Sequence[str]) -> dict[str, str]:
    """Return one colour per controller: the same for a name in every study, but for clashes.

    `idle` is grey. Of two names with one colour the later one, by the alphabet, takes the next.
    """
    found = {"idle": GREY}
    for name in sorted({*controllers} - {"idle"}):
        wanted = zlib.crc32(name.encode()) % len(LINES)
        turns = [LINES[(wanted + i) % len(LINES)] for i in range(len(LINES))]
        free = [colour for colour in turns if colour not in found.values()]
        found[name] = (free or turns)[0]
    return {name: found[name] for name in controllers}


def faint(colour: str, opacity: float) -> str:
    """Return a colour such as ``#0072B2`` with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def timestamps(start: pd.Timestamp, hours: Iterable[float]) -> list[str]:
    """Return hours of an episode as dates that plotly reads."""
    return [(start + pd.Timedelta(hours=float(hour))).isoformat() for hour in hours]


def panels(
    titles: Sequence[str], heights: Sequence[float] | None = None, *, one_scale: bool = False
) -> go.Figure:
    """Return an empty figure with one row per title and one horizontal axis for all.

    With `one_scale` all rows have one vertical axis, too.
    """
    return make_subplots(
        rows=len(titles),
        cols=1,
        shared_xaxes=True,
        shared_yaxes="all" if one_scale else False,
        row_heights=heights,
        vertical_spacing=0.25 / max(len(titles), 2) ** 1.2,
        subplot_titles=[html.escape(title) for title in titles],
    )


def with_common_layout(figure: go.Figure, top_px: int = 40) -> go.Figure:
    """Return the figure with what all have in common."""
    figure.update_layout(
        template="none",
        margin={"l": 10, "r": 10, "t": top_px, "b": 40},
        legend={"orientation": "h", "y": 1.0, "yref": "container", "yanchor": "top", "x": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    figure.update_annotations(x=0, xanchor="left", font={"size": 14})
    return figure
