"""Write a front: table as CSV and JSON, and a page with the plot that needs no network."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path

from plotly.offline import get_plotlyjs

from sim.errors import InputError
from sim.report.figures.front import front as drawn
from sim.report.wording import title
from sim.study.pareto import Front

FILES = ("front.csv", "front.json", "front.html")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{heading} – gridhaul</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: right; padding: 0.2rem 0.8rem; border-bottom: 1px solid #ccc; }}
tr.knee {{ font-weight: bold; }}
</style>
<script>{plotly}</script>
</head>
<body>
<h1>{heading}</h1>
<p>{sentence}</p>
{figure}
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def check_folder(folder: str | Path) -> Path:
    """Return the folder for a front, made if need be.

    Raises
    ------
    InputError
        If it holds anything but a front.
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        others = sorted(each.name for each in path.iterdir() if each.name not in FILES)
    except OSError as error:
        raise InputError.single(
            where="pareto",
            key="out",
            value=str(folder),
            message=f"cannot be used: {error.strerror}",
            remedy="Name a new or empty folder where you may write",
        ) from error
    if others:
        raise InputError.single(
            where="pareto",
            key="out",
            value=str(folder),
            message=f"holds something else: {', '.join(others[:3])}",
            remedy="Name a new or empty folder",
        )
    return path


def write_front(front: Front, folder: str | Path) -> Path:
    """Write ``front.csv``, ``front.json`` and ``front.html``; return the path of the page.

    Raises
    ------
    InputError
        If the folder holds anything but a front.
    """
    path = check_folder(folder)
    contents = (
        front.table.to_csv(index=False),
        json.dumps(front.summary(), indent=2, allow_nan=False) + "\n",
        page(front),
    )
    for name, text in zip(FILES, contents, strict=True):
        partial = path / f"{name}.partial-{os.getpid()}"
        partial.write_text(text, encoding="utf-8")
        partial.replace(path / name)
    return path / FILES[-1]


def page(front: Front) -> str:
    """Return the page."""
    head = "".join(f"<th>{html.escape(title(name))}</th>" for name in front.objectives)
    rows = []
    for _, point in front.table.iterrows():
        cells = "".join(f"<td>{point[name]:,.4f}</td>" for name in front.objectives)
        row = "<tr class='knee'>{}<td>knee</td></tr>" if point["knee"] else "<tr>{}<td></td></tr>"
        rows.append(row.format(cells))
    sentence = (
        f"{len(front.table)} of {front.tried} plans that no other one dominates, controller "
        f"{front.controller}, replication {front.replication} of seed {front.seed}. Steps are as "
        "long as periods and the day is known; every step is an AC power flow that pandapower has "
        "computed again."
    )
    return _PAGE.format(
        heading=html.escape(f"{front.scenario}: the front"),
        plotly=get_plotlyjs(),
        sentence=html.escape(sentence),
        figure=drawn(front.table, front.objectives).to_html(
            full_html=False, include_plotlyjs=False, div_id="front"
        ),
        head=head + "<th></th>",
        rows="\n".join(rows),
    )
