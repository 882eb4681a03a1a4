"""Time-space network: where vehicles can be, period by period.

A vehicle at a station at the start of a period either stays connected for the period, or departs
and is connected at its goal after a whole number of periods; in between it exchanges nothing. It
holds a plug at the goal from the period in which it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from controllers.scheduling.problem.distances import trip_usd
from controllers.scheduling.problem.end_cost import places_usd
from sim.control import Observation, VehicleStatus
from sim.system.system import System
from sim.units import KWH_PER_MWH, FloatArray, IntArray

Route: TypeAlias = tuple[tuple[int, int], ...]
"""Departures of one vehicle in order: ``(period, station to go to)``."""

AWAY = -1
"""In place of a station: not connected anywhere."""

# Rounding in travel times must not cost a whole period.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimeSpace:
    """Trips that are possible, and where vehicles come from.

    Attributes
    ----------
    start_station
        Station at which each vehicle is, or first will be, connected, ``(vehicle,)``.
    start_period
        First period in which it is connected, ``(vehicle,)``; the number of periods where it
        is not within the look-ahead.
    start_occupied
        First period in which it holds a plug there, ``(vehicle,)``.
    duration
        Periods from departure to connection, ``(period, from station, to station)``; 0 where
        there is no such trip.
    arrival
        Periods from departure until the plug at the goal is held, same shape.
    cost_usd
        Cost of a trip, ``(vehicle, period, from station, to station)`` [USD]; with what it costs
        more, or less where it brings the vehicle home, to end the episode there.
    energy_mwh
        Stored energy that a trip uses, ``(vehicle, from station, to station)`` [MWh].
    plugs
        Plugs at each station, ``(station,)``.
    """

    start_station: IntArray
    start_period: IntArray
    start_occupied: IntArray
    duration: IntArray
    arrival: IntArray
    cost_usd: FloatArray
    energy_mwh: FloatArray
    plugs: IntArray

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return len(self.duration)

    @property
    def n_vehicles(self) -> int:
        """Number of vehicles."""
        return len(self.start_station)

    @property
    def n_stations(self) -> int:
        """Number of stations."""
        return len(self.plugs)

    def stations_of(self, vehicle: int, route: Route) -> IntArray:
        """Return where the vehicle is connected, ``(period,)``; `AWAY` if nowhere."""
        stations = np.full(self.n_periods, AWAY, dtype=np.int64)
        station, since = int(self.start_station[vehicle]), int(self.start_period[vehicle])
        for period, goal in route:
            stations[since:period] = station
            since = period + int(self.duration[period, station, goal])
            station = goal
        stations[since:] = station
        return stations

    def route_of(self, vehicle: int, goals: IntArray) -> Route:
        """Return the departures in a row of stations.

        Parameters
        ----------
        vehicle
            The vehicle.
        goals
            Station at which it starts each period, or to which it drives, ``(period,)``.
        """
        route: list[tuple[int, int]] = []
        station = int(self.start_station[vehicle])
        for t in range(int(self.start_period[vehicle]), self.n_periods):
            if goals[t] != station:
                station = int(goals[t])
                route.append((t, station))
        return tuple(route)

    def occupancy(self, vehicle: int, route: Route) -> IntArray:
        """Return where the vehicle holds a plug, ``(period,)``; `AWAY` if nowhere."""
        stations = self.stations_of(vehicle, route)
        station = int(self.start_station[vehicle])
        stations[self.start_occupied[vehicle] : self.start_period[vehicle]] = station
        for period, goal in route:
            first = period + int(self.arrival[period, station, goal])
            stations[first : period + int(self.duration[period, station, goal])] = goal
            station = goal
        return stations

    def spare_plugs(self) -> IntArray:
        """Return the plugs not held by vehicles until they first connect, ``(period, station)``."""
        spare = np.tile(self.plugs, (self.n_periods, 1))
        for vehicle in range(self.n_vehicles):
            first, last = self.start_occupied[vehicle], self.start_period[vehicle]
            spare[first:last, self.start_station[vehicle]] -= 1
        return spare

    def route_usd(self, vehicle: int, route: Route) -> float:
        """Return what the trips of a route cost [USD]."""
        total, station = 0.0, int(self.start_station[vehicle])
        for period, goal in route:
            total += float(self.cost_usd[vehicle, period, station, goal])
            station = goal
        return total

    def route_mwh(self, vehicle: int, route: Route) -> FloatArray:
        """Return the stored energy that trips use, booked at departure, ``(period,)`` [MWh]."""
        used = np.zeros(self.n_periods)
        station = int(self.start_station[vehicle])
        for period, goal in route:
            used[period] += self.energy_mwh[vehicle, station, goal]
            station = goal
        return used

    def delayed(self, vehicle: int, route: Route) -> Route:
        """Return the route as it can still be driven: departures put off, trips left out.

        A departure waits until the vehicle is connected; a trip that is not possible then, or
        that leads nowhere new, is left out.
        """
        station, since = int(self.start_station[vehicle]), int(self.start_period[vehicle])
        kept = []
        for planned, goal in route:
            period = max(planned, since)
            if period >= self.n_periods or not self.duration[period, station, goal]:
                continue
            kept.append((period, goal))
            since = period + int(self.duration[period, station, goal])
            station = goal
        return tuple(kept)

    def valid(self, vehicle: int, route: Route) -> bool:
        """Return whether every trip of a route is possible."""
        station, since = int(self.start_station[vehicle]), int(self.start_period[vehicle])
        for period, goal in route:
            if period < since or period >= self.n_periods:
                return False
            duration = int(self.duration[period, station, goal])
            if duration == 0:
                return False
            station, since = goal, period + duration
        return True


def time_space(system: System, observation: Observation, distances_km: FloatArray) -> TimeSpace:
    """Return the time-space network of the look-ahead.

    Parameters
    ----------
    system
        What exists.
    observation
        Where vehicles are, and how long trips are expected to take.
    distances_km
        Road distances, ``(from station, to station)`` [km].
    """
    period_h = system.timing.period_h
    travel_h = observation.forecast.travel_h
    n_periods, n_stations = travel_h.shape[:2]
    # Between two boundaries, what starts now has already lost a part of its period.
    elapsed_h = observation.now_h - observation.period * period_h
    set_up_h = np.array([station.set_up_h for station in system.stations])
    possible = np.isfinite(travel_h) & np.isfinite(distances_km) & ~np.eye(n_stations, dtype=bool)
    finite_h = np.where(possible, travel_h, 0.0)
    finite_h[0] += elapsed_h
    duration = np.maximum(np.ceil((finite_h + set_up_h) / period_h - _TOLERANCE), 1)
    arrival = np.minimum(np.floor(finite_h / period_h + _TOLERANCE), duration)
    # A trip that is not connected before the look-ahead ends only costs money.
    in_time = np.arange(n_periods)[:, None, None] + duration < n_periods
    duration = np.where(possible & in_time, duration, 0)
    states = observation.vehicles
    wait = (states.ready_h - observation.now_h + elapsed_h) / period_h
    wait = np.where(states.status == VehicleStatus.CONNECTED, 0.0, wait)
    wait = np.where(np.isnan(wait), np.inf, np.maximum(wait, 0.0))
    start_period = np.minimum(np.ceil(wait - _TOLERANCE), n_periods)
    held = np.floor(wait - set_up_h[states.station] / period_h + _TOLERANCE)
    kwh_per_km = np.array([truck.kwh_per_km for truck in system.trucks])
    km = np.where(np.isfinite(distances_km), distances_km, 0.0)
    place = places_usd(system, observation)
    nearer_usd = place[:, None, None, :] - place[:, None, :, None]
    trips_usd = trip_usd(system, distances_km, travel_h) + nearer_usd
    return TimeSpace(
        start_station=states.station.astype(np.int64),
        start_period=start_period.astype(np.int64),
        start_occupied=np.clip(held, 0, start_period).astype(np.int64),
        duration=duration.astype(np.int64),
        arrival=arrival.astype(np.int64),
        cost_usd=np.where(duration > 0, trips_usd, np.inf),
        energy_mwh=np.multiply.outer(kwh_per_km, km) / KWH_PER_MWH,
        plugs=np.array([station.plugs for station in system.stations], dtype=np.int64),
    )
