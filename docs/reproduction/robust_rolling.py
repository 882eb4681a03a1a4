"""Write the figures of ``robust_rolling.md`` anew: ``make reproduction``, or run this file.

With a folder (``python docs/reproduction/robust_rolling.py FOLDER``) finished days are kept in it,
and another run goes on from there. ``--days`` and ``--days-of-curves`` say how many days.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from page import differences, put, table

import gridhaul as gh
from sim.episode.specification import ControllerSpec

PAGE = Path(__file__).with_suffix(".md")
PICTURE = PAGE.with_suffix(".svg")
TRAFFIC = {"traffic.intensity": 2}
FEEDERS = ("ieee33", "ieee123")
SEED, SEED_OF_CURVES = 1, 2
WORKERS = 2

OPEN_LOOP = {"routes": "day_ahead", "dispatch": "day_ahead"}
PLANS: Mapping[str, ControllerSpec | str] = {
    "stationary": "stationary",
    "day_ahead": "day_ahead",
    "day_ahead, robust": ControllerSpec(name="robust", parameters=tuple(OPEN_LOOP.items())),
    "rolling": "rolling",
    "robust": "robust",
    "robust, 0.5": ControllerSpec(name="robust", parameters=(("coverage", 0.5),)),
}
MARGINS = (0.0, 0.5, 1.0, 2.0, 3.0)
COVERAGES = (0.3, 0.5, 0.7, 0.9)
BUDGETS = (1.0, 2.0)
CURVES: Mapping[str, ControllerSpec] = {
    **{
        f"margin {m:g}": ControllerSpec(name="rolling", parameters=(("margin", m),))
        for m in MARGINS
    },
    **{
        f"coverage {c:g}": ControllerSpec(name="robust", parameters=(("coverage", c),))
        for c in COVERAGES
    },
    **{
        f"coverage 0.9, budgets {b:g}": ControllerSpec(
            name="robust", parameters=(("over_components", b), ("over_time", 2 * b))
        )
        for b in BUDGETS
    },
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
COLOURS = {"margin": "#d98200", "coverage": "#1f5fa8"}


def main() -> None:
    """Run the studies and put their figures into the page."""
    asked = _asked()
    curves = {}
    for feeder in FEEDERS:
        plans = _study(feeder, PLANS, asked.days, SEED, asked.folder)
        pairs = [(other, "robust") for other in PLANS if other != "robust"]
        pairs += [("stationary", "day_ahead"), ("stationary", "rolling"), ("day_ahead", "rolling")]
        labelled = [(f"`{name}` - `{other}`", other, name) for other, name in pairs]
        compared = differences(plans.metrics, plans.days, labelled)
        put(PAGE, feeder, f"{_means(plans)}\n{compared}")
        curves[feeder] = _study(feeder, CURVES, asked.days_of_curves, SEED_OF_CURVES, asked.folder)
        put(PAGE, f"curves of {feeder}", _means(curves[feeder]))
    drawn = picture({feeder: _mean(study) for feeder, study in curves.items()})
    PICTURE.write_text(drawn, encoding="utf-8")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where finished days are kept")
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--days-of-curves", type=int, default=15)
    return parser.parse_args()


def _study(
    feeder: str,
    cells: Mapping[str, ControllerSpec | str],
    days: int,
    seed: int,
    folder: Path | None,
) -> gh.Study:
    """Return a study whose cells have the names of this page."""
    kind = "plans" if cells is PLANS else "curves"
    study = gh.compare(
        gh.load_scenario(feeder, TRAFFIC),
        list(cells.values()),
        replications=days,
        seed=seed,
        workers=WORKERS,
        out=folder and folder / f"{feeder}_{kind}",
        verify="off",
        keep="summary",
    )
    usd_per_percent_h = gh.load_scenario(feeder).system.penalties.loading_usd_per_percent_h
    study.metrics.rename(
        index=dict(zip(study.controllers, cells, strict=True)), level=0, inplace=True
    )
    study.metrics["percent_h"] = study.metrics["penalty_loading_usd"] / usd_per_percent_h
    return study


def _mean(study: gh.Study) -> pd.DataFrame:
    return study.metrics.groupby("controller", sort=False)[list(COLUMNS)].mean()


def _means(study: gh.Study) -> str:
    mean = _mean(study)
    rows = [
        (f"`{name}`", *(f"{mean.loc[name, key]:,.{n}f}" for key, (_, n) in COLUMNS.items()))
        for name in mean.index
    ]
    days = len(study.metrics.index.unique("replication"))
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
        own = [name for name in mean.index if name.startswith(kind) and "," not in name]
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
