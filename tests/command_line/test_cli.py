from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sim import plugins
from sim.inspect.demonstration import Demonstration, demonstration

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]

MOODY = """
import numpy as np
from sim.control import FleetPlan, Plan


class Moody:
    def start(self, system, rng):
        self.p_mw = rng.uniform(0.0, 0.4, len(system.vehicles))

    def decide(self, observation):
        hours = len(observation.forecast.import_usd_per_mwh)
        return Plan(fleet=FleetPlan(p_mw=np.tile(self.p_mw, (hours, 1))))
"""

FAILS_AT_START = '''
class Unlucky:
    """Fails before it decides anything."""

    def start(self, system, rng):
        raise OSError("no licence")

    def decide(self, observation):
        raise NotImplementedError
'''


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["gridhaul", "--help"]
from sim.cli import main
try:
    main()
except SystemExit as done:
    heavy = {"numpy", "pandas", "pandapower", "ortools", "plotly", "pydantic", "numba"}
    sys.exit(done.code or ", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert finished.stderr == ""
    assert finished.returncode == 0
    for command in ("demo", "list", "run", "compare", "replay", "report"):
        assert command in finished.stdout


def test_the_package_alone_imports_nothing_heavy() -> None:
    code = "import sys, sim; dir(sim); sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_list_names_what_is_installed(gridhaul: CommandLine) -> None:
    code, output, _ = gridhaul("list", "--json")
    found = json.loads(output)
    assert code == 0
    assert {"tiny", "ieee33"} <= set(found["scenarios"])
    assert {"idle", "greedy", "day_ahead", "rolling"} <= set(found["controllers"])
    assert all(line for lines in found.values() for line in lines.values())
    assert "cannot be loaded" not in output
    code, output, _ = gridhaul("list")
    assert code == 0
    assert "tiny" in output


def test_run_prints_one_json_object(gridhaul: CommandLine) -> None:
    code, output, errors = gridhaul(
        "run", "tiny", "--controller", "greedy", "--verify", "off", "--seed", 4, "--json"
    )
    found = json.loads(output)
    assert (code, errors) == (0, "")
    assert {"scenario", "controller", "seed", "metrics", "timings", "ledger"} <= set(found)
    assert (found["scenario"], found["controller"], found["seed"]) == ("tiny", "greedy", 4)
    assert found["metrics"]["steps"] == 16
    assert set(found["timings"]) == {"solve_s_total", "solve_s_p95", "steps_per_s"}
    assert {"payer", "payee", "item", "usd"} == set(found["ledger"][0])


def test_run_shows_a_table_to_people(gridhaul: CommandLine) -> None:
    code, output, _ = gridhaul("run", "tiny", "--controller", "idle", "--verify", "off")
    assert code == 0
    assert "Objective [USD]" in output
    assert "energy bought" in output


def test_settings_reach_scenario_and_controller(gridhaul: CommandLine, tmp_path: Path) -> None:
    code, output, _ = gridhaul(
        *("run", "ieee33", "--controller", "idle", "--days", 2, "--verify", "off", "--json"),
        *("--set", "penalties.voltage_usd_per_pu_h=0"),
        *("--set", "penalties.loading_usd_per_percent_h=0"),
    )
    found = json.loads(output)["metrics"]
    assert code == 0
    assert found["steps"] == 192
    assert found["penalty_usd"] == 0
    code, _, errors = gridhaul(
        "run", "tiny", "--controller", "idle", "--set", "controller.horizon=3"
    )
    assert code == 2
    assert "takes no parameters" in errors


def test_compare_prints_one_json_object(gridhaul: CommandLine) -> None:
    code, output, errors = gridhaul(
        *("compare", "tiny", "--controllers", "idle, greedy", "--replications", 2),
        *("--verify", "off", "--json"),
    )
    found = json.loads(output)
    assert (code, errors) == (0, "")
    assert set(found["controllers"]) == {"idle", "greedy"}
    assert set(found["paired"]) == {"greedy"}
    estimate = found["controllers"]["idle"]["objective_usd"]
    assert set(estimate) == {"mean", "ci95", "cvar95", "worst"}
    assert estimate["cvar95"]["note"] == "needs 500 episodes"
    assert estimate["cvar95"]["ci95"] is None
    violated = found["controllers"]["idle"]["voltage_violation_steps"]
    assert set(violated) == {"mean", "ci95", "p_violation"}
    assert set(found["controllers"]["idle"]["cost_usd"]) == {"mean", "ci95"}
    difference = found["paired"]["greedy"]["objective_usd"]
    assert set(difference) == {"mean", "ci95", "p_value", "variance_reduction"}
    assert found["inference"]["profile_days"] == 3
    assert found["stopping"] is None
    assert estimate["ci95"][0] <= estimate["mean"] <= estimate["ci95"][1]


def test_what_each_step_is_worth_is_printed_in_json_and_in_the_report(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    study = ("compare", "tiny", "--controllers", "stationary,idle,curtail", "--verify", "off")
    options = ("--replications", 3, "--out", tmp_path / "out")
    code, output, _ = gridhaul(*study, *options, "--json")
    assert code == 0
    found = json.loads(output)
    objective = {name: own["objective_usd"]["mean"] for name, own in found["controllers"].items()}
    steps = found["ladder"]
    between = [("idle", "curtail"), ("curtail", "stationary"), ("idle", "stationary")]
    assert [(own["without"], own["having"]) for own in steps] == between
    assert [own["step"] for own in steps] == ["step", "step", "all steps"]
    assert [own["mean"] for own in steps] == pytest.approx(
        [objective[below] - objective[above] for below, above in between]
    )
    assert steps[1]["adds"].endswith("(reactive is not in the study)")
    assert steps[1]["mean"] > 100  # the line takes 1 MW and the village needs 1.3
    code, output, _ = gridhaul(*study, *options)
    words = " ".join(output.split())
    assert "What each step is worth: objective of the controller before less its own" in words
    assert "idle → curtail" in words
    assert "idle → stationary" in words
    code, output, _ = gridhaul("report", tmp_path / "out")
    page = Path(output.strip()).read_text(encoding="utf-8")
    assert '<th scope="row">curtail → stationary</th>' in page
    assert "energy moved in time, at one place (reactive is not in the study)" in page


def test_a_study_without_two_rungs_has_no_ladder(gridhaul: CommandLine) -> None:
    study = ("compare", "tiny", "--controllers", "idle,greedy", "--verify", "off")
    _, output, _ = gridhaul(*study, "--replications", 2)
    assert "What each step is worth" not in output


def test_a_study_stops_when_it_is_precise_enough(gridhaul: CommandLine, tmp_path: Path) -> None:
    study = ("compare", "tiny", "--controllers", "idle,greedy", "--verify", "off")
    code, output, _ = gridhaul(
        *(*study, "--replications", 120, "--until", "90%", "--json", "--out", tmp_path / "out")
    )
    found = json.loads(output)
    assert code == 0
    assert found["stopping"]["reached"]
    assert found["replications"] == found["stopping"]["replications"] == 50
    assert found["stopping"]["until"] == 0.9
    low, high = found["stopping"]["differences"]["greedy"]["ci95"]
    assert (high - low) / 2 <= found["stopping"]["allowed_half_width"]
    code, output, _ = gridhaul("report", tmp_path / "out")
    page = Path(output.strip()).read_text(encoding="utf-8")
    assert "Stopped after 50 replications" in page


@pytest.mark.slow
def test_where_a_study_stops_does_not_depend_on_the_workers(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "moody.py"
    file.write_text(MOODY)
    study = ("compare", "tiny", "--controllers", f"idle,{file}:Moody", "--verify", "off", "--json")
    found = {}
    for workers in (1, 2):
        options = ("--replications", 400, "--until", "0.2%", "--workers", workers)
        code, output, _ = gridhaul(*study, *options)
        assert code == 0
        found[workers] = json.loads(output)
    assert found[1] == found[2]
    assert found[1]["stopping"]["reached"]
    assert 50 < found[1]["replications"] < 400


def test_a_study_that_does_not_get_precise_enough_says_so(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "moody.py"
    file.write_text(MOODY)
    study = ("compare", "tiny", "--controllers", f"idle,{file}:Moody", "--verify", "off")
    code, output, _ = gridhaul(*study, "--replications", 55, "--until", "0.001%")
    assert code == 0
    assert "Not precise enough after 55 replications" in " ".join(output.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--replications", 49, "--until", "1%"), "at least 50 replications"),
        (("--replications", 100, "--until", "much"), "is not above 0 % and at most 100 %"),
    ],
)
def test_a_rule_that_cannot_be_met_is_bad_input(
    gridhaul: CommandLine, options: tuple[object, ...], message: str
) -> None:
    code, output, errors = gridhaul("compare", "tiny", "--controllers", "idle,greedy", *options)
    assert (code, output) == (2, "")
    assert message in errors


def test_one_replication_has_no_interval(gridhaul: CommandLine) -> None:
    _, output, _ = gridhaul(
        *("compare", "tiny", "--controllers", "idle", "--replications", 1),
        *("--verify", "off", "--json"),
    )
    assert json.loads(output)["controllers"]["idle"]["cost_usd"]["ci95"] is None


def test_a_failed_episode_is_named_and_ends_with_1(gridhaul: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "unlucky.py"
    file.write_text(FAILS_AT_START)
    code, output, errors = gridhaul(
        *("compare", "tiny", "--controllers", f"idle,{file}:Unlucky", "--replications", 2),
        *("--verify", "off", "--out", tmp_path / "out"),
    )
    assert code == 1
    assert "Objective" in output
    assert "replication 1: start() failed: OSError: no licence (unlucky.py, line 6)" in errors
    assert "2 of 4 episodes failed" in errors
    assert gridhaul("report", tmp_path / "out")[0] == 0
    assert "no licence" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_study_of_nothing_but_failures_ends_and_says_so(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "unlucky.py"
    file.write_text(FAILS_AT_START)
    code, output, errors = gridhaul(
        *("compare", "tiny", "--controllers", f"{file}:Unlucky", "--replications", 1),
        *("--verify", "off", "--json", "--out", tmp_path / "out"),
    )
    assert code == 1
    assert json.loads(output)["failures"][0]["error"].startswith(
        "start() failed: OSError: no licence"
    )
    assert "1 of 1 episodes failed" in errors
    assert gridhaul("report", tmp_path / "out")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "tinny", "--controller", "idle"], "Did you mean 'tiny'"),
        (["run", "tiny", "--controller", "idel"], "Did you mean 'idle'"),
        (["run", "tiny", "--controller", "idle", "--verify", "ful"], "Did you mean 'full'"),
        (["run", "tiny", "--controller", "idle", "--set", "a"], "not of the form key=value"),
        (["run", "tiny", "--controller", "idle", "--set", "timing.dais=2"], "timing.dais"),
        (["run", "tiny", "--controller", "gone.py:Mine"], "there is no such file"),
        (["compare", "tiny", "--controllers", ",", "--replications", "2"], "no controller"),
        (["report", "nowhere"], "holds no readable study.json"),
        (["run", "tiny"], "--controller"),
        (["demmo"], "No such command"),
    ],
)
def test_bad_input_ends_with_2_and_one_clear_message(
    gridhaul: CommandLine, arguments: list[str], message: str
) -> None:
    code, output, errors = gridhaul(*arguments)
    assert code == 2
    assert output == ""
    assert message in errors
    assert "Traceback" not in errors


def test_an_episode_is_replayed_and_handed_over(gridhaul: CommandLine, tmp_path: Path) -> None:
    study = tmp_path / "study"
    chosen = ("--controllers", "idle,greedy", "--replications", 2, "--verify", "off")
    assert gridhaul("compare", "tiny", *chosen, "--out", study)[0] == 0
    episode = ("replay", study, "--controller", "idle", "--replication", 1)
    code, output, _ = gridhaul(*episode)
    assert code == 0
    assert "The same again" in output
    hand_over = ("--from-period", 2, "--with", "rolling", "--set", "controller.nodes=5")
    code, output, _ = gridhaul(*episode, *hand_over, "--out", tmp_path / "handed")
    assert code == 0
    assert "rolling(nodes=5) from period 2" in output
    assert "the day is the same" in output.replace("\n", " ")
    assert (tmp_path / "handed" / "report.html").is_file()
    code, output, _ = gridhaul("replay", tmp_path / "handed", "--json")
    found = json.loads(output)
    assert code == 0
    assert found["replay"]["controller"] == "idle, from period 2 rolling(nodes=5)"
    assert found["original"]["metrics"] == found["replay"]["metrics"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--controller", "gredy"), "Did you mean 'greedy'?"),
        (("--replication", 7), "There is: 0 to 1"),
        (("--from-period", 4, "--with", "idle"), "Choose one from 0 to 3"),
        (("--from-period", -1, "--with", "idle"), "is no whole number"),
        (("--from-period", 2, "--with", "idel"), "Did you mean 'idle'?"),
        (("--set", "traffic.intensity=2"), "is for the scenario, which is that of the study"),
        (("--set", "controller.nodes=2"), "give --with"),
        (("--from-period", 2, "--with", "rolling", "--set", "controller.node=2"), "'nodes'?"),
    ],
)
def test_a_replay_of_what_there_is_not_ends_with_2_and_one_message(
    gridhaul: CommandLine, tmp_path: Path, more: tuple[object, ...], message: str
) -> None:
    chosen = ("--controllers", "greedy", "--replications", 2, "--verify", "off")
    gridhaul("compare", "tiny", *chosen, "--out", tmp_path / "study")
    episode = () if "--replication" in more else ("--replication", 0)
    code, output, errors = gridhaul("replay", tmp_path / "study", *episode, *more)
    assert (code, output) == (2, "")
    assert message in errors
    assert "Traceback" not in errors


def test_a_replay_that_comes_out_differently_ends_with_1(
    gridhaul: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MOODY.replace("0.4", "float(__import__('os').environ['MOOD'])"))
    monkeypatch.setenv("MOOD", "0.4")
    moody = ("run", "tiny", "--controller", f"{file}:Moody", "--verify", "off")
    assert gridhaul(*moody, "--out", tmp_path / "run")[0] == 0
    monkeypatch.setenv("MOOD", "0.3")
    assert gridhaul("replay", tmp_path / "run")[0] == 2  # nobody has named the file
    named = ("--controller", f"{file}:Moody")
    code, output, errors = gridhaul("replay", tmp_path / "run", *named, "--json")
    assert (code, output) == (1, "")
    assert "first difference, at 0 h: decisions: orders is" in errors


def test_all_problems_of_the_input_are_reported_at_once(gridhaul: CommandLine) -> None:
    code, _, errors = gridhaul(
        "run", "tiny", "--controller", "idle", "--set", "timing.dais=2", "--set", "seed=abc"
    )
    assert code == 2
    assert "timing.dais" in errors
    assert "seed" in errors


def test_the_demo_compares_installed_controllers_on_an_installed_scenario() -> None:
    shown = demonstration()
    assert shown.scenario in plugins.names(plugins.SCENARIOS)
    assert set(shown.controllers) <= set(plugins.names(plugins.CONTROLLERS))
    assert shown.replications >= 5


def test_the_demo_ends_with_the_path_of_its_report(
    gridhaul: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Demonstration(scenario="tiny", controllers=("idle", "greedy"), replications=2)
    monkeypatch.setattr("sim.inspect.demonstration.demonstration", lambda: shown)
    monkeypatch.setattr("sim.cli.demo.WORKERS", 1)
    code, output, errors = gridhaul("demo", "--out", tmp_path / "demo")
    assert (code, errors) == (0, "")
    assert output.splitlines()[-1] == f"Report: {tmp_path / 'demo' / 'report.html'}"
    assert (tmp_path / "demo" / "report.html").is_file()
    assert "Difference from idle" in output
