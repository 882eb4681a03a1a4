"""Every Python example of the documentation runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.cli import app
from sim.report.wording import METRICS
from sim.study.store.bundle import TABLES
from sim.study.store.stored_study import read_study
from tests.conftest import CommandLine

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
MADE = ("command_line.md", "api/", "decisions/index.md", "scenarios/")
FILE_NAME = re.compile(r"# (\w+\.py)\n")


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for kind, text in found if kind == language]


# pandapower's converter of MATPOWER cases.
@pytest.mark.filterwarnings("ignore:Setting an item of incompatible dtype:FutureWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that starts with a file name is also saved under it, as the reader is told to do."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "example"}
    # Dataclasses look up the module they are defined in.
    monkeypatch.setitem(sys.modules, "example", type(sys)("example"))
    for number, block in enumerate(blocks(page, "python")):
        if match := FILE_NAME.match(block):
            Path(match[1]).write_text(block, encoding="utf-8")
        exec(compile(block, f"{page.name}, block {number}", "exec"), namespace)


@pytest.mark.filterwarnings("ignore:Setting an item of incompatible dtype:FutureWarning")
def test_the_first_study_takes_four_steps_and_something_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gridhaul: CommandLine
) -> None:
    """From the installed package to a report: every step of the page, as it stands there."""
    page = ROOT / "docs" / "first_study.md"
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^## \d", text, flags=re.MULTILINE)) <= 4
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(page, "python")
    exec(compile(code, page.name, "exec"), {"__name__": "own"})
    commands = [line.split()[1:] for block in blocks(page, "") for line in block.splitlines()]
    for command in commands:
        status, _, errors = gridhaul(*command)
        assert status == 0, errors
    assert [command[0] for command in commands] == ["check", "compare", "report"]
    assert (tmp_path / "first" / "report.html").is_file()
    episodes = read_study(tmp_path / "first").table("episodes").groupby("controller")
    found = episodes[["penalty_usd", "trips"]].mean()
    assert found.loc["idle", "penalty_usd"] > found.loc["rolling", "penalty_usd"]
    assert found.loc["rolling", "trips"] >= 1


def test_the_readme_has_examples() -> None:
    assert len(blocks(ROOT / "README.md", "python")) >= 2


def test_your_own_controller_takes_less_than_twenty_lines() -> None:
    pages = [ROOT / "README.md", ROOT / "docs" / "add_a_controller.md"]
    for page in pages:
        example = next(block for block in blocks(page, "python") if "def decide" in block)
        assert len([line for line in example.splitlines() if line.strip()]) < 20


def test_commands_and_options_of_the_pages_exist() -> None:
    import typer

    commands: dict[str, Any] = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for name, group in list(commands.items()):
        for inner, own in getattr(group, "commands", {}).items():
            commands[f"{name} {inner}"] = own
    known = {
        name: {option for parameter in own.params for option in parameter.opts}
        for name, own in commands.items()
    }
    for page in PAGES:
        for block in blocks(page, ""):
            for line in re.findall(r"^gridhaul (.*)$", block, flags=re.MULTILINE):
                name, *rest = line.split()
                if rest and f"{name} {rest[0]}" in known:
                    name = f"{name} {rest[0]}"
                used = {word for word in rest if word.startswith("--")}
                assert used <= known[name], f"{page.name}: {line}"


def test_the_nomenclature_names_every_metric_and_table() -> None:
    text = (ROOT / "docs" / "nomenclature.md").read_text(encoding="utf-8")
    assert [name for name in (*METRICS, *TABLES) if f"`{name}`" not in text] == []


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            found = (page.parent / target).exists()
            # Notebooks are scripts; what `make docs` makes, it checks.
            found |= (page.parent / target).with_suffix(".py").exists()
            found |= page.parent == ROOT / "docs" and target.startswith(MADE)
            assert found, f"{page.name}: {target}"
