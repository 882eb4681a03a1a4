from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sim.scenario import load_scenario
from sim.study.inference.days import Days, inference_statement, variance_of_mean
from sim.study.inference.statistics import estimate
from sim.study.run import run


def test_replications_of_one_day_are_one_cluster() -> None:
    episodes = pd.DataFrame(
        {
            "controller": ["idle", "greedy", "idle", "idle"],
            "replication": [0, 0, 1, 2],
            "start": pd.to_datetime(["2016-07-01", "2016-07-01", "2016-08-01", "2016-07-01"]),
        }
    )
    days = Days.of_episodes(episodes, in_profile=92)
    assert days.clusters([0, 1, 2]).tolist() == [0, 1, 0]
    assert days.clusters([2, 7, 1, 8]).tolist() == [0, 1, 2, 3]  # 7 and 8: days of their own


def test_the_days_of_a_scenario_are_those_that_its_replications_live() -> None:
    scenario = load_scenario("tiny")
    days = Days.of_scenario(scenario, 4, range(1_000_000))
    assert days.in_profile == 3
    for replication in (0, 1, 2):
        episode = run(scenario, "idle", seed=4, replication=replication, verify="off")
        assert days.start[replication] == episode.start
    assert len(days.start) == 1_000_000
    assert 1_000_000 not in days.start


def test_what_the_intervals_speak_of_is_said() -> None:
    start = dict(enumerate(pd.to_datetime(["2016-07-01", "2016-07-02", "2016-07-01"])))
    text = inference_statement(Days(start=start, in_profile=92), range(3))
    assert text.startswith("3 replications lived 2 of the 92 days that the profile year offers.")
    assert "not of other years. Below 50 replications, 95 % intervals of very skewed" in text
    assert inference_statement(Days(start=start), range(50)).endswith("50 replications lived.")
    assert "days like the 2 that 3" in inference_statement(Days(start=start), range(3))


def test_without_repetition_the_spread_is_students() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    for in_profile in (None, 92):
        found = variance_of_mean(values, np.arange(4), in_profile)
        assert found == pytest.approx((values.var(ddof=1) / 4, 3))


def test_with_equal_days_and_no_end_of_them_it_is_that_of_the_day_means() -> None:
    values = np.array([1.0, 3.0, 10.0, 12.0, 4.0, 6.0])
    found = variance_of_mean(values, np.repeat([0, 1, 2], 2), None)
    day_mean = np.array([2.0, 11.0, 5.0])
    assert found == pytest.approx((day_mean.var(ddof=1) / 3, 2))


def test_once_all_days_came_up_equally_often_only_chance_within_days_is_left() -> None:
    values = np.array([1.0, 3.0, 10.0, 12.0, 4.0, 6.0])
    found = variance_of_mean(values, np.repeat([0, 1, 2], 2), 3)
    assert found == pytest.approx((2.0 / 6, 3))  # within variance 2, six values, 6 - 3


def test_a_single_day_out_of_many_says_nothing_of_the_others() -> None:
    values = np.array([1.0, 2.0, 3.0])
    assert math.isnan(variance_of_mean(values, np.zeros(3, dtype=np.int64), 92).variance)
    alone = variance_of_mean(values, np.zeros(3, dtype=np.int64), 1)
    assert alone == pytest.approx((1.0 / 3, 2))


@pytest.mark.parametrize("share_of_days", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("replications", "in_profile"), [(30, 92), (500, 92), (100, 366)], ids=str)
def test_the_interval_covers_the_mean_of_the_profile_year(
    replications: int, in_profile: int, share_of_days: float
) -> None:
    """As the simulator draws: days independently from the record, chance within each."""
    rng = np.random.default_rng([replications, in_profile, round(10 * share_of_days)])
    covered = 0
    for _ in range(1500):
        effect = math.sqrt(share_of_days) * rng.normal(size=in_profile)
        day = rng.integers(in_profile, size=replications)
        values = effect[day] + math.sqrt(1 - share_of_days) * rng.normal(size=replications)
        found = estimate(values, day, in_profile)
        covered += found.ci95_low <= effect.mean() <= found.ci95_high
    assert 0.93 <= covered / 1500 <= 0.975


def test_with_days_as_a_sample_of_many_the_clusters_cover_where_student_does_not() -> None:
    rng = np.random.default_rng(5)
    clustered = naive = 0
    for _ in range(1500):
        day = rng.integers(40, size=200)
        values = rng.normal(size=40)[day] + rng.normal(size=200)
        own, student = estimate(values, day), estimate(values)
        clustered += own.ci95_low <= 0 <= own.ci95_high
        naive += student.ci95_low <= 0 <= student.ci95_high
    assert 0.93 <= clustered / 1500 <= 0.97
    assert naive / 1500 < 0.8
