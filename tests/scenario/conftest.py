"""A folder that tests may change."""

import shutil

import pytest

from sim.scenario import scenario_folder


@pytest.fixture
def folder(tmp_path):
    """A copy of `tiny` to spoil."""
    copy = tmp_path / "mine"
    shutil.copytree(scenario_folder("tiny"), copy)
    return copy
