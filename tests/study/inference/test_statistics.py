from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim.study.inference.statistics import (
    difference_at,
    estimate,
    estimate_at,
    holm,
    paired,
    summarise,
)

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover


def table(**controllers: list[float]) -> pd.DataFrame:
    rows = {
        (name, i): {"usd": value}
        for name, values in controllers.items()
        for i, value in enumerate(values)
    }
    index = pd.MultiIndex.from_tuples(rows, names=["controller", "replication"])
    return pd.DataFrame(list(rows.values()), index=index)


def test_the_interval_of_values_without_skewness_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 5.0])
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    found = estimate(values)
    assert found.mean == 3.0
    assert (found.ci95_low, found.ci95_high) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert estimate(np.array([5.0])).mean == 5.0
    assert not estimate(np.array([5.0])).has_interval
    assert math.isnan(estimate(np.array([math.nan])).mean)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    found = [estimate(rng.normal(10.0, 3.0, 12)) for _ in range(2000)]
    covered = np.mean([own.ci95_low <= 10.0 <= own.ci95_high for own in found])
    assert 0.935 <= covered <= 0.965


def test_what_the_days_share_cancels_in_paired_differences() -> None:
    day = [100.0, -50.0, 900.0]
    metrics = table(idle=day, greedy=[value - 5.0 for value in day])
    found = estimate_at(paired(metrics, ["idle", "greedy"]), "greedy", "usd")
    assert found == pytest.approx((-5.0, -5.0, -5.0, 3))
    assert estimate_at(summarise(metrics, ["idle", "greedy"]), "greedy", "usd").ci95_high > 1000


def test_only_days_that_both_finished_are_paired() -> None:
    metrics = table(idle=[1.0, 2.0, 3.0], greedy=[2.0, 4.0])
    found = estimate_at(paired(metrics, ["idle", "greedy"]), "greedy", "usd")
    assert (found.mean, found.episodes) == (1.5, 2)


def test_holms_correction_is_that_of_the_textbook() -> None:
    # 4 x 0.005, 3 x 0.01, 2 x 0.03 and, for 1 x 0.04 is less than the step before it, 0.06.
    found = holm(pd.Series([0.01, 0.04, 0.03, 0.005, math.nan]))
    assert found.tolist()[:4] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert math.isnan(found[4])
    assert holm(pd.Series([0.7, 0.6])).tolist() == [1.0, 1.0]


def test_without_skewness_the_p_value_is_that_of_the_paired_t_test_corrected_for_several() -> None:
    rng = np.random.default_rng(3)
    day = rng.normal(0.0, 5.0, 20)
    half = rng.normal(0.0, 1.0, 10)
    symmetric = np.concatenate([half, -half])
    own = {name: day + shift + symmetric for name, shift in (("b", 0.5), ("c", 0.8))}
    found = paired(table(a=day.tolist(), b=own["b"].tolist(), c=own["c"].tolist()), ["a", "b", "c"])
    raw = {name: stats.ttest_rel(values, day).pvalue for name, values in own.items()}
    assert raw["c"] < raw["b"]
    assert difference_at(found, "c", "usd").p_value == pytest.approx(2 * raw["c"])
    assert difference_at(found, "b", "usd").p_value == pytest.approx(max(raw["b"], 2 * raw["c"]))


def test_common_days_reduce_the_variance_as_their_correlation_says() -> None:
    """Unit variances with correlation 0.9: (1 + 1) / (2 - 1.8)."""
    rng = np.random.default_rng(6)
    a, b = rng.multivariate_normal([0.0, 1.0], [[1.0, 0.9], [0.9, 1.0]], size=50_000).T
    found = difference_at(paired(table(a=a.tolist(), b=b.tolist()), ["a", "b"]), "b", "usd")
    assert found.variance_reduction == pytest.approx(10.0, rel=0.03)


def test_controllers_that_do_the_same_differ_by_nothing_for_sure() -> None:
    a = [0.1 + 0.2, 5.0, 7.0]
    found = difference_at(paired(table(a=a, b=[0.3, 5.0, 7.0]), ["a", "b"]), "b", "usd")
    assert (found.mean, found.p_value) == (0.0, 1.0)
    assert math.isnan(found.variance_reduction)


@pytest.mark.slow
def test_the_paired_interval_covers_the_true_difference() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(1000):
        day = rng.normal(0.0, 10.0, 15)
        metrics = table(a=(day + rng.normal(size=15)).tolist(), b=(day + 2).tolist())
        found = estimate_at(paired(metrics, ["a", "b"]), "b", "usd")
        covered += found.ci95_low <= 2.0 <= found.ci95_high
    assert 0.93 <= covered / 1000 <= 0.97
