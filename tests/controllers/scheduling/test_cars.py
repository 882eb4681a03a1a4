"""Groups of cars in the engine: inside what is possible, exact, and part of the bound."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import linprog

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.bound.bound import lower_bound
from controllers.scheduling.bound.cars import cheapest_path
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.grid.linearise import injections, linearise
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.cars import Cars, cars_of, orderable_groups
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import SchedulingProblem, scheduling_problem
from controllers.scheduling.schedule import schedule
from controllers.scheduling.search import Search
from sim.control import EvEnvelope, EvStates, Observation
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.evs import EvGroup
from sim.system.system import System
from tests.controllers.scheduling.cases import feeder, random_day, whole_usd

N = 6
CARS = 20
P_MW = 0.02


def with_cars(seed: int, **changes) -> tuple[System, Observation]:
    """Return a feeder with two groups of equal cars, which are at home throughout."""
    alike = {"count": CARS, "p_mw": P_MW, "energy_mwh": 0.05, "mwh_per_km": 2e-4,
             "efficiency_charge": 0.9, "wear_usd_per_mwh": 3.0}  # fmt: skip
    groups = (
        EvGroup(name="charging", bus=3, **alike),
        EvGroup(name="alone", bus=4, orderable=False, **alike),
        EvGroup(name="feeding", bus=4, p_discharge_max_mw=P_MW, efficiency_discharge=0.8, **alike),
    )
    exists = dataclasses.replace(feeder(n_periods=N), evs=groups)
    seen = random_day(exists, seed, **changes)
    n, half, ones = 3 * CARS, 0.5 * CARS * 0.05, np.ones((2, N, 3))
    full_mwh = np.minimum(np.arange(1, N + 1) * CARS * P_MW, half / 0.9)
    empty_mwh = np.minimum(np.arange(1, N + 1) * CARS * P_MW, half * 0.8)
    feeds = np.array([0.0, 0.0, 1.0])
    envelope = EvEnvelope(
        p_min_mw=-ones * CARS * P_MW * feeds,
        p_max_mw=ones * CARS * P_MW,
        energy_min_mwh=-ones * empty_mwh[:, None] * feeds,
        energy_max_mwh=ones * full_mwh[:, None],
    )
    at_home = EvStates(
        group=np.repeat(np.arange(3), CARS),
        car=np.tile(np.arange(CARS), 3),
        energy_mwh=np.full(n, 0.025),
        owed_mwh=np.full(n, 0.025),
        charge_from_h=np.zeros(n),
        departure_h=np.full(n, 100.0),
        next_trip_mwh=np.zeros(n),
        charge_max_mw=np.full(n, P_MW),
        discharge_max_mw=np.repeat(feeds * P_MW, CARS),
        laxity_h=np.full(n, 50.0),
    )
    forecast = dataclasses.replace(seen.forecast, ev_envelope=envelope, ev_mw=np.full((N, 3), 0.05))
    return exists, dataclasses.replace(seen, evs=at_home, forecast=forecast)


def problem_with_cars(seed: int, **changes) -> SchedulingProblem:
    exists, seen = with_cars(seed, **changes)
    groups = orderable_groups(exists)
    rest = OperatingPoint.at_rest(exists, N, len(groups))
    network = linearise(exists, PowerGridModelFlow(exists.grid), seen.forecast, rest, groups)
    return scheduling_problem(exists, seen, network, station_distances_km(exists), groups)


def test_only_groups_that_take_orders_are_ordered():
    exists, _ = with_cars(0)
    assert orderable_groups(exists).tolist() == [0, 2]


def test_the_network_responds_to_cars_as_alternating_current_does():
    exists, seen = with_cars(1)
    groups, flow = orderable_groups(exists), PowerGridModelFlow(exists.grid)
    rest = OperatingPoint.at_rest(exists, N, 2)
    network = linearise(exists, flow, seen.forecast, rest, groups)
    p_mw = rest.p_mw.copy()
    p_mw[:, -2:] = [-0.3, 0.2]
    moved = dataclasses.replace(rest, p_mw=p_mw)
    result = flow.solve(*injections(exists, seen.forecast, moved, groups))
    np.testing.assert_allclose(network.import_at(moved), result.source_mw, atol=1e-3)
    alone = network.without_cars(p_mw[:, -2:])
    there = dataclasses.replace(rest, p_mw=p_mw[:, :-2], q_mvar=rest.q_mvar[:, :-2])
    np.testing.assert_allclose(alone.import_at(there), network.import_at(moved))
    np.testing.assert_allclose(alone.rows_at(there), network.rows_at(moved))
    np.testing.assert_allclose(alone.penalty_usd(there), network.penalty_usd(moved))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("day", ["ordinary", "worth less than nothing", "too much sun"])
def test_a_dispatch_with_cars_equals_the_whole_model(seed, day):
    changes = {
        "ordinary": {},
        "worth less than nothing": {"price": np.full(N, -50.0), "export": np.full(N, -50.0)},
        "too much sun": {"available_mw": np.full((N, 1), 6.0)},
    }[day]
    problem = problem_with_cars(seed, **changes)
    found = dispatch(problem, ((),), WorkLimits())
    assert found is not None
    assert found.outcome.objective_usd == pytest.approx(whole_usd(problem, ((),)), abs=0.02)
    cars = problem.cars
    drawn = np.where(found.cars_mw > 0, -found.cars_mw / cars.round_trip, -found.cars_mw)
    y_mwh = drawn.cumsum(axis=0)
    assert (y_mwh > cars.lower_mwh - 1e-6).all()
    assert (y_mwh < cars.upper_mwh + 1e-6).all()
    # One direction at a time: the energy is what the net power says.
    assert np.abs(found.cars_mw).max() > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_the_bound_of_prices_holds_with_cars_and_is_near(seed):
    problem = problem_with_cars(seed)
    exact = schedule(problem, Search(solver="milp"))
    assert exact is not None
    value = exact.outcome.objective_usd
    assert exact.outcome.bound_usd <= value + 1e-6
    bound_usd = lower_bound(problem, 200).usd
    assert value - 15.0 < bound_usd <= value + 1e-6


def test_no_cars_have_an_empty_place_in_the_problem():
    exists, seen = with_cars(0)
    none = cars_of(exists, seen, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_))
    assert none.n_groups == 0
    assert none.most_mw == 0.0


def bounded(lower: np.ndarray, upper: np.ndarray, up: np.ndarray, down: np.ndarray) -> Cars:
    """Return one group whose bounds hold some path."""
    return Cars(
        group=np.zeros(1, dtype=np.int64),
        charge_max_mw=up[:, None],
        discharge_max_mw=down[:, None],
        lower_mwh=lower[:, None],
        upper_mwh=upper[:, None],
        round_trip=np.ones(1),
        wear_usd_per_mwh=np.zeros(1),
        stored_usd_per_mwh=np.zeros(1),
        baseline_mwh=np.zeros(1),
    ).reachable(1.0)


@pytest.mark.parametrize("seed", range(30))
def test_the_cheapest_path_is_that_of_a_linear_programme(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    up, down = rng.uniform(0, 1, n), rng.uniform(0, 1, n) * (rng.random() < 0.7)
    upper = np.maximum(np.cumsum(rng.uniform(-0.2, 0.6, n)), 0.0)
    cars = bounded(upper - rng.uniform(0, 1.5, n), upper, up, down)
    lower, upper = cars.lower_mwh[:, 0].copy(), cars.upper_mwh[:, 0].copy()
    up_usd, end_usd = rng.normal(0, 10, n), float(rng.normal(0, 10))
    down_usd = -up_usd + rng.exponential(3, n)
    usd, steps = cheapest_path(up_usd, down_usd, up, down, lower, upper, end_usd)
    sums = np.tril(np.ones((n, n)))
    reference = linprog(
        np.concatenate([up_usd + end_usd, down_usd - end_usd]),
        A_ub=np.block([[sums, -sums], [-sums, sums]]),
        b_ub=np.concatenate([upper, -lower]) + 1e-9,
        bounds=list(zip(np.zeros(2 * n), np.concatenate([up, down]), strict=True)),
    )
    assert reference.status == 0
    assert usd == pytest.approx(reference.fun, abs=1e-5)
    assert (np.cumsum(steps) < upper + 1e-7).all()
    assert (np.cumsum(steps) > lower - 1e-7).all()


def test_burning_energy_leaves_a_lower_bound():
    """Where feeding in and drawing at once would pay, only one of them counts."""
    one = np.ones(1)
    usd, _ = cheapest_path(-10.0 * one, 4.0 * one, one, one, -one, one, 0.0)
    assert usd == pytest.approx(-10.0)
    usd, _ = cheapest_path(-10.0 * one, 4.0 * one, one, one, -one, 0 * one, 0.0)
    assert usd <= 0.0
