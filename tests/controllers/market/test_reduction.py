"""Fast forward selection against selections by brute force, and scenarios of the load."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from controllers.market.reduction import fast_forward_selection
from controllers.market.sampling import LoadError, load_scenarios
from sim.units import FloatArray
from tests.controllers.market.six_bus import six_bus


def distance(points: FloatArray, probability: FloatArray, selected: list[int]) -> float:
    """Return the Kantorovich distance of a selection to all scenarios."""
    away = np.linalg.norm(points[:, None] - points[selected], axis=2).min(axis=1)
    return float(probability @ away)


def cloud(seed: int, n: int = 9) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.1, 1.0, n)
    return rng.normal(size=(n, 3)), probability / probability.sum()


@pytest.mark.parametrize("seed", range(5))
def test_every_step_takes_the_scenario_that_brute_force_takes(seed: int) -> None:
    points, probability = cloud(seed)
    found, _ = fast_forward_selection(points, probability, 4)
    selected: list[int] = []
    for chosen in found.tolist():
        left = [distance(points, probability, [*selected, i]) for i in range(len(points))]
        assert left[chosen] == pytest.approx(min(left))
        selected.append(chosen)


def test_clusters_are_represented_as_the_best_of_all_selections_would() -> None:
    rng = np.random.default_rng(3)
    centre = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 12.0]])
    points = np.repeat(centre, 4, axis=0) + 0.1 * rng.normal(size=(12, 2))
    probability = np.full(12, 1 / 12)
    found, weight = fast_forward_selection(points, probability, 3)
    best = min(distance(points, probability, list(choice)) for choice in combinations(range(12), 3))
    assert distance(points, probability, found.tolist()) == pytest.approx(best, rel=0.05)
    np.testing.assert_allclose(weight, 1 / 3)


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_go_to_the_nearest_selected_scenario(seed: int) -> None:
    points, probability = cloud(seed)
    found, weight = fast_forward_selection(points, probability, 3)
    expected = np.zeros(3)
    for point, share in zip(points, probability, strict=True):
        expected[np.linalg.norm(points[found] - point, axis=1).argmin()] += share
    np.testing.assert_allclose(weight, expected)


def test_a_selection_of_all_keeps_all_and_one_of_none_is_refused() -> None:
    points, probability = cloud(1)
    found, weight = fast_forward_selection(points, probability, len(points))
    np.testing.assert_allclose(weight, probability[found])
    for n in (0, len(points) + 1):
        with pytest.raises(ValueError, match="between 1 and the 9 scenarios"):
            fast_forward_selection(points, probability, n)


def test_scenarios_of_the_load_follow_from_the_stream_and_keep_its_moments() -> None:
    case = six_bus()

    def drawn(seed: int, n_scenarios: int) -> FloatArray:
        found = load_scenarios(case, LoadError(), np.random.default_rng(seed), 1000, n_scenarios)
        assert found.probability.sum() == pytest.approx(1.0)
        np.testing.assert_array_equal(found.available_mw[-1], case.renewables.mw)
        factor = found.load_mw / case.demand.mw
        return np.column_stack([found.probability, factor[:, :, 0].mean(axis=1)])

    few, many = drawn(1, 10), drawn(1, 1000)
    np.testing.assert_array_equal(few, drawn(1, 10))
    assert not np.array_equal(few, drawn(2, 10))
    mean, spread = many[:, 1].mean(), many[:, 1].std()
    assert mean == pytest.approx(1.0, abs=0.01)
    assert spread == pytest.approx(0.10, abs=0.01)
    # Few scenarios keep the mean; they cannot keep all of the spread.
    kept = few[:, 0] @ few[:, 1]
    assert kept == pytest.approx(mean, abs=0.01)
    assert 0.08 < np.sqrt(few[:, 0] @ (few[:, 1] - kept) ** 2) < spread
