"""Three feeders share two trucks: neither a feeder alone nor parked storage is worth as much."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import gridhaul as gh
import scenarios

FOLDER = Path(scenarios.__file__).parent / "shared_feeders"
OPERATORS = ("operator A", "operator B", "operator C")


@pytest.fixture(scope="module")
def scenario():
    return gh.load_scenario("shared_feeders")


@pytest.fixture(scope="module")
def lived(scenario):
    curtail = gh.ControllerSpec(name="curtail", parameters=(("reactive", True),))
    specs = {"curtail": curtail, "stationary": "stationary", "rolling": "rolling"}
    return {name: gh.run(scenario, spec, verify="off") for name, spec in specs.items()}


def test_three_sources_feed_three_areas_and_a_fourth_party_owns_the_trucks(scenario):
    system = scenario.system
    assert [area.operator for area in system.areas] == list(OPERATORS)
    assert np.bincount(system.bus_area).tolist() == [33, 33, 33]
    assert {truck.owner for truck in system.vehicles} == {"rental"}
    assert system.station_area.tolist() == [0, 1, 2]


def test_mobility_is_worth_more_than_a_quarter_of_what_parked_storage_is(lived):
    usd = {name: episode.metrics["objective_usd"] for name, episode in lived.items()}
    parked = usd["curtail"] - usd["stationary"]
    assert parked > 0
    assert usd["stationary"] - usd["rolling"] > 0.25 * parked


def test_sharing_uses_the_whole_surplus_and_every_operator_gains(lived):
    parked, shared = lived["stationary"].metrics, lived["rolling"].metrics
    assert parked["curtailed_mwh"] > 3.0
    assert shared["curtailed_mwh"] < 0.01
    for operator in OPERATORS:
        name = f"profit_usd_by_party.{operator}"
        assert shared[name] > parked[name]
    assert shared["penalty_usd"] == pytest.approx(0.0, abs=1e-6)


def test_its_tables_follow_from_the_script(tmp_path):
    runpy.run_path(str(FOLDER / "make.py"))["make"](tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name
