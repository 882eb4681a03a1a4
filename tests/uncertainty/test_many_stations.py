"""Driving times are worked out for those who ask: a thousand stations cost what trucks need."""

from __future__ import annotations

import gc
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.scenario import load_scenario, scenario_folder
from sim.uncertainty.realisation import Nature

MOST_KB = 2_000_000


def test_driving_times_from_one_station_are_those_of_the_table() -> None:
    scenario = load_scenario("residential_ev")
    nature = Nature.build(scenario.system, scenario.uncertainty)
    n_links = scenario.system.roads.n_links
    rng = np.random.default_rng(1)
    arguments = rng.standard_normal(n_links), np.ones(n_links), 8.0, np.arange(24.0)
    late_h = np.full(24, 0.25), np.full(24, 0.125), np.full(24, 0.5)
    whole = nature.travel.forecast(*arguments, late_h)
    for station in range(len(scenario.system.stations)):
        own = nature.travel.forecast(*arguments, late_h).from_station(station)
        for row, table in zip(own, whole.everywhere(), strict=True):
            assert np.array_equal(row, table[:, station])
    without = nature.travel.forecast(*arguments).everywhere()
    here = np.array([own.road_node for own in scenario.system.stations])
    drives = here[:, None] != here
    for late, punctual, delay_h in zip(whole.everywhere(), without, late_h, strict=True):
        assert np.allclose(late - punctual, delay_h[:, None, None] * drives)


def test_nothing_that_episodes_share_can_be_changed_through_driving_times() -> None:
    scenario = load_scenario("ieee33")
    travel = Nature.build(scenario.system, scenario.uncertainty).travel
    n_links = scenario.system.roads.n_links
    shown = travel.forecast(np.zeros(n_links), np.ones(n_links), 8.0, np.arange(4.0))
    shown.everywhere()
    stack: list[object] = [travel]
    seen = set[int]()
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        assert not isinstance(thing, dict | list | set)
        if isinstance(thing, np.ndarray):
            with pytest.raises(ValueError, match="WRITEABLE"):
                thing.flags.writeable = True
        else:
            stack.extend(gc.get_referents(thing))
    assert len(seen) > 20


@pytest.mark.slow
def test_a_thousand_stations_on_roads_of_their_own_fit_in_two_gigabytes(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    shutil.copytree(scenario_folder("ieee33"), folder)
    with (folder / "road_nodes.csv").open("a") as nodes:
        nodes.writelines(f"N{i},{20 + i % 32 * 2},{i // 32 * 2}\n" for i in range(1000))
    with (folder / "road_links.csv").open("a") as links:
        links.write("Westgate,N0,5,60,1000,true\n")
        for i in range(1000):
            if i % 32 < 31 and i < 999:
                links.write(f"N{i},N{i + 1},{2 + i % 7 / 10},50,900,true\n")
            if i + 32 < 1000:
                links.write(f"N{i},N{i + 32},{2 + i % 5 / 10},50,900,true\n")
    with (folder / "stations.csv").open("a") as stations:
        stations.writelines(f"S{i},{1 + i % 32},N{i},1,10\n" for i in range(994))
    command = ["run", str(folder), "--controller", "greedy", "--verify", "off", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "gridhaul", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST_KB
