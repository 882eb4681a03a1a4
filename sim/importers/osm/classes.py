"""Speeds and capacities of OpenStreetMap's classes of roads.

Values are the defaults of MATSim's reader of OpenStreetMap (Zilske, Neumann and Nagel,
*OpenStreetMap for traffic simulation*, 1st European State of the Map, 2011).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

LEAST_KMH, MOST_KMH = 5.0, 150.0
MOST_LANES = 20
KMH_PER = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344, "knots": 1.852}
SPEED = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z/]*)")


class RoadClass(NamedTuple):
    """What a road has where its tags do not say.

    Attributes
    ----------
    lanes
        Lanes of a direction.
    speed_kmh
        Speed on the empty road [km/h].
    lane_veh_h
        Capacity of a lane [vehicles/h].
    """

    lanes: int
    speed_kmh: float
    lane_veh_h: float


CLASSES = {
    "motorway": RoadClass(2, 120.0, 2000.0),
    "motorway_link": RoadClass(1, 80.0, 1500.0),
    "trunk": RoadClass(1, 80.0, 2000.0),
    "trunk_link": RoadClass(1, 50.0, 1500.0),
    "primary": RoadClass(1, 80.0, 1500.0),
    "primary_link": RoadClass(1, 60.0, 1500.0),
    "secondary": RoadClass(1, 60.0, 1000.0),
    "secondary_link": RoadClass(1, 60.0, 1000.0),
    "tertiary": RoadClass(1, 45.0, 600.0),
    "tertiary_link": RoadClass(1, 45.0, 600.0),
    "unclassified": RoadClass(1, 45.0, 600.0),
    "residential": RoadClass(1, 30.0, 600.0),
    "living_street": RoadClass(1, 15.0, 300.0),
}


def class_of(tags: Mapping[str, object]) -> RoadClass | None:
    """Return the class of a road, the lowest of several; None if none is for cars or trucks."""
    known = [CLASSES[name] for name in _texts(tags.get("highway")) if name in CLASSES]
    return min(known, key=lambda road: (road.lane_veh_h, road.speed_kmh), default=None)


def speed_kmh(tags: Mapping[str, object]) -> float | None:
    """Return the speed limit [km/h], the mean of several; None if no usable one is stated."""
    found = []
    for text in _texts(tags.get("maxspeed")):
        match = SPEED.fullmatch(text)
        if match is not None and match[2] in KMH_PER:
            found.append(float(match[1]) * KMH_PER[match[2]])
    mean = sum(found) / len(found) if found else 0.0
    return mean if LEAST_KMH <= mean <= MOST_KMH else None


def lanes(tags: Mapping[str, object]) -> float | None:
    """Return the lanes of a direction, the fewest of several; None if none are stated.

    The tag counts both directions of a two-way road.
    """
    counts = [int(text) for text in _texts(tags.get("lanes")) if re.fullmatch("[0-9]{1,3}", text)]
    fewest = min(counts, default=0)
    if not 1 <= fewest <= MOST_LANES:
        return None
    return fewest if tags.get("oneway") is True else fewest / 2


def _texts(value: object) -> list[str]:
    """Return the values of a tag: several stand in a list, or between semicolons or bars."""
    values = value if isinstance(value, list) else [value]
    return [
        part.strip().lower()
        for each in values
        if each is not None
        for part in re.split(r"[;|]", str(each))
    ]
