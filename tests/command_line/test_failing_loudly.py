"""What goes wrong in a controller of one's own is told at once, with a reason, and ends in 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.report.html.page import render
from sim.report.terminal import progress
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.store.stored_study import read_study
from sim.study.study import Study
from tests.command_line.test_cli import CommandLine

MINE = """
import numpy as np
from sim.control import Capabilities, FleetPlan, Plan, Visit


class Quiet:
    def start(self, system, rng):
        self.system, self.n = system, len(system.vehicles)


class WrongShape(Quiet):
    def decide(self, observation):
        return Plan(fleet=FleetPlan(p_mw=np.zeros((3, 24))))


class Raises(Quiet):
    def decide(self, observation):
        return look_up({})


def look_up(table):
    return table["price"]


class OnceOnly(Quiet):
    def decide(self, observation):
        if observation.period == 1:
            raise RuntimeError("only now")
        return Plan()


class LooksAtVoltages(Quiet):
    def decide(self, observation):
        return Plan() if observation.vm_pu is None else Plan()


class Asks(LooksAtVoltages):
    capabilities = Capabilities(needs_voltages=True)


class ByName(Quiet):
    def decide(self, observation):
        visit = Visit(station="village", depart_h=0.0)
        return Plan(fleet=FleetPlan(visits=((visit,),) * self.n))


class Kilowatts(Quiet):
    def decide(self, observation):
        return Plan(fleet=FleetPlan(p_mw=np.full((1, self.n), 500.0)))


class LongPlan(Quiet):
    def decide(self, observation):
        return Plan(fleet=FleetPlan(p_mw=np.full((400, self.n), 0.1)))


class BreaksAtStart:
    def start(self, system, rng):
        self.home = system.station("vilage")

    def decide(self, observation):
        raise NotImplementedError
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    file = tmp_path / "mine.py"
    file.write_text(MINE.lstrip("\n"))
    return str(file)


def of(controller: str, *options: str) -> tuple[str, ...]:
    return ("run", "tiny", "--controller", controller, "--verify", "off", *options)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("WrongShape", "PlanError: fleet.p_mw must be an array of shape (periods, 1), not (3, 24)"),
        ("Raises", "KeyError: 'price' (mine.py, line 21)"),
        ("LooksAtVoltages", "Capabilities(needs_voltages=True)"),
        ("ByName", "system.station('village') returns the index of a name"),
    ],
)
def test_a_controller_that_always_fails_is_told_at_once_and_exits_with_one(
    gridhaul: CommandLine, mine: str, name: str, reason: str
) -> None:
    code, output, errors = gridhaul(*of(f"{mine}:{name}"))
    assert code == 1
    assert errors.count("failed") == 1
    assert reason in errors
    assert "the decision at 0 h failed" in errors
    words = " ".join(output.split())
    assert words.startswith(f"warning: {mine}:{name}: 4 of 4 decisions failed: ")
    assert reason[:20] in words


def test_one_failed_decision_is_told_and_does_not_fail_the_run(
    gridhaul: CommandLine, mine: str
) -> None:
    code, output, errors = gridhaul(*of(f"{mine}:OnceOnly"))
    assert code == 0
    assert "the decision at 1 h failed: RuntimeError: only now" in errors
    assert "1 of 4 decisions failed" in output


def test_a_strict_run_stops_at_the_first_failure(gridhaul: CommandLine, mine: str) -> None:
    code, output, errors = gridhaul(*of(f"{mine}:OnceOnly", "--strict"))
    assert (code, output) == (1, "")
    assert "the decision at 1 h failed: RuntimeError: only now (mine.py, line" in errors


def test_voltages_are_shown_to_who_asks(gridhaul: CommandLine, mine: str) -> None:
    code, _, errors = gridhaul(*of(f"{mine}:Asks", "--json"))
    assert (code, errors) == (0, "")


def test_an_error_at_the_start_shows_the_line_and_what_was_meant(
    gridhaul: CommandLine, mine: str
) -> None:
    code, _, errors = gridhaul(*of(f"{mine}:BreaksAtStart"))
    assert code == 1
    assert "there is no station 'vilage'. Did you mean 'village'?" in errors
    assert "(mine.py, line 58)" in errors


def test_rows_beyond_the_look_ahead_are_cut(gridhaul: CommandLine, mine: str) -> None:
    code, output, errors = gridhaul(*of(f"{mine}:LongPlan", "--json"))
    assert (code, errors) == (0, "")
    assert json.loads(output)["metrics"]["failed_decisions"] == 0


def test_orders_in_kilowatts_are_suspected(gridhaul: CommandLine, mine: str) -> None:
    _, output, _ = gridhaul(*of(f"{mine}:Kilowatts"))
    words = " ".join(output.split())
    assert "of the energy that it ordered was clipped" in words
    assert "is this in kW?" in words
    _, output, _ = gridhaul(*of("greedy"))
    assert "clipped (" not in " ".join(output.split())


def test_a_study_names_who_failed_and_ranks_it_nowhere(
    gridhaul: CommandLine, mine: str, tmp_path: Path
) -> None:
    failing, out = f"{mine}:WrongShape", tmp_path / "out"
    command = ("compare", "tiny", "--controllers", f"idle,{failing}", "--replications", "2")
    for _ in range(2):  # the second time from the folder
        code, output, errors = gridhaul(*command, "--verify", "off", "--out", str(out))
        words = " ".join(output.split())
        assert code == 1
        assert f"{failing}: 8 of 8 decisions failed: PlanError" in words
        assert "(no decisions)" in words
    assert errors == ""  # nothing ran again
    page = render(read_study(out))
    assert "8 of 8 decisions failed: PlanError" in page
    assert "is not ranked: every decision of" in page
    assert "cannot be told from" not in page


def test_a_strict_study_stops_at_the_first_failure(gridhaul: CommandLine, mine: str) -> None:
    command = ("compare", "tiny", "--controllers", f"idle,{mine}:OnceOnly", "--replications", "9")
    code, output, errors = gridhaul(*command, "--verify", "off", "--strict")
    assert (code, output) == (1, "")
    assert errors.count("only now") == 1


class Impatient:
    """Presses Ctrl-C when five episodes have ended."""

    def __init__(self) -> None:
        self.ended_episodes = 0

    def expects(self, episodes: int) -> None: ...

    def resumed(self, episodes: int) -> None: ...

    def ended(self, result: object) -> None:
        self.ended_episodes += 1
        if self.ended_episodes == 5:
            raise KeyboardInterrupt


def test_an_interrupted_study_keeps_what_is_done_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def study(follower: Impatient | None) -> Study:
        return compare(
            load_scenario("tiny"),
            ["idle", "greedy"],
            replications=10,
            verify="off",
            progress=follower,
            out=tmp_path / "out",
        )

    first = study(Impatient())
    assert first.interrupted
    assert 2 <= first.replications < 10
    assert len(first.metrics) == 2 * first.replications
    assert "of 20 episodes are done, they are safe in" in caplog.text
    whole = study(None)
    assert not whole.interrupted
    assert whole.metrics.loc[first.metrics.index].equals(first.metrics)
    assert len(whole.metrics) == 20


def test_ctrl_c_shows_what_is_done_and_exits_with_130(
    gridhaul: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EpisodeBar", lambda *_: Impatient())
    command = ("compare", "tiny", "--controllers", "idle,greedy", "--replications", "10")
    code, output, errors = gridhaul(*command, "--verify", "off")
    assert code == 130
    assert "interrupted: " in errors
    assert "Objective" in output
