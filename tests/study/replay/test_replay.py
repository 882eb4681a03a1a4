"""Stored episodes run again: they come out the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gridhaul as gh
from sim.episode.log import log_of, log_sha256
from sim.episode.specification import ControllerSpec
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.replay.replay import Evidence, replay, replay_summary
from sim.study.run import run
from sim.study.store.stored_study import read_study
from tests.study.replay.stormy import CALLED, CONSTANT, STORM


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
    with pytest.raises(InputError, match="runs only if this command line names it"):
        replay(tmp_path / "run")
    elsewhere = tmp_path / "moved.py"
    file.rename(elsewhere)
    found = replay(tmp_path / "run", f"{elsewhere}:Constant").episode
    assert (found.seed, found.replication, found.metrics["steps"]) == (3, 4, 192)


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
