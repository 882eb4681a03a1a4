"""Figures of money: what the objective is made of, and from one controller's to another's."""

from __future__ import annotations

import pandas as pd

from sim.episode.ledger import BENEFIT, INCOME, INSIDE
from sim.report.figures import comparison, waterfall
from sim.report.html.embedding import Figure, figure
from sim.report.wording import signed
from sim.study.store.stored_study import StoredStudy


def costs(study: StoredStudy, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return mean payments to others per episode: ``controller, entry, usd``."""
    entries = study.table("ledger")
    entries = entries[~entries["item"].isin((INCOME, BENEFIT))]
    sign = entries["payer"].isin(INSIDE).astype(int) - entries["payee"].isin(INSIDE).astype(int)
    usd = (entries["usd"] * sign).groupby([entries["controller"], entries["item"]]).sum()
    episodes = metrics.groupby("controller").size()
    mean = usd.div(episodes, level="controller").rename("usd").rename_axis(["controller", "entry"])
    table = mean.reset_index()
    table["entry"] = table["entry"].str.replace("_", " ")
    return table


def _penalties(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return mean penalties per episode, by kind where the folder says it; as `costs`."""
    kinds = {
        "penalty_voltage_usd": "penalty for voltages",
        "penalty_loading_usd": "penalty for loadings",
    }
    if not {*kinds} <= set(metrics.columns):
        kinds = {"penalty_usd": "penalty"}
    mean = metrics[list(kinds)].groupby("controller", sort=False).mean().rename(columns=kinds)
    return pd.DataFrame(
        [
            {"controller": name, "entry": entry, "usd": usd}
            for name, row in mean.iterrows()
            for entry, usd in row.items()
        ]
    )


def cost_figures(study: StoredStudy, metrics: pd.DataFrame, names: list[str]) -> list[Figure]:
    """Return the figures of payments and penalties, mean per episode."""
    entries = costs(study, metrics)
    entries = pd.concat([entries, _penalties(metrics)], ignore_index=True)
    usd = entries.pivot_table(
        index="entry", columns="controller", values="usd", aggfunc="sum", fill_value=0.0
    ).reindex(columns=names, fill_value=0.0)
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
    if len(names) == 1:
        return [waterfalls]
    bars = figure(
        "cost",
        "What the objective is made of",
        "Mean payments of operator and fleet to others per episode, and penalties; income counts "
        "negative. For each controller the bars add up to its objective.",
        f"Sums: {sums}.",
        comparison.ledger(entries, names),
        entries,
    )
    return [bars, waterfalls]
