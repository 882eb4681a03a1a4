"""Write the figures of ``robust_rolling.md`` anew: ``make reproduction``, or run this file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import gridhaul as gh
from sim.study.inference.statistics import difference_at, paired

PAGE = Path(__file__).with_suffix(".md")
BEGIN = "<!-- figures: written by robust_rolling.py -->\n"
END = "<!-- end of the figures -->\n"
REPLICATIONS, WORKERS = 3, 1
SCENARIO = "ieee33"
CONTROLLERS = ("stationary", "day_ahead", "rolling", "robust")
METRICS = ("objective_usd", "cost_usd", "penalty_usd", "curtailed_mwh", "trips")


def main() -> None:
    """Run the study and put its figures into the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    PAGE.write_text(f"{before}{begin}\n{figures()}\n{end}{after}", encoding="utf-8")


def figures() -> str:
    """Return means, violations, and paired differences from `rolling`."""
    scenario = gh.load_scenario(SCENARIO, {"traffic.intensity": 2})
    study = gh.compare(
        scenario,
        list(CONTROLLERS),
        replications=REPLICATIONS,
        workers=WORKERS,
        verify="off",
    )
    metrics = study.metrics.copy()
    # Violated loadings as energy: percent times hours.
    per_percent_h = scenario.system.penalties.loading_usd_per_percent_h
    metrics["percent_h"] = metrics["penalty_loading_usd"] / per_percent_h
    mean = metrics.groupby("controller")[[*METRICS, "voltage_violation_pu_h", "percent_h"]].mean()
    header = ("controller", *METRICS, "pu h", "% h")
    means = [
        (f"`{name}`", *(f"{value:,.1f}" for value in row[:-2]), f"{row[-2]:.4f}", f"{row[-1]:.1f}")
        for name, row in ((name, mean.loc[name].tolist()) for name in CONTROLLERS)
    ]
    pairs = [
        (f"`robust` - `{other}`", *_difference(study, other))
        for other in CONTROLLERS
        if other != "robust"
    ]
    second = ("difference of objectives", "mean", "95 % interval", "better on")
    return f"{_table(header, means)}\n\n{_table(second, pairs)}\n"


def _difference(study: gh.Study, other: str) -> tuple[str, ...]:
    """Return mean and interval of what `robust` has more than another, and its better days."""
    found = difference_at(
        paired(study.metrics, [other, "robust"], study.days), "robust", "objective_usd"
    )
    usd: pd.Series[float] = study.metrics["objective_usd"].loc["robust"]
    usd = usd - study.metrics["objective_usd"].loc[other]
    interval = f"{found.ci95_low:,.1f} to {found.ci95_high:,.1f}"
    return f"{found.mean:,.1f}", interval, f"{int((usd < 0).sum())} of {len(usd)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
