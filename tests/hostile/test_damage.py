"""Files of a study that the disk has damaged: named, and run again to the same bytes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.study.store import writer
from tests.hostile.damage import (
    CONTROLLERS,
    DAYS,
    EPISODES_PER_FILE,
    half_a_study,
    study,
    trial,
)
from tests.study.folders import assert_each_episode_once, contents

FEW = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "EPISODES_PER_FILE", EPISODES_PER_FILE)
        folder = tmp_path_factory.mktemp("whole") / "study"
        study(folder)
        yield folder


@pytest.fixture(scope="module")
def half(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half") / "study"
    half_a_study(folder)
    assert list((folder / "parts").glob("*"))
    return folder


def test_no_damage_is_silent(whole: Path, half: Path, tmp_path: Path) -> None:
    rng = random.Random(17)
    for number in range(FEW):
        _, wrong = trial(whole, half, tmp_path / str(number), rng)
        assert not wrong


def test_a_study_that_was_not_damaged_goes_on_where_it_was(
    whole: Path, half: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(half, folder)
    study(folder)
    assert contents(folder) == contents(whole)
    assert_each_episode_once(folder, CONTROLLERS, DAYS)


def test_checksums_are_those_of_a_standard_tool(whole: Path) -> None:
    lines = (whole / "episodes" / "_SHA256SUMS").read_text().splitlines()
    names = [line.partition("  ")[2] for line in lines]
    assert names == ["000000.parquet", "000001.parquet", "000002.parquet"]
