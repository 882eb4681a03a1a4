"""What the objective of a study is made of: payments to others, and penalties."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sim.episode.ledger import BENEFIT, INCOME
from sim.system.areas import PARTIES


def costs(
    ledger: pd.DataFrame, metrics: pd.DataFrame, parties: Sequence[str] = PARTIES
) -> pd.DataFrame:
    """Return mean payments of the parties to others per episode: ``controller, entry, usd``."""
    entries = ledger[~ledger["item"].isin((INCOME, BENEFIT))]
    sign = entries["payer"].isin(parties).astype(int) - entries["payee"].isin(parties).astype(int)
    entries, sign = entries[sign != 0], sign[sign != 0]  # what parties pay each other cancels
    usd = (entries["usd"] * sign).groupby([entries["controller"], entries["item"]]).sum()
    episodes = metrics.groupby("controller").size()
    mean = usd.div(episodes, level="controller").rename("usd").rename_axis(["controller", "entry"])
    table = mean.reset_index()
    table["entry"] = table["entry"].str.replace("_", " ")
    return table


def parts_of_objective(
    ledger: pd.DataFrame, metrics: pd.DataFrame, parties: Sequence[str] = PARTIES
) -> pd.DataFrame:
    """Return mean payments and penalties per episode: ``controller, entry, usd``."""
    return pd.concat([costs(ledger, metrics, parties), penalties(metrics)], ignore_index=True)


def by_controller(parts: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the parts of the objective with one column per controller."""
    return parts.pivot_table(
        index="entry", columns="controller", values="usd", aggfunc="sum", fill_value=0.0
    ).reindex(columns=list(names), fill_value=0.0)


def penalties(metrics: pd.DataFrame) -> pd.DataFrame:
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
