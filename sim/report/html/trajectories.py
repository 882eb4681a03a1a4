"""Trajectories of vehicles between recorded positions, from events and shortest paths."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from sim.report.figures.timeline import Bar

SAME_KM = 1e-3


class TrajectoryPoint(NamedTuple):
    """A position at a time; `node` is a road node, -1 anywhere else."""

    time_h: float
    x_km: float
    y_km: float
    node: int


def trajectory(
    readings: pd.DataFrame,
    bars: Sequence[Bar],
    place: Mapping[str, Any],
    nodes: Mapping[str, int],
    first_node: int,
) -> list[TrajectoryPoint]:
    """Return points of one vehicle in order of time, with straight lines between them.

    Recorded positions are exact. Departures and arrivals come from the events. Where a whole drive
    lies between two recorded positions, the path is unknown: the shortest is drawn.

    Parameters
    ----------
    readings, bars
        Rows of the table of vehicles, and activities, of this vehicle.
    place
        Roads; see `sim.study.store.geography`.
    nodes
        Road node by station name.
    first_node
        Road node at hour 0.
    """
    xs, ys = place["road_x_km"], place["road_y_km"]
    read = [
        TrajectoryPoint(float(time_h), float(x_km), float(y_km), -1)
        for time_h, x_km, y_km in readings[["time_h", "x_km", "y_km"]].to_numpy()
    ]
    stops = [TrajectoryPoint(0.0, xs[first_node], ys[first_node], first_node)]
    for before, bar in itertools.pairwise(bars):
        name, time_h = before.station, bar.start_h
        leaves = bar.activity == "driving" and before.activity not in ("driving", "broken")
        arrives = before.activity == "driving" and bar.activity not in ("driving", "broken")
        if (leaves or arrives) and name in nodes:
            stops.append(TrajectoryPoint(time_h, xs[nodes[name]], ys[nodes[name]], nodes[name]))
    # A stop goes before a reading of the same moment.
    points = sorted([*stops, *read], key=lambda point: (point.time_h, -point.node))
    found: list[TrajectoryPoint] = []
    for point in points:
        if found and -1 < found[-1].node != point.node > -1:
            found += _path_between(found[-1], point, place)
        found.append(point)
    return _without_interior_stops(found)


def _path_between(
    start: TrajectoryPoint, end: TrajectoryPoint, place: Mapping[str, Any]
) -> list[TrajectoryPoint]:
    """Return the nodes between two nodes, passed at constant speed."""
    xs, ys = place["road_x_km"], place["road_y_km"]
    path = _shortest_path(start.node, end.node, place)
    reached_km = [0.0]
    for a, b in itertools.pairwise(path):
        reached_km.append(reached_km[-1] + math.dist((xs[a], ys[a]), (xs[b], ys[b])))
    hours = end.time_h - start.time_h
    return [
        TrajectoryPoint(start.time_h + hours * km / reached_km[-1], xs[node], ys[node], node)
        for node, km in list(zip(path, reached_km, strict=True))[1:-1]
    ]


def _shortest_path(start: int, end: int, place: Mapping[str, Any]) -> list[int]:
    """Return the nodes of the shortest path, only its ends where there is none."""
    xs, ys = place["road_x_km"], place["road_y_km"]
    neighbours: dict[int, list[int]] = {}
    for a, b in place["road_links"]:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    queue: list[tuple[float, int, list[int]]] = [(0.0, start, [start])]
    done = set()
    while queue:
        km, node, path = heapq.heappop(queue)
        if node == end:
            return path
        if node in done:
            continue
        done.add(node)
        for other in neighbours.get(node, []):
            further = km + math.dist((xs[node], ys[node]), (xs[other], ys[other]))
            heapq.heappush(queue, (further, other, [*path, other]))
    return [start, end]


def _without_interior_stops(points: list[TrajectoryPoint]) -> list[TrajectoryPoint]:
    """Return the points without those inside a stay."""
    kept = points[:1]
    for point, after in itertools.pairwise(points[1:]):
        if not (_same(kept[-1], point) and _same(point, after)):
            kept.append(point)
    return kept + points[1:][-1:]


def _same(a: TrajectoryPoint, b: TrajectoryPoint) -> bool:
    return math.dist((a.x_km, a.y_km), (b.x_km, b.y_km)) < SAME_KM
