"""Figures in a page: tables, and the part of the page that they replace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from sim.study.inference.days import Days
from sim.study.inference.statistics import difference_at, paired


def put(page: Path, part: str, figures: str, *, script: str = "") -> None:
    """Replace a part of a page, between its marks; the script's name is the page's by default.

    Raises
    ------
    ValueError
        Where the page has no such part.
    """
    begin = f"<!-- {part}: written by {script or page.stem}.py -->\n"
    end = f"<!-- end of {part} -->\n"
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page} has no part between {begin!r} and {end!r}.")
    page.write_text(f"{before}{begin}\n{figures.strip()}\n\n{end}{after}", encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def differences(metrics: pd.DataFrame, days: Days, pairs: Sequence[tuple[str, str, str]]) -> str:
    """Return differences of the objective: mean, interval, median, and how often it is lower.

    A pair is a label, what is subtracted, and what it is subtracted from.
    """
    rows = []
    for label, one, other in pairs:
        found = difference_at(paired(metrics, [one, other], days), other, "objective_usd")
        usd = (metrics["objective_usd"].loc[other] - metrics["objective_usd"].loc[one]).dropna()
        interval = f"{found.ci95_low:,.1f} to {found.ci95_high:,.1f}"
        better = f"{int((usd < 0).sum())} of {len(usd)}"
        rows.append((label, f"{found.mean:,.1f}", interval, f"{usd.median():,.1f}", better))
    return table(("difference of objectives", "mean", "95 % interval", "median", "better on"), rows)
