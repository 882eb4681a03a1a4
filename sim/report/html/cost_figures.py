"""Figures of money: what the objective is made of, and from one controller's to another's."""

from __future__ import annotations

import pandas as pd

from sim.report.figures import comparison, waterfall
from sim.report.html.embedding import Figure, figure
from sim.report.html.objective_parts import by_controller, parts_of_objective
from sim.report.html.payments import payments
from sim.report.wording import signed
from sim.study.store.stored_study import StoredStudy
from sim.system.areas import PARTIES


def cost_figures(study: StoredStudy, metrics: pd.DataFrame, names: list[str]) -> list[Figure]:
    """Return the figures of payments and penalties, mean per episode."""
    parties = study.manifest["system"].get("parties", PARTIES)
    entries = parts_of_objective(study.table("ledger"), metrics, parties)
    usd = by_controller(entries, names)
    sums = ", ".join(f"{name} {signed(float(usd[name].sum()))} USD" for name in names)
    waterfalls = figure(
        "waterfall",
        f"From the objective of {names[0]} to that of the others"
        if names[1:]
        else "How the objective sums",
        "Payments and penalties, mean per episode; the axis need not start at zero. Orange with a "
        "plus adds to the objective, green with a minus takes from it."
        if names[1:]
        else "Payments and penalties. Orange with a plus adds, green with a minus takes away.",
        waterfall.alternative(usd),
        waterfall.figure(usd),
        usd.reset_index(),
    )
    paid = payments(study, metrics, names)
    if len(names) == 1:
        return [waterfalls, *paid]
    bars = figure(
        "cost",
        "What the objective is made of",
        "Mean payments of operator and fleet to others per episode, and penalties; income counts "
        "negative. For each controller the bars add up to its objective.",
        f"Sums: {sums}.",
        comparison.ledger(entries, names),
        entries,
    )
    return [bars, waterfalls, *paid]
