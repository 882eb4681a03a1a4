"""`gridhaul new` writes a folder in which everything runs at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.adapters.new import new_project
from sim.errors import InputError
from tests.conftest import CommandLine

COMMANDS = {"check": "", "run": "--verify off", "compare": "--replications 2 --verify off"}


def commands_of(folder: Path) -> dict[str, list[str]]:
    found = re.findall(r"^    gridhaul (.*)$", (folder / "README.md").read_text(), re.MULTILINE)
    return {command.split()[0]: command.split() for command in found}


def test_the_commands_of_the_folder_run_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gridhaul: CommandLine
) -> None:
    """The last value of an option counts, so that the test is fast."""
    folder = tmp_path / "valley"
    assert "controller.py" in gridhaul("new", str(folder))[1]
    monkeypatch.chdir(folder)
    commands = commands_of(folder)
    assert [*commands] == [*COMMANDS, "check-controller"]
    for name, faster in COMMANDS.items():
        code, out, errors = gridhaul(*commands[name], *faster.split())
        assert code == 0, out + errors
        if name == "check":
            assert "No errors, no warnings." in out


@pytest.mark.slow
def test_the_controller_keeps_the_laws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gridhaul: CommandLine
) -> None:
    new_project(tmp_path / "valley")
    monkeypatch.chdir(tmp_path / "valley")
    code, out, errors = gridhaul(*commands_of(Path())["check-controller"])
    assert code == 0, out + errors


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not an empty folder"):
        new_project(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        new_project(tmp_path / "mine.txt" / "below")
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
