"""Studies that tests replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.scenario import load_scenario
from sim.study.compare import compare
from tests.study.replay.stormy import STORM


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
