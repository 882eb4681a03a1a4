from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sim.study.inference.risk import NOTE, cvar, cvar_interval, proportion, risk
from sim.uncertainty.streams import stream


def test_cvar_is_the_mean_of_the_worst_twentieth() -> None:
    assert cvar(np.arange(1.0, 101.0)) == pytest.approx(98.0)  # of 96 to 100
    # Of 30 values, one and a half are the worst twentieth.
    assert cvar(np.arange(1.0, 31.0)) == pytest.approx((30 + 0.5 * 29) / 1.5)
    assert cvar(np.array([3.0, 7.0])) == pytest.approx(7.0)


def test_cvar_of_a_normal_sample_is_that_of_the_distribution() -> None:
    sample = np.random.default_rng(0).normal(10.0, 2.0, 1_000_000)
    assert cvar(sample) == pytest.approx(10 + 2 * stats.norm.pdf(stats.norm.ppf(0.95)) / 0.05, 1e-3)


@pytest.mark.parametrize("law", [stats.norm(), stats.expon()], ids=["normal", "exponential"])
def test_its_bootstrap_interval_covers(law: stats.rv_continuous) -> None:
    truth = law.expect(lambda x: x, lb=law.ppf(0.95), ub=np.inf) / 0.05
    rng = np.random.default_rng(12)
    found = [cvar_interval(law.rvs(500, random_state=rng), rng) for _ in range(600)]
    covered = np.mean([own.ci95_low <= truth <= own.ci95_high for own in found])
    assert 0.923 <= covered <= 0.977  # 0.95 and three standard errors of 600 studies


def test_few_episodes_get_no_interval_but_a_mark() -> None:
    rng = stream(1, 0, "test")
    assert not cvar_interval(np.arange(499.0), rng).has_interval
    assert cvar_interval(np.arange(500.0), rng).has_interval
    constant = cvar_interval(np.full(500, 3.0), rng)
    assert (constant.mean, constant.ci95_low, constant.ci95_high) == (3.0, 3.0, 3.0)


def episodes(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    index = pd.MultiIndex.from_product([["idle"], range(n)], names=["controller", "replication"])
    columns = {"objective_usd": rng.normal(size=n), "voltage_violation_steps": np.arange(n) % 4}
    return pd.DataFrame(columns, index=index)


def test_the_same_seed_gives_the_same_interval() -> None:
    first, again, other = (risk(episodes(500), "idle", seed) for seed in (1, 1, 2))
    assert first == again
    assert first.note is None
    assert first.cvar95 != other.cvar95
    assert first.cvar95.mean == other.cvar95.mean


def test_risk_counts_episodes_with_a_violation_and_finds_the_worst() -> None:
    table = episodes(20)
    found = risk(table, "idle", 1)
    assert found.note == NOTE == "needs 500 episodes"
    assert found.p_violation.mean == 0.75
    assert found.worst == table["objective_usd"].max()
    for nothing in (risk(table, "nobody", 1), risk(table.iloc[:0, :0], "idle", 1)):
        assert math.isnan(nothing.worst)
        assert math.isnan(nothing.p_violation.mean)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (7, 250)])
def test_the_interval_of_a_share_is_clopper_and_pearsons(k: int, n: int) -> None:
    found = proportion(np.arange(n) < k)
    expected = stats.binomtest(k, n).proportion_ci(0.95, method="exact")
    assert (found.ci95_low, found.ci95_high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("p", [0.02, 0.3, 0.9])
def test_the_interval_of_a_share_covers_at_least_as_often_as_it_says(p: float) -> None:
    n = 40
    found = [proportion(np.arange(n) < k) for k in range(n + 1)]
    inside = [own.ci95_low <= p <= own.ci95_high for own in found]
    assert stats.binom.pmf(np.arange(n + 1), n, p)[inside].sum() >= 0.95
