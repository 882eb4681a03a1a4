"""The controllers that schedule: plans, fallbacks, and what is carried from one to the next."""

import numpy as np
import pytest

from controllers.rolling.clairvoyant import Clairvoyant
from controllers.rolling.day_ahead import DayAhead
from controllers.rolling.orders import to_plan
from controllers.rolling.planner import FromScratch, Planner, Planning
from controllers.rolling.rolling import Rolling
from controllers.rolling.stationary import Stationary
from controllers.scheduling.schedule import schedule
from sim.control import SolveStatus, VehicleStatus
from tests.controllers.scheduling.build import truck
from tests.controllers.scheduling.cases import feeder, random_day

RNG = np.random.default_rng(0)
SCRATCH = FromScratch(schedule)


def started(cls, exists, **settings):
    controller = cls(cls.Parameters(**settings))
    controller.start(exists, RNG)
    return controller


@pytest.mark.parametrize("cls", [DayAhead, Rolling])
def test_a_plan_covers_the_look_ahead_and_names_its_visits(cls):
    exists = feeder(n_trucks=2, n_periods=8)
    plan = started(cls, exists).decide(random_day(exists, 1))
    assert plan.fleet.p_mw.shape == plan.fleet.q_mvar.shape == (8, 2)
    assert plan.grid.generation_limit_mw.shape == (8, 1)
    assert all(visits is not None for visits in plan.fleet.visits)
    for visit in (visit for visits in plan.fleet.visits for visit in visits):
        assert 0 <= visit.station < 3
        assert visit.depart_h == int(visit.depart_h)


def test_day_ahead_plans_once_and_keeps_silent():
    exists = feeder(n_periods=8)
    controller = started(DayAhead, exists)
    assert controller.decide(random_day(exists, 2)).fleet is not None
    for period in range(1, 8):
        plan = controller.decide(random_day(exists, 2, period=period))
        assert plan.fleet is None
        assert plan.grid is None


def test_day_ahead_plans_again_when_its_look_ahead_has_passed():
    exists = feeder(n_periods=8)
    controller = started(DayAhead, exists)
    short = {"load_mw": np.ones((3, 2)), "load_mvar": np.zeros((3, 2)),
             "available_mw": np.ones((3, 1)), "price": np.ones(3)}  # fmt: skip
    planned = [
        controller.decide(random_day(exists, 3, period=period, **short)).fleet is not None
        for period in range(6)
    ]
    assert planned == [True, False, False, True, False, False]


@pytest.mark.parametrize("cls", [DayAhead, Stationary, Rolling, Clairvoyant])
@pytest.mark.parametrize("solver", ["columns", "milp"])
def test_the_plan_of_a_day_is_bounded_and_what_is_carried_on_claims_nothing(cls, solver):
    exists = feeder(n_trucks=2, n_periods=5)
    controller = started(cls, exists, solver=solver, prices=40)
    first = controller.decide(random_day(exists, 2)).outcome
    assert first.bound_usd <= first.objective_usd
    assert first.gap >= 0
    later = controller.decide(random_day(exists, 2, period=1)).outcome
    # Only the mixed-integer model bounds every choice of routes; the others keep or mend them.
    proves = solver == "milp" and cls in (Rolling, Clairvoyant)
    assert (later.bound_usd is not None) == proves


@pytest.mark.parametrize("cls", [DayAhead, Rolling])
@pytest.mark.parametrize("broken", ["price", "load_mw", "available_mw"])
def test_a_value_that_is_missing_ends_in_a_named_fallback(cls, broken):
    exists = feeder()
    values = {"price": np.full(4, np.nan), "load_mw": np.full((4, 2), np.nan),
              "available_mw": np.full((4, 1), np.nan)}  # fmt: skip
    controller = started(cls, exists)
    plan = controller.decide(random_day(exists, 4, **{broken: values[broken]}))
    assert plan.outcome.status is SolveStatus.FAILED
    assert "not finite" in plan.outcome.fallback
    assert plan.fleet is None
    # The next decision is as good as ever.
    assert controller.decide(random_day(exists, 4, period=1)).fleet is not None


@pytest.mark.parametrize("solver", ["columns", "milp"])
@pytest.mark.parametrize("cls", [DayAhead, Stationary])
@pytest.mark.parametrize("status", list(VehicleStatus))
@pytest.mark.parametrize("ready_h", [0.0, 1.3, 99.0, np.inf, np.nan])
def test_whatever_the_truck_does_there_is_a_plan(cls, solver, status, ready_h):
    exists = feeder()
    states = {
        "status": np.array([int(status)]),
        "ready_h": np.array([ready_h]),
        "energy_mwh": np.array([9.0]),
    }
    plan = started(cls, exists, solver=solver, prices=20).decide(
        random_day(exists, 5, vehicles=states)
    )
    assert plan.outcome.status in (SolveStatus.FEASIBLE, SolveStatus.OPTIMAL)
    assert plan.outcome.bound_usd <= plan.outcome.objective_usd
    assert np.isfinite(plan.fleet.p_mw).all()


def test_an_outage_is_planned_around():
    exists = feeder(trucks=[truck(0, 2)])
    out = np.array([False, False, True, False])
    plan = started(Rolling, exists).decide(random_day(exists, 6, line_out=out))
    assert np.isfinite(plan.fleet.p_mw).all()
    if plan.fleet.visits == ((),):
        # Nobody exchanges power with a dead bus.
        assert (plan.fleet.p_mw == 0).all()


def test_rolling_starts_from_its_last_plan_and_is_not_worse_for_it():
    exists = feeder(n_trucks=2, n_periods=8)
    controller = started(Rolling, exists)
    first = controller.decide(random_day(exists, 7))
    again = controller.decide(random_day(exists, 7))
    assert again.outcome.objective_usd <= first.outcome.objective_usd + 0.5


def test_caps_lie_at_the_plan_where_it_curtails_and_are_absent_where_nothing_is_near():
    exists = feeder()
    sunny = np.array([[0.0], [0.5], [8.0], [0.5]])
    planner = Planner(exists, Planning())
    seen = random_day(exists, 8, available_mw=sunny)
    planned = planner.schedule(seen, SCRATCH)
    limits = to_plan(planned, seen, 1.0).grid.generation_limit_mw
    curtailed = planned.schedule.curtailed_mw
    assert curtailed[2, 0] > 1.0
    assert limits[2, 0] == pytest.approx(8.0 - curtailed[2, 0])
    assert np.isinf(limits[[0, 1, 3]]).all()


def test_uncertain_sun_is_capped_before_it_violates_a_limit():
    exists = feeder()
    sunny = np.full((4, 1), 2.0)
    std = np.tile([0.0, 0.8], (4, 1))
    planner = Planner(exists, Planning())
    seen = random_day(exists, 9, available_mw=sunny, profile_std=std)
    planned = planner.schedule(seen, SCRATCH)
    limits = to_plan(planned, seen, 1.0).grid.generation_limit_mw
    assert np.isfinite(limits).any()
    assert (limits >= 2.0 - planned.schedule.curtailed_mw - 1e-9).all()


def test_a_margin_makes_the_plan_dearer_and_no_margin_is_the_mean():
    exists = feeder()
    std = np.tile([0.3, 0.0], (4, 1))
    costs = [
        Planner(exists, Planning(margin=margin))
        .schedule(random_day(exists, 10, profile_std=std), SCRATCH)
        .schedule.outcome.objective_usd
        for margin in (0.0, 2.0)
    ]
    certain = Planner(exists, Planning()).schedule(random_day(exists, 10), SCRATCH)
    assert costs[0] == pytest.approx(certain.schedule.outcome.objective_usd, abs=1e-6)
    assert costs[0] < costs[1]


@pytest.mark.parametrize("values", [{"margin": -1.0}, {"orders": -1}, {"nodes": 0}, {"levels": 0}])
def test_settings_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Planning(**values)


def test_a_margin_constrains_a_plan_and_is_not_part_of_what_it_costs():
    exists = feeder()
    seen = random_day(exists, 10, profile_std=np.tile([0.3, 0.0], (4, 1)))
    planned = Planner(exists, Planning(margin=2.0)).schedule(seen, SCRATCH)
    point = planned.schedule.operating_point(3)
    tight = planned.problem.network.penalty_usd(point)
    true = planned.network.penalty_usd(point)
    assert tight.sum() > true.sum() + 1.0
    # The power flow knows of no margin.
    assert planned.usd.sum() == pytest.approx(planned.computed_usd.sum(), abs=0.1)
