"""Where vehicles may be sent, and the orders that send them there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.control import Observation, Plan, VehicleStatus, Visit
from sim.system.routing import links_towards
from sim.system.system import System
from sim.system.vehicles import Truck
from sim.units import BoolArray, FloatArray, IntArray

UNDER_WAY = (VehicleStatus.DRIVING, VehicleStatus.BROKEN)


class Decoded(NamedTuple):
    """A plan, and how many departures it asked for that cannot be: those vehicles stay."""

    plan: Plan
    invalid: int


class Departures:
    """Orders to vehicles to be somewhere.

    Parameters
    ----------
    system
        What exists.
    """

    def __init__(self, system: System) -> None:
        by_road, by_rail = _road_leads(system), _rail_leads(system)
        self._leads = [by_road if isinstance(own, Truck) else by_rail for own in system.vehicles]
        self._most = [vehicle.trips_per_day for vehicle in system.vehicles]
        self._shape = len(system.vehicles), len(system.stations)

    def mask(self, observation: Observation) -> BoolArray:
        """Return where each vehicle may be sent now, ``(vehicle, station)``.

        Where it stands or goes to, always. Elsewhere where a way leads, unless it is under way or
        has made its trips of the day.
        """
        seen, may = observation.vehicles, np.zeros(self._shape, dtype=np.bool_)
        for index, (leads, most) in enumerate(zip(self._leads, self._most, strict=True)):
            here = int(seen.station[index])
            is_free = seen.status[index] not in UNDER_WAY
            if is_free and (most is None or seen.trips_today[index] < most):
                may[index] = leads[here]
            may[index, here] = True
        return may

    def visits(
        self, goal: IntArray, depart_h: FloatArray, observation: Observation
    ) -> tuple[tuple[tuple[Visit, ...], ...], int]:
        """Return orders to leave for stations, ``(vehicle,)``, and how many of them are invalid.

        Who is there, goes there already, or may not go stays with an empty itinerary.
        """
        wanted = goal != observation.vehicles.station
        valid = self.mask(observation)[np.arange(len(goal)), goal]
        visits = tuple(
            (Visit(station=int(to), depart_h=float(when_h)),) if go else ()
            for to, when_h, go in zip(goal, depart_h, wanted & valid, strict=True)
        )
        return visits, int((wanted & ~valid).sum())


def _road_leads(system: System) -> BoolArray:
    """Return whether a road leads from one station to another, ``(from, to)``."""
    roads, nodes = system.roads, [station.road_node for station in system.stations]
    leads = np.zeros((len(nodes), len(nodes)), dtype=np.bool_)
    link_h = roads.length_km / roads.free_speed_kmh
    for to, goal in enumerate(nodes):
        if goal is None:
            continue
        _, time_h = links_towards(goal, roads.n_nodes, roads.from_node, roads.to_node, link_h)
        leads[:, to] = [node is not None and np.isfinite(time_h[node]) for node in nodes]
    return leads


def _rail_leads(system: System) -> BoolArray:
    """Return whether a track leads from one station to another, ``(from, to)``."""
    rails, nodes = system.rails, [station.rail_node for station in system.stations]
    return np.array(
        [
            [a is not None and b is not None and rails.way(a, b) is not None for b in nodes]
            for a in nodes
        ],
        dtype=np.bool_,
    )
