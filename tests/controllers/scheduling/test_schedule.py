"""Searching for routes: against enumeration, against doing nothing, against itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.routing.best_response import Effort
from controllers.scheduling.routing.column_generation import doing_nothing_usd
from controllers.scheduling.routing.itinerary import (
    BatteryModel,
    EndValue,
    StageCosts,
    Start,
    Trips,
    best_itinerary,
)
from controllers.scheduling.routing.monolithic import milp
from controllers.scheduling.schedule import schedule
from controllers.scheduling.search import Search
from sim.control import SolveStatus
from tests.controllers.scheduling.build import battery, truck
from tests.controllers.scheduling.cases import best_by_force, feeder, problem_of, random_day

COLUMNS = Search(prices=60)
MILP = Search(solver="milp")


@pytest.mark.parametrize(
    ("n_trucks", "seed"),
    [(1, 0), (1, 1), (1, 2), (2, 0), *(pytest.param(2, k, marks=pytest.mark.slow) for k in (1, 2))],
)
def test_the_mixed_integer_model_equals_enumeration(n_trucks, seed):
    exists = feeder(n_trucks=n_trucks, n_periods=4)
    problem = problem_of(exists, random_day(exists, seed))
    found = schedule(problem, MILP)
    assert found.outcome.status is SolveStatus.OPTIMAL
    assert found.outcome.objective_usd == pytest.approx(best_by_force(problem), abs=1e-4)
    assert found.outcome.gap == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), n_trucks=st.integers(1, 2))
def test_the_bound_is_never_above_a_plan_and_the_heuristic_is_close_to_it(seed, n_trucks):
    exists = feeder(n_trucks=n_trucks, n_periods=6)
    problem = problem_of(exists, random_day(exists, seed))
    heuristic = schedule(problem, COLUMNS)
    proven = schedule(problem, MILP)
    parked = dispatch(problem, ((),) * n_trucks, WorkLimits())
    best, bound = proven.outcome.objective_usd, proven.outcome.bound_usd
    assert heuristic.outcome.bound_usd <= best + 1e-6
    assert bound <= best <= heuristic.outcome.objective_usd + 1e-6
    assert heuristic.outcome.objective_usd <= parked.outcome.objective_usd + 1e-9
    gained = parked.outcome.objective_usd - best
    assert heuristic.outcome.objective_usd - best <= 0.2 * gained + 1.0


def test_a_search_ends_at_its_gap():
    """Whatever is left of prices and trials; with a gap of zero all of them are used."""
    exists = feeder(n_trucks=2, n_periods=8)
    problem = problem_of(exists, random_day(exists, 12))
    loose, tight = (schedule(problem, Search(prices=100, gap=gap)) for gap in (0.9, 0.0))
    nothing, value = doing_nothing_usd(problem, COLUMNS), loose.outcome.objective_usd
    bound = loose.outcome.bound_usd
    assert bound < tight.outcome.bound_usd
    assert value - bound <= 0.9 * (nothing - bound)
    assert tight.outcome.objective_usd < value - 1.0


def test_a_stopped_search_says_so_and_keeps_a_valid_bound():
    exists = feeder(n_trucks=2, n_periods=8)
    problem = problem_of(exists, random_day(exists, 11))
    stopped = schedule(problem, Search(solver="milp", orders=0, limits=WorkLimits(nodes=1)))
    best = schedule(problem, MILP).outcome.objective_usd
    assert stopped.outcome.bound_usd <= best + 1e-6
    assert stopped.outcome.objective_usd >= best - 1e-6


def test_the_same_routes_cost_the_same_in_both_models():
    exists = feeder(n_trucks=2, n_periods=5)
    problem = problem_of(exists, random_day(exists, 12))
    routes, status, bound = milp(problem, WorkLimits(), ((), ()))
    assert status is SolveStatus.OPTIMAL
    found = dispatch(problem, routes, WorkLimits())
    assert found.outcome.objective_usd == pytest.approx(bound, abs=1e-3)


def test_the_whole_model_is_minimised_by_what_is_asked_for():
    exists = feeder(n_trucks=1, n_periods=3)
    asked = []

    def other(model, **options):
        asked.append(model.integer.any())
        return solve(model, **options)

    milp(problem_of(exists, random_day(exists, 12)), WorkLimits(), ((),), other)
    assert asked
    assert all(asked)


def test_two_trucks_do_not_share_one_plug():
    exists = feeder(n_trucks=2, n_periods=8)
    for search in (COLUMNS, MILP):
        for seed in range(3):
            found = schedule(problem_of(exists, random_day(exists, seed)), search)
            here = found.station
            assert not ((here[:, 0] == here[:, 1]) & (here[:, 0] >= 0)).any()


def test_the_same_problem_gives_the_same_bytes():
    exists = feeder(n_trucks=2, n_periods=8)
    found = [schedule(problem_of(exists, random_day(exists, 13)), COLUMNS) for _ in range(2)]
    assert found[0].routes == found[1].routes
    assert found[0].p_mw.tobytes() == found[1].p_mw.tobytes()
    assert found[0].outcome == found[1].outcome


def test_one_vehicle_alone_finds_the_best_trade_without_a_network():
    """Buy at 10, sell at 100: with a lossless battery the rest is arithmetic."""
    cells = battery(efficiency_charge=1.0, efficiency_discharge=1.0, wear_usd_per_mwh=0.0)
    levels = np.linspace(-0.5, 0.5, 11)
    price = np.array([10.0, 10.0, 100.0, 100.0])
    cost = np.repeat(-price[:, None, None] * levels, 2, axis=1)
    cost[:, 1] = 0.0
    model = BatteryModel(
        lower_mwh=np.full(5, 0.15), upper_mwh=np.full(5, 1.35), keep=1.0, hours=1.0,
        efficiency_charge=1.0, efficiency_discharge=1.0, auxiliary_mw=0.0,
    )  # fmt: skip
    nowhere = np.zeros((4, 1, 1), dtype=np.int64)
    station, power = best_itinerary(
        Start(station=0, period=0, energy_mwh=0.75),
        EndValue(0.0, 50.0, 50.0),
        25,
        model,
        StageCosts(levels, cost, np.zeros((4, 1), dtype=np.bool_), 1e3),
        Trips(nowhere, nowhere, np.zeros((4, 1, 1)), np.zeros((1, 1))),
    )
    assert (station == 0).all()
    assert power.sum() == pytest.approx(0.6 - 0.2)
    assert (price * power).sum() == pytest.approx(100 * 1.0 - 10 * 0.6)
    assert cells.energy_max_mwh == 1.35


@pytest.mark.parametrize("search", [COLUMNS, MILP])
@pytest.mark.parametrize("n_periods", [1, 2])
def test_short_look_aheads_have_plans(n_periods, search):
    exists = feeder(n_periods=n_periods)
    found = schedule(problem_of(exists, random_day(exists, 14)), search)
    assert len(found.p_mw) == n_periods
    assert found.outcome.bound_usd <= found.outcome.objective_usd


@pytest.mark.parametrize("search", [COLUMNS, MILP])
def test_stations_that_cannot_be_reached_are_left_alone(search):
    exists = feeder(trucks=[truck(0, 1)])
    alone = np.where(np.eye(3, dtype=bool), 0.0, np.inf)
    seen = random_day(exists, 15, travel_h=np.broadcast_to(alone, (4, 3, 3)).copy())
    assert schedule(problem_of(exists, seen), search).routes == ((),)


@pytest.mark.parametrize("values", [{"orders": -1}, {"solver": "dynamic"}, {"gap": 1.0}])
def test_a_search_that_makes_no_sense_is_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Search(**values)


@pytest.mark.parametrize("values", [{"sweeps": -1}, {"levels": 0}, {"energies": 1}])
def test_an_effort_that_makes_no_sense_is_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Effort(**values)
