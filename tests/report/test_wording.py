from __future__ import annotations

import math

import pytest

from sim.report.html.tables import TableCell
from sim.report.wording import (
    METRICS,
    number,
    numbers,
    signed,
    stopping,
    title,
    with_interval,
    with_margin,
)
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


def test_numbers_that_stand_together_have_equal_decimals() -> None:
    skewed = Estimate(3.884, -11_049.2, 0.4, 3)
    assert with_interval(skewed) == "+4 [-11,049, +0]"
    assert with_margin(Estimate(952.82, -4_786.0, 2_139.0, 3)) == "953 -5,739 +1,186"
    assert numbers(0.5, 12.0, math.nan) == ["0.50", "12.00", "–"]
    assert numbers(-0.2, 1e6) == ["0", "1,000,000"]


def test_a_figure_and_its_interval_are_told_apart() -> None:
    parts = {
        "7,581 -11,025 +58,952": ("7,581", "-11,025 +58,952"),
        "10 ± 2": ("10", "± 2"),
        "-1.5 [-2.0, +0.1]": ("-1.5", "[-2.0, +0.1]"),
        "< 0.001": ("< 0.001", ""),
        "1.27 %": ("1.27 %", ""),
        "rule 69, feasible 3": ("rule 69, feasible 3", ""),
    }
    assert {text: TableCell(text=text).parts for text in parts} == parts


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
