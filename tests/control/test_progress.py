"""What a controller says while it plans, who hears it, and how planning is ended."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sim.control import StopPlanning, tell
from sim.control.progress import Listener, Progress, listening
from sim.report.terminal.progress import DecisionLines, in_words

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]

SOURCE = """
import signal
import numpy as np
from sim.control import FleetPlan, Plan, tell

class Interrupted:
    "Is interrupted in its second decision, and must not be asked a third time."

    def start(self, system, rng):
        self.asked = 0
        self.system = system

    def decide(self, observation):
        self.asked += 1
        if self.asked > 2:
            raise AssertionError("asked again")
        if self.asked == 2:
            signal.raise_signal(signal.SIGINT)
            tell("the end")
            raise AssertionError("not stopped")
        rows = observation.forecast.n_periods
        return Plan(fleet=FleetPlan(p_mw=np.full((rows, len(self.system.vehicles)), 0.01)))
"""


def test_nothing_is_told_where_nobody_listens() -> None:
    tell("alone", best=1.0)  # and nothing is raised


def test_a_listener_hears_stage_value_and_bound_until_it_wants_an_end() -> None:
    heard: list[Progress] = []
    listener = Listener(heard.append)
    with listening(listener):
        tell("search 1 of 2", best=200.0, bound=150.0)
        listener.stop = True
        with pytest.raises(StopPlanning):
            tell("search 2 of 2")
    tell("afterwards")
    assert [own.stage for own in heard] == ["search 1 of 2", "search 2 of 2"]
    assert heard[0].gap == 0.25
    assert heard[1].gap is None


def test_lines_begin_where_a_decision_takes_long_and_name_each_kind_of_stage() -> None:
    now, lines = [0.0], list[str]()
    told = DecisionLines(lines.append, patience_s=5.0, clock=lambda: now[0])
    for second, stage in enumerate(["model", "search", *["generation 1", "generation 2"] * 8]):
        now[0] = float(second)
        told.hear(Progress(stage=stage, best=50.0, bound=49.0))
        assert bool(lines) == (second >= 12)  # what was held back comes with the next line
    stages = [line.split("s  ", 1)[1].partition(",")[0] for line in lines]
    assert stages == ["model", "search", "generation 1", "generation 1"]
    told.begin()
    told.hear(Progress(stage="model"))
    assert len(lines) == 4


def test_no_gap_is_told_where_the_best_value_is_near_zero() -> None:
    near = Progress(stage="s", best=100.0, bound=97.0)
    assert in_words(near) == "s, best 100.0, bound 97.0, gap 3.00%"
    assert "gap" not in in_words(Progress(stage="s", best=0.1, bound=-9.0))


def test_ctrl_c_ends_the_planning_and_keeps_the_plan_and_the_day(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    before = signal.getsignal(signal.SIGINT)
    code, output, errors = gridhaul(
        *("run", "tiny", "--controller", f"{file}:Interrupted", "--verify", "off"),
        *("--out", tmp_path / "out"),
    )
    assert code == 130
    assert "No more planning" in errors
    assert "3 of 4 decisions" in " ".join((errors + output).split())  # lines are wrapped
    assert "Failed decisions" not in output
    assert "Battery throughput" in output  # of the first plan
    assert (tmp_path / "out" / "report.html").is_file()
    assert signal.getsignal(signal.SIGINT) is before
