"""What `check` finds in scenarios that load, but are probably not meant."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from sim.inspect.calibration import calibration
from sim.inspect.check import Findings, check
from sim.scenario import load_scenario, scenario_folder
from sim.study.run import run
from tests.rail import railway


def findings(**overrides: object) -> Findings:
    return check(
        load_scenario("ieee33", {key.replace("__", "."): v for key, v in overrides.items()})
    )


def test_a_sound_scenario_gives_no_warning() -> None:
    assert findings().warnings == ()


def test_the_base_case_is_what_a_controller_that_does_nothing_meets() -> None:
    """On the same day, without line outages."""
    scenario = load_scenario("ieee33", {"outages.per_line_year": 0})
    case = check(scenario).base_case
    metrics = run(scenario, "idle", verify="off").metrics
    assert case is not None
    assert case.vm_pu_min[0] == pytest.approx(metrics["vm_pu_min"], abs=2e-3)
    assert case.vm_pu_max[0] == pytest.approx(metrics["vm_pu_max"], abs=2e-3)
    assert case.loading_percent_max[0] == pytest.approx(metrics["loading_percent_max"], rel=0.02)


def test_the_base_case_of_tiny_is_arithmetic() -> None:
    """1.4 MW of load and 0.1 MW of sun on a line that carries 1 MW."""
    case = check(load_scenario("tiny")).base_case
    assert case is not None
    assert case.import_mw_max == pytest.approx(1.3, abs=1e-4)
    assert case.loading_percent_max[0] == pytest.approx(130, abs=0.1)
    assert case.loading_percent_max[1] == "feeder"


def test_contents_count_what_there_is() -> None:
    contents = findings().contents
    assert contents["buses"] == "33, sources at 0"
    assert contents["branches"] == "37 lines, 0 transformers"
    assert contents["vehicles"] == "3 with 4.5 MWh"
    assert "16 homes" in contents["loads"]


def test_units_that_cannot_carry_the_load_are_named(tmp_path: Path) -> None:
    """Too little for its peak, too much for its valley, and minimum times beyond a day."""
    folder = tmp_path / "mine"
    shutil.copytree(scenario_folder("six_bus_rail"), folder)
    assert not any(
        "unit" in text or "load falls" in text for text in check(load_scenario(folder)).warnings
    )
    table = folder / "units.csv"
    text = table.read_text(encoding="utf-8")
    text = text.replace("G1,1,100,220", "G1,1,160,180").replace("G2,2,10,100", "G2,2,10,40")
    table.write_text(text.replace(",50,3,2,", ",50,30,2,"), encoding="utf-8")
    found = check(load_scenario(folder))
    for words in (
        "all units together deliver 240 MW, the load rises to 256 MW",
        "the load falls to 154.7 MW, below the minimum of G1, which never stops: 160 MW",
        "unit G2 has to stay on or off for longer than a day",
    ):
        assert any(words in warning for warning in found.warnings)
    assert found.contents["units"].startswith("G1 with 160 to 180 MW (slack), G2 with 10 to 40 MW")


@pytest.mark.parametrize(
    ("overrides", "warning"),
    [
        ({"battery__trailer__p_charge_max_mw": 0.01}, "can never be filled within a day"),
        ({"battery__trailer__auxiliary_mw": 0.6}, "can never be filled within a day"),
        ({"timing__horizon_h": 2}, "filling the battery takes 2.8 h, controllers look 2 h ahead"),
        ({"forecast__load": {}}, "load is forecast perfectly"),
        ({"grid__source__0__vm_pu": 0.6}, "without storage: compare loads and lines"),
        ({"tariff__block__0__export_usd_per_mwh": 99}, "paid more than imported energy costs"),
    ],
)
def test_what_is_probably_not_meant_is_warned_of(
    overrides: dict[str, object], warning: str
) -> None:
    assert any(warning in text for text in findings(**overrides).warnings)


def edited(folder: Path, file: str, old: str, new: str) -> Findings:
    shutil.copytree(scenario_folder("tiny"), folder / "mine")
    path = folder / "mine" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return check(load_scenario(folder / "mine"))


def test_a_station_beyond_the_look_ahead_is_warned_of(tmp_path: Path) -> None:
    found = edited(tmp_path, "road_links.csv", ",30,40,", ",300,40,")
    assert any("nobody will go there" in text for text in found.warnings)


@pytest.mark.parametrize(
    ("file", "old", "new", "warning"),
    [
        ("buses.csv", "10,30,0", "10,320000,0", "buses lie 320,000 km apart (x_km from 0 to 3"),
        ("road_nodes.csv", "village,30,0", "village,30000,0", "its ends are 3e+04 km apart"),
    ],
)
def test_positions_in_metres_are_warned_of(
    tmp_path: Path, file: str, old: str, new: str, warning: str
) -> None:
    found = edited(tmp_path, file, old, new)
    assert any(warning in text and "in km?" in text for text in found.warnings)


def test_a_load_that_no_power_flow_can_feed_is_warned_of(tmp_path: Path) -> None:
    found = edited(tmp_path, "lines.csv", "1,0,0.001", "1,0,1000")
    assert found.base_case is None
    assert any("no power flow of the drawn day converges" in text for text in found.warnings)


def test_a_line_far_beyond_its_rating_is_warned_of(tmp_path: Path) -> None:
    found = edited(tmp_path, "lines.csv", "0.05773502691896258", "0.02")
    assert any("branch feeder is loaded to 375 %" in text for text in found.warnings)


@pytest.mark.parametrize(("max_i_ka", "warned"), [("0.2", True), ("0.05773502691896258", False)])
def test_a_day_on_which_nothing_can_be_gained_is_warned_of(max_i_ka: str, *, warned: bool) -> None:
    """One price for what is bought, nothing to sell, and a line that carries all, or not."""
    blocks = [{"from_h": 0, "import_usd_per_mwh": 50.0, "export_usd_per_mwh": 0.0}]
    scenario = load_scenario("tiny", {"tariff.block": blocks})
    lines = dataclasses.replace(scenario.system.grid.lines, max_i_ka=np.array([float(max_i_ka)]))
    grid = dataclasses.replace(scenario.system.grid, lines=lines)
    system = dataclasses.replace(scenario.system, grid=grid)
    found = check(dataclasses.replace(scenario, system=system))
    assert any("will hardly differ" in text for text in found.warnings) == warned


def test_a_railway_is_described_and_a_run_beyond_the_look_ahead_is_warned_of(
    tmp_path: Path,
) -> None:
    findings = check(railway(tmp_path / "rail", {"timing.horizon_h": 1.0}))
    assert findings.contents["rails"] == "5 nodes, 4 segments, a slot every 1 h"
    assert "roads" not in findings.contents
    assert any("from west to east a train takes 1.6 h" in text for text in findings.warnings)


def test_forecasts_are_compared_with_the_truth_where_no_road_leads(tmp_path: Path) -> None:
    table = calibration(railway(tmp_path / "rail"), replications=20)
    assert set(table.index.get_level_values(0)) == {"load"}
