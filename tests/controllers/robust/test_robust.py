"""The robust controller: what it refuses, and what its rules keep on every path."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from controllers.optimisation.solve import solve
from controllers.robust.decision import Column, Found, RobustDecision
from controllers.robust.limits import RobustLimits, priced_violations
from controllers.robust.parameters import RobustPlanning
from controllers.rolling.planner import Planned
from controllers.rolling.rolling import Rolling
from controllers.scheduling.problem.distances import station_distances_km
from controllers.uncertainty_sets.duality import dual_counterpart
from controllers.uncertainty_sets.extreme_points import solve_by_extreme_points
from sim.control import Observation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.realisation import Nature


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"coverage": 0.0}, "coverage"),
        ({"coverage": 1.0}, "coverage"),
        ({"coverage": float("nan")}, "coverage"),
        ({"coverage": 0.999, "samples": 100}, "samples"),
        ({"over_components": -1.0}, "over_components"),
        ({"over_time": 0.0}, "over_time"),
        ({"over_time": float("nan")}, "over_time"),
        ({"mobility": "later"}, "mobility"),
        ({"objective": "best"}, "objective"),
        ({"counterpart": "primal"}, "counterpart"),
        ({"horizon": 0}, "horizon"),
        ({"cvar_level": 1.0}, "cvar_level"),
        ({"cvar_level": -0.1}, "cvar_level"),
    ],
)
def test_bad_sets_are_refused_with_the_name_of_what_is_bad(settings, named):
    with pytest.raises(ValueError, match=named):
        RobustPlanning(**settings)


def test_all_that_is_bad_is_said_at_once():
    with pytest.raises(ValueError, match=r"coverage.*over_time.*mobility"):
        RobustPlanning(coverage=2.0, over_time=-1.0, mobility="x")


@lru_cache
def scenario() -> Scenario:
    return load_scenario("ieee33", {"traffic.intensity": 3})


HOUR = 6


@lru_cache
def planned() -> tuple[Observation, Planned]:
    """What the engine plans before the morning's traffic, on a day of `rolling`."""

    class Kept(Rolling):
        def _settled(self, observation: Observation, found: Planned) -> Planned:
            if observation.period == HOUR:
                self.seen = observation, found
            return found

    own = Kept(Kept.Parameters(prices=0, orders=1, sweeps=1))
    day = shortened(scenario(), 16)
    live(day, own, nature=Nature.build(day.system, day.uncertainty))
    return own.seen


def decision(**settings) -> RobustDecision:
    observation, found = planned()
    system = scenario().system
    own = RobustDecision(
        system,
        RobustPlanning(**settings),
        np.random.default_rng(1),
        station_distances_km(system),
    )
    own.observe(observation, found)
    return own


def late_trip(own: RobustDecision) -> Column:
    """Routes on which vehicle 0 makes one trip in period 1 that may be late."""
    roads = own.roads
    start = roads.early.start_station[0]
    later = roads.late.duration[1, start] > roads.early.duration[1, start]
    goal = int(np.flatnonzero(later & (roads.early.duration[1, start] > 0))[0])
    return Column((((1, goal),), (), ()))


@lru_cache
def solved(**settings) -> tuple[Found, np.ndarray]:
    own = decision(**settings)
    found = own.solve(late_trip(own), np.inf)
    assert found is not None
    assert found.solution.values is not None
    return found, found.solution.values[: len(found.dispatch.programme.model.cost)]


def points(found: Found, n: int) -> list[np.ndarray]:
    """Random corners of signals, each with random traffic at the ends of the set."""
    known, rng = found.dispatch.programme.uncertainty, np.random.default_rng(2)
    drawn = []
    for _ in range(n):
        point = np.where(rng.random(known.n_columns) < 0.5, known.lower, known.upper)
        # Traffic is lifted: what is congested is so in all of its columns.
        indicator = np.flatnonzero(known.indicator)
        for column in indicator.tolist():
            of_value = np.flatnonzero(known.period == known.period[column])
            of_value = of_value[of_value >= indicator.min() - 2]
            point[of_value] = (known.upper if rng.random() < 0.5 else known.lower)[of_value]
        assert known.contains(point)
        drawn.append(point)
    return drawn


def test_rules_keep_every_row_on_every_path():
    """Presence, energy, inverters and the grid, with the violations that are paid for."""
    found, values = solved()
    programme = found.dispatch.programme
    for point in points(found, 50):
        assert programme.violation(values, point) <= 1e-6


def test_nobody_exchanges_power_while_a_late_trip_is_on_the_road():
    found, values = solved()
    slots, dispatch = found.presence, found.dispatch
    assert (slots.trip >= 0).any()
    answers = set()
    for point in points(found, 50):
        plan = dispatch.programme.decide(values, point)
        congested = point[dispatch.uncertain.indicator[slots.trip]] * (slots.trip >= 0)
        away = (slots.base + slots.slope * congested) == 0
        for power in (dispatch.powers.charge, dispatch.powers.discharge):
            assert np.abs(plan[power][away]).max(initial=0.0) <= 1e-6
        answers.add(bool(away.any()))
    assert answers == {True, False}


def test_powers_depend_only_on_what_was_observed_before_their_period():
    found, values = solved()
    slots, dispatch = found.presence, found.dispatch
    programme, known = dispatch.programme, found.dispatch.programme.uncertainty
    one, *others = points(found, 8)
    moved = False
    for other in others:
        for t in range(1, 8):
            # Signals of t are errors known when t begins; traffic of t is not.
            later = np.where(known.indicator, known.period >= t, known.period > t)
            mixed = np.where(later, other, one)
            before, after = (programme.decide(values, point) for point in (one, mixed))
            early = slots.period <= t
            for power in (dispatch.powers.charge, dispatch.powers.discharge):
                assert np.array_equal(before[power][early], after[power][early])
                moved |= not np.allclose(before[power], after[power])
    assert moved


@pytest.mark.parametrize("objective", ["nominal", "worst_case"])
def test_duality_and_extreme_points_dispatch_alike(objective):
    """On the rows that the dispatch ended with."""
    programme = solved(horizon=3, objective=objective)[0].dispatch.programme
    dual = solve(dual_counterpart(programme)).objective
    found = solve_by_extreme_points(programme).solution.objective
    assert found == pytest.approx(dual, rel=1e-5, abs=1e-3)


def test_the_worst_case_costs_more_and_an_adaptive_trip_can_be_solved():
    nominal, worst = (
        solved(horizon=4, objective=each)[0].usd for each in ("nominal", "worst_case")
    )
    assert worst > nominal
    own = decision(horizon=4)
    column = late_trip(own)
    (trip,) = own.roads.trips(0, column.routes[0], 4)
    found = own.solve(Column(column.routes, {0: trip}), np.inf)
    assert found is not None
    stays = (found.presence.vehicle == 0) & (found.presence.station == trip.start)
    assert (found.presence.period[stays] > trip.period).any()


def test_rows_of_the_grid_that_were_left_out_would_cost_next_to_nothing_together():
    own = decision()
    found = own.solve(next(own.columns()), np.inf)
    assert found is not None
    before = found.solution.objective
    found.dispatch.add(np.arange(len(own._limits.base)))
    every_row = solve(dual_counterpart(found.dispatch.programme)).objective
    assert before - 1e-4 <= every_row <= before + 1.0


@pytest.mark.parametrize("period", [0, 2])
def test_a_violation_that_nothing_can_avoid_costs_its_price(period):
    """On the worst and the expected paths together, now and later; on the worst alone a share."""
    usd = [usd_beyond(period, *mw) for mw in ((10.0, 10.0), (20.0, 20.0), (20.0, 10.0))]
    limits = decision()._limits
    price = 10 * limits.rows.usd[some_row(limits, period)]
    assert usd[1] - usd[0] == pytest.approx(price)
    assert 0 < limits.shares[-1] < 0.1
    assert usd[2] - usd[0] == pytest.approx(limits.shares[-1] * price)


def some_row(limits: RobustLimits, period: int) -> int:
    return int(np.flatnonzero(limits.rows.period == period)[5])


def usd_beyond(period: int, worst_mw: float, expected_mw: float) -> float:
    """What a decision costs with one row of the grid beyond its limit."""
    own = decision()
    row = some_row(own._limits, period)
    own._limits.base[row] += worst_mw
    own._limits.expected[:, row] += expected_mw
    own._rows = np.union1d(own._rows, [row])
    found = own.solve(next(own.columns()), np.inf)
    assert found is not None
    return found.usd


@pytest.mark.parametrize("level", [0.0, 0.8, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("used", [0.0, 0.4, 0.7, 1.0])
def test_a_violation_costs_its_conditional_value_at_risk(level, used):
    """With a part of the room used up: against the mean of the worst of a million errors."""
    room = 2.8
    errors = np.sort(np.random.default_rng(1).standard_normal(1_000_000))
    # None is beyond the worst path.
    worst = np.minimum(errors[int(level * len(errors)) :], room)
    cvar = np.maximum(worst - used * room, 0.0).mean()
    points, shares = priced_violations(level, room)
    assert points[-1] == 1
    assert shares.sum() == pytest.approx(1.0)
    priced = room * shares @ np.maximum(points - used, 0.0)
    # Chords lie above the law, by no more than this.
    assert -0.001 <= priced - cvar <= 0.15


def test_violations_are_priced_at_equal_distances_up_to_all_of_the_room():
    """Of the period that begins, of which nothing is known beforehand."""
    limits = decision()._limits
    left = (limits.base - limits.expected)[:, limits.rows.period == 0]
    assert left.max() > 0.01
    np.testing.assert_allclose(left[0], 2 * left[1], atol=1e-9)


def test_the_higher_the_level_the_dearer_the_plan():
    usd = []
    for level in (0.0, 0.8, 0.95, 0.999):
        own = decision(cvar_level=level)
        found = own.solve(next(own.columns()), np.inf)
        assert found is not None
        usd.append(found.usd)
    assert (np.diff(usd) > 0).all()


def test_of_charging_and_discharging_at_once_the_smaller_gives_way():
    """Of the plan without that rule, each slot keeps the larger of both powers."""
    # Nearly the worst path alone counts; without the rule this plan does both in some slots.
    own = decision(cvar_level=0.999)
    found = own.solve(next(own.columns()), np.inf)
    assert found is not None
    dispatch, model = found.dispatch, found.dispatch.model

    def plan(values: np.ndarray) -> np.ndarray:
        nominal = dispatch.nominal(values[: len(dispatch.programme.model.cost)])
        return nominal[[dispatch.powers.charge, dispatch.powers.discharge]]

    kept = plan(found.solution.values)
    assert (kept.min(axis=0) <= 1e-4).all()
    model._fixed.clear()
    free = plan(solve(dual_counterpart(dispatch.programme)).values)
    both = free.min(axis=0) > 1e-3
    assert both.any()
    larger = free[:, both].argmax(axis=0)
    assert (kept[1 - larger, both] <= 1e-4).all()
