"""What is taken out of the scenario is missed by name, or not missed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.scenario import load_scenario, scenario_folder
from sim.study.run import run

SHORT = {"timing.hours": 1, "timing.horizon_h": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "mine"
    shutil.copytree(scenario_folder("three_bus"), copy)
    return copy


def battery(folder: Path) -> None:
    text = (folder / "scenario.toml").read_text()
    start, end = text.index("[battery.mess]"), text.index("[tariff]")
    (folder / "scenario.toml").write_text(text[:start] + text[end:])


def vehicles(folder: Path) -> None:
    (folder / "vehicles.csv").unlink()


def roads(folder: Path) -> None:
    (folder / "road_links.csv").unlink()


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (battery, r"vehicles\.csv: line 2, battery = 'mess': is no battery type"),
        (vehicles, r"vehicles\.csv: file = 'vehicles\.csv': is missing\. Add the table"),
        (roads, r"Station 1.*no road leads from here to Station 2, Station 3\. Add links"),
    ],
)
def test_without_battery_or_roads_the_message_says_what_is_missing(
    folder: Path, remove: Callable[[Path], None], message: str
) -> None:
    remove(folder)
    with pytest.raises(InputError, match=message):
        load_scenario(folder)


@pytest.mark.parametrize("controller", ["idle", "greedy", "rolling", "two_stage"])
def test_without_renewables_there_is_a_result(folder: Path, controller: str) -> None:
    (folder / "generators.csv").unlink()
    episode = run(load_scenario(folder, SHORT), controller, verify="off")
    assert episode.metrics["fallbacks"] == 0
    assert "feed-in" not in set(episode.ledger["item"])
    assert episode.metrics["profit_usd"] < 60
