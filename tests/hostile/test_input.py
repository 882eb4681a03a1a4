"""Odd values of settings, files and terminals: refused in a sentence, or read as they are meant."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.cli.plain_signs import use_plain_signs
from sim.episode.specification import ControllerSpec
from sim.errors import InputError, described, printable
from sim.scenario import load_scenario, scenario_folder
from sim.uncertainty.realisation import Nature

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("intensity", [100, 1000])
def test_a_standstill_is_no_endless_loop(intensity: int) -> None:
    scenario = load_scenario("ieee33", {"traffic.intensity": intensity})
    travel = Nature.build(scenario.system, scenario.uncertainty).travel
    n_links = scenario.system.roads.n_links
    mean, lower, upper = travel.forecast(
        np.zeros(n_links), np.ones(n_links), 8.0, np.array([0.0, 1.0])
    ).everywhere()
    assert (lower <= mean).all()
    assert (mean <= upper).all()


def test_stations_at_one_road_node_share_their_ways(tmp_path: Path) -> None:
    shutil.copytree(scenario_folder("ieee33"), tmp_path / "many")
    file = tmp_path / "many" / "stations.csv"
    header, first, *others = file.read_text().splitlines()
    name, rest = first.split(",", 1)
    copies = [f"{name} {i},{rest}" for i in range(50)]
    file.write_text("\n".join([header, first, *others, *copies]) + "\n")
    scenario = load_scenario(tmp_path / "many")
    travel = Nature.build(scenario.system, scenario.uncertainty).travel
    assert len(travel.node) == len(others) + 1
    n_links = scenario.system.roads.n_links
    mean, _, _ = travel.forecast(
        np.zeros(n_links), np.ones(n_links), 8.0, np.array([0.0])
    ).everywhere()
    assert mean.shape[1] == len(others) + 51
    assert (mean[:, 0] == mean[:, -1]).all()
    assert mean[0, 0, -1] == 0.0


@pytest.mark.parametrize("path", ["x.py:R", "./x.py:R", "/home/me/x.py:R"])
def test_how_a_path_was_typed_does_not_change_the_random_stream(path: str) -> None:
    assert ControllerSpec(name=path).drawn_as == "R"
    assert ControllerSpec(name="greedy").drawn_as == "greedy"


def arrays(value: Any, seen: set[int]) -> list[np.ndarray]:
    """Return all arrays that can be reached from a value."""
    if id(value) in seen:
        return []
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, tuple | list):
        return [own for each in value for own in arrays(each, seen)]
    fields = getattr(value, "__dataclass_fields__", {})
    return [own for name in fields for own in arrays(getattr(value, name), seen)]


@pytest.mark.parametrize("name", ["ieee33", "six_bus_rail"])
def test_no_array_of_a_system_can_be_made_writable(name: str) -> None:
    found = arrays(load_scenario(name).system, set())
    assert len(found) > 30
    for array in found:
        if array.size:
            with pytest.raises(ValueError, match="WRITEABLE"):
                array.flags.writeable = True


@pytest.mark.parametrize(
    ("controller", "setting"),
    [
        *(("rolling", "prices=10000000000000000000000"), ("rolling", "margin=inf")),
        *(("greedy", "sun_mw=inf"), ("greedy", "sun_mw=nan"), ("two_stage", "gap=inf")),
        *(("rolling", "nodes=99999999999"), ("two_stage", "swarm_size=1000000000")),
    ],
)
def test_settings_of_controllers_have_ranges(
    gridhaul: CommandLine, tmp_path: Path, controller: str, setting: str
) -> None:
    code, _, errors = gridhaul(
        *("run", "ieee33", "--controller", controller, "--set", f"controller.{setting}"),
        *("--out", tmp_path / "out"),
    )
    assert code == 2
    assert "must lie between" in errors


def changed(tmp_path: Path, file: str, old: str, new: str) -> Path:
    folder = tmp_path / "changed"
    shutil.copytree(scenario_folder("ieee33"), folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    return folder


def test_truth_values_are_no_numbers(tmp_path: Path) -> None:
    folder = changed(tmp_path, "scenario.toml", "seed = ", "seed = true #")
    with pytest.raises(InputError, match="true is a truth value"):
        load_scenario(folder)


def test_numbers_that_are_nearly_zero_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    shutil.copytree(scenario_folder("tiny"), folder)
    lines = folder / "lines.csv"
    lines.write_text(lines.read_text().replace(",0.001,", ",5e-324,"))
    with pytest.raises(InputError, match="closer to 0 than 1e-12"):
        load_scenario(folder)


def test_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "marked"
    shutil.copytree(scenario_folder("tiny"), folder)
    toml = folder / "scenario.toml"
    toml.write_bytes(b"\xef\xbb\xbf" + toml.read_bytes())
    assert load_scenario(folder).digest == load_scenario("tiny").digest


def test_a_short_file_that_holds_long_texts_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    shutil.copytree(scenario_folder("tiny"), folder)
    toml = folder / "scenario.toml"
    lines = toml.read_text().splitlines()
    kept = ['file = "p.parquet"' if line.startswith("file = ") else line for line in lines]
    toml.write_text("\n".join(kept))
    names = load_scenario("tiny").system.profiles
    texts = pa.array(["x" * 1000] * 96).dictionary_encode()
    times = pa.array(np.arange(96) * 900, pa.timestamp("s"))
    pq.write_table(pa.table({"time": times} | dict.fromkeys(names, texts)), folder / "p.parquet")
    with pytest.raises(InputError, match="is a column of dictionary"):
        load_scenario(folder)


def test_what_a_controller_prints_is_no_part_of_the_result(
    gridhaul: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "loud.py"
    file.write_text(
        "from sim.control import Plan\nprint('{')\nclass Loud:\n"
        "    def start(self, system, rng): print('{')\n"
        "    def decide(self, observation):\n        print('{')\n        return Plan()\n"
    )
    _, output, errors = gridhaul(
        *("run", "tiny", "--controller", f"{file}:Loud", "--verify", "off", "--json")
    )
    assert json.loads(output)["metrics"]["failed_decisions"] == 0
    assert "{" in errors


def test_signs_that_a_terminal_would_obey_are_shown_as_escapes() -> None:
    assert printable("a\x1b[2J\u202eb\nc") == "a\\x1b[2J\\u202eb\nc"
    assert described(ValueError("\x07")) == "ValueError: \\x07"


def test_terminals_without_utf_8_get_plain_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    use_plain_signs()
    stream.write("± 1 × 2 … ä")
    stream.flush()
    assert stream.buffer.getvalue() == b"+/- 1 x 2 ... ?"  # type: ignore[attr-defined]


def test_a_study_is_printed_on_an_ascii_terminal() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "gridhaul", "list"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": "", "LC_ALL": "C"},
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    process.stdout.decode("ascii")
