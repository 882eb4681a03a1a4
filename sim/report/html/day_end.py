"""How the days ended, in sentences: what batteries held, and what that was worth."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sim.report.wording import ROUNDING, number

STORED, RETURN_TRIP = "stored energy change", "return trip"  # items of the ledger


def day_end(metrics: pd.DataFrame, costs: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Return a sentence per controller, those of days that end as they began left out.

    Parameters
    ----------
    metrics
        One row per episode, index ``(controller, replication)``.
    costs
        Mean payments to others per episode: ``controller, entry, usd``.
    names
        In the order of the sentences.
    """
    if not metrics["throughput_mwh"].any():
        return []
    change_mwh = metrics["stored_change_mwh"].groupby("controller").mean()
    usd = costs.groupby(["controller", "entry"])["usd"].sum()
    has_cars = "ev_mwh" in metrics and bool(metrics["ev_mwh"].any())
    cars = ", in electric cars too," if has_cars else ""
    sentences = []
    for name in names:
        mwh = float(change_mwh[name])
        stored, trips = (float(usd.get((name, item), 0.0)) for item in (STORED, RETURN_TRIP))
        if max(abs(mwh), abs(stored), abs(trips)) <= ROUNDING:
            continue
        change = f"{number(abs(mwh))} MWh {'more' if mwh > 0 else 'less'} than"
        held = "as much as" if abs(mwh) <= ROUNDING else change
        sentences.append(
            f"{name}: batteries of trucks and trains held {held} at the start at the end of an "
            f"episode, mean; energy missing below soc_terminal (or left above it){cars} was booked "
            f"as {number(stored)} USD, the way back to the terminal station as {number(trips)} USD."
        )
    if not sentences:
        return ["Batteries ended as they began: nothing was gained or lost by emptying them."]
    return sentences
