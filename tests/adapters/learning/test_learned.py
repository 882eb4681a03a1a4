"""The policies of `docs/learned` cost less than greedy, on days that they have not seen."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import gridhaul as gh
from sim.episode.specification import ControllerSpec

HERE = Path(__file__).parents[3] / "docs" / "learned"
HELD_OUT = 100


def module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(HERE))
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, found)
    spec.loader.exec_module(found)
    return found


def compared(scenario: gh.Scenario, name: str, replications: int) -> gh.Study:
    file = HERE / f"weights_{name}.json"
    assert len(json.loads(file.read_text())["weights"]) <= 30
    learned = ControllerSpec(
        name=f"{HERE / 'policy.py'}:Learned", parameters=(("file", str(file)),)
    )
    return gh.compare(scenario, ["greedy", learned], replications=replications, verify="off")


def test_eleven_weights_find_the_optimum_of_tiny_to_a_dollar() -> None:
    """259.475 USD by hand; greedy pays 713.94."""
    study = compared(gh.load_scenario("tiny"), "tiny", 1)
    greedy, learned = study.metrics["objective_usd"].to_numpy()
    assert 259.475 - 1e-6 <= learned < 260.5
    assert learned < greedy
    assert study.metrics["failed_decisions"].sum() == 0


@pytest.mark.slow
def test_one_truck_on_ieee33_costs_less_than_greedy_on_a_hundred_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = module("train", monkeypatch)
    assert HELD_OUT <= train.FIRST_TRAINING_DAY
    study = compared(train.one_truck(tmp_path / "one_truck"), "one_truck", HELD_OUT)
    (row,) = study.paired.xs("objective_usd", level="metric").itertuples()
    assert row.ci95_high < 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "one_truck"])
def test_training_again_gives_the_stored_weights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, _ = module("train", monkeypatch).trained(name)
    stored = json.loads((HERE / f"weights_{name}.json").read_text())
    assert content["orders"] == stored["orders"]
    np.testing.assert_allclose(content["weights"], stored["weights"], atol=1e-6)
