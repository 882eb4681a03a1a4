"""Write the figures of ``rolling_value.md`` anew: ``make reproduction``, or run this file."""

from __future__ import annotations

from pathlib import Path

from page import differences, put, table

import gridhaul as gh
from sim.episode.specification import ControllerSpec

PAGE = Path(__file__).with_suffix(".md")
REPLICATIONS, WORKERS = 50, 2
METRICS = ("objective_usd", "cost_usd", "penalty_usd", "trips")
MIXED = ControllerSpec(name="rolling", parameters=(("routes", "day_ahead"),))


def main() -> None:
    """Run the study and put its figures into the page."""
    put(PAGE, "figures", figures())


def figures() -> str:
    """Return means, and paired differences, of three ways to plan."""
    study = gh.compare(
        gh.load_scenario("ieee33", {"traffic.intensity": 2}),
        ["day_ahead", MIXED, "rolling"],
        replications=REPLICATIONS,
        workers=WORKERS,
        verify="off",
    )
    once, mixed, hourly = study.controllers
    plans = {
        once: ("once a day (`day_ahead`)", "once a day"),
        mixed: ("once a day", "every hour"),
        hourly: ("every hour (`rolling`)", "every hour"),
    }
    mean = study.metrics.groupby("controller")[list(METRICS)].mean()
    means = [(*plans[name], *(f"{usd:,.1f}" for usd in mean.loc[name])) for name in plans]
    pairs = (
        ("`rolling` - `day_ahead`", once, hourly),
        ("of which powers", once, mixed),
        ("of which routes", mixed, hourly),
    )
    header = ("routes", "powers", "objective", "cost", "penalty", "trips")
    return f"{table(header, means)}\n{differences(study.metrics, study.days, pairs)}"


if __name__ == "__main__":
    main()
