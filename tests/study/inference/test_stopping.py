from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sim.errors import InputError
from sim.report.wording import stopping
from sim.study.inference.days import Days
from sim.study.inference.statistics import estimate
from sim.study.inference.stopping import (
    LEAST_EFFECTIVE,
    LEAST_REPLICATIONS,
    as_until,
    boundary,
    check_until,
    confidence_sequence,
    effective_differences,
    is_look,
    look,
)
from sim.study.json_values import look_as_json

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

LOOKS = np.arange(50, 1001, 10)


def misses(values: np.ndarray, in_standard_errors: np.ndarray) -> float:
    """Return the share of studies (rows, true mean 0) that exclude 0 at some look."""
    mean = values.cumsum(axis=1)[:, LOOKS - 1] / LOOKS
    squares = (values**2).cumsum(axis=1)[:, LOOKS - 1]
    variance = (squares - LOOKS * mean**2) / (LOOKS - 1)
    z = np.abs(mean) / np.sqrt(variance / LOOKS)
    return float((z > in_standard_errors).any(axis=1).mean())


@pytest.mark.parametrize("skewed", [False, True])
def test_looking_again_and_again_keeps_the_error_rate(skewed: bool) -> None:
    rng = np.random.default_rng(4)
    shape = (2000, LOOKS[-1])
    values = rng.exponential(size=shape) - 1 if skewed else rng.normal(size=shape)
    monte_carlo = 2 * math.sqrt(0.05 * 0.95 / 2000)
    sequence = np.array([boundary(int(n)) for n in LOOKS])
    assert misses(values, sequence) <= 0.05 + monte_carlo
    # Student's interval at each look, which this replaces, errs several times as often.
    assert misses(values, np.full(len(LOOKS), 1.96)) > 0.2


@pytest.mark.slow
def test_stopping_when_the_interval_is_narrow_keeps_the_error_rate_with_repeated_days() -> None:
    rng = np.random.default_rng(9)
    missed = stopped = 0
    for _ in range(1000):
        effect = rng.normal(size=92)
        day = rng.integers(92, size=400)
        baseline = 10 + effect[day] + rng.normal(size=400)
        other = baseline + 0.5 * (effect[day] - effect.mean()) + rng.normal(size=400)
        starts = pd.Timestamp("2016-06-01") + pd.to_timedelta(day, unit="D")
        days = Days(start=dict(enumerate(starts)), in_profile=92)
        metrics = table(idle=baseline, greedy=other)
        for n in filter(is_look, range(50, 401, 50)):
            seen = look(metrics, ("idle", "greedy"), days, replications=n, until=0.03)
            if seen.reached:
                break
        interval = seen.differences["greedy"]
        missed += not interval.ci95_low <= 0 <= interval.ci95_high
        stopped += seen.reached and n < 400
    assert missed / 1000 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)
    assert stopped > 500  # the rule did stop studies


def rare(rng: np.random.Generator, share: float, sizes: str, n: int) -> tuple[np.ndarray, float]:
    """Return differences that are zero but on a share of the days, and their true mean."""
    drawn = {
        "equal": lambda: (np.ones(n), 1.0),
        "exponential": lambda: (rng.exponential(size=n), 1.0),
        "either way": lambda: (rng.normal(size=n), 0.0),
        "log-normal": lambda: (rng.lognormal(0, 1, n), math.exp(0.5)),
    }
    size, mean = drawn[sizes]()
    return (rng.random(n) < share) * size, share * mean


@pytest.mark.parametrize("sizes", ["equal", "exponential", "either way", "log-normal"])
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_rare_differences_do_not_stop_a_study_too_early(share: float, sizes: str) -> None:
    """The truth is missed at some look at which a study may stop, whatever width was asked for."""
    rng = np.random.default_rng([11, round(100 * share), *sizes.encode()])
    looks = [n for n in range(50, 2001) if is_look(n)]
    missed = ungated = 0
    studies = 300
    for _ in range(studies):
        values, truth = rare(rng, share, sizes, looks[-1])
        misses = []
        for n in looks:
            found = confidence_sequence(values[:n])
            outside = not found.ci95_low <= truth <= found.ci95_high
            enough = outside and effective_differences(values[:n]) >= LEAST_EFFECTIVE
            misses.append((outside, enough))
        anyhow, gated = np.array(misses).any(axis=0)
        ungated += anyhow
        missed += gated
    assert missed / studies <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / studies)
    if share == 0.01 and sizes != "either way":
        assert ungated / studies > 0.3  # what the intervals alone would do


def test_a_study_goes_on_where_few_days_differ_and_says_why() -> None:
    rng = np.random.default_rng(5)
    days = 400
    baseline = rng.normal(1000, 100, days)
    gain = np.where(np.arange(days) % 10 == 9, 50.0, 0.0)  # every tenth day
    metrics = table(idle=baseline, rolling=baseline - gain)
    seen = None
    for n in filter(is_look, range(50, days + 1)):
        seen = look(metrics, ("idle", "rolling"), Days(), replications=n, until=0.05, previous=seen)
        if seen.reached:
            break
        assert seen.rare == ("rolling",)
    # 15 equal differences have come up on day 150; the intervals were narrow enough at once.
    assert (seen.replications, seen.narrow_since) == (150, 50)
    assert seen.differing == {"rolling": 15}
    assert seen.effective["rolling"] == pytest.approx(15)
    said = stopping(look_as_json(seen), "idle")
    assert "Narrow enough after 50 replications, it went on, for few days" in said


def test_controllers_that_never_differ_are_not_called_equal() -> None:
    same = np.linspace(900.0, 1100.0, 200)
    seen = look(
        table(idle=same, rolling=same), ("idle", "rolling"), Days(), replications=200, until=0.01
    )
    assert seen.narrow
    assert not seen.reached
    said = stopping(look_as_json(seen), "idle")
    assert "rolling differs from idle on 0 days" in said
    assert said.startswith("Not precise enough after 200 replications")


def test_effective_differences_are_the_number_of_equal_ones_whatever_their_size() -> None:
    for scale in (1e-200, 1.0, 1e200):
        values = scale * np.repeat([0.0, 1.0], [100, 7])
        assert effective_differences(values) == pytest.approx(7)
    assert effective_differences(np.zeros(50)) == 0.0
    normal = np.random.default_rng(1).normal(size=30_000)
    assert effective_differences(normal) == pytest.approx(10_000, rel=0.05)


def table(**objective: np.ndarray) -> pd.DataFrame:
    frames = {name: pd.DataFrame({"objective_usd": own}) for name, own in objective.items()}
    return pd.concat(frames, names=["controller", "replication"])


def test_the_sequence_is_wider_than_an_interval_of_one_look_and_asks_for_enough_values() -> None:
    values = np.random.default_rng(1).normal(size=200)
    sequence, fixed = confidence_sequence(values), estimate(values)
    assert sequence.mean == fixed.mean
    assert sequence.ci95_low < fixed.ci95_low < fixed.ci95_high < sequence.ci95_high
    assert not confidence_sequence(values[: LEAST_REPLICATIONS - 1]).has_interval
    assert confidence_sequence(values[:LEAST_REPLICATIONS]).has_interval


def test_the_boundary_is_the_published_one() -> None:
    # rho^2 = (-2 ln 0.05 + ln(-2 ln 0.05) + 1) / 100 = 0.0878132
    assert boundary(100) == pytest.approx(3.0355, abs=5e-4)
    relative = [boundary(n) / math.sqrt(n) for n in range(50, 1000)]
    assert relative == sorted(relative, reverse=True)


def test_later_replications_do_not_count() -> None:
    rng = np.random.default_rng(3)
    metrics = table(idle=rng.normal(100, 1, 90), greedy=rng.normal(99, 1, 90))
    early = metrics[metrics.index.get_level_values("replication") < 80]
    seen = look(metrics, ("idle", "greedy"), Days(), replications=80, until=0.01)
    assert seen == look(early, ("idle", "greedy"), Days(), replications=80, until=0.01)
    assert seen.reached
    assert seen.allowed_usd == pytest.approx(0.01 * early.loc["idle", "objective_usd"].mean())
    assert not look(metrics, ("idle", "greedy"), Days(), replications=80, until=1e-4).reached


def test_where_nothing_has_finished_nothing_is_precise() -> None:
    nothing = pd.DataFrame(index=table(idle=np.zeros(0)).index)
    seen = look(nothing, ("idle", "greedy"), Days(), replications=50, until=0.5)
    assert not seen.reached
    assert math.isnan(seen.half_width_usd("greedy"))


def test_looks_are_at_fixed_numbers() -> None:
    assert [n for n in range(100) if is_look(n)] == [50, 60, 70, 80, 90]
    assert [n for n in range(480, 800) if is_look(n)] == [480, 490, 500, 600, 700]
    assert [n for n in range(4801, 7000) if is_look(n)] == [4900, 5000, 6000]


def test_the_goal_is_a_share_or_per_cent() -> None:
    assert [as_until(text) for text in ("1%", " 2.5 % ", "0.01", "100%")] == [0.01, 0.025, 0.01, 1]
    for text in ("", "one", "1%%", "0%", "-1%", "101%", "nan", "%"):
        with pytest.raises(InputError, match="is not above 0 % and at most 100 %"):
            as_until(text)


@pytest.mark.parametrize(
    ("until", "replications", "controllers", "message"),
    [
        (0.0, 100, 2, "is not above 0 %"),
        (math.nan, 100, 2, "is not above 0 %"),
        (1.5, 100, 2, "at most 100 %"),
        (0.01, 100, 1, "asks for a difference"),
        (0.01, 49, 2, "at least 50 replications"),
    ],
)
def test_a_rule_that_cannot_be_met_is_refused(
    until: float, replications: int, controllers: int, message: str
) -> None:
    check_until(None, replications=1, controllers=1)
    with pytest.raises(InputError, match=message):
        check_until(until, replications=replications, controllers=controllers)
