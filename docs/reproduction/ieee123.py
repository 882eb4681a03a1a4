"""Write the figures of ``ieee123.md`` anew: ``make reproduction``, or run this file.

With a folder (``python docs/reproduction/ieee123.py FOLDER``) finished days are kept in it, and
another run goes on from there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from page import differences, put, table

import gridhaul as gh
from sim.episode.specification import ControllerSpec
from sim.study.inference.days import Days

PAGE = Path(__file__).with_suffix(".md")
TRAFFIC = {"traffic.intensity": 2}
DAYS, DAYS_OF_BOUNDS = 50, 20
DAYS_OF_MARGINS, SEED_OF_MARGINS = 15, 2

PARKED = ControllerSpec(
    name="day_ahead", parameters=(("routes", "parked"), ("dispatch", "day_ahead"))
)
MIXED = ControllerSpec(name="rolling", parameters=(("routes", "day_ahead"),))
MARGINS = (0.0, 0.5, 1.0, 2.0, 4.0)
# Labels and decimals of the metrics that are shown.
COLUMNS = {
    "objective_usd": ("objective", 1),
    "cost_usd": ("cost", 1),
    "penalty_usd": ("penalty", 1),
    "percent_h": ("% h", 2),
    "voltage_violation_pu_h": ("pu h", 4),
    "curtailed_mwh": ("curtailed MWh", 2),
    "trips": ("trips", 1),
}
# Routes and powers of each controller.
PLANS = {
    "stationary": ("parked", "every hour"),
    "day_ahead": ("once a day", "once a day"),
    "mixed": ("once a day", "every hour"),
    "rolling": ("every hour", "every hour"),
}
BOUNDS = {
    "curtail": ("no trucks", "every hour"),
    "parked": ("parked", "once a day"),
    "clairvoyant": ("the day is known", "the day is known"),
}
PAIRS = (
    ("`rolling` - `stationary`", "stationary", "rolling"),
    ("`rolling` - `day_ahead`", "day_ahead", "rolling"),
    ("`day_ahead` - `stationary`", "stationary", "day_ahead"),
    ("mobility, powers every hour", "stationary", "mixed"),
    ("recourse of powers, moving", "day_ahead", "mixed"),
    ("recourse of routes", "mixed", "rolling"),
)
PAIRS_OF_BOUNDS = (
    ("parked storage: `stationary` - `curtail`", "curtail", "stationary"),
    ("mobility, powers once a day", "parked", "day_ahead"),
    ("recourse of powers, parked", "parked", "stationary"),
    ("knowing the day: `clairvoyant` - `rolling`", "rolling", "clairvoyant"),
)


def main() -> None:
    """Run the studies and put their figures into the page."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    plans, days = plans_study(folder)
    put(PAGE, "routes and powers", f"{_means(plans, PLANS)}\n{differences(plans, days, PAIRS)}\n")
    put(PAGE, "margins", margins(folder))
    bounds = bounds_study(folder)
    common = plans[plans.index.get_level_values("replication") < DAYS_OF_BOUNDS]
    both = pd.concat([bounds, common])
    text = f"{_means(both, BOUNDS | PLANS)}\n{differences(both, days, PAIRS_OF_BOUNDS)}\n"
    put(PAGE, "bounds", text)


def plans_study(folder: Path | None) -> tuple[pd.DataFrame, Days]:
    """Return metrics of the ways to plan, and which days are the same."""
    study = gh.compare(
        gh.load_scenario("ieee123", TRAFFIC),
        ["stationary", "day_ahead", MIXED, "rolling"],
        replications=DAYS,
        out=folder and folder / "plans",
        verify="off",
        keep="summary",
    )
    return _named(study, PLANS), study.days


def bounds_study(folder: Path | None) -> pd.DataFrame:
    """Return metrics of what lies beyond the ways to plan, on the first of the same days."""
    study = gh.compare(
        gh.load_scenario("ieee123", TRAFFIC),
        ["curtail", PARKED, "clairvoyant"],
        replications=DAYS_OF_BOUNDS,
        out=folder and folder / "bounds",
        verify="off",
        keep="summary",
    )
    return _named(study, BOUNDS)


def margins(folder: Path | None) -> str:
    """Return cost against violation of `rolling`, by its margin, on days of another seed."""
    study = gh.compare(
        gh.load_scenario("ieee123", TRAFFIC),
        [ControllerSpec(name="rolling", parameters=(("margin", margin),)) for margin in MARGINS],
        replications=DAYS_OF_MARGINS,
        seed=SEED_OF_MARGINS,
        out=folder and folder / "margins",
        verify="off",
        keep="summary",
    )
    names = {f"{margin:g}": () for margin in MARGINS}
    metrics = _named(study, names)
    pairs = [(f"{other} - 2", "2", other) for other in names if other != "2"]
    return f"{_means(metrics, names)}\n{differences(metrics, study.days, pairs)}\n"


def _named(study: gh.Study, names: Iterable[str]) -> pd.DataFrame:
    """Return metrics by the names of this page, with the overloading of branches [% h]."""
    usd_per_percent_h = gh.load_scenario("ieee123").system.penalties.loading_usd_per_percent_h
    metrics = study.metrics.rename(index=dict(zip(study.controllers, names, strict=True)), level=0)
    return metrics.assign(percent_h=metrics["penalty_loading_usd"] / usd_per_percent_h)


def _means(metrics: pd.DataFrame, plans: Mapping[str, tuple[str, ...]]) -> str:
    mean = metrics.groupby("controller")[list(COLUMNS)].mean()
    cells = {
        name: [f"{mean.loc[name, key]:,.{n}f}" for key, (_, n) in COLUMNS.items()] for name in plans
    }
    what = ("routes", "powers") if any(plans.values()) else ()
    header = ("controller" if what else "margin", *what, *(label for label, _ in COLUMNS.values()))
    return table(header, [(name, *own, *cells[name]) for name, own in plans.items()])


if __name__ == "__main__":
    main()
