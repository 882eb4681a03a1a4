"""Write the figures of ``rolling_value.md`` anew: ``make reproduction``, or run this file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import gridhaul as gh
from sim.episode.specification import ControllerSpec
from sim.study.inference.statistics import difference_at, paired

PAGE = Path(__file__).with_suffix(".md")
BEGIN = "<!-- figures: written by rolling_value.py -->\n"
END = "<!-- end of the figures -->\n"
REPLICATIONS, WORKERS = 50, 2
METRICS = ("objective_usd", "cost_usd", "penalty_usd", "trips")
MIXED = ControllerSpec(name="rolling", parameters=(("routes", "day_ahead"),))


def main() -> None:
    """Run the study and put its figures into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    PAGE.write_text(f"{before}{begin}\n{figures()}\n{end}{after}", encoding="utf-8")


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
    differences = [(label, *_difference(study, one, other)) for label, one, other in pairs]
    first = ("routes", "powers", "objective", "cost", "penalty", "trips")
    second = ("difference of objectives", "mean", "95 % interval", "median", "better on")
    return f"{_table(first, means)}\n\n{_table(second, differences)}\n"


def _difference(study: gh.Study, one: str, other: str) -> tuple[str, ...]:
    """Return mean, interval and median of what `other` has more than `one`, and its better days."""
    table = paired(study.metrics, [one, other], study.days)
    found = difference_at(table, other, "objective_usd")
    usd: pd.Series[float] = study.metrics["objective_usd"].loc[other]
    usd = usd - study.metrics["objective_usd"].loc[one]
    interval = f"{found.ci95_low:,.1f} to {found.ci95_high:,.1f}"
    days = f"{int((usd < 0).sum())} of {len(usd)}"
    return f"{found.mean:,.1f}", interval, f"{usd.median():,.1f}", days


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
