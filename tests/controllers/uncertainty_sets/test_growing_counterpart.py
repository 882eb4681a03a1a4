"""A counterpart whose model grows and loses freedom ends where one that is built anew does."""

from __future__ import annotations

import numpy as np
import pytest

from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.uncertainty_sets.duality import GrowingCounterpart, dual_counterpart
from controllers.uncertainty_sets.robust_model import RobustModel
from controllers.uncertainty_sets.uncertainty_set import box
from sim.control import SolveStatus

N_PERIODS = 3


def rules_of(rng: np.random.Generator, *, worst_case: bool) -> tuple[RobustModel, np.ndarray]:
    """A model of rules that each cost something and follow the periods before them."""
    half = rng.uniform(0.1, 1.0, 2 * N_PERIODS)
    columns = box(-half, half, period=np.repeat(np.arange(N_PERIODS), 2))
    model = RobustModel(columns, worst_case=worst_case)
    seen = model.seen_by(np.tile(np.arange(N_PERIODS), 3) - 1)
    return model, model.rules(seen, upper=5.0, cost=rng.uniform(1, 3, len(seen)))


def add_demand(model: RobustModel, rules: np.ndarray, rng: np.random.Generator, n: int) -> None:
    """Rules must meet demands that are uncertain, or what is missing is paid for."""
    rows = model.rows(n, upper=-rng.uniform(1.0, 4.0, n))
    model.entries(rows[:, None], rules, -rng.uniform(0.0, 1.0, (n, len(rules))))
    model.entries(rows, model.decisions(n, cost=rng.uniform(1.0, 20.0, n)), -1.0)
    model.uncertain(rows[:, None], np.arange(2 * N_PERIODS), rng.normal(size=(n, 2 * N_PERIODS)))


@pytest.mark.parametrize("worst_case", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_a_counterpart_that_grows_ends_where_a_new_one_does(seed, worst_case):
    rng = np.random.default_rng(seed)
    model, rules = rules_of(rng, worst_case=worst_case)
    add_demand(model, rules, rng, 2)
    growing = GrowingCounterpart(model, WorkLimits())
    growing.solve()
    dearer = [0.0]
    for step in range(5):
        if step % 2:
            model.fix(rng.choice(rules, 2))
        else:
            add_demand(model, rules, rng, 1 + step)
        found, programme = growing.solve(), model.build()
        anew = solve(dual_counterpart(programme))
        assert found.status is SolveStatus.OPTIMAL
        assert found.objective == pytest.approx(anew.objective, rel=1e-7)
        assert programme.model.cost @ found.values == pytest.approx(anew.objective, rel=1e-7)
        dearer.append(found.objective)
        for sign in rng.choice([-1.0, 1.0], (20, 2 * N_PERIODS)):
            point = np.where(sign < 0, programme.uncertainty.lower, programme.uncertainty.upper)
            assert programme.violation(found.values, point) <= 1e-6
        held = model.affine(found.values)
        fixed = np.flatnonzero(np.abs(held).max(axis=1) == 0)
        assert len(fixed) >= (step > 0)
    assert (np.diff(dearer) >= -1e-6).all()
    assert dearer[-1] > dearer[1]


def test_a_row_that_must_equal_something_does_not_join():
    model, rules = rules_of(np.random.default_rng(0), worst_case=False)
    growing = GrowingCounterpart(model, WorkLimits())
    growing.solve()
    model.entries(model.rows(1, lower=1.0, upper=1.0), rules[:1], 1.0)
    with pytest.raises(ValueError, match="must equal"):
        growing.solve()


def test_a_row_that_was_built_takes_no_more_entries():
    model, rules = rules_of(np.random.default_rng(0), worst_case=False)
    row = model.rows(1, upper=1.0)
    model.build()
    with pytest.raises(ValueError, match="no more entries"):
        model.entries(row, rules[:1], 1.0)
