"""A drawing of the grid, the roads and the profiles that a folder holds: one page, no script."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from sim.importers.summary import RECORD, rows_of, summary
from sim.scenario.schema.csv_rows import (
    BusRow,
    LineRow,
    RoadLinkRow,
    RoadNodeRow,
    StationRow,
    TransformerRow,
)

FILE = "imported.html"
WIDTH, HEIGHT, CHART = 960, 640, 90
MOST_CHARTS, MOST_POINTS = 24, 480
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
SPEEDS_KMH = (30.0, 50.0, 80.0)  # bounds between classes of roads
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:1000px;padding:0 1rem;"
    "color:#222;background:#fff}svg{max-width:100%;height:auto;border:1px solid #ddd}"
    "td{padding:.1rem 1rem .1rem 0}path{fill:none;vector-effect:non-scaling-stroke}"
    "span.key{display:inline-block;width:1.5rem;height:.25rem;margin:0 .4rem .2rem 1rem}"
)
Places = Mapping[str, tuple[float, float]]


def write_drawing(folder: Path) -> Path:
    """Write a page that shows what the folder holds, and return its path."""
    rows = "".join(
        f"<tr><td>{escape(file)}</td><td>{escape(text)}</td></tr>"
        for file, text in summary(folder).items()
    )
    name = escape(folder.resolve().name)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{name}</h1><table>{rows}</table>"
        f"{_grid(folder)}{_roads(folder)}{_profiles(folder)}</body></html>\n"
    )
    path = folder / FILE
    path.write_text(page, encoding="utf-8")
    return path


def _grid(folder: Path) -> str:
    """Return the grid, a colour by voltage."""
    buses = rows_of(folder, "buses.csv", BusRow)
    if not buses:
        return ""
    place = {row.name: (row.x_km, row.y_km) for row in buses}
    if len(set(place.values())) == 1 and len(buses) > 1:
        return "<h2>Grid</h2><p>The buses have no positions.</p>"
    volts = {row.name: row.vn_kv for row in buses}
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in rows_of(folder, "lines.csv", LineRow):
        pairs[f"{volts.get(line.from_bus, 0):g} kV"].append((line.from_bus, line.to_bus))
    for unit in rows_of(folder, "transformers.csv", TransformerRow):
        pairs["transformers"].append((unit.hv_bus, unit.lv_bus))
    return _map("Grid", place, pairs, [])


def _roads(folder: Path) -> str:
    """Return the roads, a colour by class of speed."""
    nodes = rows_of(folder, "road_nodes.csv", RoadNodeRow)
    if not nodes:
        return ""
    pairs: dict[str, list[tuple[str, str]]] = {}
    bounds = (0.0, *SPEEDS_KMH)
    names = [f"from {low:g} km/h" for low in bounds]
    for name in names:
        pairs[name] = []
    for row in rows_of(folder, "road_links.csv", RoadLinkRow):
        which = sum(row.free_speed_kmh >= low for low in SPEEDS_KMH)
        pairs[names[which]].append((row.from_node, row.to_node))
    marked = [row.road_node for row in rows_of(folder, "stations.csv", StationRow)]
    place = {row.name: (row.x_km, row.y_km) for row in nodes}
    return _map("Roads", place, pairs, [node for node in marked if node is not None])


def _map(
    title: str,
    place: Places,
    pairs: Mapping[str, Sequence[tuple[str, str]]],
    marked: Iterable[str],
) -> str:
    """Return lines between places, a path for each kind, and squares at the marked ones."""
    xy = np.array(list(place.values()))
    low, extent = xy.min(axis=0), float(np.ptp(xy, axis=0).max()) or 1.0
    scale = min(
        (WIDTH - 40) / (np.ptp(xy[:, 0]) or extent), (HEIGHT - 40) / (np.ptp(xy[:, 1]) or extent)
    )

    def at(name: str) -> str:
        x, y = (np.array(place[name]) - low) * scale
        return f"{20 + x:.1f} {HEIGHT - 20 - y:.1f}"

    drawn, keys = [], []
    for colour, (kind, ends) in zip(COLOURS * len(pairs), pairs.items(), strict=False):
        known = [(a, b) for a, b in ends if a in place and b in place]
        if known:
            path = "".join(f"M{at(a)}L{at(b)}" for a, b in known)
            drawn.append(f'<path d="{path}" stroke="{colour}"/>')
            keys.append(
                f'<span class="key" style="background:{colour}"></span>'
                f"{escape(kind)} ({len(known)})"
            )
    for name in marked:
        if name in place:
            x, y = at(name).split()
            drawn.append(
                f'<rect x="{float(x) - 4:.1f}" y="{float(y) - 4:.1f}" width="8" height="8">'
                f"<title>{escape(name)}</title></rect>"
            )
    return (
        f"<h2>{title}</h2><p>{''.join(keys)}</p>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f"{''.join(drawn)}</svg>"
    )


def _profiles(folder: Path) -> str:
    """Return the lowest, mean and highest value of stretches of each profile."""
    if not (folder / RECORD).exists():
        return ""
    table = pq.read_table(folder / RECORD)
    charts = []
    names = [name for name in table.column_names if name != "time"]
    for name in names[:MOST_CHARTS]:
        values = table[name].to_numpy().astype(float)
        parts = np.array_split(values, min(MOST_POINTS, len(values)))
        bounds = np.array([[part.min(), part.mean(), part.max()] for part in parts])
        low, high = min(float(bounds.min()), 0.0), max(float(bounds.max()), 1e-12)
        y = CHART - 5 - (bounds - low) / (high - low) * (CHART - 10)
        x = np.linspace(0, WIDTH, len(parts))
        over = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y[:, 2], strict=True))
        under = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[::-1], y[::-1, 0], strict=True))
        mean = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y[:, 1], strict=True))
        charts.append(
            f"<h3>{escape(name)}</h3><p>{values.min():.4g} to {values.max():.4g}, "
            f"mean {values.mean():.4g}</p>"
            f'<svg viewBox="0 0 {WIDTH} {CHART}" role="img" aria-label="{escape(name)}">'
            f'<path d="M{over}L{under}Z" style="fill:#cfe3f2"/>'
            f'<path d="M{mean}" stroke="{COLOURS[0]}"/></svg>'
        )
    left_out = f"<p>{len(names) - MOST_CHARTS} more</p>" if len(names) > MOST_CHARTS else ""
    return f"<h2>Profiles</h2>{''.join(charts)}{left_out}"
