"""Who pays whom: a Sankey diagram, payers on the left, payees on the right."""

from __future__ import annotations

import html
from itertools import islice

import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import GREY, PALETTE, faint, with_common_layout
from sim.report.wording import number

ROW_PX = 34
_LINK = 0.35


def flows(entries: pd.DataFrame) -> pd.DataFrame:
    """Return what each party pays each other one, largest first: ``payer, payee, item, usd``.

    Parameters
    ----------
    entries
        Ledger of one controller, mean per episode: ``payer, payee, item, usd``.
    """
    sums = entries.groupby(["payer", "payee", "item"])["usd"].sum().reset_index()
    return sums.sort_values("usd", ascending=False, kind="stable", ignore_index=True)


def figure(entries: pd.DataFrame, parties: list[str]) -> go.Figure:
    """Return the diagram; parties of the scenario are coloured, all others are grey.

    Parameters
    ----------
    entries
        As of `flows`.
    parties
        The scenario's own.
    """
    found = flows(entries)
    payers, payees = (list(dict.fromkeys(found[side])) for side in ("payer", "payee"))
    colour = {party: PALETTE[i % len(PALETTE)] for i, party in enumerate(parties)}
    names = [*payers, *payees]
    # A link has the colour of the party of the scenario that it concerns, of the payer if of both.
    of_link = [
        colour.get(payer, colour.get(payee, GREY))
        for payer, payee in zip(found["payer"], found["payee"], strict=True)
    ]
    drawn = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={
                "label": [html.escape(name) for name in names],
                "color": [colour.get(name, GREY) for name in names],
                "pad": 14,
                "thickness": 14,
                "hovertemplate": "%{label}: %{value:,.2f} USD<extra></extra>",
            },
            link={
                "source": [payers.index(name) for name in found["payer"]],
                "target": [len(payers) + payees.index(name) for name in found["payee"]],
                "value": found["usd"].tolist(),
                "label": [html.escape(item.replace("_", " ")) for item in found["item"]],
                "color": [faint(own, _LINK) for own in of_link],
                "hovertemplate": "%{source.label} pays %{target.label} %{value:,.2f} USD: "
                "%{label}<extra></extra>",
            },
        )
    )
    drawn.update_layout(height=80 + ROW_PX * max(len(payers), len(payees), 4))
    return with_common_layout(drawn, top_px=20)


def alternative(entries: pd.DataFrame, most: int = 8) -> str:
    """Return the largest payments in words."""
    found = flows(entries)
    columns = zip(found["payer"], found["payee"], found["item"], found["usd"], strict=True)
    told = [
        f"{payer} pays {payee} {number(usd)} USD ({item.replace('_', ' ')})"
        for payer, payee, item, usd in islice(columns, most)
    ]
    rest = len(found) - len(told)
    return "; ".join(told) + (f"; and {rest} smaller payments." if rest > 0 else ".")
