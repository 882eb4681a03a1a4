"""Keys are listed with unit, default and meaning by a command, a page and a JSON schema."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sim.inspect.describe import controller_keys, scenario_keys, unit_of
from sim.report.terminal.describe import metric_keys, reference
from sim.scenario import scenario_folder
from tests.command_line.test_cli import CommandLine


def test_every_key_of_a_scenario_has_a_meaning() -> None:
    keys = {key.name: key for key in scenario_keys()}
    assert [name for name, key in keys.items() if not key.meaning] == []
    energy = keys["battery.<name>.energy_mwh"]
    assert (energy.unit, energy.default) == ("MWh", "required")
    assert keys["traffic.intensity"].default == "1.0"
    assert keys["battery.<name>.soc_min"].unit == ""
    assert keys["timing.step_min"].unit == "min"


@pytest.mark.parametrize("name", ["greedy", "rolling", "market", "two_stage"])
def test_every_parameter_of_a_controller_has_a_meaning(name: str) -> None:
    keys = controller_keys(name)
    assert keys
    assert [key.name for key in keys if not key.meaning] == []


def test_figures_have_their_unit() -> None:
    units = {key.name: key.unit for key in metric_keys()}
    assert units["penalty_usd"] == "USD"
    assert units["voltage_violation_pu_h"] == "pu h"
    assert unit_of("repair_h") == "h"


def test_the_page_in_the_docs_is_the_one_that_the_command_writes() -> None:
    """Else run `gridhaul describe all > docs/reference.md`."""
    page = Path("docs/reference.md").read_text(encoding="utf-8")
    assert page == reference()


@pytest.mark.parametrize("name", ["tiny", "ieee33", "six_bus_rail"])
def test_the_schema_knows_the_keys_of_the_bundled_scenarios(
    gridhaul: CommandLine, name: str
) -> None:
    """Editors complete and check with it; unknown keys are refused as the loader does."""
    code, output, _ = gridhaul("describe", "scenario", "--json")
    assert code == 0
    schema = json.loads(output)
    text = (scenario_folder(name) / "scenario.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(text)) <= set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= set(tomllib.loads(text))
    battery = schema["$defs"]["BatteryTable"]["properties"]
    assert battery["energy_mwh"]["description"] == "Capacity [MWh]."


def test_what_cannot_be_described_is_refused(gridhaul: CommandLine) -> None:
    code, _, errors = gridhaul("describe", "scenari")
    assert code == 2
    assert "Did you mean 'scenario'?" in errors
    code, _, errors = gridhaul("describe", "controller", "rollin")
    assert code == 2
    assert "Did you mean 'rolling'?" in errors
