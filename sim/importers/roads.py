"""What road networks of all formats share: positions on a plane, and rows that go both ways."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

from sim.scenario.schema.csv_rows import RoadLinkRow

KM_PER_DEGREE = 111.2
Node = TypeVar("Node", bound=Hashable)
Places = Mapping[Node, tuple[float, float]]


def on_a_plane(degrees: Places[Node]) -> dict[Node, tuple[float, float]]:
    """Return positions [km] of places by longitude and latitude [degrees].

    The plane touches the earth at the places' mean latitude.
    """
    middle = math.radians(sum(y for _, y in degrees.values()) / len(degrees))
    x_km, y_km = KM_PER_DEGREE * math.cos(middle), KM_PER_DEGREE
    return {node: (round(x * x_km, 4), round(y * y_km, 4)) for node, (x, y) in degrees.items()}


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
