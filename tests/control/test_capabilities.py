"""What a controller says of itself is checked when it is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.control import Capabilities, Trigger, capabilities_of
from sim.episode.specification import ControllerSpec, build
from sim.errors import InputError

BODY = """
from gridhaul import Capabilities, Plan

class Mine:
    {line}

    def start(self, system, rng):
        pass

    def decide(self, observation):
        return Plan()
"""


def built(folder: Path, line: str) -> object:
    file = folder / "mine.py"
    file.write_text(BODY.format(line=line))
    return build(ControllerSpec(name=f"{file}:Mine"))


def test_a_misspelt_trigger_is_refused_with_the_list_of_triggers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="arrivals") as refused:
        built(tmp_path, 'capabilities = Capabilities(replan_on=frozenset({"arrivals"}))')
    assert all(trigger in str(refused.value) for trigger in Trigger)


def test_a_feature_that_no_system_has_is_refused() -> None:
    with pytest.raises(ValueError, match=r"requires\(=\['road'\]\) must be among roads, rail"):
        Capabilities(requires=frozenset({"road"}))
    with pytest.raises(ValueError, match="must be a set of names, not a text"):
        Capabilities(replan_on="delay")  # type: ignore[arg-type]


@pytest.mark.parametrize("line", ['replan_on = {"delay"}', "needs_voltages = True"])
def test_what_stands_beside_the_capabilities_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match="where nobody reads it") as refused:
        built(tmp_path, line)
    assert f"capabilities = Capabilities({line.split()[0]}=...)" in str(refused.value)


def test_capabilities_of_another_type_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must be Capabilities"):
        built(tmp_path, 'capabilities = {"replan_on": "delay"}')


def test_nothing_needs_to_be_said(tmp_path: Path) -> None:
    assert capabilities_of(built(tmp_path, "pass")) == Capabilities()


def test_who_replans_on_violations_sees_voltages() -> None:
    assert Capabilities(replan_on=frozenset({Trigger.VOLTAGE_VIOLATION})).needs_voltages
