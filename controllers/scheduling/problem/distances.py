"""Fastest paths between stations on empty roads: their distances, and what a trip costs."""

from __future__ import annotations

import numpy as np

from sim.system.routing import distance_towards
from sim.system.system import System
from sim.units import FloatArray


def station_distances_km(system: System) -> FloatArray:
    """Return the road distance along the fastest path on empty roads.

    Parameters
    ----------
    system
        What exists.

    Returns
    -------
    FloatArray
        ``(from station, to station)`` [km]; zero on the diagonal, infinite where no road leads.
    """
    roads = system.roads
    free_h = roads.length_km / roads.free_speed_kmh
    node = [station.road_node for station in system.stations]
    distances = np.full((len(node), len(node)), np.inf)
    starts = np.array([i for i, own in enumerate(node) if own is not None], dtype=np.int64)
    for goal in dict.fromkeys(own for own in node if own is not None):
        towards_km = distance_towards(
            goal, roads.n_nodes, roads.from_node, roads.to_node, free_h, roads.length_km
        )
        here = np.array([j for j, own in enumerate(node) if own == goal], dtype=np.int64)
        distances[np.ix_(starts, here)] = towards_km[[node[i] for i in starts]][:, None]
    return distances


def trip_usd(system: System, distances_km: FloatArray, travel_h: FloatArray) -> FloatArray:
    """Return what a trip costs: ``usd_per_trip + usd_per_km * km + labour_usd_per_h * travel_h``.

    Drivers paid by the shift cost nothing more on the road.

    Parameters
    ----------
    system
        What exists.
    distances_km
        ``(from station, to station)`` [km].
    travel_h
        Driving time, ``(..., from station, to station)`` [h].

    Returns
    -------
    FloatArray
        ``(vehicle, ..., from station, to station)`` [USD]; infinite where no road leads.
    """
    per_km = np.array([truck.usd_per_km for truck in system.trucks])
    per_h = np.array([0.0 if truck.shift_h else truck.labour_usd_per_h for truck in system.trucks])
    per_trip = np.array([truck.usd_per_trip for truck in system.trucks])
    reachable = np.isfinite(travel_h) & np.isfinite(distances_km)
    km = np.where(reachable, distances_km, 0.0)
    hours = np.where(reachable, travel_h, 0.0)
    cost = np.multiply.outer(per_km, km) + np.multiply.outer(per_h, hours)
    cost += per_trip.reshape(-1, *[1] * hours.ndim)
    return np.where(reachable, cost, np.inf)
