"""Stations given by longitude and latitude, put at the nearest node of the roads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from sim.scenario.csv_table import read_table
from sim.scenario.problems import Problems
from sim.scenario.schema.csv_rows import StationRow
from sim.scenario.schema.values import MINUTES_A_DAY, Name, Table

EARTH_KM = 6371.0
FAR_KM = 10.0


class PlaceRow(Table):
    """A row of a table of stations by position."""

    name: Name
    bus: Name
    longitude: Annotated[float, Field(ge=-180, le=180)]
    latitude: Annotated[float, Field(ge=-90, le=90)]
    plugs: Annotated[int, Field(ge=1, le=1000)] = 1
    set_up_min: Annotated[float, Field(ge=0, le=MINUTES_A_DAY)] = 0.0


def snapped(
    table: Path, degrees: Mapping[str, tuple[float, float]], problems: Problems
) -> tuple[list[StationRow], list[str]]:
    """Return stations at the nodes nearest to their positions, and how far these are.

    Parameters
    ----------
    table
        CSV file of `PlaceRow`.
    degrees
        Longitude and latitude of the nodes [degrees].
    problems
        Takes note of what is wrong, by line; among it stations of which the nearest node is
        more than 10 km away.
    """
    places = read_table(table.parent, table.name, PlaceRow, problems)
    nodes = list(degrees)
    at = np.radians(np.array(list(degrees.values())))
    rows, away = [], []
    for line, place in places.rows:
        here = np.radians([place.longitude, place.latitude])
        # Haversine; nodes on the other side of the earth may round beyond 1.
        half = np.sin((at - here) / 2) ** 2
        squared = half[:, 1] + np.cos(here[1]) * np.cos(at[:, 1]) * half[:, 0]
        nearest = int(squared.argmin())
        km = 2 * EARTH_KM * float(np.arcsin(np.sqrt(min(squared[nearest], 1.0))))
        away.append(f"{place.name} {1000 * km:,.0f} m")
        if km > FAR_KM:
            message = f"is {km:,.0f} km away from the nearest road"
            position = f"{place.longitude:g}, {place.latitude:g}"
            remedy = "Correct longitude and latitude, or give a larger extract"
            problems.add(places.where, f"line {line}, {place.name}", position, message, remedy)
        rows.append(
            StationRow(
                name=place.name,
                bus=place.bus,
                road_node=nodes[nearest],
                plugs=place.plugs,
                set_up_min=place.set_up_min,
            )
        )
    said = [f"stations are at the nearest nodes: {', '.join(away)} away"] if away else []
    return rows, said
