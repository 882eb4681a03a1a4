"""Write the figures of ``residential_ev.md`` anew: ``make reproduction``, or run this file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from page import put, table

import gridhaul as gh
from sim.episode.episode import Episode

PAGE = Path(__file__).with_suffix(".md")
PICTURE = PAGE.with_suffix(".svg")
BUS_30 = "29"  # the paper counts from 1
CASES = {
    "no storage": "idle",
    "no storage, sun curtailed": "curtail",
    "fleet by rules": "greedy",
    "parked fleet": "stationary",
    "optimised day-ahead": "day_ahead",
    "optimised, re-planned": "multi_objective",
}
DRAWN = (
    "no storage",
    "fleet by rules",
    "parked fleet",
    "optimised day-ahead",
    "optimised, re-planned",
)
PUBLISHED_DAY = {"uncertainty": "off"}
V2G = {"ev.*.p_discharge_kw": 7, "ev.*.efficiency_discharge": 0.9}
CHARGING = {
    "at the peak (default)": {},
    "in the valley": {"ev.*.charge_from_h": 24, "ev.*.back_off_h": 4},
    "V2G": V2G,
    "trucks almost empty": {"battery.mess.soc_initial": 0.2},
    "trucks almost full": {"battery.mess.soc_initial": 0.8},
}
COLUMNS = {
    "highest voltage [pu]": ("vm_pu_max", 3),
    "lowest voltage [pu]": ("vm_pu_min", 3),
    "steps with a violation": ("voltage_violation_steps", 0),
    "curtailed [MWh]": ("curtailed_mwh", 2),
    "objective [USD]": ("objective_usd", 0),
    "trips": ("trips", 0),
    "decisions between periods": ("called_decisions", 0),
    "`evs_short`": ("evs_short", 0),
}
# Wide, high, and the frame inside [px].
WIDTH, HEIGHT, LEFT, TOP, GAP = 1000, 250, 60, 26, 28
FROM_PU, TO_PU = 0.88, 1.10


def main() -> None:
    """Run the episodes, draw their voltages and put their figures into the page."""
    found = {case: _episode(controller, {}) for case, controller in CASES.items()}
    PICTURE.write_text(picture({case: found[case] for case in DRAWN}), encoding="utf-8")
    put(PAGE, "figures", "\n".join((published_day(found), charging())))


def published_day(found: dict[str, Episode]) -> str:
    """Return the comparison of the cases on the published day, as a table."""
    rows = [
        (
            case,
            f"`{CASES[case]}`",
            *_figures(own),
            f"{own.vm_pu[BUS_30].to_numpy()[72:76].min():.3f}",
        )
        for case, own in found.items()
    ]
    header = ("published day", "controller", *COLUMNS, "bus 30 from 18 to 19 h, lowest [pu]")
    return table(header, rows)


def charging() -> str:
    """Return what the cases of cars and of initial energies cost, as a table."""
    rows = [
        (case, f"`{controller}`", *_figures(_episode(controller, overrides)))
        for case, overrides in CHARGING.items()
        for controller in (CASES["no storage"], CASES["optimised, re-planned"])
    ]
    return table(("case", "controller", *COLUMNS), rows)


def picture(found: dict[str, Episode]) -> str:
    """Return the highest and lowest voltage of each step by case, and bus 30, as SVG."""
    panel_px = (WIDTH - LEFT - GAP * len(found)) / len(found)
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'{frame} font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *(
            f'<text x="4" y="{_y(volts) + 4:.0f}">{volts:.2f} pu</text>'
            for volts in (0.90, 0.95, 1.00, 1.05, 1.10)
        ),
    ]
    for k, (case, episode) in enumerate(found.items()):
        parts += _panel(case, episode, LEFT + k * (panel_px + GAP), panel_px)
    return "\n".join([*parts, "</svg>\n"])


def _panel(case: str, episode: Episode, left_px: float, width_px: float) -> list[str]:
    volts = episode.vm_pu.to_numpy()
    x_px = left_px + width_px * (np.arange(len(volts)) + 0.5) / len(volts)
    right_px, floor_px = left_px + width_px, _y(FROM_PU)
    drawn = (
        (volts.max(axis=1), "#d98200"),
        (volts.min(axis=1), "#1f5fa8"),
        (episode.vm_pu[BUS_30].to_numpy(), "#555"),
    )
    lines = []
    for values, colour in drawn:
        points = " ".join(f"{x:.1f},{_y(float(y)):.1f}" for x, y in zip(x_px, values, strict=True))
        lines.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>'
        )
    limits = [
        f'<path d="M{left_px:.1f} {_y(limit):.1f}H{right_px:.1f}" stroke="#c00" '
        'stroke-dasharray="4 3"/>'
        for limit in (0.95, 1.05)
    ]
    hours = [
        f'<text x="{left_px + width_px * hour / 24:.0f}" y="{HEIGHT - 8}" '
        f'text-anchor="middle">{hour}</text>'
        for hour in (0, 6, 12, 18, 24)
    ]
    frame = f"M{left_px:.1f} {TOP}H{right_px:.1f}V{floor_px}H{left_px:.1f}Z"
    return [
        f'<text x="{left_px:.0f}" y="16" font-weight="bold">{case}</text>',
        f'<path d="{frame}" fill="none" stroke="#999"/>',
        *limits,
        *lines,
        *hours,
    ]


def _y(volts: float) -> float:
    return TOP + (HEIGHT - TOP - 24) * (TO_PU - volts) / (TO_PU - FROM_PU)


def _episode(controller: str, overrides: dict[str, object]) -> Episode:
    scenario = gh.load_scenario("residential_ev", {**PUBLISHED_DAY, **overrides})
    return gh.run(scenario, controller, verify="off")


def _figures(episode: Episode) -> list[str]:
    return [f"{episode.metrics[name]:.{digits}f}" for name, digits in COLUMNS.values()]


if __name__ == "__main__":
    main()
