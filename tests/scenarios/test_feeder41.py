"""Nothing is special to three buses: the same truck on a radial feeder of 41."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import scenarios
from sim.scenario import load_scenario
from sim.study.run import run

FOLDER = Path(scenarios.__file__).parent / "feeder41"


def test_it_is_a_radial_feeder_of_41_buses_with_the_truck_of_three_bus() -> None:
    ours, published = (load_scenario(name).system for name in ("feeder41", "three_bus"))
    grid = ours.grid
    assert (grid.n_buses, grid.n_branches) == (41, 40)
    assert grid.lines.from_closed.all()
    assert set(grid.lines.to_bus) == set(range(41)) - set(grid.source_bus)
    assert ours.vehicles[0].battery == published.vehicles[0].battery
    assert ours.vehicles[0].trips_per_day == 3


@pytest.mark.parametrize("switch", ["off", "on"])
def test_a_truck_that_follows_rules_earns_more_than_one_that_rests(switch: str) -> None:
    scenario = load_scenario("feeder41", {"uncertainty": switch})
    idle, greedy = (run(scenario, name, verify="off") for name in ("idle", "greedy"))
    assert idle.metrics["unconverged_steps"] == greedy.metrics["unconverged_steps"] == 0
    assert idle.metrics["voltage_violation_steps"] == 0
    assert greedy.metrics["objective_usd"] < idle.metrics["objective_usd"]
    assert greedy.metrics["cycles"] <= 1
    assert greedy.metrics["trips"] <= 3


def test_its_tables_follow_from_the_importers(tmp_path: Path) -> None:
    runpy.run_path(str(FOLDER / "make.py"))["make"](tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name
    assert (tmp_path / "lines.csv").exists()
