"""Prices on what vehicles share bound the scheduling problem from below."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.bound.bound import lower_bound
from controllers.scheduling.bound.fleet import _on_grid
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.scheduling.routing.column_generation import doing_nothing_usd
from controllers.scheduling.routing.monolithic import milp
from controllers.scheduling.schedule import park, schedule
from controllers.scheduling.search import Search, SolverName
from sim.control import SolveStatus
from sim.system.tariff import StoredEnergy
from tests.controllers.scheduling.build import battery, truck
from tests.controllers.scheduling.cases import feeder, problem_of, random_day

PROOF = Search(solver="milp")


# Batteries that lose energy at rest and on the road, so that it leaves the grid of the bound.
LEAKING = battery(self_discharge_per_h=0.02, auxiliary_mw=0.01)


def small(
    seed: int,
    n_trucks: int,
    n_periods: int,
    least_usd_per_mwh: float = 20.0,
    *,
    leaking: bool = False,
    terminal: float = 0.5,
    homeward: bool = False,
    **tariff: Any,
) -> SchedulingProblem:
    """Return a small problem with prices of energy from `least_usd_per_mwh` on.

    Vehicles have to end at a state of charge, on the grid of the bound or off it, and, where
    `homeward`, at station 0.
    """
    tariff = {"stored_usd_per_mwh": 60.0, "curtailment_usd_per_mwh": 20.0} | tariff
    cells = dataclasses.replace(LEAKING if leaking else battery(), soc_terminal=terminal)
    own: dict[str, Any] = {"battery": cells} | ({"kwh_per_km": 3.0} if leaking else {})
    own |= {"terminal_station": 0} if homeward else {}
    trucks = [truck(k, k % 3, **own) for k in range(n_trucks)]
    exists = feeder(n_trucks, n_periods, tariff=tariff, trucks=trucks)
    price = np.random.default_rng(seed).uniform(least_usd_per_mwh, 120.0, n_periods)
    return problem_of(exists, random_day(exists, seed, price=price))


def proven(problem: SchedulingProblem) -> float:
    """Return the optimum that the mixed-integer model proves [USD]."""
    best = schedule(problem, PROOF)
    assert best is not None
    _, status, bound = milp(problem, WorkLimits(), best.routes)
    assert status is SolveStatus.OPTIMAL
    assert bound is not None
    return bound


def check(
    seed: int,
    n_trucks: int,
    n_periods: int,
    least: float,
    stored: float,
    curtailment: float,
    leaking: bool,
    terminal: float,
    homeward: bool,
    settled: StoredEnergy,
) -> float:
    """Check the bound behind the door, and return the plan's gap to the optimum [-]."""
    tariff = {"stored_usd_per_mwh": stored, "curtailment_usd_per_mwh": curtailment}
    problem = small(
        seed,
        n_trucks,
        n_periods,
        least,
        leaking=leaking,
        terminal=terminal,
        homeward=homeward,
        stored_energy=settled,
        **tariff,
    )
    plan, optimum = schedule(problem, Search(solver="columns", prices=60)), proven(problem)
    assert plan is not None
    value, bound = plan.outcome.objective_usd, plan.outcome.bound_usd
    assert value is not None
    assert bound is not None
    near = 1e-6 * max(abs(optimum), 1.0)
    # Behind the door a bound is never above the plan; in front of that it must be valid as well.
    for usd in (bound, lower_bound(problem, 60).usd):
        assert usd <= optimum + near
    assert value >= optimum - near
    if plan.outcome.status is SolveStatus.OPTIMAL:
        assert value <= optimum + near
    return (value - optimum) / max(doing_nothing_usd(problem, Search()) - optimum, 1e-6)


CASES = {
    "seed": st.integers(0, 10**6),
    "n_trucks": st.integers(1, 3),
    "n_periods": st.integers(2, 5),
    "least": st.sampled_from([20.0, -60.0]),
    "stored": st.sampled_from([0.0, 60.0]),
    "curtailment": st.sampled_from([-30.0, 0.0, 20.0]),
    "leaking": st.booleans(),
    "terminal": st.sampled_from([0.5, 0.377, 0.9]),
    "homeward": st.booleans(),
    "settled": st.sampled_from(StoredEnergy),
}


@settings(max_examples=12, deadline=None, derandomize=True)
@given(**CASES)
def test_the_bound_is_never_above_the_proven_optimum(**case: Any) -> None:
    check(**case)


@pytest.mark.slow
def test_of_200_small_problems_all_bounds_are_valid_and_most_plans_are_optimal() -> None:
    gaps: list[float] = []

    @settings(
        max_examples=200, deadline=None, derandomize=True, database=None, phases=[Phase.generate]
    )
    @given(**CASES)
    def each(**case: Any) -> None:
        gaps.append(check(**case))

    each()
    assert len(gaps) == 200
    within = sum(gap <= 0.01 for gap in gaps) / len(gaps)
    assert within >= 0.95, f"{within:.1%} of the plans, worst gap {max(gaps):.1%}"


def crowded(seed: int) -> tuple[SchedulingProblem, SchedulingProblem]:
    """Return a problem whose three trucks want to the end of the feeder, and one with more plugs.

    Driving costs next to nothing, and all load is at the end.
    """
    cheap = [truck(k, k % 3, usd_per_km=0.02, labour_usd_per_h=0.5) for k in range(3)]
    exists, rng = feeder(3, 4, trucks=cheap), np.random.default_rng(seed)
    load_mw = np.column_stack([np.zeros(4), rng.uniform(2.0, 4.0, 4)])
    day = random_day(exists, seed, load_mw=load_mw, price=rng.uniform(20.0, 120.0, 4))
    problem = problem_of(exists, day)
    plenty = dataclasses.replace(problem.space, plugs=np.full(3, 3))
    return problem, dataclasses.replace(problem, space=plenty)


def check_crowded(seed: int) -> bool:
    """Check the bound where plugs are scarce; return whether they bind."""
    problem, roomy = crowded(seed)
    optimum, without = proven(problem), proven(roomy)
    bound_usd = lower_bound(problem, 200).usd
    assert bound_usd <= optimum + 1e-6 * max(abs(optimum), 1.0)
    # Scarce plugs have a price: most of what they cost is in the bound.
    assert optimum - bound_usd < 0.2 * (doing_nothing_usd(problem, Search()) - optimum)
    return optimum > without + 0.01


def test_the_bound_knows_what_scarce_plugs_cost() -> None:
    assert check_crowded(1)


@pytest.mark.slow
def test_of_100_problems_with_scarce_plugs_all_bounds_are_valid() -> None:
    assert sum(check_crowded(seed) for seed in range(100)) >= 90


def test_more_prices_give_no_worse_a_bound_and_close_in_on_the_optimum() -> None:
    problem = small(4, 2, 5)
    few, many = lower_bound(problem, 5).usd, lower_bound(problem, 300).usd
    assert few <= many <= proven(problem) + 1e-6
    nothing = doing_nothing_usd(problem, Search())
    assert nothing - many > 0
    assert proven(problem) - many < 0.02 * (nothing - many)


def test_a_bounded_schedule_says_its_bound_and_one_that_is_not_says_none() -> None:
    problem = small(1, 2, 4)
    bounded, unbounded = (schedule(problem, Search(prices=n)) for n in (100, 0))
    assert unbounded is not None
    assert unbounded.outcome.bound_usd is None
    assert bounded is not None
    assert bounded.outcome.bound_usd is not None
    assert bounded.outcome.objective_usd is not None
    assert bounded.outcome.bound_usd <= bounded.outcome.objective_usd
    assert bounded.outcome.gap is not None


def test_a_vehicle_that_never_connects_does_not_upset_the_bound() -> None:
    problem = small(3, 2, 4)
    space = problem.space
    late = space.start_period.copy()
    late[0] = problem.n_periods
    stuck = dataclasses.replace(problem, space=dataclasses.replace(space, start_period=late))
    assert lower_bound(stuck, 30).usd <= proven(stuck) + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_parking_places_are_bounded_among_single_trips_at_the_start(seed: int) -> None:
    problem = small(seed, 2, 5)
    found, exact = (
        park(problem, Search(solver=solver, prices=100)) for solver in get_args(SolverName)
    )
    assert found is not None
    assert exact is not None
    for one in (found, exact):
        assert all(len(route) <= 1 for route in one.routes)
        assert all(period == 0 for route in one.routes for period, _ in route)
    assert exact.outcome.status is SolveStatus.OPTIMAL
    usd, bound, optimum = (
        found.outcome.objective_usd, found.outcome.bound_usd, exact.outcome.objective_usd,
    )  # fmt: skip
    assert usd is not None
    assert bound is not None
    assert optimum is not None
    assert bound <= optimum + 1e-6
    assert optimum <= usd + 1e-6


@pytest.mark.parametrize("terminal", [0.5, 0.377, 0.62, 0.9])
def test_between_points_the_bound_of_the_end_is_never_above_what_the_end_costs(
    terminal: float,
) -> None:
    problem = small(1, 1, 3, terminal=terminal)
    grid = np.linspace(0.15, 1.35, 14)
    below = np.interp(fine := np.linspace(0.15, 1.35, 1201), grid, _on_grid(problem, 0, grid))
    true = problem.end.energy_usd(0, fine)
    assert (below <= true + 1e-9).all()
    assert (true - below).max() < problem.end.missing_usd_per_mwh[0] * (grid[1] - grid[0])


def test_a_plan_ends_at_its_target_whatever_the_last_hours_cost() -> None:
    for price in ([60.0, 60.0, 60.0, 60.0], [60.0, 5.0, 5.0, 5.0], [60.0, 60.0, 90.0, 110.0]):
        exists = feeder(1, 4, trucks=[truck(0, 0)], penalties={})
        day = random_day(exists, 1, price=np.array(price), export=0.9 * np.array(price))
        exists.tariff.import_usd_per_mwh[:] = max(price)
        plan = schedule(problem_of(exists, day), PROOF)
        assert plan is not None
        assert plan.energy_mwh[-1, 0] == pytest.approx(0.75, abs=1e-6)
