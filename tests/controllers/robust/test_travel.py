"""Where vehicles can exchange power, whatever the traffic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from controllers.robust.travel import Roads, presence, traffic
from controllers.scheduling.problem.time_space import TimeSpace

T, STATIONS = 6, 3
THRESHOLD = 0.6


def space(periods: int) -> TimeSpace:
    """Two vehicles at station 0; every trip takes so many periods."""
    duration = np.full((T, STATIONS, STATIONS), periods)
    duration[:, np.arange(STATIONS), np.arange(STATIONS)] = 0
    duration[T - periods :] = 0
    return TimeSpace(
        start_station=np.zeros(2, dtype=np.int64),
        start_period=np.zeros(2, dtype=np.int64),
        start_occupied=np.zeros(2, dtype=np.int64),
        duration=duration,
        arrival=duration,
        cost_usd=np.zeros((2, T, STATIONS, STATIONS)),
        energy_mwh=np.zeros((2, STATIONS, STATIONS)),
        plugs=np.full(STATIONS, 2),
    )


def roads() -> Roads:
    """One period where roads are free, two where they are congested."""
    return Roads(
        early=space(1), late=space(2), threshold=np.full((T, STATIONS, STATIONS), THRESHOLD)
    )


def where(route, congested, last=None) -> list[set[int]]:
    """Stations at which vehicle 0 is in each period, lived trip by trip."""
    at, station, since = [], 0, 0
    departures = dict(route)
    for t in range(T):
        if t >= since and t in departures and not (last is not None and t == last and congested[t]):
            station, since = departures[t], t + (2 if congested[t] else 1)
        at.append({station} if t >= since else set())
    return at


@pytest.mark.parametrize("conditional", [False, True])
def test_power_flows_only_where_the_vehicle_is_for_every_traffic(conditional):
    """Two trips; the second, where it is conditional, is made on free roads only."""
    own = roads()
    route = own.delayed((((0, 1), (1, 2)), ()))[0]
    assert route == ((0, 1), (2, 2))  # the second trip waits for the late arrival
    trips = own.trips(0, route, T)
    chosen = {0: trips[-1]} if conditional else {}
    slots, counted = presence(own, (route, ()), chosen, np.ones((T, 2), dtype=np.bool_))
    known, indicator = traffic(counted, T, np.inf)
    assert known is not None
    told = 0
    for congested in itertools.product([False, True], repeat=T):
        path = np.where(congested, 0.9, 0.2)[:, None] * (known.box.above > 0)
        point = known.lift(path)
        there = slots.base + slots.slope * np.where(
            slots.trip >= 0, point[indicator[slots.trip]], 0.0
        )
        assert set(np.unique(there)) <= {0.0, 1.0}
        last = trips[-1].period if conditional else None
        at = where(route, congested, last)
        for k, s, t, here in zip(slots.vehicle, slots.station, slots.period, there, strict=True):
            if k == 0 and here:
                assert int(s) in at[t]
                told += 1
    assert told >= 2**T * 3


def test_a_threshold_is_where_the_trip_takes_a_period_more():
    """With one trip the indicator of its period is 1 from the threshold on."""
    own = roads()
    _, counted = presence(own, (((0, 1),), ()), {}, np.ones((T, 2), dtype=np.bool_))
    known, (column,) = traffic(counted, T, np.inf)
    assert known is not None
    for value, late in ((0.0, 0.0), (THRESHOLD - 0.01, 0.0), (THRESHOLD, 1.0), (1.0, 1.0)):
        path = np.zeros((T, 1))
        path[0] = value
        assert known.lift(path)[column] == late
