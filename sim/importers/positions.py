"""Units that files do not state, and positions on a plane."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TypeVar

from sim.scenario.problems import Problems

KM_PER_DEGREE = 111.2
DEGREES = "degrees"  # in the place of a unit of coordinates
Node = TypeVar("Node", bound=Hashable)
Places = Mapping[Node, tuple[float, float]]


def on_a_plane(degrees: Places[Node]) -> dict[Node, tuple[float, float]]:
    """Return positions [km] of places by longitude and latitude [degrees].

    The plane touches the earth at the places' mean latitude.
    """
    if not degrees:
        return {}
    middle = math.radians(sum(y for _, y in degrees.values()) / len(degrees))
    x_km, y_km = KM_PER_DEGREE * math.cos(middle), KM_PER_DEGREE
    return {node: (round(x * x_km, 4), round(y * y_km, 4)) for node, (x, y) in degrees.items()}


def check_units(units: Mapping[str, object], problems: Problems) -> None:
    """Note every unit that is no positive number."""
    for key, value in units.items():
        if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            problems.add(key, key, value, "is no unit", "Give a number above 0")
