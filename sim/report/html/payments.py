"""The figure of who pays whom."""

from __future__ import annotations

import pandas as pd

from sim.episode.ledger import BENEFIT
from sim.report.figures import money_flow
from sim.report.html.embedding import Figure, figure
from sim.study.store.stored_study import StoredStudy


def payments(study: StoredStudy, metrics: pd.DataFrame, names: list[str]) -> list[Figure]:
    """Return who pays whom under the last controller, none where there are no parties to tell."""
    parties = study.manifest["system"].get("parties")
    if not parties:
        return []
    name = names[-1]
    entries = study.table("ledger", controller=name)
    entries = entries[entries["item"] != BENEFIT]
    episodes = int((metrics.index.get_level_values("controller") == name).sum())
    mean = entries.assign(usd=entries["usd"] / max(episodes, 1))
    return [
        figure(
            "payments",
            f"Who pays whom under {name}",
            "Mean payments per episode, from payers on the left to payees on the right. Parties of "
            "the scenario are coloured, all others are grey.",
            money_flow.alternative(mean),
            money_flow.figure(mean, parties),
            money_flow.flows(mean),
        )
    ]
