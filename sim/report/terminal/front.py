"""Print a front on the terminal."""

from __future__ import annotations

from sim.report.terminal.output import plain_table, print_json, terminal
from sim.report.wording import title
from sim.study.pareto import Front


def print_front(front: Front, *, as_json: bool = False) -> None:
    """Print the points of a front."""
    if as_json:
        print_json(front.summary())
        return
    heading = f"{front.scenario}: {len(front.table)} of {front.tried} plans, none dominated"
    table = plain_table(heading)
    for name in front.objectives:
        table.add_column(title(name), justify="right")
    table.add_column("")
    for _, point in front.table.iterrows():
        cells = [f"{point[name]:,.4f}" for name in front.objectives]
        table.add_row(*cells, "knee" if point["knee"] else "")
    terminal().print(table)
