"""Whatever things are called: the scenario runs, or is refused by file, line and name."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pandapower as pp
import pytest

from sim.errors import InputError
from sim.importers.pandapower import grid_from_pandapower
from sim.scenario import load_scenario, scenario_folder
from sim.scenario.schema.values import TABLE_KEYS
from sim.study.store.bundle import KEYS
from sim.study.store.stored_study import read_study

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]
TRANSFORMER = (
    "name,hv_bus,lv_bus,sn_mva,vn_hv_kv,vn_lv_kv,vk_percent,vkr_percent\n{},{},{},10,10,10,10,1\n"
)
SIGNS = "aZ9 _-.:;,'\"\\/%{}[]()<>&#*?$|~^`=+@!äß€漢🙂\u00a0\u200e\u202e\u2066\x07\x1b\x85\u2028"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "named"
    shutil.copytree(scenario_folder("tiny"), folder)
    return folder


def rename(folder: Path, old: str, new: str) -> None:
    """Call one thing by another name in every table."""
    for file in folder.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(
                [new if cell == old else cell for cell in row] for row in rows
            )
    toml = folder / "scenario.toml"
    toml.write_text(toml.read_text().replace(f'"{old}"', json.dumps(new)))


def first_name(folder: Path, file: str) -> str:
    return (folder / file).read_text().splitlines()[1].partition(",")[0]


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


@pytest.mark.slow
def test_200_names(gridhaul: CommandLine, tmp_path: Path) -> None:
    rng = random.Random(17)
    ran = 0
    for trial in range(200):
        folder, out = tmp_path / f"{trial}", tmp_path / f"out{trial}"
        shutil.copytree(scenario_folder("tiny"), folder)
        tables = ("buses.csv", "lines.csv", "loads.csv", "stations.csv", "vehicles.csv")
        file = rng.choice(tables)
        name = "".join(rng.choices(SIGNS, k=rng.choice([1, 2, 5, 40, 201])))
        if rng.random() < 0.2:
            name = rng.choice(
                [*TABLE_KEYS, "start", "objective_usd", "index", "None", "nan", "con"]
            )
        rename(folder, first_name(folder, file), name)
        code, output, errors = gridhaul(
            *("run", folder, "--controller", "greedy", "--verify", "off", "--out", out, "--json")
        )
        assert code in {0, 2}, (name, errors)
        assert "Traceback" not in errors
        if code:
            assert file in errors, name
        else:
            ran += 1
            json.loads(output)
            stored = read_study(out)
            for table in ("vm_pu", "loading_percent", "vehicles", "loads"):
                assert len(stored.table(table)), name
        shutil.rmtree(folder)
        shutil.rmtree(out, ignore_errors=True)
    assert ran > 20
