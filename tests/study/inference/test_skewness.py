"""Hall's transformation: what it is, what it leaves alone, and that intervals then cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.study.inference.skewness import skewness_of_mean, with_skewness, without_skewness
from sim.study.inference.statistics import difference_at, estimate, paired
from tests.study.inference.coverage import coverage, populations
from tests.study.inference.test_statistics import table

POPULATIONS = {own.title: own for own in populations()}


@pytest.mark.parametrize("skewness", [-0.9, -0.1, 0.0, 1e-9, 0.3, 1.0])
def test_the_transformation_has_an_inverse_and_rises(skewness: float) -> None:
    t = np.linspace(-6, 6, 49)
    g = [without_skewness(float(own), skewness) for own in t]
    assert g == sorted(g)
    assert [with_skewness(own, skewness) for own in g] == pytest.approx(t, abs=1e-6)


def test_the_transformation_is_the_published_one() -> None:
    # t + a t^2 / 3 + a^2 t^3 / 27 + a / 6 at t = 2, a = 0.6, by hand
    assert without_skewness(2.0, 0.6) == pytest.approx(2 + 0.8 + 0.36 * 8 / 27 + 0.1)


def test_the_skewness_of_a_mean_is_that_of_the_values_over_the_root_of_their_number() -> None:
    values = np.random.default_rng(1).exponential(size=40)
    expected = stats.skew(values) / np.sqrt(40)
    assert skewness_of_mean(values) == pytest.approx(expected)
    assert skewness_of_mean(1e-150 * values) == pytest.approx(expected)
    assert skewness_of_mean(-values) == pytest.approx(-expected)
    assert skewness_of_mean(np.full(5, 0.1)) == 0.0
    assert skewness_of_mean(values[:1]) == 0.0


def test_where_the_days_of_the_profile_are_unknown_days_count_and_not_replications() -> None:
    day = np.array([1.0, 2.0, 9.0])
    repeated, clusters = np.repeat(day, 4), np.repeat([0, 1, 2], 4)
    assert skewness_of_mean(repeated, clusters) == pytest.approx(skewness_of_mean(day))


def test_the_interval_leans_to_the_long_tail() -> None:
    values = np.random.default_rng(2).lognormal(size=20)
    found = estimate(values)
    assert found.ci95_high - found.mean > 1.5 * (found.mean - found.ci95_low)
    mirrored = estimate(-values)
    assert (mirrored.ci95_low, mirrored.ci95_high) == pytest.approx(
        (-found.ci95_high, -found.ci95_low)
    )


def test_the_p_value_is_below_5_percent_where_the_interval_has_no_zero() -> None:
    rng = np.random.default_rng(3)
    seen = set()
    for _ in range(300):
        b = rng.exponential(size=12) - 0.6
        found = difference_at(paired(table(a=[0.0] * 12, b=b.tolist()), ["a", "b"]), "b", "usd")
        outside = not found.ci95_low <= 0 <= found.ci95_high
        assert outside == (found.p_value < 0.05)
        seen.add(outside)
    assert seen == {True, False}


@pytest.mark.parametrize("title", ["normal", "log-normal, σ = 0.5", "`greedy` less `idle`, paired"])
def test_intervals_of_few_replications_cover(title: str) -> None:
    found = coverage(POPULATIONS[title], 30, studies=2000)
    assert 0.935 <= found.ours <= 0.965


@pytest.mark.slow
@pytest.mark.parametrize("title", POPULATIONS)
@pytest.mark.parametrize(("replications", "least"), [(10, 0.865), (30, 0.915), (100, 0.93)])
def test_the_table_of_the_statistics_page_holds(
    title: str, replications: int, least: float
) -> None:
    """Its claim: at least 87.5, 92 and 93.5 %, less what simulated studies may err."""
    found = coverage(POPULATIONS[title], replications)
    assert least <= found.ours <= 0.965
    assert found.ours >= found.student - 0.005
