"""Carrying a plan on: as good as planning anew, exact where it says so, and never an exception."""

import dataclasses

import numpy as np
import pytest

from controllers.optimisation.work_limits import WorkLimits
from controllers.rolling.replanning import follow, replan
from controllers.rolling.rolling import Rolling
from controllers.scheduling.dispatch.dispatch import Dispatcher, dispatch
from controllers.scheduling.dispatch.row_generation import GeneratedRows
from controllers.scheduling.schedule import schedule
from controllers.scheduling.search import Search
from sim.control import SolveStatus, TravelHours, TravelTable, VehicleStatus
from tests.controllers.scheduling.build import battery, truck
from tests.controllers.scheduling.cases import feeder, problem_of, random_day, whole_usd

RNG = np.random.default_rng(0)
WASTEFUL = battery(efficiency_charge=0.7, efficiency_discharge=0.7, wear_usd_per_mwh=0.0)
ROUTES = (((2, 1), (6, 2)), ((4, 0),))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("day", ["ordinary", "worth less than nothing", "too much sun"])
def test_a_dispatch_that_generates_rows_as_they_are_violated_equals_the_whole_model(seed, day):
    changes = {
        "ordinary": {},
        "worth less than nothing": {"price": np.full(10, -50.0), "export": np.full(10, -50.0)},
        "too much sun": {"available_mw": np.full((10, 1), 6.0)},
    }[day]
    cells = battery() if day == "ordinary" else WASTEFUL
    exists = feeder(trucks=[truck(0, 0, battery=cells), truck(1, 2, battery=cells)], n_periods=10)
    problem = problem_of(exists, random_day(exists, seed, **changes))
    found = dispatch(problem, ROUTES, WorkLimits())
    assert found.outcome.objective_usd == pytest.approx(whole_usd(problem, ROUTES), abs=1e-3)


def test_curtailment_joins_a_dispatch_wherever_it_pays(monkeypatch):
    """Even if no generator is thought of at first, the value is that of the whole model."""
    monkeypatch.setattr(
        GeneratedRows,
        "pays_to_curtail",
        lambda _, point: np.zeros(point.curtailed_mw.shape, np.bool_),
    )
    exists = feeder(trucks=[truck(0, 0), truck(1, 2)], n_periods=10)
    problem = problem_of(exists, random_day(exists, 1, available_mw=np.full((10, 1), 6.0)))
    found = dispatch(problem, ROUTES, WorkLimits())
    assert found.curtailed_mw.sum() > 1.0
    assert found.outcome.objective_usd == pytest.approx(whole_usd(problem, ROUTES), abs=1e-3)


def test_what_a_dispatcher_has_learnt_does_not_change_what_it_finds():
    exists = feeder(n_trucks=2, n_periods=10)
    yesterday = Dispatcher(problem_of(exists, random_day(exists, 1)), WorkLimits())
    yesterday(ROUTES)
    problem = problem_of(exists, random_day(exists, 2))
    carried = yesterday.warm_start_of(ROUTES).later(1, 10)
    for routes in (((), ()), ROUTES, (((2, 1),), ())):
        fresh = dispatch(problem, routes, WorkLimits()).outcome.objective_usd
        learnt = Dispatcher(problem, WorkLimits(), carried)
        learnt(((), ((1, 2),)))
        assert learnt(routes).outcome.objective_usd == pytest.approx(fresh, abs=1e-3)


def test_routes_above_the_cutoff_are_given_up_and_those_below_it_are_not():
    exists = feeder(n_trucks=2, n_periods=10)
    problem = problem_of(exists, random_day(exists, 3))
    usd = dispatch(problem, ROUTES, WorkLimits()).outcome.objective_usd
    dispatcher = Dispatcher(problem, WorkLimits())
    assert dispatcher(ROUTES, usd - 0.01) is None
    # A refusal is not a verdict for other cutoffs.
    found = dispatcher(ROUTES, usd + 0.01)
    assert found.outcome.objective_usd == pytest.approx(usd, abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_carried_on_is_no_worse_than_its_routes_kept(seed):
    exists = feeder(n_trucks=2, n_periods=12)
    problem = problem_of(exists, random_day(exists, seed))
    kept = follow(problem, Search(), ROUTES, None).schedule
    better = replan(problem, Search(), ROUTES, None, turn=seed).schedule
    assert better.outcome.objective_usd <= kept.outcome.objective_usd + 1e-6


def test_plans_carried_on_come_close_to_plans_from_scratch():
    """Ten turns on one problem find what a search from scratch finds, or nearly so."""
    exists = feeder(n_trucks=2, n_periods=12)
    gained, possible = 0.0, 0.0
    for seed in range(4):
        problem = problem_of(exists, random_day(exists, 20 + seed))
        parked = dispatch(problem, ((), ()), WorkLimits()).outcome.objective_usd
        scratch = schedule(problem, Search(prices=0)).outcome.objective_usd
        routes, warm_start = ((), ()), None
        for turn in range(10):
            found = replan(problem, Search(), routes, warm_start, turn)
            routes, warm_start = found.schedule.routes, found.warm_start
        gained += parked - found.schedule.outcome.objective_usd
        possible += parked - scratch
    assert gained >= 0.9 * possible > 0


@pytest.mark.parametrize("period_h", [0.25, 0.5, 1.0, 2.0])
def test_as_many_small_changes_are_tried_an_hour_however_long_periods_are(period_h, monkeypatch):
    tried = []

    def polished(problem, schedule, dispatcher, trials, first):
        tried.extend(range(first, first + trials))
        return schedule

    monkeypatch.setattr("controllers.rolling.replanning.polish", polished)
    problem = problem_of(feeder(n_periods=4), random_day(feeder(n_periods=4), 6))
    problem = dataclasses.replace(problem, period_h=period_h)
    for turn in range(round(4 / period_h)):
        replan(problem, Search(retrials=3), ((),), None, turn)
    assert tried == list(range(4 * 3))


def test_a_search_without_any_work_left_still_has_the_best_plan_so_far():
    exists = feeder(n_trucks=2, n_periods=10)
    problem = problem_of(exists, random_day(exists, 4))
    least = Search(orders=0, trials=0, retrials=0, prices=0)
    idle = dataclasses.replace(least, effort=dataclasses.replace(least.effort, sweeps=0))
    parked = dispatch(problem, ((), ()), WorkLimits())
    assert schedule(problem, idle).outcome.objective_usd == parked.outcome.objective_usd
    kept = replan(problem, idle, ROUTES, None, turn=0).schedule
    assert kept.routes == ROUTES


def started(exists, **settings):
    controller = Rolling(Rolling.Parameters(**settings))
    controller.start(exists, RNG)
    return controller


def executed_mwh(exists, energy_mwh, p_mw):
    hours = exists.timing.period_h
    return np.array(
        [one.battery.after(energy_mwh[k], p_mw[k], hours) for k, one in enumerate(exists.vehicles)]
    )


@pytest.mark.parametrize("price", [None, -50.0])
@pytest.mark.parametrize("sun_mw", [1.0, 6.0])
def test_undisturbed_every_plan_carried_on_is_executed_as_planned(price, sun_mw):
    """Under negative prices and over-voltage too: nothing charges and discharges at once."""
    n = 8
    cells = WASTEFUL if price else battery()
    exists = feeder(trucks=[truck(0, 0, battery=cells), truck(1, 2, battery=cells)], n_periods=n)
    changes = {"available_mw": np.full((n, 1), sun_mw)}
    if price:
        changes |= {"price": np.full(n, price), "export": np.full(n, price)}
    day = random_day(exists, 5, **changes)
    controller = started(exists, routes="parked", replanning="carried")
    energy = np.array([one.battery.energy_initial_mwh for one in exists.vehicles])
    for period in range(4):
        rest = slice(period, None)
        seen = random_day(
            exists,
            5,
            period=period,
            vehicles={"energy_mwh": energy},
            load_mw=day.forecast.load_mw[rest],
            load_mvar=day.forecast.load_mvar[rest],
            available_mw=day.forecast.available_mw[rest],
            price=day.forecast.import_usd_per_mwh[rest, 0],
            export=day.forecast.export_usd_per_mwh[rest, 0],
        )
        plan = controller.decide(seen)
        planned = controller._last.schedule.energy_mwh[0]
        energy = executed_mwh(exists, energy, plan.fleet.p_mw[0])
        assert energy == pytest.approx(planned, abs=1e-5)
        low = [one.battery.energy_min_mwh for one in exists.vehicles]
        high = [one.battery.energy_max_mwh for one in exists.vehicles]
        assert (energy >= np.array(low) - 1e-6).all()
        assert (energy <= np.array(high) + 1e-6).all()


def never(status=VehicleStatus.BROKEN):
    return {"status": np.array([int(status)] * 2), "ready_h": np.array([np.inf, np.inf])}


def nowhere(n):
    alone = np.where(np.eye(3, dtype=bool), 0.0, np.inf)
    return np.broadcast_to(alone, (n, 3, 3)).copy()


N = 6
TROUBLES = {
    "no station can be reached": {"travel_h": nowhere(N)},
    "all vehicles are broken for good": {"vehicles": never()},
    "nobody knows when they are ready": {
        "vehicles": {"status": np.array([4, 0]), "ready_h": np.array([np.nan, np.nan])}
    },
    "batteries outside their limits": {"vehicles": {"energy_mwh": np.array([-0.4, 9.0])}},
    "all plugs taken by the other": {"vehicles": {"station": np.array([1, 1])}},
    "every line at the source is out": {"line_out": np.array([True, False, False, False])},
    "a price that is missing": {"price": np.full(N, np.nan)},
    "energy that is not metered": {"vehicles": {"energy_mwh": np.array([np.nan, 0.5])}},
    "loads no grid can serve": {"load_mw": np.full((N, 2), 500.0)},
}  # fmt: skip


@pytest.mark.parametrize("solver", ["columns", "milp"])
def test_an_empty_look_ahead_ends_in_a_named_outcome(solver):
    exists = feeder(n_trucks=2, n_periods=N)
    controller = started(exists, solver=solver)
    seen = random_day(exists, 6)
    nothing = {
        each.name: getattr(seen.forecast, each.name)[:0]
        for each in dataclasses.fields(seen.forecast)
        if each.name
        not in ("issued_h", "profile_correlation", "series_correlation", "ev_envelope", "travel")
    }
    hours = TravelHours(*(each[:0] for each in seen.forecast.travel.everywhere()))
    nothing["travel"] = TravelTable(hours)
    empty = dataclasses.replace(seen, forecast=dataclasses.replace(seen.forecast, **nothing))
    plan = controller.decide(empty)
    assert plan.fleet is None
    assert "no periods" in plan.outcome.fallback


@pytest.mark.parametrize("when", ["at first", "in between"])
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("routes", ["parked", "day_ahead", "rolling"])
@pytest.mark.parametrize("solver", ["columns", "milp"])
def test_trouble_ends_in_a_plan_or_in_a_named_outcome(trouble, when, routes, solver):
    exists = feeder(n_trucks=2, n_periods=N)
    controller = started(exists, solver=solver, routes=routes, trials=4, prices=20)
    period = 0
    if when == "in between":
        assert controller.decide(random_day(exists, 6)).fleet is not None
        period = 1
    plan = controller.decide(random_day(exists, 6, period=period, **TROUBLES[trouble]))
    if plan.fleet is None:
        assert plan.outcome.fallback
        assert plan.outcome.status in (SolveStatus.FAILED, SolveStatus.INFEASIBLE)
    else:
        assert np.isfinite(plan.fleet.p_mw).all()
        assert np.isfinite(plan.fleet.q_mvar).all()
    # It recovers with the next observation.
    assert controller.decide(random_day(exists, 6, period=period + 1)).fleet is not None
