"""Figures that explain one day: supply, loadings, and where the penalty comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sim.report.figures import loading, penalty, supply
from sim.report.html.embedding import Figure, figure
from sim.study.store.stored_study import StoredStudy


def explaining_figures(
    study: StoredStudy,
    loadings: dict[str, pd.DataFrame],
    replication: int,
    start: pd.Timestamp,
    label: str,
) -> list[Figure]:
    """Return the figures that explain a day; only those whose tables the folder holds.

    Parameters
    ----------
    study
        The folder.
    loadings
        Loadings by controller that finished the day, index ``time_h``, one column per branch [%].
    replication, start, label
        Which day, and how captions call it.
    """
    system = study.manifest["system"]
    steps = {
        name: study.table("steps", controller=name, replication=replication) for name in loadings
    }
    found = [
        figure(
            "supply",
            "What supplied the load",
            f"Power by source above zero and by use below it, step means, {label}; the price at "
            "which energy is bought beneath.",
            supply.alternative(steps),
            supply.figure(steps, start, system["end_h"]),
            pd.concat(steps.values()).drop(columns="replication"),
        ),
        figure(
            "loading",
            "Loading of lines and transformers",
            f"Solid: the highest of all branches; dotted: one branch in ten is above. Dashed: the "
            f"limit. Step means, {label}.",
            loading.alternative(loadings),
            loading.figure(loadings, start),
            _extremes(loadings),
        ),
    ]
    if "penalties" in system:  # folders of earlier versions lack the weights
        found += _penalties(study, loadings, replication, start, label)
    return found


def _penalties(
    study: StoredStudy,
    loadings: dict[str, pd.DataFrame],
    replication: int,
    start: pd.Timestamp,
    label: str,
) -> list[Figure]:
    system = study.manifest["system"]
    limits = limits_of(system)
    usd = {
        name: penalty.by_place_and_time(wide(study, "vm_pu", name, replication), own, limits)
        for name, own in loadings.items()
    }
    if all(table.empty for table in usd.values()):
        return []
    long = pd.concat(usd, names=["controller"]).reset_index(level=0).reset_index(drop=True)
    by_hour = long.assign(hour=np.floor(long["time_h"]))
    by_hour = by_hour.groupby(["controller", "kind", "hour"], sort=False)["usd"].sum().reset_index()
    by_place = long.groupby(["controller", "kind", "place"], sort=False)["usd"].sum().reset_index()
    colours = "Blue is for voltages, orange for loadings."
    words = penalty.alternative(usd)
    return [
        figure(
            "penalty_hour",
            "When the penalty arises",
            f"Penalty by hour, {label}. {colours}",
            words,
            penalty.figure_by_hour(usd, start, system["end_h"]),
            by_hour,
        ),
        figure(
            "penalty_place",
            "Where the penalty arises",
            f"The {penalty.MOST_PLACES} buses and branches with most, {label}. {colours}",
            words,
            penalty.figure_by_place(usd),
            by_place,
        ),
    ]


def limits_of(system: Mapping[str, Any]) -> penalty.Limits:
    """Return limits and weights from the part of a manifest about the system."""
    return penalty.Limits(
        v_min_pu=np.array(system["v_min_pu"]),
        v_max_pu=np.array(system["v_max_pu"]),
        step_h=system["step_h"],
        **system["penalties"],
    )


def wide(study: StoredStudy, table: str, controller: str, replication: int) -> pd.DataFrame:
    """Return a table with one column per bus or branch, index ``time_h``."""
    wide = study.table(table, controller=controller, replication=replication)
    # A bus may be called like a key, so columns go by position.
    return wide.iloc[:, 3:].set_axis(pd.Index(wide.iloc[:, 2], name="time_h"))


def _extremes(loadings: dict[str, pd.DataFrame]) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "controller": name,
                "time_h": own.index,
                "loading_percent_max": own.max(axis=1).to_numpy(),
            }
        )
        for name, own in loadings.items()
    ]
    return pd.concat(tables)
