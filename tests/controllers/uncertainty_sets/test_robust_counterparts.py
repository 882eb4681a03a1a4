"""Two robust counterparts agree with each other and with brute force; rules do not anticipate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.uncertainty_sets.duality import dual_counterpart
from controllers.uncertainty_sets.extreme_points import solve_by_extreme_points
from controllers.uncertainty_sets.robust_model import RobustModel
from controllers.uncertainty_sets.uncertainty_set import box
from sim.control import SolveStatus
from tests.controllers.uncertainty_sets.storage_problem import (
    SHED_USD_PER_MWH,
    StorageProblem,
    storage_problem,
)

EXACT = WorkLimits(relative_gap=0.0)


def by_duality(problem: StorageProblem):
    found = solve(dual_counterpart(problem.programme), limits=EXACT)
    assert found.status is SolveStatus.OPTIMAL
    return found.objective, found.values[: len(problem.programme.model.cost)]


def by_points(problem: StorageProblem):
    found = solve_by_extreme_points(problem.programme, EXACT)
    assert found.solution.status is SolveStatus.OPTIMAL
    return found.solution.objective, found.solution.values


def largest_violation(problem: StorageProblem, values: np.ndarray) -> float:
    """By a linear programme over the set for each row, solved by scipy."""
    programme, known = problem.programme, problem.programme.uncertainty
    worst = -np.inf
    for row in programme.coefficients(values):
        found = linprog(
            -row,
            A_ub=known.matrix,
            b_ub=known.limit,
            bounds=np.stack([known.lower, known.upper], 1),
        )
        worst = max(worst, programme.violation(values, found.x))
    return worst


def agree(seed: int, *, integer: bool) -> None:
    problem = storage_problem(seed, integer=integer)
    (dual, x), (points, y) = by_duality(problem), by_points(problem)
    assert points == pytest.approx(dual, rel=1e-5)
    assert largest_violation(problem, x) <= 1e-6
    assert largest_violation(problem, y) <= 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_duality_and_extreme_points_have_one_optimum_and_violate_nothing(seed):
    agree(seed, integer=seed < 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 130))
def test_duality_and_extreme_points_agree_on_sixty_problems(seed):
    agree(seed, integer=False)
    agree(seed, integer=True)


@pytest.mark.parametrize("integer", [False, True])
def test_robustness_costs(integer):
    """Else agreement would say nothing: the sets matter to these problems."""
    dearer = 0
    for seed in range(8):
        (robust, _), (certain, _) = (
            by_duality(storage_problem(seed, radius, integer=integer)) for radius in (1.0, 0.0)
        )
        dearer += robust > certain * 1.001 + 0.1
    assert dearer >= 3


@pytest.mark.parametrize("seed", range(6))
def test_without_uncertainty_both_are_the_deterministic_optimum(seed):
    problem = storage_problem(seed, 0.0)
    (dual, _), (points, _) = by_duality(problem), by_points(problem)
    assert dual == pytest.approx(points, rel=1e-9)
    assert dual == pytest.approx(deterministic(seed), rel=1e-7)


@pytest.mark.parametrize("seed", range(6))
def test_brute_force_over_all_vertices_agrees(seed):
    problem = storage_problem(seed, n_periods=2, lifted=False)
    (dual, _), (points, _) = by_duality(problem), by_points(problem)
    wanted = brute_force(seed, problem)
    assert dual == pytest.approx(wanted, rel=1e-6)
    assert points == pytest.approx(wanted, rel=1e-6)


def test_the_response_up_to_t_does_not_depend_on_what_comes_after_t():
    """Charging of t follows t - 1, import and shedding follow t."""
    rng = np.random.default_rng(5)
    moved = 0
    for seed in range(6):
        problem = storage_problem(seed, integer=True)
        _, values = by_duality(problem)
        box_, lifted = problem.lifted.box, problem.lifted
        for _ in range(20):
            path = rng.uniform(box_.lower, box_.upper)
            for t in range(3):
                other = path.copy()
                other[t:] = rng.uniform(box_.lower, box_.upper)[t:]
                one, two = (
                    problem.programme.decide(values, lifted.lift(own)) for own in (path, other)
                )
                # Up to t - 1 the paths are one: all decisions before t, and charging in t.
                for own in (problem.imported[:t], problem.shed[:t], problem.charge[: t + 1]):
                    assert np.array_equal(one[own], two[own])
                moved += not np.array_equal(one[problem.imported[t]], two[problem.imported[t]])
    assert moved > 100  # rules do respond


def test_binary_rules_are_0_or_1_at_every_path():
    """One unit may run where the indicator is 0; the rule says so for every value of the set."""
    problem = storage_problem(2, integer=True)
    _, values = by_duality(problem)
    lifted = problem.lifted
    rng = np.random.default_rng(6)
    unit = len(problem.programme.rules.indptr) - 1
    unit = unit // (lifted.columns.n_columns + 1) - 1
    answers = []
    for _ in range(100):
        path = rng.uniform(lifted.box.lower, lifted.box.upper)
        point = lifted.lift(path)
        answer = problem.programme.decide(values, point)[unit]
        assert answer == pytest.approx(1.0 - point[lifted.columns.indicator].sum(), abs=1e-9)
        answers.append(round(answer))
    assert set(answers) == {0, 1}


def test_a_rule_times_an_uncertain_column_is_refused():
    model = RobustModel(box(np.zeros(1), np.ones(1)))
    rule = model.rules(model.seen_by(np.array([0])))
    with pytest.raises(ValueError, match="not affine"):
        model.products(model.rows(1, upper=1.0), np.array([0]), rule, 1.0)


def test_an_integer_rule_over_values_is_refused():
    model = RobustModel(box(np.zeros(1), np.ones(1)))
    with pytest.raises(ValueError, match="indicators only"):
        model.rules(model.seen_by(np.array([0])), integer=True)


def numbers(seed: int, n_periods: int):
    """The random numbers of `storage_problem`, drawn as it draws them."""
    rng = np.random.default_rng([seed, 2])
    price = rng.uniform(20, 120, n_periods)
    block = rng.uniform(2, 8)
    return price, block, rng.uniform(0.4, 1.2)


def deterministic(seed: int) -> float:
    """Without uncertainty, written down again: import i, shed s, charge c, blocks b."""
    price, block, most = numbers(seed, 3)
    net = storage_problem(seed, 0.0).lifted.constant.reshape(3, 2) @ [1.0, -1.0]
    cost = np.concatenate([price, np.full(3, SHED_USD_PER_MWH), np.zeros(3), [block]])
    eye, stored = np.eye(3), np.tril(np.ones((3, 3)))
    balance = np.hstack([eye, eye, -eye, np.zeros((3, 1))])
    empty = np.hstack([np.zeros((3, 6)), -stored, np.zeros((3, 1))])
    full = np.hstack([np.zeros((3, 6)), stored, np.full((3, 1), -0.5)])
    bounds = [(None, most)] * 3 + [(0, None)] * 3 + [(-0.5, 0.5)] * 3 + [(0, 3)]
    return linprog(
        cost,
        A_ub=np.vstack([empty, full]),
        b_ub=np.zeros(6),
        A_eq=balance,
        b_eq=net,
        bounds=bounds,
    ).fun


def vertices(problem: StorageProblem) -> np.ndarray:
    """All vertices of the budgeted box of two periods and two components, ``(n, 4)`` values.

    In each orthant the absolute relative deviations form a polytope; all intersections of four of
    its faces that lie in it, with all signs.
    """
    box_ = problem.lifted.box
    faces = np.vstack(
        [np.eye(4), -np.eye(4), [[1, 1, 0, 0], [0, 0, 1, 1]], [[1, 0, 1, 0], [0, 1, 0, 1]]]
    )
    limit = np.concatenate([np.ones(4), np.zeros(4), box_.over_components, box_.over_time])
    faces, limit = faces[np.isfinite(limit)], limit[np.isfinite(limit)]
    found = set()
    for chosen in itertools.combinations(range(len(faces)), 4):
        own = faces[list(chosen)]
        if abs(np.linalg.det(own)) > 1e-9:
            corner = np.linalg.solve(own, limit[list(chosen)])
            if (faces @ corner <= limit + 1e-9).all():
                found.add(tuple(np.round(corner, 9)))
    signed = {
        tuple(np.array(corner) * signs)
        for corner in found
        for signs in itertools.product((-1.0, 1.0), repeat=4)
    }
    relative = np.array(sorted(signed))
    allowed = np.where(relative > 0, box_.above.ravel(), box_.below.ravel())
    return np.maximum(box_.centre.ravel() + relative * allowed, 0.0)


def brute_force(seed: int, problem: StorageProblem) -> float:
    """Affine rules, every row at every vertex, two periods of load and sun.

    Variables: block, cost; charge 0; charge 1 and its slopes in load 0 and sun 0; shed 0 and its
    two slopes; shed 1 and its four. Import is what is left: it must have the same freedom.
    """
    price, block, most = numbers(seed, 2)
    points = vertices(problem)
    off = points - problem.lifted.box.centre.ravel()
    n = 14
    rows, limit = [], []

    def row(value: np.ndarray, at_most: float) -> None:
        rows.append(value)
        limit.append(at_most)

    def unit(*columns: int, values: tuple[float, ...] | None = None) -> np.ndarray:
        vector = np.zeros(n)
        vector[list(columns)] = 1.0 if values is None else values
        return vector

    nominal = None
    for own, z in [
        (problem.lifted.box.centre.ravel(), np.zeros(4)),
        *zip(points, off, strict=True),
    ]:
        charge = [unit(2), unit(3, 4, 5, values=(1.0, z[0], z[1]))]
        shed = [
            unit(6, 7, 8, values=(1.0, z[0], z[1])),
            unit(9, 10, 11, 12, 13, values=(1.0, *z)),
        ]
        net = [own[0] - own[1], own[2] - own[3]]
        imported = [c - s for c, s in zip(charge, shed, strict=True)]
        cost = block * unit(0)
        constant = 0.0
        stored = np.zeros(n)
        for t in range(2):
            row(charge[t], 0.5)
            row(-charge[t], 0.5)
            row(-shed[t], 0.0)
            row(imported[t], most - net[t])
            stored = stored + charge[t]
            row(-stored, 0.0)
            row(stored - 0.5 * unit(0), 0.0)
            cost = cost + price[t] * imported[t] + SHED_USD_PER_MWH * shed[t]
            constant += price[t] * net[t]
        if nominal is None:
            nominal = (cost, constant)
        row(cost - unit(1), -constant)
    bounds = [(0, 3)] + [(None, None)] * (n - 1)
    objective = unit(1) if seed % 2 else nominal[0]
    found = linprog(objective, A_ub=np.array(rows), b_ub=np.array(limit), bounds=bounds)
    return found.fun + (0.0 if seed % 2 else nominal[1])
