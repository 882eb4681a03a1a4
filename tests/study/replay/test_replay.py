"""Episodes run again from their folder: the same, or a clear word; hand-overs on the way."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import gridhaul as gh
from sim.episode.episode import Episode
from sim.episode.log import log_of, log_sha256
from sim.episode.specification import ControllerSpec, Successor
from sim.errors import InputError, ReplayError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.replay.replay import Evidence, replay, replay_summary
from sim.study.run import run
from sim.study.store.stored_study import read_study
from sim.study.store.writer import StudyWriter
from sim.study.stress.run import stress

STORM = {
    "traffic.intensity": 1.5,
    "incidents.per_day": 100.0,
    "breakdowns.per_1000_km": 100.0,
    "outages.per_line_year": 40.0,
}
CALLED = {"replan_on": ("arrival", "delay", "outage")}
CONSTANT = """
import numpy as np
from sim.control import Capabilities, FleetPlan, Plan


class Constant:
    capabilities = Capabilities(replan_on=frozenset({"outage"}))

    def start(self, system, rng):
        self.p_mw = np.full((1, len(system.vehicles)), 0.1)

    def decide(self, observation):
        late = observation.period >= 5
        return Plan(fleet=FleetPlan(p_mw=self.p_mw * (POWER if late else 1.0)))
"""


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `steps` and `summary` of a stormy study, and `tiny`."""
    folder = tmp_path_factory.mktemp("studies")
    asked: dict[str, Any] = {"replications": 2, "verify": "off", "seed": 5}
    scenario = load_scenario("ieee33", STORM)
    for keep in ("steps", "summary"):
        compare(scenario, ["idle", "greedy"], keep=keep, out=folder / keep, **asked)
    compare(load_scenario("tiny"), ["greedy", "rolling"], out=folder / "tiny", **asked)
    return folder


@pytest.mark.parametrize(
    ("study", "controller"),
    [("steps", "greedy"), ("summary", "idle"), ("summary", "greedy"), ("tiny", "rolling")],
)
def test_an_episode_comes_out_the_same(studies: Path, study: str, controller: str) -> None:
    """With the scenario's overrides, another seed, and also where no tables are kept."""
    found = replay(studies / study, controller, 1)
    stored = read_study(studies / study).table("episodes", controller=controller, replication=1)
    assert found.evidence is Evidence.LOG
    assert found.log_sha256 == stored["log_sha256"].item() == log_sha256(log_of(found.episode))
    assert found.metrics == pytest.approx(found.episode.metrics, abs=0, rel=0, nan_ok=True)
    assert found.handed_over is None


def test_a_hash_is_that_of_the_tables_in_the_folder(studies: Path) -> None:
    stored = read_study(studies / "steps")
    keys: dict[str, object] = {"controller": "greedy", "replication": 0}
    log = {
        name: stored.table(name, **keys).drop(columns=list(keys))
        for name in ("decisions", "events", "trips", "vehicles", "steps")
    }
    assert log_sha256(log) == stored.table("episodes", **keys)["log_sha256"].item()


def test_every_day_and_controller_has_a_hash_of_its_own(studies: Path) -> None:
    hashes = read_study(studies / "steps").table("episodes")["log_sha256"]
    assert hashes.is_unique
    assert hashes.equals(read_study(studies / "summary").table("episodes")["log_sha256"])


def assert_same_before(one: Episode, other: Episode, at_h: float) -> None:
    just = 1e-6
    for table, column, most in (
        ("events", "time_h", at_h - just),
        ("decisions", "time_h", at_h - just),
        ("trips", "arrive_h", at_h - just),
        ("vehicles", "time_h", at_h),
        ("steps", "time_h", at_h - 0.25),
    ):
        # Trips are sorted by vehicle, so those after it move the rows of those before.
        before = [
            own[own[column] <= most].reset_index(drop=True)
            for own in (getattr(one, table), getattr(other, table))
        ]
        pd.testing.assert_frame_equal(*before, check_exact=True, check_dtype=False)
        assert len(before[0]) > 0 or at_h == 0 or table in ("events", "trips")


@pytest.mark.parametrize("period", [0, 1, 7, 13, 23])
def test_a_hand_over_changes_nothing_before_it(studies: Path, period: int) -> None:
    found = replay(studies / "summary", "idle", 0, from_period=period, hand_to="greedy")
    handed = found.handed_over
    assert handed is not None
    assert_same_before(found.episode, handed.episode, period)
    assert handed.before_sha256 == log_sha256(log_of(found.episode), period)
    assert handed.before_sha256 == log_sha256(log_of(handed.episode), period)
    later = [own.decisions["orders"][period:] for own in (found.episode, handed.episode)]
    assert not later[0].equals(later[1])
    assert handed.episode.controller == f"idle, from period {period} greedy"


def test_who_takes_over_at_the_start_has_the_day_for_itself(studies: Path) -> None:
    handed = replay(studies / "steps", "idle", 1, from_period=0, hand_to="greedy").handed_over
    assert handed is not None
    alone = read_study(studies / "steps").table("episodes", controller="greedy", replication=1)
    assert log_sha256(log_of(handed.episode)) == alone["log_sha256"].item()


def test_a_clairvoyant_can_take_over(studies: Path) -> None:
    handed = replay(studies / "tiny", "greedy", 0, from_period=2, hand_to="clairvoyant").handed_over
    assert handed is not None
    assert handed.episode.metrics["failed_decisions"] == 0
    status = handed.episode.decisions["status"].tolist()
    assert status[:2] == ["rule"] * 2
    assert "rule" not in status[2:]


def test_the_folder_of_a_replay_can_be_replayed(studies: Path, tmp_path: Path) -> None:
    """Also that of a hand-over, in which the successor has parameters."""
    rolling = ControllerSpec(name="rolling", parameters=(("nodes", 5),))
    first = replay(
        studies / "tiny", "greedy", 1, from_period=1, hand_to=rolling, out=tmp_path / "handed"
    )
    assert first.handed_over is not None
    again = replay(tmp_path / "handed", out=tmp_path / "again")
    assert again.log_sha256 == log_sha256(log_of(first.handed_over.episode))
    assert again.episode.controller == "greedy, from period 1 rolling(nodes=5)"
    assert replay(tmp_path / "again").log_sha256 == again.log_sha256
    with pytest.raises(InputError, match="in an episode in which another one has"):
        replay(tmp_path / "handed", from_period=2, hand_to="idle")


def test_a_successor_that_hands_over_again_is_refused() -> None:
    idle = ControllerSpec(name="idle")
    twice = ControllerSpec(name="idle", then=Successor(from_period=1, controller=idle))
    with pytest.raises(ValueError, match="must not hand over again"):
        Successor(from_period=1, controller=twice)


def test_a_point_of_a_stress_study_can_be_replayed(tmp_path: Path) -> None:
    stress(
        load_scenario("tiny", {"load.scale": 0.9}),
        ["idle", "greedy"],
        axes={"pv.scale": [1.0, 2.0]},
        replications=1,
        verify="off",
        out=tmp_path / "stress",
    )
    for label in ("greedy @ pv.scale=1", "greedy @ pv.scale=2"):
        found = replay(tmp_path / "stress", label, from_period=1, hand_to="idle")
        assert found.evidence is Evidence.LOG
    with pytest.raises(InputError, match=r"not in this study.*There is: greedy @ pv\.scale=1, "):
        replay(tmp_path / "stress", "greedy")


def test_the_original_says_by_itself_what_is_run(tmp_path: Path) -> None:
    """Parameters, days, seed and a controller's file are those of the folder."""
    file = tmp_path / "mine.py"
    file.write_text(CONSTANT.replace("POWER", "2.0"))
    run(
        load_scenario("tiny", {"timing.days": 2}),
        f"{file}:Constant",
        seed=3,
        replication=4,
        verify="off",
        out=tmp_path / "run",
    )
    found = replay(tmp_path / "run").episode
    assert (found.seed, found.replication, found.metrics["steps"]) == (3, 4, 192)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """An episode whose controller orders something else now, from period 5 on."""
    file = tmp_path / "mine.py"
    file.write_text(CONSTANT.replace("POWER", "2.0"))
    for keep in ("steps", "summary"):
        compare(
            load_scenario("ieee33"),
            [f"{file}:Constant"],
            replications=1,
            verify="off",
            keep=keep,
            out=tmp_path / keep,
        )
    file.write_text(CONSTANT.replace("POWER", "3.0"))
    return tmp_path


def test_what_differs_first_and_why_is_named(changed: Path) -> None:
    with pytest.raises(ReplayError) as caught:
        replay(changed / "steps")
    message = str(caught.value)
    assert re.search(r"first difference, at 5 h: decisions: .*orders is '", message)
    assert "possible causes: controller.file_sha256 is '" in message
    with pytest.raises(ReplayError) as caught:
        replay(changed / "summary")
    assert "event log: " in str(caught.value)
    assert "keeps no tables" in str(caught.value)
    assert re.search(r"\n  \w+ is [-\d.]+ there and [-\d.]+ here\n", str(caught.value))


def test_a_controller_with_a_clock_of_its_own_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(CONSTANT.replace("POWER", "__import__('time').time() % 1"))
    run(load_scenario("ieee33"), f"{file}:Constant", verify="off", out=tmp_path / "run")
    monkeypatch.setattr("sim.study.store.manifest.version", lambda name: "0")
    with pytest.raises(ReplayError, match=r"(?s)orders is.*packages\.numpy is.*uses the clock"):
        replay(tmp_path / "run")


def test_an_episode_that_the_clock_cut_short_is_told(
    studies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*args: Any, **kwargs: Any) -> Episode:
        episode = run(load_scenario("ieee33", STORM), "greedy", verify="off")
        episode.metrics["deadline_decisions"] = 3
        return episode

    monkeypatch.setattr("sim.study.replay.replay.run_episode", cut)
    with pytest.raises(ReplayError, match="causes: the wall clock ended 3 decisions"):
        replay(studies / "steps", "greedy", 0)


def as_of_an_earlier_version(folder: Path) -> None:
    """Take out of a folder what earlier versions did not write."""
    for table, column in (("episodes", "log_sha256"), ("decisions", "orders")):
        for file in (folder / table).glob("*.parquet"):
            content = pq.read_table(file)
            if column in content.column_names:
                pq.write_table(content.drop_columns([column]), file)
    manifest = json.loads((folder / "study.json").read_text())
    for key in ("source", "overrides"):
        del manifest["scenario"][key]
    (folder / "study.json").write_text(json.dumps(manifest))


def test_folders_of_earlier_versions_are_compared_as_far_as_they_go(tmp_path: Path) -> None:
    scenario = load_scenario("tiny")
    for keep, evidence in (("steps", Evidence.TABLES), ("summary", Evidence.FIGURES)):
        folder = tmp_path / keep
        compare(scenario, ["greedy"], replications=2, verify="off", keep=keep, out=folder)
        as_of_an_earlier_version(folder)
        assert replay(folder, replication=1).evidence is evidence
    for file in (tmp_path / "steps" / "vehicles").glob("*.parquet"):
        content = pq.read_table(file).to_pandas()
        content.loc[content.index[-1], "energy_mwh"] += 1e-12
        content.to_parquet(file)
    with pytest.raises(ReplayError, match=r"at 4 h: vehicles of \S+: energy_mwh is"):
        replay(tmp_path / "steps", replication=1)
    compare(
        load_scenario("tiny", {"tariff.stored_usd_per_mwh": 1}),
        ["greedy"],
        replications=1,
        verify="off",
        out=tmp_path / "other",
    )
    as_of_an_earlier_version(tmp_path / "other")
    with pytest.raises(InputError, match=r"scenario\.digest.*the scenario has changed"):
        replay(tmp_path / "other")


def test_a_scenario_that_has_moved_or_changed_is_told(tmp_path: Path) -> None:
    from sim.scenario.export import export_scenario

    mine = tmp_path / "mine"
    export_scenario("tiny", mine, {})
    run(load_scenario(mine), "greedy", verify="off", out=tmp_path / "run")
    shutil.move(mine, tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"scenario\.source = .*--scenario where it is now"):
        replay(tmp_path / "run")
    replay(tmp_path / "run", scenario=tmp_path / "elsewhere")
    file = tmp_path / "elsewhere" / "vehicles.csv"
    file.write_text(file.read_text().replace("0.5", "0.25"))
    toml = tmp_path / "elsewhere" / "scenario.toml"
    toml.write_text(toml.read_text().replace("seed = ", "seed = 1"))
    with pytest.raises(InputError, match=r"scenario\.digest.*the scenario has changed"):
        replay(tmp_path / "run", scenario=tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"controller": "gredy"}, "not in this study.*Did you mean 'greedy'"),
        ({"controller": None}, "study has several.*There is: greedy, idle"),
        ({"replication": 7}, "not in this study.*There is: 0 to 1"),
        ({"replication": None}, "study has several.*There is: 0 to 1"),
        ({"from_period": 24, "hand_to": "idle"}, "which has 24.*from 0 to 23"),
        ({"from_period": 3, "hand_to": "rollin"}, "not registered.*Did you mean 'rolling'"),
        ({"from_period": 3}, "--with who it is: one is missing"),
        ({"hand_to": "idle"}, "one is missing"),
        ({"verify": "some"}, "no amount of verification"),
        ({"scenario": "nowhere"}, "where it is now"),
        ({"folder": "."}, "holds no readable study.json"),
        ({"out": "."}, "holds something that is no study"),
    ],
)
def test_bad_input_is_one_clear_message_with_what_there_is(
    studies: Path, tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    (tmp_path / "something").touch()
    asked = {"folder": studies / "steps", "controller": "greedy", "replication": 0} | asked
    for key in ("folder", "out"):
        if asked.get(key) == ".":
            asked[key] = tmp_path
    with pytest.raises(InputError, match=message) as caught:
        replay(**asked)
    assert len(caught.value.problems) == 1


def test_episodes_that_failed_or_are_still_to_come_are_told(studies: Path, tmp_path: Path) -> None:
    scenario = load_scenario("tiny")
    file = tmp_path / "mine.py"
    file.write_text(CONSTANT.replace("np.full", "np.fool").replace("POWER", "1.0"))
    compare(
        scenario, ["idle", f"{file}:Constant"], replications=1, verify="off", out=tmp_path / "s"
    )
    with pytest.raises(InputError, match=r"failed \(AttributeError.*nothing to compare with"):
        replay(tmp_path / "s", f"{file}:Constant")
    manifest = read_study(studies / "tiny").manifest
    with StudyWriter(tmp_path / "begun", manifest, range(3)):
        pass
    with pytest.raises(
        InputError, match=r"has not been run yet\. Finished episodes of greedy: none"
    ):
        replay(tmp_path / "begun", "greedy", 2)


def test_a_replay_is_in_the_public_interface_and_plain(studies: Path) -> None:
    found = gh.replay(studies / "tiny", "greedy", 0, from_period=1, hand_to="idle")
    assert isinstance(found, gh.Replay)
    content = json.loads(json.dumps(replay_summary(found), allow_nan=False))
    objective = [
        content[name]["metrics"]["objective_usd"] for name in ("original", "replay", "hand_over")
    ]
    assert objective[0] == objective[1] != objective[2]
    assert content["hand_over"]["difference"]["objective_usd"] == objective[2] - objective[1]
    assert content["evidence"] == "log"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "ieee33"])
def test_any_of_50_random_episodes_comes_out_the_same(name: str, tmp_path: Path) -> None:
    """25 in each scenario, on days with incidents, breakdowns, outages, calls between periods."""
    names = [
        "idle",
        "greedy",
        "stationary",
        "day_ahead",
        ControllerSpec(name="rolling", parameters=tuple(CALLED.items())),
    ]
    for keep, first in (("steps", 11), ("summary", 12)):
        compare(
            load_scenario(name, STORM),
            names,
            replications=5,
            seed=first,
            verify="off",
            keep=keep,
            out=tmp_path / keep,
        )
    stored = read_study(tmp_path / "summary").table("episodes")
    for i, (label, day) in enumerate(zip(stored["controller"], stored["replication"], strict=True)):
        folder = tmp_path / ("steps", "summary")[i % 2]
        found = replay(folder, label, day)
        assert found.evidence is Evidence.LOG
    assert len(stored) == 25


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("greedy", ControllerSpec(name="rolling", parameters=tuple(CALLED.items()))),
        (ControllerSpec(name="rolling", parameters=tuple(CALLED.items())), "greedy"),
        ("day_ahead", "clairvoyant"),
    ],
)
def test_a_hand_over_changes_nothing_before_it_whoever_hands_over(
    first: str | ControllerSpec, second: str | ControllerSpec, tmp_path: Path
) -> None:
    run(load_scenario("ieee33", STORM), first, verify="off", out=tmp_path / "run")
    for period in (4, 10, 17):
        found = replay(tmp_path / "run", from_period=period, hand_to=second).handed_over
        assert found is not None
        assert_same_before(replay(tmp_path / "run").episode, found.episode, period)
