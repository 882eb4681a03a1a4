from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.inspect import catalogue as module
from sim.inspect.catalogue import catalogue


def test_each_thing_has_one_line() -> None:
    found = catalogue()
    for line in (*found.scenarios.values(), *found.controllers.values()):
        assert line
        assert "\n" not in line


def test_a_scenario_names_the_controllers_that_it_has_what_they_require_for() -> None:
    fitting = catalogue().fitting
    assert {"market", "idle"} <= set(fitting["six_bus_rail"])
    assert "two_stage" not in fitting["six_bus_rail"]
    assert "two_stage" in fitting["tiny"]
    assert "market" not in fitting["tiny"]


def test_what_does_not_load_is_listed_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(name: str) -> object:
        raise InputError.single(
            where="controllers", key=name, value="x", message="went missing", remedy="Reinstall"
        )

    monkeypatch.setattr(module, "load_controller", broken)
    monkeypatch.setattr(module, "scenario_folder", lambda name: tmp_path)
    found = catalogue()
    assert "cannot be loaded" in found.controllers["idle"]
    assert "went missing" in found.controllers["idle"]
    assert "cannot be loaded" in found.scenarios["tiny"]
    assert "idle" not in found.fitting["tiny"]
