from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim.study.statistics import at, estimate, paired, summarise


def table(**controllers: list[float]) -> pd.DataFrame:
    rows = {
        (name, i): {"usd": value}
        for name, values in controllers.items()
        for i, value in enumerate(values)
    }
    index = pd.MultiIndex.from_tuples(rows, names=["controller", "replication"])
    return pd.DataFrame(list(rows.values()), index=index)


def test_the_interval_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    found = estimate(values)
    assert found.mean == 3.75
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
    found = at(paired(metrics, ["idle", "greedy"]), "greedy", "usd")
    assert found == pytest.approx((-5.0, -5.0, -5.0, 3))
    assert at(summarise(metrics, ["idle", "greedy"]), "greedy", "usd").ci95_high > 1000


def test_only_days_that_both_finished_are_paired() -> None:
    metrics = table(idle=[1.0, 2.0, 3.0], greedy=[2.0, 4.0])
    found = at(paired(metrics, ["idle", "greedy"]), "greedy", "usd")
    assert (found.mean, found.episodes) == (1.5, 2)
