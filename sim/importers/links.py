"""One-way links as rows of ``road_links.csv``."""

from __future__ import annotations

from collections.abc import Iterable

from sim.scenario.schema.csv_rows import RoadLinkRow


def both_ways(links: Iterable[RoadLinkRow]) -> list[RoadLinkRow]:
    """Return one-way links with two that are each other's way back as one two-way row."""
    waiting: dict[tuple[object, ...], int] = {}
    rows: list[RoadLinkRow] = []
    for link in links:
        what = (link.length_km, link.free_speed_kmh, link.capacity_veh_h, link.alpha, link.beta)
        back = waiting.pop((link.to_node, link.from_node, *what), None)
        if back is not None:
            rows[back] = rows[back].model_copy(update={"two_way": True})
            continue
        waiting[(link.from_node, link.to_node, *what)] = len(rows)
        rows.append(link)
    return rows
