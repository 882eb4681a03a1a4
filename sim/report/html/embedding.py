"""Embed figures and their data in the page as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

DIGITS = 6  # significant ones: more than anybody reads, and a third of the bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of the page.

    Attributes
    ----------
    key
        Its name in the page.
    label, caption
        For those who see it.
    alternative
        What it shows, for those who do not.
    json
        For plotly.
    data
        The numbers behind it, for the download.
    """

    key: str
    label: str
    caption: str
    alternative: str
    json: Markup
    data: Markup


def figure(
    key: str, label: str, caption: str, alternative: str, drawn: go.Figure, data: pd.DataFrame
) -> Figure:
    """Return a figure ready for the page."""
    return Figure(
        key=key,
        label=label,
        caption=caption,
        alternative=alternative,
        json=_escape(drawn.to_json()),
        data=in_script(columns(data)),
    )


def columns(table: pd.DataFrame) -> dict[str, object]:
    """Return a table as JSON values, column by column; missing values are null."""
    return {
        "columns": [str(name) for name in table.columns],
        "values": [
            [_json_value(value) for value in table.iloc[:, i].to_numpy().tolist()]
            for i in range(table.shape[1])
        ],
    }


def in_script(content: object) -> Markup:
    """Return JSON that nothing in it can break out of a script element."""
    return _escape(json.dumps(content, allow_nan=False, separators=(",", ":")))


def _escape(text: str) -> Markup:
    # Inside a script element only "<" could end it; JSON has another way to write that.
    return Markup(text.replace("<", "\\u003c"))


def _json_value(value: object) -> object:
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        short = float(f"{value:.{DIGITS}g}")
        return int(short) if short.is_integer() and abs(short) < 1e15 else short
    return str(value)
