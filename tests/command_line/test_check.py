"""`gridhaul check` and `gridhaul export`, as typed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.scenario import load_scenario, scenario_folder


def test_check_fits_on_a_screen(gridhaul: Callable[..., tuple[int, str, str]]) -> None:
    code, output, errors = gridhaul("check", "ieee33")
    assert (code, errors) == (0, "")
    assert len(output.splitlines()) <= 24
    for word in ("buses", "loads", "stations", "voltage", "loading", "No errors, no warnings."):
        assert word in output


def test_check_prints_one_json_object(gridhaul: Callable[..., tuple[int, str, str]]) -> None:
    code, output, _ = gridhaul("check", "tiny", "--json")
    found = json.loads(output)
    assert code == 0
    assert found["digest"] == load_scenario("tiny").digest
    assert found["base_case"]["steps"] == 16
    assert len(found["warnings"]) == 2


def test_check_names_all_problems_at_once(
    gridhaul: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(scenario_folder("tiny"), folder)
    (folder / "vehicles.csv").write_text("name,battery,initial_station\ntruck,trailr,villag\n")
    (folder / "loads.csv").write_text("name,bus,p_mw,q_mvar,profile\nhome,village,-1,0,village\n")
    code, output, errors = gridhaul("check", folder)
    assert (code, output) == (2, "")
    for part in ("vehicles.csv", "trailr", "villag", "loads.csv", "p_mw"):
        assert part in errors
    assert "Traceback" not in errors


def test_check_forecast_reports_every_kind_and_lead(
    gridhaul: Callable[..., tuple[int, str, str]],
) -> None:
    code, output, errors = gridhaul("check", "--forecast", "ieee33", "--replications", 5)
    assert (code, errors) == (0, "")
    for word in ("load", "pv", "wind", "travel", "slope", "bias", "90 % bounds", "mean error"):
        assert word in output
    code, output, _ = gridhaul("check", "--forecast", "tiny", "--replications", 3, "--json")
    found = json.loads(output)
    assert code == 0
    assert found["calibrated"] is True
    assert {row["kind"] for row in found["forecasts"]} == {"load", "pv", "travel"}
    assert found["forecasts"][0]["coverage"] is None


def test_export_prints_where_the_folder_is(
    gridhaul: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "copy"
    code, output, errors = gridhaul("export", "tiny", target, "--set", "seed=9")
    assert (code, output, errors) == (0, f"{target}\n", "")
    assert load_scenario(target).seed == 9
    code, output, errors = gridhaul("export", "tiny", target)
    assert (code, output) == (2, "")
    assert "not an empty folder" in errors


@pytest.mark.parametrize("command", [["check", "tiny"], ["export", "tiny", "out"]])
def test_settings_for_a_controller_are_refused_where_none_runs(
    gridhaul: Callable[..., tuple[int, str, str]], command: list[str]
) -> None:
    code, _, errors = gridhaul(*command, "--set", "controller.horizon=3")
    assert code == 2
    assert "none runs here" in errors
    assert not Path("out").exists()
