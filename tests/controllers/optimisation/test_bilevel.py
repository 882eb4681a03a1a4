"""Bilevel programmes: decomposition equals brute force, its bounds are monotone and meet."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import sparse

from controllers.optimisation.bilevel.decomposition import BilevelSolution, solve_bilevel
from controllers.optimisation.bilevel.problem import BilevelProblem, Follower
from controllers.optimisation.model import LinearModel
from sim.control import SolveStatus
from tests.controllers.optimisation.toy_rental import brute_force, problem, toy


def check(seed: int, n_periods: int) -> BilevelSolution:
    own = toy(seed, n_periods)
    found = solve_bilevel(problem(own))
    assert found.status is SolveStatus.OPTIMAL
    wanted = brute_force(own)
    tolerance = 1e-4 * max(1.0, abs(wanted))
    assert found.objective == pytest.approx(wanted, abs=tolerance)
    for before, after in itertools.pairwise(found.log):
        assert after.lower >= before.lower
        assert after.upper <= before.upper
    assert found.log[-1].gap <= 1e-4
    for round_ in found.log:
        assert round_.lower - tolerance <= wanted <= round_.upper + tolerance
    return found


@pytest.mark.parametrize("seed", range(2))
def test_decomposition_equals_brute_force(seed):
    check(seed, n_periods=3)


@pytest.mark.slow
def test_decomposition_equals_brute_force_on_forty_cases():
    found = [check(seed, n_periods=4) for seed in range(40)]
    assert max(len(own.log) for own in found) > 2  # more than cooperation is at stake
    assert np.mean([own.objective < -1 for own in found]) > 0.5


def leader(n: int = 1, **changes) -> LinearModel:
    values = {
        "cost": np.zeros(n),
        "matrix": sparse.csr_array((0, n)),
        "row_lower": np.empty(0),
        "row_upper": np.empty(0),
        "lower": np.zeros(n),
        "upper": np.ones(n),
        "integer": np.ones(n, dtype=np.bool_),
    }
    return LinearModel(**(values | changes))


def follower(**changes) -> Follower:
    """Minimises -y over whole y in [0, 3] with y <= 2.5 - 2 x."""
    values = {
        "model": leader(
            cost=np.array([-1.0]),
            matrix=sparse.csr_array([[1.0]]),
            row_lower=np.array([-np.inf]),
            row_upper=np.array([2.5]),
            upper=np.array([3.0]),
        ),
        "linking": np.array([0]),
        "coupling": sparse.csr_array([[2.0]]),
        "bilinear": sparse.csr_array((1, 1)),
        "leader_cost": np.array([1.0]),
        "leader_bilinear": sparse.csr_array((1, 1)),
        "multiplier_bound": 10.0,
    }
    return Follower(**(values | changes))


def test_a_case_by_hand():
    """With x = 0 y is 2 and costs 2; with x = 1 y is 0, and x costs 1.5. Cooperation costs 0."""
    found = solve_bilevel(
        BilevelProblem(leader=leader(cost=np.array([1.5])), followers=(follower(),))
    )
    assert found.objective == pytest.approx(1.5)
    assert found.leader.tolist() == [1.0]
    assert found.log[0].lower == pytest.approx(0.0)
    assert found.log[-1].lower == pytest.approx(1.5)


def test_among_optimal_answers_the_leaders_favourite_counts():
    """The follower does not care; the leader earns by y."""
    own = follower()
    indifferent = dataclasses.replace(
        own,
        model=dataclasses.replace(own.model, cost=np.zeros(1)),
        leader_cost=np.array([-1.0]),
    )
    found = solve_bilevel(BilevelProblem(leader=leader(), followers=(indifferent,)))
    assert found.objective == pytest.approx(-2.0)
    assert found.answers[0].tolist() == [2.0]


def test_a_leader_without_a_decision_is_infeasible():
    impossible = leader(
        matrix=sparse.csr_array([[1.0]]), row_lower=np.array([2.0]), row_upper=np.array([3.0])
    )
    found = solve_bilevel(BilevelProblem(leader=impossible, followers=(follower(),)))
    assert found.status is SolveStatus.INFEASIBLE
    assert found.leader is None


def test_a_follower_without_an_answer_is_named():
    own = follower()
    stuck = dataclasses.replace(
        own,
        model=dataclasses.replace(own.model, row_lower=np.array([2.2]), row_upper=np.array([2.8])),
        coupling=sparse.csr_array([[0.0]]),
    )
    # The relaxation has no answer either: the leader's problem says so.
    found = solve_bilevel(BilevelProblem(leader=leader(), followers=(stuck,)))
    assert found.status is SolveStatus.INFEASIBLE


def test_a_multiplier_beyond_its_bound_is_refused():
    own = toy(0)
    whole = problem(own)
    small = tuple(dataclasses.replace(one, multiplier_bound=1.0) for one in whole.followers)
    with pytest.raises(ValueError, match=r"multiplier_bound\(=1.0\) is too small"):
        solve_bilevel(dataclasses.replace(whole, followers=small))


def test_linking_variables_must_be_binary():
    with pytest.raises(ValueError, match="not binary: state prices and budgets in discrete levels"):
        BilevelProblem(leader=leader(upper=np.array([2.0])), followers=(follower(),))


def test_followers_need_finite_bounds():
    with pytest.raises(ValueError, match="finite bounds"):
        follower(model=dataclasses.replace(follower().model, upper=np.array([np.inf])))
    with pytest.raises(ValueError, match="multiplier_bound"):
        follower(multiplier_bound=0.0)
    with pytest.raises(ValueError, match="coupling has shape"):
        follower(coupling=sparse.csr_array((2, 1)))
