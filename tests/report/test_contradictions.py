"""No figure contradicts the one beside it."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from sim.control import Outcome
from sim.episode.episode import Episode
from sim.report.terminal.check import print_calibration
from sim.report.terminal.console import print_episode
from sim.report.wording import essential, figure, mean_figure, title
from sim.scenario import load_scenario
from sim.study.inference.days import Days, inference_statement
from sim.study.inference.statistics import Estimate
from sim.study.run import run


@pytest.fixture(scope="module")
def greedy() -> Episode:
    return run("tiny", "greedy", verify="full")


def test_violations_of_means_and_of_peaks_have_names_of_their_own(greedy: Episode) -> None:
    """`tests/world/test_vehicle.py` has the episode in which they differ."""
    own = greedy.metrics
    by_mean = (greedy.steps["voltage_violation_pu"] > 0).sum()
    assert own["voltage_violation_steps"] == by_mean + own["peak_violation_steps"]
    assert title("peak_violation_pu") == "Largest violation at a peak inside a step [pu]"
    assert title("voltage_violation_pu_h") == "Voltage violation of step means [pu h]"
    assert title("vm_pu_max") == "Highest step mean of a voltage [pu]"


def test_the_penalty_is_the_sum_of_its_parts() -> None:
    own = run("ieee33", "idle", verify="off").metrics
    assert own["penalty_usd"] == own["penalty_voltage_usd"] + own["penalty_loading_usd"]
    assert own["penalty_voltage_usd"] > 0
    assert own["penalty_loading_usd"] > 0


def test_rules_have_a_dash_for_a_gap(greedy: Episode) -> None:
    assert math.isnan(greedy.metrics["gap_max"])
    assert figure("gap_max", greedy.metrics["gap_max"]) == "–"


@pytest.mark.parametrize(
    ("objective", "bound", "idle", "gap"),
    [
        (-0.1, -0.6, 900.0, 0.5 / 900.6),  # relative to the objective: 500 %
        (-0.1, -0.6, None, 5.0),
        (10.0, 10.0, 10.0, 0.0),
        (10.0, 8.0, 10.0, 1.0),
    ],
)
def test_gaps_are_shares_of_what_could_be_gained(
    objective: float, bound: float, idle: float | None, gap: float
) -> None:
    outcome = Outcome(objective_usd=objective, bound_usd=bound, idle_usd=idle)
    assert outcome.gap == pytest.approx(gap)


def test_plans_say_what_doing_nothing_costs() -> None:
    gaps = run("tiny", "day_ahead", verify="off").decisions["gap"].dropna()
    assert len(gaps)
    assert gaps.between(0, 1).all()


def test_two_engines_never_agree_to_nothing(greedy: Episode) -> None:
    difference = greedy.metrics["verify_max_diff_pu"]
    assert 0 <= difference < 1e-9
    assert figure("verify_max_diff_pu", difference) == "< 1e-09"
    assert mean_figure("verify_max_diff_pu", Estimate(0.0, 0.0, 0.0, 2)) == "< 1e-09"
    assert math.isnan(run("tiny", "greedy", verify="off").metrics["verify_max_diff_pu"])


def test_what_is_not_calibrated_says_what_follows(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        "kind": ["load"],
        "lead_h": [1.0],
        "n": [100],
        "slope": [0.8],
        "bias": [0.0],
        "coverage": [0.8],
        "mean_absolute_error": [0.1],
        "unit": ["pu"],
    }
    for calibrated in (True, False):
        table = pd.DataFrame({**rows, "calibrated": [calibrated]}).set_index("kind")
        print_calibration(load_scenario("tiny"), table)
        words = " ".join(capsys.readouterr().out.split())
        assert ("Comparisons stay valid" in words) is not calibrated


def test_a_run_prints_the_figures_that_matter(
    greedy: Episode, capsys: pytest.CaptureFixture[str]
) -> None:
    print_episode(greedy)
    short = capsys.readouterr().out
    print_episode(greedy, everything=True)
    whole = capsys.readouterr().out
    assert "Emissions" not in short
    assert "Emissions" in whole
    assert short.count("\n") < 40
    own = pd.DataFrame([greedy.metrics])
    assert len(essential(own)) <= 15
    assert "failed_decisions" not in essential(own)
    assert "failed_decisions" in essential(own.assign(failed_decisions=1.0))


def test_one_replication_is_not_many() -> None:
    days = Days(start={0: pd.Timestamp("2016-01-01")}, in_profile=92)
    assert inference_statement(days, [0]).startswith("1 replication lived 1 of the 92 days")
