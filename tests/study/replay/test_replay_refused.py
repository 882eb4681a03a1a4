"""Replays that differ, and input that is wrong, are refused with the reason."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.episode.episode import Episode
from sim.errors import InputError, ReplayError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.replay.replay import Evidence, replay
from sim.study.run import run
from sim.study.store.stored_study import read_study
from sim.study.store.writer import StudyWriter
from tests.study.replay.stormy import CONSTANT, STORM


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """An episode whose controller orders something else now, from period 5 on."""
    file, power = tmp_path / "mine.py", tmp_path / "power"
    file.write_text(
        CONSTANT.replace("POWER", f"float(__import__('pathlib').Path({str(power)!r}).read_text())")
    )
    power.write_text("2.0")
    for keep in ("steps", "summary"):
        compare(
            load_scenario("ieee33"),
            [f"{file}:Constant"],
            replications=1,
            verify="off",
            keep=keep,
            out=tmp_path / keep,
        )
    power.write_text("3.0")
    return tmp_path


def test_a_file_runs_only_if_it_is_named_and_is_that_of_the_study(changed: Path) -> None:
    with pytest.raises(InputError, match="runs only if this command line names it"):
        replay(changed / "steps")
    file = changed / "mine.py"
    file.write_text(file.read_text() + "# another one\n")
    with pytest.raises(InputError, match="is another file than that of the study"):
        replay(changed / "steps", f"{file}:Constant")


def test_what_differs_first_and_why_is_named(changed: Path) -> None:
    with pytest.raises(ReplayError) as caught:
        replay(changed / "steps", f"{changed / 'mine.py'}:Constant")
    message = str(caught.value)
    assert re.search(r"first difference, at 5 h: decisions: .*orders is '", message)
    assert "possible causes: a controller that uses the clock, or randomness" in message
    with pytest.raises(ReplayError) as caught:
        replay(changed / "summary", f"{changed / 'mine.py'}:Constant")
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
        replay(tmp_path / "run", f"{file}:Constant")


def test_a_decision_ended_by_the_clock_is_named_as_a_cause(
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
    del manifest["checksums"]
    for sums in folder.rglob("_SHA256SUMS"):
        sums.unlink()
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


def test_a_scenario_that_has_moved_or_changed_is_refused(tmp_path: Path) -> None:
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


def test_episodes_that_failed_or_are_still_to_come_are_refused(
    studies: Path, tmp_path: Path
) -> None:
    scenario = load_scenario("tiny")
    file = tmp_path / "mine.py"
    file.write_text(CONSTANT.replace("np.full", "np.fool").replace("POWER", "1.0"))
    compare(
        scenario, ["idle", f"{file}:Constant"], replications=1, verify="off", out=tmp_path / "s"
    )
    with pytest.raises(
        InputError, match=r"failed \(start\(\) failed: AttributeError.*nothing to compare with"
    ):
        replay(tmp_path / "s", f"{file}:Constant")
    manifest = read_study(studies / "tiny").manifest
    with StudyWriter(tmp_path / "begun", manifest, range(3)):
        pass
    with pytest.raises(
        InputError, match=r"has not been run yet\. Finished episodes of greedy: none"
    ):
        replay(tmp_path / "begun", "greedy", 2)
