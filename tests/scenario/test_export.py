"""An exported scenario is the scenario, on its own."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sim.errors import InputError
from sim.scenario import load_scenario, scenario_folder
from sim.scenario.export import export_scenario
from sim.scenario.toml_writer import toml_text

OVERRIDES = {
    "timing.days": 2,
    "traffic.intensity": "1.5",
    "grid.source.0.vm_pu": 1.01,
    "profiles.months": [1, 12],
}


@pytest.mark.parametrize("name", ["tiny", "ieee33"])
@pytest.mark.parametrize("overrides", [{}, {"seed": 7, "timing.horizon_h": 2}], ids=["", "set"])
def test_it_loads_to_the_same_digest(
    tmp_path: Path, name: str, overrides: dict[str, object]
) -> None:
    folder = export_scenario(name, tmp_path / "copy", overrides)
    copy = load_scenario(folder)
    assert copy.digest == load_scenario(name, overrides).digest
    assert copy.name == "copy"


def test_overrides_of_every_shape_are_resolved(tmp_path: Path) -> None:
    folder = export_scenario("ieee33", tmp_path / "copy", OVERRIDES)
    copy = load_scenario(folder)
    assert copy.digest == load_scenario("ieee33", OVERRIDES).digest
    assert copy.digest != load_scenario("ieee33").digest
    assert (copy.days, copy.uncertainty.traffic.intensity) == (2, 1.5)


def test_a_bundled_record_comes_along_with_its_licence_as_far_as_it_is_used(
    tmp_path: Path,
) -> None:
    folder = export_scenario("ieee33", tmp_path / "copy")
    exported = pq.read_schema(folder / "simbench_2016.parquet")
    assert {"time", "PV4", "H0-A"} <= set(exported.names)
    assert "WP12" not in exported.names
    assert exported.metadata[b"license"] == b"ODbL-1.0"
    assert "ODbL" in (folder / "simbench_2016.LICENSE").read_text()


def test_without_anything_to_resolve_the_file_keeps_its_comments(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    shutil.copytree(scenario_folder("tiny"), source)
    text = "# my remark\n" + (source / "scenario.toml").read_text()
    (source / "scenario.toml").write_text(text)
    folder = export_scenario(source, tmp_path / "copy")
    assert (folder / "scenario.toml").read_text() == text


def test_files_in_folders_below_come_along(tmp_path: Path) -> None:
    source = tmp_path / "mine"
    shutil.copytree(scenario_folder("tiny"), source)
    (source / "data").mkdir()
    (source / "profiles.csv").rename(source / "data" / "profiles.csv")
    digest = load_scenario("tiny").digest
    text = (source / "scenario.toml").read_text().replace("profiles.csv", "data/profiles.csv")
    (source / "scenario.toml").write_text(text)
    assert load_scenario(export_scenario(source, tmp_path / "copy")).digest == digest


def test_a_folder_that_holds_anything_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        export_scenario("tiny", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    export_scenario("tiny", tmp_path / "empty")
    assert load_scenario(tmp_path / "empty").name == "empty"


def test_nothing_is_left_of_an_export_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", disk_full)
    with pytest.raises(InputError, match="disk full"):
        export_scenario("ieee33", tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "document",
    [
        {"a": 1, "b": {"c": 2.5, "d": {"e f": True}}, "g": []},
        {"text": 'quotes " and \\ backslash \\n', "lines": 'one\n"""\ntwo\\n\n', "tab": "\t\x7fä"},
        {"list": [{"a": "x\ny", "b": [1, 2]}, {}], "inner": {"list": [[1.0], ["a"]]}},
        {"small": 1e-30, "large": 1e22, "inf": float("inf"), "empty": {}, "": 1, "a.b": {"c d": 2}},
    ],
)
def test_toml_that_is_written_is_read_as_it_was(document: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(document)) == document


def test_what_toml_cannot_hold_is_refused() -> None:
    assert toml_text({"a": None, "b": 1}) == "b = 1\n"
    with pytest.raises(TypeError, match="no form in TOML"):
        toml_text({"a": object()})
