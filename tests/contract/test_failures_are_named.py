"""What fails inside an episode is counted and named, and the episode completes."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from controllers.optimisation.growing_model import GrowingModel
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import Basis
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch import dispatch
from sim.cli import main
from sim.control import Outcome, Plan, SolveStatus
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario, scenario_folder
from sim.study.compare import compare
from sim.study.execution.runner import run_episode
from sim.study.summary import episode_summary

IDLE, ROLLING = ControllerSpec(name="idle"), ControllerSpec(name="rolling")

# A line of reactance X carries at most V^2 / 2X to a load without reactive power: 1.25 MW at 10 kV
# and 40 ohm. The village of `tiny` takes 0.9, 0.9, 1.3 and 1.2 MW: the third hour has no solution.
WEAK_LINE_OHM = 40.0
COLLAPSED = slice(8, 12)
LOST_LOAD_USD_PER_MWH = load_scenario("tiny").system.tariff.lost_load_usd_per_mwh


@pytest.fixture
def weak(tmp_path: Path) -> Path:
    folder = tmp_path / "weak"
    shutil.copytree(scenario_folder("tiny"), folder)
    lines = folder / "lines.csv"
    lines.write_text(lines.read_text().replace(",0.001,", f",{WEAK_LINE_OHM},"))
    return folder


def test_steps_without_a_power_flow_are_flagged_and_hold_no_old_values(weak: Path) -> None:
    # Full verification: pandapower must find the same steps without a solution.
    episode = run_episode(load_scenario(weak), IDLE, seed=1, replication=0, verify=Verify.FULL)
    assert episode.metrics["unconverged_steps"] == 4
    assert episode.metrics["verified_steps"] == episode.metrics["steps"] == 16
    lost = ~episode.steps["converged"].to_numpy()
    assert np.flatnonzero(lost).tolist() == list(range(16))[COLLAPSED]
    for table in (episode.vm_pu, episode.loading_percent):
        assert table[lost].isna().all(axis=None)
        assert table[~lost].notna().all(axis=None)
    assert episode.steps.loc[lost, ["import_mw", "loss_mw", "vm_pu_min"]].isna().all(axis=None)
    # No rule has a gap.
    figures = {name: own for name, own in episode.metrics.items() if name != "gap_max"}
    assert all(math.isfinite(value) for value in figures.values())
    # A collapsed grid trades nothing and serves nobody, so that it can never look cheap.
    items = episode.ledger[episode.ledger["step"].isin(range(16)[COLLAPSED])].groupby("item")
    assert set(items.groups) == {"unserved load"}
    assert episode.metrics["unserved_mwh"] == pytest.approx(1.4)
    assert items["usd"].sum().item() == pytest.approx(1.4 * LOST_LOAD_USD_PER_MWH)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["gridhaul", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def not_in_json(word: str) -> float:
    raise AssertionError(f"JSON knows no {word}")


def test_an_episode_without_any_power_flow_still_prints_json_and_a_report(
    weak: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    loads = weak / "loads.csv"
    loads.write_text(loads.read_text().replace(",1.0,", ",20.0,"))
    out = tmp_path / "out"
    code = command(
        monkeypatch, "run", weak, "--controller", "idle", "--json", "--verify", "off", "--out", out
    )
    found = json.loads(capfd.readouterr().out, parse_constant=not_in_json)
    assert code == 0
    assert found["metrics"]["unconverged_steps"] == 16
    assert found["metrics"]["vm_pu_min"] is None
    assert found["metrics"]["objective_usd"] is not None
    assert json.loads((out / "summary.json").read_text(), parse_constant=not_in_json)
    assert command(monkeypatch, "report", out) == 0
    assert command(monkeypatch, "run", weak, "--controller", "idle", "--verify", "audit") == 0
    printed = " ".join(capfd.readouterr().out.split())
    assert "16 of 16 steps have no AC power flow" in printed
    assert "16 of 16 steps have no AC power flow" in (out / "report.html").read_text()


def test_a_study_with_diverging_flows_has_means_of_what_is_known(weak: Path) -> None:
    study = compare(load_scenario(weak), ["idle", "greedy"], replications=2, verify="off")
    assert not study.failures
    assert (study.metrics["unconverged_steps"] > 0).any()


def test_a_line_that_leaves_nothing_but_the_source_alive_is_verified_too() -> None:
    scenario = load_scenario("tiny", {"outages.per_line_year": 9000})
    episode = run_episode(scenario, IDLE, seed=1, replication=0, verify=Verify.FULL)
    dark = episode.vm_pu["village"].isna()
    assert dark.any()
    assert not dark.all()
    assert episode.metrics["unserved_mwh"] > 0
    assert episode.metrics["unconverged_steps"] == 0
    assert episode.metrics["verified_steps"] == 16


def hurried(monkeypatch: pytest.MonkeyPatch, from_dispatch: int) -> None:
    """Give every dispatch from the given one on next to no time."""
    dispatches = itertools.count()

    def quick(model: LinearModel, basis: Basis | None, limits: WorkLimits) -> GrowingModel:
        if next(dispatches) >= from_dispatch:
            limits = dataclasses.replace(limits, deadline_s=1e-9)
        return GrowingModel(model, basis, limits)

    monkeypatch.setattr(dispatch, "GrowingModel", quick)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return shortened(load_scenario("ieee33"), 3)


@pytest.mark.parametrize(("from_dispatch", "least"), [(0, 3), (2, 1)])
def test_a_solver_that_runs_out_of_time_is_named_and_marks_the_episode(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, from_dispatch: int, least: int
) -> None:
    hurried(monkeypatch, from_dispatch)
    episode = run_episode(scenario, ROLLING, seed=1, replication=0, verify=Verify.OFF)
    law_named_failures(episode)
    law_energy(scenario, episode)
    late = episode.decisions[episode.decisions["status"] == "deadline"]
    assert episode.metrics["deadline_decisions"] == len(late) >= least
    # One that had a solution by then needs no fallback.
    assert late["fallback"].str.contains("wall clock|^$").all()
    assert late["fallback"].str.contains("wall clock").any()
    assert episode_summary(episode)["reproducible"] is False


def test_an_episode_within_its_limits_is_reproducible(scenario: Scenario) -> None:
    episode = run_episode(scenario, ROLLING, seed=1, replication=0, verify=Verify.OFF)
    assert episode.metrics["deadline_decisions"] == 0
    assert episode_summary(episode)["reproducible"] is True


def test_an_infeasible_model_is_named_and_the_vehicles_stay(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(model: LinearModel, basis: Basis | None, limits: WorkLimits) -> GrowingModel:
        # A sum of nothing that must be at least 1.
        empty = sparse.csr_array((1, len(model.cost)))
        none = dataclasses.replace(
            model, matrix=empty, row_lower=np.ones(1), row_upper=np.full(1, np.inf)
        )
        return GrowingModel(none, None, limits)

    monkeypatch.setattr(dispatch, "GrowingModel", impossible)
    episode = run_episode(scenario, ROLLING, seed=1, replication=0, verify=Verify.OFF)
    law_named_failures(episode)
    law_energy(scenario, episode)
    assert (episode.decisions["status"] == "infeasible").all()
    assert episode.decisions["fallback"].str.contains("not even standing still").all()
    assert episode.metrics["fallbacks"] == 3
    assert episode.metrics["trips"] == 0


class Late:
    """Says itself that the clock ended its search, and has a plan all the same."""

    def start(self, system: object, rng: object) -> None:
        pass

    def decide(self, observation: object) -> Plan:
        return Plan(outcome=Outcome(status=SolveStatus.DEADLINE, fallback="the last plan"))


def test_the_flag_does_not_depend_on_who_plans(scenario: Scenario) -> None:
    episode, _ = live(scenario, Late())
    assert episode.metrics["deadline_decisions"] == episode.metrics["decisions"] == 3
