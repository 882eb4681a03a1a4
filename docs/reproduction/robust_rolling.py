"""Write the figures of ``robust_rolling.md`` anew: ``make reproduction``, or run this file.

With a folder (``python docs/reproduction/robust_rolling.py FOLDER``) finished days are kept in it,
and another run goes on from there. ``--days``, ``--days-of-curves`` and ``--days-of-budgets`` say
how many days.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from page import differences, put, table

import gridhaul as gh
from sim.episode.specification import ControllerSpec
from sim.study.inference.days import Days
from sim.units import FloatArray

PAGE = Path(__file__).with_suffix(".md")
PICTURE = PAGE.with_suffix(".svg")
TRAFFIC = {"traffic.intensity": 2}
FEEDERS = ("ieee33", "ieee123")
SEED, SEED_OF_CURVES = 1, 2
WORKERS = 2


def _spec(name: str, **parameters: float | str) -> ControllerSpec:
    return ControllerSpec(name=name, parameters=tuple(parameters.items()))


PLANS: Mapping[str, ControllerSpec] = {
    "stationary": _spec("stationary"),
    "day_ahead": _spec("day_ahead"),
    "day_ahead, robust": _spec("robust", routes="day_ahead", dispatch="day_ahead"),
    "rolling": _spec("rolling"),
    "robust, routes once a day": _spec("robust", routes="day_ahead"),
    "robust": _spec("robust"),
    "robust, parked, powers once a day": _spec("robust", routes="parked", dispatch="day_ahead"),
    "robust, parked": _spec("robust", routes="parked"),
    "clairvoyant": _spec("clairvoyant"),
}
PAIRS = (
    ("stationary", "day_ahead"),
    ("stationary", "robust"),
    ("day_ahead", "robust"),
    ("day_ahead, robust", "robust"),
    ("robust, routes once a day", "robust"),
    ("rolling", "robust"),
    ("stationary", "rolling"),
    ("day_ahead", "rolling"),
    ("robust, parked, powers once a day", "robust, parked"),
    ("robust, parked", "robust, routes once a day"),
    ("robust", "clairvoyant"),
)
# The same dispatch model in all: routes by row, powers once a day and every hour.
RECOURSE = (
    ("parked", "robust, parked, powers once a day", "robust, parked"),
    ("once a day", "day_ahead, robust", "robust, routes once a day"),
    ("every hour", None, "robust"),
)
MARGINS = (0.0, 0.5, 1.0, 2.0, 3.0)
COVERAGES = (0.7, 0.9, 0.95, 0.97, 0.99)
LEVELS = (0.8, 0.9, 0.98, 0.99, 0.999)
CURVES: dict[str, ControllerSpec] = {
    **{f"margin {m:g}": _spec("rolling", margin=m) for m in MARGINS},
    **{f"coverage {c:g}": _spec("robust", coverage=c) for c in COVERAGES},
    **{f"level {p:g}": _spec("robust", cvar_level=p) for p in LEVELS},
}
# Over components, in radii of the set; twice as much over time. They take three times as long.
BUDGETS: dict[str, ControllerSpec] = {
    f"budget {b:g}": _spec("robust", over_components=b, over_time=2 * b) for b in (0.5, 1.0, 2.0)
}
FEEDER_OF_BUDGETS = "ieee33"
# In quarter hours: of the trips weighed in hours none is late beyond its hour.
QUARTERS = {**TRAFFIC, "timing.period_min": 15}
FEEDER_OF_TRIPS = "ieee33"
TRIPS: Mapping[str, ControllerSpec] = {
    "here and now": _spec("robust"),
    "adaptive": _spec("robust", mobility="adaptive"),
}
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
# Wide, high, and the frame inside [px].
WIDTH, HEIGHT, LEFT, TOP, GAP, FLOOR = 900, 300, 60, 30, 70, 250
CURVES_OF = {
    "margin": ("rolling", "#d98200"),
    "coverage": ("robust", "#1f5fa8"),
    "level": ("robust", "#2e8b57"),
    "budget": ("robust", "#8b3a8b"),
}


def main() -> None:
    """Run the studies and put their figures into the page."""
    asked = _asked()
    curves = {}
    for feeder in FEEDERS:
        plans = Runs.of(feeder, PLANS, "plans", asked.days, SEED, asked.folder)
        labelled = [(f"`{name}` - `{other}`", other, name) for other, name in PAIRS]
        compared = differences(plans.metrics, plans.days, labelled)
        put(PAGE, feeder, f"{_means(plans)}\n{compared}\n{_recourse(plans)}")
        days = asked.days_of_curves
        cells = CURVES | BUDGETS if feeder == FEEDER_OF_BUDGETS else CURVES
        own = Runs.of(feeder, cells, "curves", days, SEED_OF_CURVES, asked.folder)
        curves[feeder] = _mean(own)
        put(PAGE, f"curves of {feeder}", f"{_means(own)}\n{_at_equal_objective(curves[feeder])}")
    days = asked.days_of_trips
    own = Runs.of(FEEDER_OF_TRIPS, TRIPS, "trips", days, SEED_OF_CURVES, asked.folder, QUARTERS)
    labelled = [("`adaptive` - `here and now`", "here and now", "adaptive")]
    put(PAGE, "trips", f"{_means(own)}\n{differences(own.metrics, own.days, labelled)}")
    PICTURE.write_text(picture(curves), encoding="utf-8")
    put(PAGE, "picture", f"![Cost against violation]({PICTURE.name})")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where finished days are kept")
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--days-of-curves", type=int, default=15)
    parser.add_argument("--days-of-trips", type=int, default=10)
    return parser.parse_args()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Metrics by the names of this page, with the overloading of branches [% h], and their days."""

    metrics: pd.DataFrame
    days: Days

    @classmethod
    def of(
        cls,
        feeder: str,
        cells: Mapping[str, ControllerSpec],
        kind: str,
        days: int,
        seed: int,
        folder: Path | None,
        overrides: Mapping[str, float] = TRAFFIC,
    ) -> Runs:
        """Run each cell on the same days; each is a study of its own, so that others may join."""
        scenario = gh.load_scenario(feeder, overrides)
        studies = {
            name: gh.compare(
                scenario,
                [spec],
                replications=days,
                seed=seed,
                workers=WORKERS,
                out=folder and folder / f"{feeder}_{kind}_{_as_file(name)}",
                verify="off",
                keep="summary",
            )
            for name, spec in cells.items()
        }
        metrics = pd.concat(
            [
                study.metrics.rename(index={study.controllers[0]: name}, level=0)
                for name, study in studies.items()
            ]
        )
        usd_per_percent_h = scenario.system.penalties.loading_usd_per_percent_h
        metrics["percent_h"] = metrics["penalty_loading_usd"] / usd_per_percent_h
        return cls(metrics=metrics, days=next(iter(studies.values())).days)


def _as_file(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "_", name)


def _mean(runs: Runs) -> pd.DataFrame:
    return runs.metrics.groupby("controller", sort=False)[list(COLUMNS)].mean()


def _means(runs: Runs) -> str:
    mean = _mean(runs)
    rows = [
        (f"`{name}`", *(f"{mean.loc[name, key]:,.{n}f}" for key, (_, n) in COLUMNS.items()))
        for name in mean.index
    ]
    days = len(runs.metrics.index.unique("replication"))
    header = (f"{days} days", *(label for label, _ in COLUMNS.values()))
    return table(header, rows)


def _recourse(runs: Runs) -> str:
    usd = _mean(runs)["objective_usd"]
    rows = [
        (routes, *("" if name is None else f"{usd[name]:,.1f}" for name in names))
        for routes, *names in RECOURSE
    ]
    return table(("routes", "powers once a day", "powers every hour"), rows)


def _at_equal_objective(mean: pd.DataFrame) -> str:
    curves = [
        mean[mean.index.str.startswith(kind)][["objective_usd", "percent_h"]].to_numpy().T
        for kind, (whose, _) in CURVES_OF.items()
        if whose == "robust" and mean.index.str.startswith(kind).any()
    ]
    rows = []
    for name, own in mean[mean.index.str.startswith("margin")].iterrows():
        usd, violation = own["objective_usd"], own["percent_h"]
        least = np.fmin.reduce([least_violation(x, y, usd) for x, y in curves])
        figures = (f"{least:.2f}", f"{least / violation:.2f}") if least >= 0 else ("never", "")
        rows.append((f"`{name}`", f"{usd:,.1f}", f"{violation:.2f}", *figures))
    return table(("", "objective", "% h", "`robust` at that objective", "share"), rows)


def least_violation(usd: FloatArray, violation: FloatArray, at_usd: float) -> float:
    """Return the least violation between neighbours, ``(point,)``, that costs at most `at_usd`.

    What lies between two neighbours is a coin thrown each day. NaN where all cost more.
    """
    found = violation[usd <= at_usd].tolist()
    for k in np.flatnonzero((usd[:-1] > at_usd) != (usd[1:] > at_usd)):
        share = (at_usd - usd[k]) / (usd[k + 1] - usd[k])
        found.append(violation[k] + share * (violation[k + 1] - violation[k]))
    return min(found, default=float("nan"))


def picture(means: Mapping[str, pd.DataFrame]) -> str:
    """Return cost against violation as SVG: a column for each feeder, a row for each limit."""
    wide_px = (WIDTH - LEFT) / len(means) - GAP
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * HEIGHT}"'
    parts = [
        f'{frame} font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{2 * HEIGHT}" fill="white"/>',
    ]
    for row, (key, label) in enumerate(
        (("percent_h", "overloading [% h]"), ("voltage_violation_pu_h", "voltage [pu h]"))
    ):
        for column, (feeder, mean) in enumerate(means.items()):
            at = f"translate({LEFT + column * (wide_px + GAP):.0f} {row * HEIGHT})"
            title = f"{feeder}: cost [USD] against {label}"
            parts += [f'<g transform="{at}">', *_panel(title, mean, key, wide_px), "</g>"]
    return "\n".join([*parts, "</svg>\n"])


def _panel(title: str, mean: pd.DataFrame, key: str, wide_px: float) -> list[str]:
    most = max(float(mean[key].max()), 1e-9)
    low, high = float(mean["cost_usd"].min()), float(mean["cost_usd"].max())
    x_px = wide_px * mean[key] / most
    y_px = FLOOR - (FLOOR - TOP) * (0.05 + 0.9 * (mean["cost_usd"] - low) / max(high - low, 1e-9))
    lines = [
        f'<text x="0" y="16" font-weight="bold">{title}</text>',
        f'<path d="M0 {TOP}V{FLOOR}H{wide_px:.0f}" fill="none" stroke="#999"/>',
        f'<text x="0" y="{FLOOR + 16}">0</text>',
        f'<text x="{wide_px:.0f}" y="{FLOOR + 16}" text-anchor="end">{most:.4g}</text>',
    ]
    for y, usd in ((y_px.max(), low), (y_px.min(), high)):
        lines.append(f'<text x="-4" y="{y + 4:.1f}" text-anchor="end">{usd:,.0f}</text>')
    for n, (kind, (whose, colour)) in enumerate(CURVES_OF.items()):
        own = [name for name in mean.index if name.startswith(kind)]
        if not own:
            continue
        points = " ".join(f"{x_px[name]:.1f},{y_px[name]:.1f}" for name in own)
        at = f'x="{wide_px:.0f}" y="{TOP + 14 + 16 * n}"'
        lines += [
            f'<text {at} text-anchor="end" fill="{colour}">{kind} of {whose}</text>',
            f'<polyline fill="none" stroke="{colour}" points="{points}"/>',
        ]
        lines += [
            f'<circle cx="{x_px[name]:.1f}" cy="{y_px[name]:.1f}" r="3" fill="{colour}"/>'
            for name in own
        ]
        # The others are between; they would cover each other.
        lines += [
            f'<text x="{x_px[name] + 5:.1f}" y="{y_px[name] - 5:.1f}" fill="{colour}">'
            f"{name.removeprefix(kind).strip()}</text>"
            for name in (own[0], own[-1])
        ]
    return lines


if __name__ == "__main__":
    main()
