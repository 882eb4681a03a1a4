"""Uncertain travel times in location rows: nobody injects while still on the road."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from controllers.optimisation.solve import solve
from controllers.uncertainty_sets.budgets import BudgetedBox
from controllers.uncertainty_sets.duality import dual_counterpart
from controllers.uncertainty_sets.extreme_points import solve_by_extreme_points
from controllers.uncertainty_sets.lifting import LiftedSet, lift
from controllers.uncertainty_sets.robust_model import RobustModel

T = 4
CONGESTED_FROM = 0.6
EARNS = np.array([1.0, 5.0, 3.0, 2.0])


def roads() -> LiftedSet:
    """Traffic of each period in [0, 1], calm in the nominal case; congested from 0.6."""
    calm = np.zeros((T, 1))
    own = BudgetedBox.around(calm, calm, np.ones((T, 1)), floor=0.0)
    return lift(own, {(t, 0): (CONGESTED_FROM,) for t in range(T)})


def trip(*, adaptive: bool) -> tuple[LiftedSet, RobustModel, np.ndarray, np.ndarray]:
    """One truck, one trip of 1 period, 2 where the roads are congested at its departure.

    Returns the departures and the injection at the goal, here and now or following indicators.
    """
    known = roads()
    columns = known.columns
    congested = np.array([value.indicators[0] for value in known.values])
    model = RobustModel(columns)
    departs = model.decisions(T, upper=1.0, integer=True)
    model.entries(model.rows(1, upper=1.0), departs, 1.0)
    seen = model.seen_by(np.arange(T) - 1, only=columns.indicator)
    injects = model.rules(seen & adaptive, upper=1.0, cost=-EARNS)
    rows = model.rows(T, upper=0.0)
    model.entries(rows, injects, 1.0)
    for t in range(T):
        # There is who left at least two periods ago, or one period ago on free roads.
        early, late = np.arange(t - 1), np.arange(max(t - 1, 0), t)
        model.entries(rows[t], departs[np.concatenate([early, late])], -1.0)
        model.products(rows[t], congested[late], departs[late], 1.0)
    return known, model, departs, injects


@pytest.mark.parametrize(("adaptive", "earned"), [(False, 5.0), (True, 10.0)])
def test_nobody_injects_on_the_road_whatever_the_traffic(adaptive, earned):
    """Fixed injection waits for the late arrival; rules inject in period 1 where roads are free."""
    known, model, departs, injects = trip(adaptive=adaptive)
    programme = model.build()
    found = solve(dual_counterpart(programme))
    assert found.objective == pytest.approx(-earned)
    points = solve_by_extreme_points(programme).solution
    assert points.objective == pytest.approx(-earned)
    answers = set()
    for values in (found.values[: len(programme.model.cost)], points.values):
        for traffic in itertools.product((0.0, 0.5, 0.7, 1.0), repeat=T):
            plan = programme.decide(values, known.lift(np.array(traffic)[:, None]))
            (left,) = np.flatnonzero(np.round(plan[departs]))
            arrival = left + (2 if traffic[left] >= CONGESTED_FROM else 1)
            on_the_road = np.arange(T) < arrival
            assert np.abs(plan[injects][on_the_road]).max() <= 1e-6
            answers.add(tuple(np.round(plan[injects], 6)))
    assert (len(answers) > 1) is adaptive
