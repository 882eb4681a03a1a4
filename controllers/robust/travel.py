"""Where vehicles can exchange power although travel times are uncertain.

Traffic in a period lies in [0, 1]: a trip that begins in it takes its mean time at 0 and the 95 %
quantile at 1. From a threshold on it arrives periods later, and an indicator of that threshold says
so: who leaves in ``t`` is there from ``t + tau`` on times one minus the indicator, and from ``t +
tau + delta`` on for sure. With departures here and now the next trip waits for the late arrival.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from controllers.scheduling.problem.time_space import AWAY, Route, TimeSpace, time_space
from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.lifting import LiftedSet, lift
from sim.control import Observation, TravelHours, TravelTable
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

# A threshold this near to calm or to the worst traffic is the same as one of them.
_NEAR = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roads:
    """Trips by mean and by late travel times.

    Attributes
    ----------
    early, late
        Time-space networks.
    threshold
        Traffic from which a trip is late, ``(period, from station, to station)``; meaningful where
        durations differ.
    """

    early: TimeSpace
    late: TimeSpace
    threshold: FloatArray

    @classmethod
    def of(
        cls,
        system: System,
        observation: Observation,
        distances_km: FloatArray,
        early: TimeSpace,
    ) -> Roads:
        """Return the roads that an observation shows; `early` is made of mean travel times."""
        forecast = observation.forecast
        mean, upper = forecast.travel_h, np.maximum(forecast.travel_upper_h, forecast.travel_h)
        slow = TravelTable(TravelHours(upper, upper, upper))
        worse = dataclasses.replace(
            observation, forecast=dataclasses.replace(forecast, travel=slow)
        )
        late = time_space(system, worse, distances_km)
        period_h = system.timing.period_h
        set_up_h = np.array([station.set_up_h for station in system.stations])
        elapsed_h = np.zeros(len(mean))
        elapsed_h[:1] = observation.now_h - observation.period * period_h
        latest_h = early.duration * period_h - set_up_h - elapsed_h[:, None, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            threshold = (latest_h - mean) / (upper - mean)
        return cls(
            early=early,
            late=late,
            threshold=np.clip(np.nan_to_num(threshold), _NEAR, 1 - _NEAR),
        )

    def delayed(self, routes: tuple[Route, ...]) -> tuple[Route, ...]:
        """Return routes that can be driven however late their trips arrive."""
        return tuple(self.late.delayed(k, route) for k, route in enumerate(routes))

    def trips(self, vehicle: int, route: Route, n_periods: int) -> list[Trip]:
        """Return the trips of a route that begin in the first periods."""
        found, station = [], int(self.early.start_station[vehicle])
        for period, goal in route:
            if period < n_periods:
                early, late = (
                    period + int(space.duration[period, station, goal])
                    for space in (self.early, self.late)
                )
                at = float(self.threshold[period, station, goal])
                found.append(Trip(vehicle, period, station, goal, early, late, at))
            station = goal
        return found


@dataclass(frozen=True, slots=True)
class Trip:
    """One trip: who, when, from where to where, and the first period in which it is connected.

    `early` is the period after the mean travel time, `late` the one after the longest in the set;
    `threshold` the traffic from which it is late.
    """

    vehicle: int
    period: int
    start: int
    goal: int
    early: int
    late: int
    threshold: float

    @property
    def uncertain(self) -> bool:
        """Whether it may be late."""
        return self.late > self.early


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Presence:
    """Where power can flow: one entry per vehicle, station and period, in order of periods.

    A vehicle is there ``base + slope * indicator`` of a trip, 0 or 1 whatever the traffic.

    Attributes
    ----------
    vehicle, station, period
        Indices, ``(slot,)``.
    base, slope
        ``(slot,)``.
    trip
        The trip whose indicator counts, -1 for none, ``(slot,)``.
    """

    vehicle: IntArray
    station: IntArray
    period: IntArray
    base: FloatArray
    slope: FloatArray
    trip: IntArray

    @property
    def sure(self) -> BoolArray:
        """Slots in which the vehicle is there whatever the traffic, ``(slot,)``."""
        sure: BoolArray = self.trip < 0
        return sure


def presence(
    roads: Roads,
    routes: tuple[Route, ...],
    conditional: Mapping[int, Trip],
    usable: BoolArray,
) -> tuple[Presence, tuple[Trip, ...]]:
    """Return where vehicles can exchange power, and the trips whose indicators count.

    Parameters
    ----------
    roads
        The roads.
    routes
        Routes that can be driven in time, however late trips arrive.
    conditional
        By vehicle: the last of its trips, which is made only if the roads are free when it would
        begin; otherwise the vehicle stays.
    usable
        Where a vehicle has a plug and the bus is live, ``(period, vehicle)``.
    """
    n_periods = len(usable)
    slots: list[tuple[int, int, int, float, float, int]] = []
    counted: list[Trip] = []
    for k, route in enumerate(routes):
        early = roads.early.stations_of(k, route)
        late = roads.late.stations_of(k, route)
        number: dict[int, int] = {}
        for trip in roads.trips(k, route, n_periods):
            if trip.uncertain:
                number[trip.period] = len(counted)
                counted.append(trip)
        last = conditional.get(k)
        for t in np.flatnonzero(usable[:, k]).tolist():
            begun = [period for period, _ in route if period <= t]
            of = number.get(begun[-1], -1) if begun else -1
            if last is not None and t >= last.period:
                if early[t] != AWAY:
                    slots.append((t, k, int(early[t]), 1.0, -1.0, of))
                slots.append((t, k, last.start, 0.0, 1.0, of))
            elif late[t] != AWAY:
                slots.append((t, k, int(late[t]), 1.0, 0.0, -1))
            elif early[t] != AWAY:
                slots.append((t, k, int(early[t]), 1.0, -1.0, of))
    slots.sort(key=lambda slot: slot[:2])
    columns = list(zip(*slots, strict=True)) if slots else [()] * 6
    period, vehicle, station, base, slope, of_trip = (np.array(column) for column in columns)
    return Presence(
        vehicle=vehicle.astype(np.int64),
        station=station.astype(np.int64),
        period=period.astype(np.int64),
        base=base.astype(np.float64),
        slope=slope.astype(np.float64),
        trip=of_trip.astype(np.int64),
    ), tuple(counted)


def traffic(
    trips: tuple[Trip, ...], n_periods: int, over_time: float
) -> tuple[LiftedSet | None, IntArray]:
    """Return the set of traffic and the column of each trip's indicator; None without trips."""
    thresholds = {
        (t, 0): sorted({trip.threshold for trip in trips if trip.period == t})
        for t in {trip.period for trip in trips}
    }
    if not thresholds:
        return None, np.empty(0, dtype=np.int64)
    busy = np.zeros((n_periods, 1))
    for t, _ in thresholds:
        busy[t] = 1.0
    calm = np.zeros((n_periods, 1))
    budget = over_time if over_time < len(thresholds) else np.inf
    box = BudgetedBox.around(calm, calm, busy, over_time=budget, floor=0.0)
    known = lift(box, thresholds)
    at = {value.period: value for value in known.values}
    columns = [
        at[trip.period].indicators[thresholds[trip.period, 0].index(trip.threshold)]
        for trip in trips
    ]
    return known, np.array(columns, dtype=np.int64)
