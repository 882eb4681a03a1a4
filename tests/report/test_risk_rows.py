from __future__ import annotations

import math

import pytest

from sim.report.risk_rows import difference_rows, p_value, risk_rows
from sim.study.inference.risk import Risk
from sim.study.inference.statistics import Difference, Estimate


def with_cvar(cvar95: Estimate) -> Risk:
    return Risk(cvar95=cvar95, worst=99.5, p_violation=Estimate(0.25, 0.112, 0.439, 28))


def test_few_episodes_are_marked_where_the_interval_would_be() -> None:
    few = with_cvar(Estimate(90.0, math.nan, math.nan, 28))
    many = with_cvar(Estimate(90.0, 85.0, 97.0, 500))
    marked, *_ = risk_rows([few])["objective_usd"]
    assert marked.title.endswith("(interval needs 500 episodes)")
    assert marked.cells == ("90",)
    plain, worst = risk_rows([many])["objective_usd"]
    assert plain.title.endswith("[USD]")
    assert plain.cells == ("90 [85, 97]",)
    assert worst.cells == ("99.50",)


def test_a_probability_has_its_interval_in_per_cent() -> None:
    risk = with_cvar(Estimate(90.0, 85.0, 97.0, 500))
    (row,) = risk_rows([risk])["voltage_violation_steps"]
    assert row.cells == ("25% [11%, 44%]",)


def test_the_correction_is_named_where_there_is_one() -> None:
    found = Difference(-5.0, -6.0, -4.0, 20, 0.0123, 16.9)
    alone, saved = difference_rows([found])["objective_usd"]
    both, _ = difference_rows([found, found])["objective_usd"]
    assert alone.title.strip() == "p-value"
    assert "corrected" in both.title
    assert saved.cells == ("16.90",)


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.500"), (0.04, "0.040"), (1e-9, "< 0.001"), (math.nan, "–")]
)
def test_p_values_have_the_digits_one_can_believe(value: float, text: str) -> None:
    assert p_value(value) == text
