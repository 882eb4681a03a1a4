"""Controllers that decide by rules."""

import dataclasses

import numpy as np
import pytest

from controllers.greedy.greedy import Greedy
from controllers.idle import Idle
from sim.control import VehicleStatus
from tests.controllers.scheduling.build import battery, observation, radial_grid, system, truck

DAY = np.array([40.0] * 7 + [60.0] * 10 + [120.0] * 4 + [60.0] * 3)
RNG = np.random.default_rng(0)


def feeder(trucks=None, **changes):
    grid = radial_grid([0, 1, 2], r_ohm=0.5, x_ohm=0.5)
    values = {
        "station_buses": [0, 2, 3],
        "trucks": [truck()] if trucks is None else trucks,
        "load_buses": [2, 3],
        "generator_buses": [2],
        "n_periods": 24,
    }
    return system(grid, **(values | changes))


def seen(exists, hour=0, load=(1.0, 2.0), sun=0.0, **changes):
    values = {
        "load_mw": np.tile(load, (24 - hour, 1)).astype(float),
        "available_mw": np.full((24 - hour, 1), sun),
        "price": DAY[hour:],
        "period": hour,
    }
    return observation(exists, **(values | changes))


def greedy(exists, **parameters):
    controller = Greedy(Greedy.Parameters(**parameters))
    controller.start(exists, RNG)
    return controller


def test_idle_never_orders_anything():
    exists = feeder()
    controller = Idle()
    controller.start(exists, RNG)
    assert controller.decide(seen(exists)).fleet is None


def test_greedy_charges_in_cheap_hours_and_discharges_in_dear_ones():
    exists = feeder(tariff={"stored_usd_per_mwh": 60.0})
    controller = greedy(exists, trip_share=0.0)
    assert controller.decide(seen(exists, hour=0)).fleet.p_mw[0, 0] == -0.5
    assert controller.decide(seen(exists, hour=22)).fleet.p_mw[0, 0] == 0.0
    assert controller.decide(seen(exists, hour=17)).fleet.p_mw[0, 0] == 0.5


def test_greedy_does_not_trade_when_the_losses_eat_the_spread():
    exists = feeder([truck(battery=battery(efficiency_charge=0.6, efficiency_discharge=0.6))])
    controller = greedy(exists)
    for hour, price in ((0, 50.0), (17, 60.0)):
        flat = np.full(24 - hour, 55.0)
        flat[0] = price
        plan = controller.decide(seen(exists, hour=hour, price=flat))
        assert plan.fleet.p_mw[0, 0] == 0.0


def test_greedy_does_not_buy_what_it_cannot_sell():
    exists = feeder(tariff={"stored_usd_per_mwh": 0.0})
    plan = greedy(exists).decide(seen(exists, price=np.full(24, 40.0)))
    assert plan.fleet.p_mw[0, 0] == 0.0


def test_greedy_discharges_at_the_largest_net_load():
    exists = feeder()
    plan = greedy(exists, trip_share=1.0).decide(seen(exists, hour=17))
    assert plan.fleet.visits[0][0].station == 2
    assert plan.fleet.visits[0][0].depart_h == 17.0


def test_greedy_charges_where_the_sun_runs_over():
    exists = feeder()
    plan = greedy(exists).decide(seen(exists, load=(0.5, 2.0), sun=1.5))
    assert plan.fleet.visits[0][0].station == 1


@pytest.mark.parametrize(
    ("sun", "wind", "start", "goal"),
    [
        (0.4, 2.0, 2, 1),  # sun enough, however strong the wind
        (0.2, 1.6, 1, 2),  # 0.6 MW of wind beside the load
        (0.2, 1.2, 1, 0),  # neither: the source
    ],
)
def test_greedy_charges_by_the_published_station_rule(sun, wind, start, goal):
    exists = feeder([truck(0, start)], generator_buses=[2, 3])
    generators = dataclasses.replace(exists.generators, kind=("pv", "wind"))
    exists = dataclasses.replace(exists, generators=generators)
    available = np.tile([sun, wind], (24, 1))
    plan = greedy(exists, trip_share=1.0).decide(
        seen(exists, load=(1.0, 1.0), available_mw=available)
    )
    assert plan.fleet.visits[0][0].station == goal


def test_greedy_stays_where_a_trip_costs_more_than_it_earns():
    exists = feeder([truck(usd_per_km=100.0)])
    plan = greedy(exists).decide(seen(exists, hour=17))
    assert plan.fleet.visits == ((),)
    assert plan.fleet.p_mw[0, 0] == 0.5


def test_greedy_raises_no_peak_away_from_the_source():
    exists = feeder([truck(0, 2)])
    load = np.tile([1.0, 2.0], (24, 1))
    load[0] = [1.0, 1.8]
    plan = greedy(exists, trip_share=0.0).decide(seen(exists, load_mw=load))
    assert plan.fleet.p_mw[0, 0] == pytest.approx(-0.2)


def test_greedy_serves_no_more_than_the_net_load():
    exists = feeder([truck(k, k) for k in range(3)])
    plan = greedy(exists, trip_share=0.0).decide(seen(exists, hour=17, load=(0.5, 0.2)))
    assert plan.fleet.p_mw.sum() == pytest.approx(0.7)


def test_greedy_keeps_room_for_a_surplus_that_is_coming():
    exists = feeder([truck(0, 1)], tariff={"stored_usd_per_mwh": 50.0})
    sun = np.zeros((24, 1))
    sun[9:14] = 5.0
    export = np.full(24, 45.0)
    day = seen(exists, available_mw=sun, export=export, price=np.where(DAY == 60.0, 50.0, DAY))
    eager = greedy(exists, relief_usd_per_mwh=0.0, trip_share=0.0).decide(day)
    patient = greedy(exists, trip_share=0.0).decide(day)
    assert eager.fleet.p_mw[0, 0] <= patient.fleet.p_mw[0, 0]
    assert patient.fleet.p_mw[0, 0] == 0.0


def test_greedy_sends_two_trucks_to_different_plugs():
    exists = feeder([truck(0, 0), truck(1, 0)], plugs=1)
    plan = greedy(exists).decide(seen(exists, hour=17, load=(2.0, 3.0)))
    goals = [visits[0].station if visits else 0 for visits in plan.fleet.visits]
    assert len(set(goals)) == 2


def test_greedy_keeps_the_energy_limits():
    exists = feeder()
    controller = greedy(exists, trip_share=0.0)
    states = {"energy_mwh": np.array([0.25])}
    plan = controller.decide(seen(exists, hour=17, vehicles=states))
    assert plan.fleet.p_mw[0, 0] == pytest.approx(0.1 * 0.95)


@pytest.mark.parametrize("status", list(VehicleStatus))
def test_greedy_plans_whatever_state_the_truck_is_in(status):
    exists = feeder()
    states = {
        "status": np.array([int(status)]),
        "ready_h": np.array([np.inf]),
        "energy_mwh": np.array([5.0]),
    }
    plan = greedy(exists).decide(seen(exists, vehicles=states))
    assert np.isfinite(plan.fleet.p_mw).all()


@pytest.mark.parametrize(
    "values",
    [
        {"profit_usd_per_mwh": -1.0},
        {"sun_mw": -1.0},
        {"surplus_mw": -1.0},
        {"trip_share": float("nan")},
    ],
)
def test_thresholds_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Greedy.Parameters(**values)
