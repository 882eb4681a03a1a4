"""Where one overtakes the other: known answers, and intervals that cover them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.study.stress.crossover import DifferenceCurve, difference_curve

X = np.array([0.0, 1.0, 2.0, 4.0])


def at(
    mean: np.ndarray, replications: int = 12, noise: float = 0.1, seed: int = 0
) -> DifferenceCurve:
    """Return the curve of a difference whose sample mean is exactly `mean`."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, noise, (replications, len(mean)))
    return difference_curve(
        X[: len(mean)], mean + values - values.mean(axis=0), np.random.default_rng(1)
    )


def test_a_line_crosses_zero_where_it_does() -> None:
    (crossing,) = at(np.array([-3.0, -1.0, 1.0, 5.0])).crossings
    assert crossing.at == pytest.approx(1.5)
    assert crossing.rises
    assert crossing.low < 1.5 < crossing.high
    assert crossing.share == 1.0


def test_a_curve_that_turns_crosses_twice() -> None:
    down, up = at(np.array([1.0, -1.0, -1.0, 1.0])).crossings
    assert (down.at, down.rises, up.at, up.rises) == (
        pytest.approx(0.5), False, pytest.approx(3.0), True,
    )  # fmt: skip


def test_a_zero_is_no_crossing_unless_the_sign_changes() -> None:
    assert at(np.array([1.0, 0.0, 1.0]), noise=0.0).crossings == ()
    (crossing,) = at(np.array([1.0, 0.0, -1.0]), noise=0.0).crossings
    assert crossing.at == pytest.approx(1.0)
    assert at(np.zeros(3), noise=0.0).crossings == ()


def test_without_a_crossing_it_says_how_sure_that_is() -> None:
    clear = at(np.array([5.0, 4.0, 3.0]))
    assert clear.crossings == ()
    assert clear.same_sign == 1.0
    unsure = at(np.array([0.3, 0.2, 0.02]), noise=1.0)
    assert unsure.crossings == ()
    assert unsure.same_sign < 0.95


def test_an_interval_that_leaves_the_points_is_open() -> None:
    (crossing,) = at(np.array([-1.0, -0.5, 0.02]), noise=1.0).crossings
    assert crossing.high == math.inf
    assert crossing.share < 0.95


def test_days_with_a_gap_do_not_count_and_few_days_have_no_interval() -> None:
    values = np.array([[-1.0, 1.0]] * 4 + [[np.nan, 1.0]])
    found = difference_curve(X[:2], values, np.random.default_rng(0))
    assert found.replications == 4
    assert found.crossings[0].at == pytest.approx(0.5)
    assert math.isnan(found.crossings[0].low)
    nothing = difference_curve(X[:2], values[4:], np.random.default_rng(0))
    assert nothing.replications == 0
    assert nothing.crossings == ()


@pytest.mark.parametrize(
    ("replications", "studies"),
    [(20, 200), *(pytest.param(n, 1000, marks=pytest.mark.slow) for n in (10, 20, 60))],
)
def test_the_interval_covers_the_true_crossover(replications: int, studies: int) -> None:
    """In 95 of 100 studies: days differ by far more than points of one day do."""
    rng = np.random.default_rng(7)
    slope, true_at = 2.0, 1.3
    covered = 0
    for _ in range(studies):
        day = rng.gamma(2.0, 1.0, (replications, 1)) - 2.0
        own = rng.normal(0, 0.5, (replications, len(X)))
        found = difference_curve(X, slope * (X - true_at) + day + own, rng)
        covered += any(each.low <= true_at <= each.high for each in found.crossings)
    assert covered / studies == pytest.approx(0.95, abs=0.03)
