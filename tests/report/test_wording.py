from __future__ import annotations

import math

import pytest

from sim.report.wording import METRICS, number, signed, stopping, title, with_interval, with_margin
from sim.scenario import load_scenario
from sim.study.inference.statistics import Estimate
from sim.study.run import run


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (96, "96"),
        (1234567.8, "1,234,568"),
        (123.456, "123.46"),
        (1.0512, "1.051"),
        (3e-9, "3.0e-09"),
        (-12.0, "-12"),
        (math.nan, "–"),
    ],
)
def test_figures_have_the_digits_a_reader_can_use(value: float, text: str) -> None:
    assert number(value) == text


def test_differences_carry_their_sign() -> None:
    assert signed(5.0) == "+5"
    assert signed(-5.0) == "-5"
    assert signed(0.0) == "0"


def test_an_estimate_shows_its_interval_only_where_there_is_one() -> None:
    wide, one, point = (
        Estimate(10.0, 8.0, 12.0, 5),
        Estimate(10.0, math.nan, math.nan, 1),
        Estimate(10.0, 10.0, 10.0, 5),
    )
    assert [with_margin(own) for own in (wide, one, point)] == ["10 ± 2", "10", "10"]
    near, skewed = Estimate(10.0, 8.1, 12.0, 5), Estimate(10.0, 8.0, 15.0, 5)
    assert [with_margin(own) for own in (near, skewed)] == ["10 ± 2", "10 -2 +5"]
    assert [with_interval(own) for own in (wide, one)] == ["+10 [+8, +12]", "+10"]


def test_why_a_study_stopped_is_said() -> None:
    look = {
        "until": 0.01,
        "reached": True,
        "replications": 70,
        "allowed_half_width": 12.0,
        "differences": {"greedy": {"mean": -50.0, "ci95": [-60.0, -40.0]}},
    }
    assert stopping(look, "idle") == (
        "Stopped after 70 replications: objective known to ± 12 USD (1 % of the mean of idle). "
        "Intervals that allow for looking repeatedly: greedy -50 [-60, -40]."
    )
    failed = {"greedy": {"mean": None, "ci95": None}}
    text = stopping(look | {"reached": False, "differences": failed}, "idle")
    assert text.startswith("Not precise enough after 70 replications")
    assert text.endswith("greedy –.")


def test_titles_carry_units() -> None:
    assert title("cost_usd") == "Cost [USD]"
    assert title("trips") == "Trips"
    assert title("of_a_plugin") == "of_a_plugin"


def test_every_metric_has_its_words() -> None:
    of_an_episode = set(run(load_scenario("tiny"), "idle", verify="off").metrics)
    of_a_market = {"cleared_welfare_usd", "info_gap_alpha"}
    of_units = {"slack_ramp_mwh"}
    assert of_an_episode | of_a_market | of_units | {"regret_usd"} == set(METRICS)
