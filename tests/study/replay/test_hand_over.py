"""Another controller takes over in a replay: nothing changes before it does."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sim.episode.episode import Episode
from sim.episode.log import log_of, log_sha256
from sim.episode.specification import ControllerSpec, Successor
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.replay.replay import Evidence, replay
from sim.study.run import run
from sim.study.store.stored_study import read_study
from sim.study.stress.run import stress
from tests.study.replay.stormy import CALLED, STORM


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
