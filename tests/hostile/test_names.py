"""Whatever things are called: the scenario runs, or is refused by file, line and name."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pandapower as pp
import pytest

from sim.errors import InputError
from sim.importers.pandapower import grid_from_pandapower
from sim.scenario import load_scenario, scenario_folder
from sim.scenario.schema.values import TABLE_KEYS
from sim.study.store.bundle import KEYS
from tests.hostile.trials import called, first_name, rename

TRANSFORMER = (
    "name,hv_bus,lv_bus,sn_mva,vn_hv_kv,vn_lv_kv,vk_percent,vkr_percent\n{},{},{},10,10,10,10,1\n"
)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "named"
    shutil.copytree(scenario_folder("tiny"), folder)
    return folder


@pytest.mark.parametrize("file", ["buses.csv", "lines.csv"])
@pytest.mark.parametrize("name", TABLE_KEYS)
def test_a_column_that_tables_have_is_no_name(tiny: Path, file: str, name: str) -> None:
    rename(tiny, first_name(tiny, file), name)
    with pytest.raises(InputError, match=f"{file}: name = '{name}': is the name of a column"):
        load_scenario(tiny)


def test_the_names_that_are_refused_are_the_keys_of_the_tables() -> None:
    assert {*TABLE_KEYS} == {*KEYS[:2], "time_h"}


def test_a_transformer_that_is_called_like_a_line_is_refused(tiny: Path) -> None:
    line = first_name(tiny, "lines.csv")
    _, start, end = (tiny / "lines.csv").read_text().splitlines()[1].split(",")[:3]
    (tiny / "transformers.csv").write_text(TRANSFORMER.format(line, start, end))
    with pytest.raises(InputError, match="is the name of a line as well"):
        load_scenario(tiny)


def test_names_of_an_imported_net_are_names_of_a_scenario() -> None:
    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 20.0, name="controller"), pp.create_bus(net, 0.4, name="time_h")]
    buses.append(pp.create_bus(net, 0.4, name="far"))
    pp.create_ext_grid(net, buses[0])
    pp.create_transformer(net, buses[0], buses[1], "0.25 MVA 20/0.4 kV", name="T1")
    pp.create_line(net, buses[1], buses[2], 0.1, "NAYY 4x50 SE", name="T1")
    grid = grid_from_pandapower(net)
    branches = grid.lines.name + grid.transformers.name
    assert len({*branches}) == 2
    assert not {*branches, *grid.bus_name} & {*TABLE_KEYS}


def test_odd_names_run_or_are_refused(tmp_path: Path) -> None:
    rng = random.Random(17)
    for trial in range(4):
        assert called(tmp_path / f"{trial}", tmp_path / f"out{trial}", rng) == ""
