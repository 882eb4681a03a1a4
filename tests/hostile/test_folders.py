"""A manifest is input, and a path may be anything: exit 0 or 2, and no traceback."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.hostile.command import gridhaul
from tests.hostile.folders import commands, paths, study, touched, use_path

FEW = 4


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "study"
    study(folder)
    return folder


def test_a_touched_folder_is_read_or_refused(whole: Path, tmp_path: Path) -> None:
    rng = random.Random(17)
    for trial in range(FEW):
        folder = tmp_path / str(trial)
        what = touched(whole, folder, rng)
        for codes, command in commands(folder):
            code, output = gridhaul(*command)
            assert code in codes, (what, command, output)
            assert "Traceback" not in output


def test_odd_paths_are_used_or_refused(tmp_path: Path) -> None:
    for path in paths(random.Random(1), 60)[::12]:
        assert use_path(path, tmp_path) == []


def test_a_path_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    assert use_path("no-utf8-\udcff", tmp_path) == []
