"""Every command of the documentation runs as it stands, on fewer days.

Commands of a page run one after the other in one folder, after its Python examples, which write the
files that they use.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.test_docs import BLOCK, FILE_NAME, PAGES, ROOT, blocks

NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.py"))
SHELL = ("", "bash", "console")
# Not run, and why.
LEFT_OUT = {
    "gridhaul demo": "takes minutes; tests of the command line run it on fewer days",
    "gridhaul import tntp": "the file of Sydney is not bundled; tests/importers has others",
    "gridhaul import opendss": "the feeder is not bundled; tests/importers has others",
    "gridhaul import matpower": "the case is not bundled; tests/importers has others",
    "gridhaul import osm": "the extract is not bundled; tests/importers has others",
}
# Fewer days: what a command does stays the same.
SHORTER = (
    (r"--replications \d+", "--replications 2"),
    (r"--replication \d+", "--replication 1"),
    (r"--points \d+", "--points 2"),
    (r"--shard \d+/\d+", "--shard 1/1"),
    (r"--workers \d+", "--workers 1"),
    (r"docs/learned/", f"{ROOT}/docs/learned/"),
    # Planning takes longest: three hours ahead in place of a day.
    (r"^gridhaul (run|compare|stress|pareto) ieee33", r"\g<0> --set timing.horizon_h=3"),
)
MINE = """
from dataclasses import dataclass

from gridhaul import Plan


@dataclass(frozen=True, kw_only=True)
class Parameters:
    horizon: int = 24


class Mine:
    Parameters = Parameters

    def __init__(self, parameters=Parameters()):
        self.parameters = parameters

    def start(self, system, rng):
        pass

    def decide(self, observation):
        return Plan()
"""


def commands(page: Path) -> list[str]:
    """Return the lines of a shell, in order; a notebook has them in its cells of Markdown."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":
        text = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    shells = [block.replace("\\\n", " ") for kind, block in BLOCK.findall(text) if kind in SHELL]
    return re.findall(r"^((?:gridhaul|cd) .*)$", "\n".join(shells), flags=re.MULTILINE)


WITH_COMMANDS = [page for page in [*PAGES, *NOTEBOOKS] if commands(page)]


def results_first(gridhaul: CommandLine) -> None:
    """Keep the study that the page on replays takes for granted."""
    study = ["compare", "ieee33", "--controllers", "idle,greedy", "--replications", 2]
    assert gridhaul(*study, "--out", "results/first")[0] == 0


def meters_and_net(_: CommandLine) -> None:
    """Write the files that the page on importers takes for granted."""
    import pandapower
    import pandapower.networks

    pandapower.to_json(pandapower.networks.create_cigre_network_mv(), "net.json")
    rows = [f"2024-01-01 {hour:02}:00,{hour / 24},0.5" for hour in range(24)]
    Path("meters.csv").write_text("\n".join(["time,town,sun", *rows]) + "\n", encoding="utf-8")


BEFORE: dict[str, Callable[[CommandLine], None]] = {
    "replay": results_first,
    "bring_your_own_data": meters_and_net,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Setting an item of incompatible dtype:FutureWarning")
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gridhaul: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my_file.py").write_text(MINE, encoding="utf-8")
    files(page, monkeypatch)
    BEFORE.get(page.stem, lambda _: None)(gridhaul)
    for line in commands(page):
        if line.startswith(tuple(LEFT_OUT)):
            continue
        for pattern, shorter in SHORTER:
            line = re.sub(pattern, shorter, line)
        program, *rest = shlex.split(line, comments=True)
        if program == "cd":
            monkeypatch.chdir(rest[0])
            continue
        status, _, errors = gridhaul(*rest)
        assert status == 0, f"{line}\n{errors}"


def files(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the Python examples of a page where they write what its commands use."""
    if page.suffix == ".py":
        return
    examples = blocks(page, "python")
    for block in examples:
        if match := FILE_NAME.match(block):
            Path(match[1]).write_text(block, encoding="utf-8")
    if page.stem in ("first_study", "bring_your_own_data"):
        monkeypatch.setitem(sys.modules, "example", type(sys)("example"))
        namespace: dict[str, object] = {"__name__": "example"}
        for block in examples:
            exec(compile(block, page.name, "exec"), namespace)


def test_what_is_left_out_is_in_the_documentation() -> None:
    """Else the list names commands that nobody is told of."""
    told = "\n".join(line for page in WITH_COMMANDS for line in commands(page))
    assert [start for start in LEFT_OUT if start not in told] == []
