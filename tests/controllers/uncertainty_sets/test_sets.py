"""Sets: what is inside, what lifting adds, how large they must be, and which are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from controllers.optimisation.moving_cost import MovingCost
from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.coverage import fit_radius
from controllers.uncertainty_sets.lifting import lift, with_products
from controllers.uncertainty_sets.uncertainty_set import (
    UncertaintySet,
    UncertaintySetError,
    box,
    product,
)

CENTRE = np.array([[1.0, 2.0], [1.5, 0.5]])
ONE = np.ones((2, 2))


def budgeted(**changes) -> BudgetedBox:
    values = {"over_components": 1.5, "over_time": 1.2, **changes}
    return BudgetedBox.around(CENTRE, 0.4 * ONE, 0.8 * ONE, **values)


def test_the_gauge_is_the_least_radius_that_contains_a_path():
    rng = np.random.default_rng(1)
    own = budgeted()
    paths = CENTRE + rng.normal(0, 0.7, (500, 2, 2))
    for path, gauge in zip(paths, own.gauge(paths), strict=True):
        for radius, inside in ((gauge * 1.001, True), (gauge * 0.999, False)):
            scaled = own.scaled(radius)
            relative = np.where(path > CENTRE, (path - CENTRE) / 0.8, (CENTRE - path) / 0.4)
            by_hand = (
                relative.max() <= radius
                and relative.sum(axis=1).max() <= 1.5 * radius
                and relative.sum(axis=0).max() <= 1.2 * radius
            )
            assert by_hand is np.bool_(inside)
            assert scaled.contains(path[None])[0] == inside


def test_a_path_is_inside_the_lifted_set_if_and_only_if_it_is_inside_the_set():
    rng = np.random.default_rng(2)
    lifted = lift(budgeted(), {(0, 0): (0.9, 1.2), (1, 1): (0.5,)})
    paths = CENTRE + rng.uniform(-0.5, 0.9, (500, 2, 2))
    inside = lifted.box.contains(paths)
    assert 20 < inside.sum() < 480
    for path, expected in zip(paths, inside, strict=True):
        point = lifted.lift(path)
        if expected:
            assert np.allclose(lifted.path(point), path)
        assert (
            lifted.columns.contains(point) and np.allclose(lifted.path(point), path)
        ) == expected


def test_the_lifted_hull_has_the_vertices_of_the_textbook():
    """One threshold: (l, 0), (b, 0), (b, 1), (u, 1) in value and indicator."""
    own = BudgetedBox.around(np.array([[0.5]]), np.array([[0.5]]), np.array([[0.5]]))
    lifted = lift(own, {(0, 0): (0.3,)})
    (value,) = lifted.values
    vertices = np.array([[0.0, 0.0], [0.3, 0.0], [0.3, 1.0], [1.0, 1.0]])
    worst = MovingCost(lifted.columns.support_model(np.zeros(3)))
    for direction in np.random.default_rng(3).normal(size=(200, 2)):
        cost = np.zeros(3)
        cost[list(value.segments)] = -direction[0]
        cost[list(value.indicators)] = -direction[1]
        assert -worst.solve(cost).objective == pytest.approx((vertices @ direction).max(), abs=1e-9)


def test_products_of_indicators_are_bounded_by_mccormick():
    """At whole indicators the product is exact; in between all four inequalities hold."""
    own = BudgetedBox.around(np.full((2, 1), 0.5), np.full((2, 1), 0.5), np.full((2, 1), 0.5))
    lifted = lift(own, {(0, 0): (0.3,), (1, 0): (0.6,)})
    pair = [value.indicators[0] for value in lifted.values]
    wider, (product,) = with_products(lifted.columns, np.array([pair]))
    assert wider.period[product] == 1
    for first in (0.0, 0.5, 1.0):
        for second in (0.0, 0.5, 1.0):
            fixed_lower, fixed_upper = wider.lower.copy(), wider.upper.copy()
            for column, value in zip(pair, (first, second), strict=True):
                fixed_lower[column] = fixed_upper[column] = value
            found = []
            for sign in (1.0, -1.0):
                cost = np.zeros(wider.n_columns)
                cost[product] = sign
                model = wider.support_model(cost)
                object.__setattr__(model, "lower", fixed_lower)
                object.__setattr__(model, "upper", fixed_upper)
                found.append(MovingCost(model).solve(cost).values[product])
            assert found == pytest.approx([max(0.0, first + second - 1), min(first, second)])


def test_each_value_is_a_group_unless_the_nominal_point_uses_the_budget():
    """Only what goes back to the nominal point without harm to others may be left out of rows."""
    lifted = lift(budgeted(), {(0, 0): (0.9,)})
    own = lifted.columns
    group = own.groups()
    for value in lifted.values:
        columns = [*value.segments, *value.indicators, value.size]
        assert len(set(group[columns])) == 1
    assert len(set(group)) == len(lifted.values) == 4
    used = own.nominal.copy()
    used[[value.size for value in lifted.values]] = 0.1
    assert len(set(dataclasses.replace(own, nominal=used).groups())) == 1


def test_in_a_product_each_part_has_its_own_worst_point():
    power, traffic = lift(budgeted()).columns, lift(budgeted(over_components=0.7)).columns
    both = product(power, traffic)
    cost = np.random.default_rng(8).normal(size=both.n_columns)
    n = power.n_columns
    worst = [
        MovingCost(own.support_model(part)).solve(part).objective
        for own, part in ((both, cost), (power, cost[:n]), (traffic, cost[n:]))
    ]
    assert worst[0] == pytest.approx(worst[1] + worst[2])
    assert len(set(both.groups())) == 8


def test_the_radius_contains_the_share_asked_for():
    rng = np.random.default_rng(4)
    own = budgeted()
    gauges = own.gauge(CENTRE + rng.standard_t(3, (40_000, 2, 2)))
    for coverage in (0.5, 0.9, 0.99):
        radius = fit_radius(gauges[:20_000], coverage)
        assert (gauges[20_000:] <= radius).mean() == pytest.approx(coverage, abs=0.012)


def test_what_is_certain_has_no_columns():
    own = BudgetedBox.around(CENTRE, 0 * ONE, np.array([[0.0, 1.0], [0.0, 0.0]]))
    lifted = lift(own)
    assert lifted.columns.n_columns == 1
    assert np.allclose(lifted.path(np.array([0.25])), CENTRE + np.array([[0, 0.25], [0, 0]]))
    assert own.gauge(CENTRE[None] + 0.1)[0] == np.inf
    assert own.gauge(CENTRE[None])[0] == 0.0


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.1, 1.5, np.nan])
def test_a_coverage_outside_0_and_1_is_refused(coverage):
    with pytest.raises(UncertaintySetError, match=r"coverage\(=.*\(0, 1\)"):
        fit_radius(np.ones(100), coverage)


def test_too_few_paths_are_refused_with_the_number_needed():
    with pytest.raises(UncertaintySetError, match="at least 9"):
        fit_radius(np.ones(8), 0.9)
    assert fit_radius(np.ones(9), 0.9) == 1.0


def test_values_that_depart_from_certainty_leave_no_finite_radius():
    with pytest.raises(UncertaintySetError, match="No finite radius"):
        fit_radius(np.full(100, np.inf), 0.9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"over_components": -1.0}, "over_components.*must be >= 0"),
        ({"over_time": -0.5}, "over_time.*must be >= 0"),
        ({"over_time": np.nan}, "over_time.*must be >= 0"),
        ({"floor": 3.0}, "below floor"),
    ],
)
def test_bad_budgets_are_refused(changes, message):
    with pytest.raises(UncertaintySetError, match=message):
        budgeted(**changes)


@pytest.mark.parametrize(
    ("below", "message"),
    [(-0.1 * ONE, "size of a deviation"), (np.inf * ONE, "unbounded")],
)
def test_bad_deviations_are_refused(below, message):
    with pytest.raises(UncertaintySetError, match=message):
        BudgetedBox.around(CENTRE, below, ONE)


@pytest.mark.parametrize("radius", [-1.0, np.inf, np.nan])
def test_a_bad_radius_is_refused(radius):
    with pytest.raises(UncertaintySetError, match="radius"):
        budgeted().scaled(radius)


def test_an_empty_set_is_refused():
    with pytest.raises(UncertaintySetError, match=r"empty: lower\[1\] = 2.0 > upper\[1\] = 1.0"):
        box(np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    with pytest.raises(UncertaintySetError, match="empty: no point"):
        UncertaintySet(
            lower=np.zeros(2),
            upper=np.ones(2),
            matrix=sparse.csr_array([[-1.0, -1.0]]),
            limit=np.array([-3.0]),
            nominal=np.ones(2),
            period=np.zeros(2, dtype=np.int64),
            indicator=np.zeros(2, dtype=np.bool_),
        )


def test_an_unbounded_set_is_refused():
    with pytest.raises(UncertaintySetError, match=r"unbounded: upper\[0\]"):
        box(np.zeros(1), np.array([np.inf]))


def test_thresholds_outside_the_bounds_are_refused():
    with pytest.raises(UncertaintySetError, match="must ascend strictly between"):
        lift(budgeted(), {(0, 0): (5.0,)})
    with pytest.raises(UncertaintySetError, match="no uncertain value"):
        lift(budgeted(), {(7, 0): (1.0,)})
