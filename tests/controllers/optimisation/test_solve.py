"""The door to the solver: status, bound and messages say what happened."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from controllers.optimisation.growing_model import GrowingModel
from controllers.optimisation.kept_solver import KeptSolver
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import AT_LOWER, BASIC, Basis
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from sim.control import SolveStatus
from sim.errors import SolverError


def knapsack(n: int = 40, rows: int = 25, *, integer: bool = True, **changes) -> LinearModel:
    rng = np.random.default_rng(3)
    matrix = sparse.csr_array(rng.integers(0, 20, (rows, n)).astype(float))
    values = {
        "cost": -rng.random(n),
        "matrix": matrix,
        "row_lower": np.full(rows, -np.inf),
        "row_upper": 0.3 * matrix.sum(axis=1),
        "lower": np.zeros(n),
        "upper": np.ones(n),
        "integer": np.full(n, integer),
        "offset": 5.0,
    }
    return LinearModel(**(values | changes))


def feasible(model: LinearModel, values: np.ndarray) -> bool:
    rows = model.matrix @ values
    within = (rows >= model.row_lower - 1e-6) & (rows <= model.row_upper + 1e-6)
    return bool(within.all() and (values >= model.lower).all() and (values <= model.upper).all())


def test_a_linear_model_is_solved_and_its_duals_price_the_rows():
    model = knapsack(integer=False)
    solution = solve(model, duals=True)
    assert solution.status is SolveStatus.OPTIMAL
    assert solution.bound == solution.objective
    assert feasible(model, solution.values)
    wider = solve(knapsack(integer=False, row_upper=model.row_upper + 1e-4))
    assert wider.objective - solution.objective == pytest.approx(1e-4 * solution.duals.sum())


def test_a_small_integer_model_equals_enumeration():
    model = knapsack(n=10, rows=3)
    choices = (np.arange(2**10)[:, None] >> np.arange(10)) & 1
    rows = (model.matrix @ choices.T).T
    allowed = (rows <= model.row_upper).all(axis=1)
    best = (choices[allowed] @ model.cost).min() + model.offset
    solution = solve(model)
    assert solution.status is SolveStatus.OPTIMAL
    assert solution.objective == pytest.approx(best, abs=1e-9)
    assert solution.bound == pytest.approx(best, abs=1e-6)


def test_a_search_that_stops_at_its_nodes_says_feasible_and_keeps_an_honest_bound():
    model = knapsack()
    stopped = solve(model, limits=WorkLimits(nodes=1))
    proven = solve(model)
    assert stopped.status is SolveStatus.FEASIBLE
    assert proven.status is SolveStatus.OPTIMAL
    assert stopped.bound <= proven.objective <= stopped.objective
    assert stopped.bound < stopped.objective


def test_a_search_never_returns_less_than_its_start():
    model = knapsack()
    best = solve(model)
    again = solve(model, limits=WorkLimits(nodes=1), start=best.values)
    assert again.objective == pytest.approx(best.objective, abs=1e-9)


def test_the_same_model_gives_the_same_bytes():
    first, second = (solve(knapsack(), limits=WorkLimits(nodes=20)) for _ in range(2))
    assert first.values.tobytes() == second.values.tobytes()
    assert (first.objective, first.bound) == (second.objective, second.bound)


def test_the_wall_clock_is_named_when_it_ends_a_search():
    assert solve(knapsack(), limits=WorkLimits(deadline_s=1e-3)).status is SolveStatus.DEADLINE


def test_the_wall_clock_is_told_from_the_iterations() -> None:
    model = knapsack(integer=False)
    assert solve(model, limits=WorkLimits(deadline_s=1e-9)).status is SolveStatus.DEADLINE
    assert solve(model, limits=WorkLimits(iterations=1)).status is not SolveStatus.DEADLINE


@pytest.mark.parametrize("integer", [False, True])
def test_a_model_without_a_solution_is_called_infeasible(integer):
    solution = solve(knapsack(integer=integer, lower=np.ones(40)))
    assert solution.status is SolveStatus.INFEASIBLE
    assert solution.values is None
    assert solution.bound is None


@pytest.mark.parametrize("integer", [False, True])
def test_a_refusal_says_what_the_solver_did_not_like(integer):
    with pytest.raises(SolverError, match="NaN"):
        solve(knapsack(integer=integer, cost=np.full(40, np.nan)))
    with pytest.raises(SolverError, match="lower_bound > upper_bound"):
        solve(knapsack(integer=integer, lower=np.full(40, 2.0)))


def halved(model: LinearModel, basis: Basis | None = None) -> GrowingModel:
    """Return a model with the first half of its rows, grown by the others and a slack for each."""
    half = len(model.row_upper) // 2
    first = dataclasses.replace(
        model,
        matrix=model.matrix[:half],
        row_lower=model.row_lower[:half],
        row_upper=model.row_upper[:half],
    )
    growing = GrowingModel(first, basis, WorkLimits())
    growing.solve()
    n = len(model.row_upper) - half
    more = sparse.csr_array(sparse.hstack([model.matrix[half:], -sparse.identity(n)]))
    growing.add(np.full(n, 1e3), np.full(n, np.inf), more, model.row_upper[half:])
    return growing


def test_a_model_that_grows_ends_where_the_whole_one_does():
    model = knapsack(integer=False)
    whole = solve(model)
    # Half a basis will do: what is missing is filled in.
    basis = Basis(variables=np.full(40, BASIC), rows=np.full(12, AT_LOWER))
    for start in (None, basis):
        grown = halved(model, start).solve()
        assert grown.status is SolveStatus.OPTIMAL
        assert grown.objective == pytest.approx(whole.objective, abs=1e-7)


def test_a_model_may_grow_integers():
    model = knapsack(integer=False)
    growing = halved(model)
    mode = sparse.csr_array(([1.0, 1.0], ([0, 0], [0, growing.model.matrix.shape[1]])))
    growing.add(np.array([-10.0]), np.ones(1), mode, np.ones(1), integer=True)
    solution = growing.solve()
    assert solution.status is SolveStatus.OPTIMAL
    assert solution.values[-1] == 1.0
    assert solution.values[0] == 0.0


@pytest.mark.parametrize("wrong", ["abnormal", SolveStatus.INFEASIBLE, SolveStatus.FEASIBLE])
def test_a_simplex_method_that_fails_from_an_old_basis_starts_from_scratch(monkeypatch, wrong):
    model = knapsack(integer=False)
    growing = halved(model)
    honest = KeptSolver.solve

    def lost(self, model, **options):
        if wrong == "abnormal":
            raise SolverError("Unexpected GLOP termination reason: ABNORMAL")
        return dataclasses.replace(honest(self, model, **options), status=wrong, objective=0.0)

    monkeypatch.setattr(KeptSolver, "solve", lost)
    found = growing.solve()
    assert found.status is SolveStatus.OPTIMAL
    assert found.objective == pytest.approx(solve(model).objective, abs=1e-7)


def test_a_wrong_model_is_refused_however_it_is_solved():
    with pytest.raises(SolverError, match="NaN"):
        GrowingModel(knapsack(integer=False, cost=np.full(40, np.nan)), None, WorkLimits()).solve()


def test_a_model_on_which_glop_goes_round_in_circles_is_solved():
    with np.load(Path(__file__).with_name("cycling.npz")) as kept:
        own = dict(kept)
    shape = (len(own["row_upper"]), len(own["cost"]))
    matrix = sparse.csr_array((own.pop("data"), own.pop("indices"), own.pop("indptr")), shape)
    model = LinearModel(matrix=matrix, integer=np.zeros(shape[1], dtype=bool), **own)
    solution = solve(model)
    assert solution.status is SolveStatus.OPTIMAL
    assert feasible(model, solution.values)
    assert solution.objective == pytest.approx(solve(model, highs=True).objective, rel=1e-9)


def test_duals_are_refused_where_there_are_none():
    with pytest.raises(ValueError, match="duals"):
        solve(knapsack(), duals=True)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="cost"):
        knapsack(cost=np.zeros(3))


@pytest.mark.parametrize(
    "limits", [{"nodes": 0}, {"iterations": 0}, {"relative_gap": -1.0}, {"deadline_s": 0.0}]
)
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises(ValueError, match=next(iter(limits))):
        WorkLimits(**limits)
