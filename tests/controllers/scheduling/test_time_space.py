"""Where vehicles can be, and what it costs to get there."""

import numpy as np
import pytest

from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.time_space import AWAY, time_space
from sim.control import VehicleStatus
from tests.controllers.scheduling.build import truck
from tests.controllers.scheduling.cases import feeder, random_day


def space_of(exists, **changes):
    return time_space(exists, random_day(exists, 0, **changes), station_distances_km(exists))


def travel(exists, hours):
    n = exists.timing.n_periods
    return np.broadcast_to(np.where(np.eye(3, dtype=bool), 0.0, hours), (n, 3, 3)).copy()


@pytest.mark.parametrize(
    ("travel_h", "periods"), [(0.5, 1), (0.9, 1), (0.95, 2), (1.9, 2), (2.0, 3)]
)
def test_a_trip_takes_whole_periods_of_driving_and_set_up(travel_h, periods):
    exists = feeder(n_periods=8)
    assert space_of(exists, travel_h=travel(exists, travel_h)).duration[0, 0, 1] == periods


def test_a_trip_that_ends_after_the_look_ahead_does_not_exist():
    exists = feeder(n_periods=4)
    duration = space_of(exists, travel_h=travel(exists, 1.5)).duration[:, 0, 1]
    assert duration.tolist() == [2, 2, 0, 0]


def test_no_road_means_no_trip():
    exists = feeder()
    hours = travel(exists, 0.5)
    hours[:, 0, 2] = np.inf
    space = space_of(exists, travel_h=hours)
    assert (space.duration[:, 0, 2] == 0).all()
    assert np.isinf(space.cost_usd[0, :, 0, 2]).all()


def test_a_trip_costs_its_kilometres_and_its_hours():
    exists = feeder(trucks=[truck(usd_per_km=2.0, labour_usd_per_h=30.0)])
    space = space_of(exists, travel_h=travel(exists, 0.5))
    assert space.cost_usd[0, 0, 0, 2] == pytest.approx(2.0 * 20 + 30.0 * 0.5)


def test_a_trip_on_battery_uses_energy():
    exists = feeder(trucks=[truck(kwh_per_km=2.0)])
    space = space_of(exists)
    assert space.route_mwh(0, ((1, 2),)).tolist() == pytest.approx([0, 0.04, 0, 0])


def test_a_vehicle_under_way_starts_when_it_is_connected_and_holds_its_plug_on_arrival():
    exists = feeder(n_periods=6, set_up_h=0.5)
    states = {
        "status": np.array([int(VehicleStatus.DRIVING)]),
        "station": np.array([2]),
        "ready_h": np.array([2.2]),
    }
    space = space_of(exists, vehicles=states)
    assert space.start_period[0] == 3
    assert space.stations_of(0, ()).tolist() == [AWAY, AWAY, AWAY, 2, 2, 2]
    # It arrives at 1.7 h.
    assert space.occupancy(0, ()).tolist() == [AWAY, 2, 2, 2, 2, 2]


def test_a_vehicle_that_is_never_ready_is_never_connected():
    exists = feeder()
    states = {"status": np.array([int(VehicleStatus.BROKEN)]), "ready_h": np.array([np.inf])}
    space = space_of(exists, vehicles=states)
    assert (space.stations_of(0, ()) == AWAY).all()
    assert not space.valid(0, ((0, 1),))


def test_a_route_is_checked_before_it_is_used():
    exists = feeder(n_periods=6)
    space = space_of(exists, travel_h=travel(exists, 1.5))
    assert space.valid(0, ((0, 1), (2, 2)))
    assert not space.valid(0, ((0, 1), (1, 2)))
    assert not space.valid(0, ((5, 1),))
    assert not space.valid(0, ((6, 1),))
    assert not space.valid(0, ((0, 0),))
