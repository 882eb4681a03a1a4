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

import pandas as pd
from page import differences, put, table

import gridhaul as gh
from sim.episode.specification import ControllerSpec
from sim.study.inference.days import Days

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
)
MARGINS = (0.0, 0.5, 1.0, 2.0, 3.0)
COVERAGES = (0.5, 0.7, 0.9, 0.95, 0.97)
CURVES: Mapping[str, ControllerSpec] = {
    **{f"margin {m:g}": _spec("rolling", margin=m) for m in MARGINS},
    **{f"coverage {c:g}": _spec("robust", coverage=c) for c in COVERAGES},
}
BUDGETS: Mapping[str, ControllerSpec] = {
    "no budgets": _spec("robust"),
    **{
        f"budgets {b:g} and {2 * b:g}": _spec("robust", over_components=b, over_time=2 * b)
        for b in (1.0, 2.0)
    },
}
FEEDER_OF_BUDGETS = "ieee33"
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
COLOURS = {"margin": "#d98200", "coverage": "#1f5fa8"}


def main() -> None:
    """Run the studies and put their figures into the page."""
    asked = _asked()
    curves = {}
    for feeder in FEEDERS:
        plans = Runs.of(feeder, PLANS, "plans", asked.days, SEED, asked.folder)
        labelled = [(f"`{name}` - `{other}`", other, name) for other, name in PAIRS]
        compared = differences(plans.metrics, plans.days, labelled)
        put(PAGE, feeder, f"{_means(plans)}\n{compared}")
        days = asked.days_of_curves
        own = Runs.of(feeder, CURVES, "curves", days, SEED_OF_CURVES, asked.folder)
        put(PAGE, f"curves of {feeder}", _means(own))
        curves[feeder] = _mean(own)
    days = asked.days_of_budgets
    own = Runs.of(FEEDER_OF_BUDGETS, BUDGETS, "budgets", days, SEED_OF_CURVES, asked.folder)
    put(PAGE, "budgets", _means(own))
    PICTURE.write_text(picture(curves), encoding="utf-8")
    put(PAGE, "picture", f"![Cost against violation]({PICTURE.name})")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where finished days are kept")
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--days-of-curves", type=int, default=15)
    parser.add_argument("--days-of-budgets", type=int, default=5)
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
    ) -> Runs:
        """Run each cell on the same days; each is a study of its own, so that others may join."""
        scenario = gh.load_scenario(feeder, TRAFFIC)
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


def picture(means: Mapping[str, pd.DataFrame]) -> str:
    """Return cost against violation as SVG, a panel for each feeder and limit."""
    panels = [
        (f"{feeder}: cost [USD] against {label}", mean, key)
        for feeder, mean in means.items()
        for key, label in (("percent_h", "% h"), ("voltage_violation_pu_h", "pu h"))
        if mean[key].max() > 0
    ]
    wide_px = (WIDTH - LEFT) / max(len(panels), 1) - GAP
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'{frame} font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for k, (title, mean, key) in enumerate(panels):
        parts += _panel(title, mean, key, LEFT + k * (wide_px + GAP), wide_px)
    return "\n".join([*parts, "</svg>\n"])


def _panel(title: str, mean: pd.DataFrame, key: str, left_px: float, wide_px: float) -> list[str]:
    most = float(mean[key].max())
    low, high = float(mean["cost_usd"].min()), float(mean["cost_usd"].max())
    x_px = left_px + wide_px * mean[key] / most
    y_px = FLOOR - (FLOOR - TOP) * (0.05 + 0.9 * (mean["cost_usd"] - low) / max(high - low, 1e-9))
    axes = f"M{left_px:.1f} {TOP}V{FLOOR}H{left_px + wide_px:.1f}"
    lines = [
        f'<text x="{left_px:.0f}" y="16" font-weight="bold">{title}</text>',
        f'<path d="{axes}" fill="none" stroke="#999"/>',
        f'<text x="{left_px:.0f}" y="{FLOOR + 16}">0</text>',
        f'<text x="{left_px + wide_px:.0f}" y="{FLOOR + 16}" text-anchor="end">{most:.4g}</text>',
    ]
    for y, usd in ((y_px.max(), low), (y_px.min(), high)):
        at = f'x="{left_px - 4:.0f}" y="{y + 4:.1f}"'
        lines.append(f'<text {at} text-anchor="end">{usd:,.0f}</text>')
    for kind, colour in COLOURS.items():
        own = [name for name in mean.index if name.startswith(kind)]
        points = " ".join(f"{x_px[name]:.1f},{y_px[name]:.1f}" for name in own)
        lines.append(f'<polyline fill="none" stroke="{colour}" points="{points}"/>')
    for name in mean.index:
        colour = COLOURS[name.split()[0]]
        lines.append(
            f'<circle cx="{x_px[name]:.1f}" cy="{y_px[name]:.1f}" r="3" fill="{colour}"/>'
            f'<text x="{x_px[name] + 5:.1f}" y="{y_px[name] - 4:.1f}" fill="{colour}">'
            f"{name}</text>"
        )
    return lines


if __name__ == "__main__":
    main()
