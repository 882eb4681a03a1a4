"""A wrong command line is refused: exit code 2 and one message with option, value and remedy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bad_input.spoil import FIX, call, run


class Line(NamedTuple):
    """A wrong command line, and what the message must name."""

    arguments: tuple[str, ...]
    file: str
    key: str
    value: str
    remedy: str


CONTROLLERS = {
    "broken.py": "class Mine(:\n",
    "exits.py": "import sys\nsys.exit(0)\n",
    "lacking.py": "class Mine:\n    def start(self, system, rng): ...\n",
    "demanding.py": (
        "class Mine:\n"
        "    def __init__(self, must): ...\n"
        "    def start(self, system, rng): ...\n"
        "    def decide(self, observation): ...\n"
    ),
    "plain.py": (
        "class Mine:\n"
        "    class Parameters: ...\n"
        "    def start(self, system, rng): ...\n"
        "    def decide(self, observation): ...\n"
    ),
}


def compare(*more: str) -> tuple[str, ...]:
    return ("compare", "tiny", "--controllers", "idle,greedy", *more)


# What the parser of the command line finds names the option, and the values it takes.
COMMAND_LINES = {
    "unknown command": Line(("runn", "tiny"), "command", "command", "runn", "gridhaul"),
    "unknown option": Line(run("--sede", "1"), "option", "--sede", "--sede", "--seed"),
    "unknown scenario": Line(
        run(scenario="tinny"), "scenario", "scenario", "'tinny'", "Did you mean 'tiny'?"
    ),
    "a scenario of many letters": Line(
        run(scenario="x" * 5000),
        "scenario",
        "scenario",
        "(5002 characters)",
        "There is: feeder41, ieee123",
    ),
    "a file for a scenario": Line(
        run(scenario="/dev/null"),
        "scenario",
        "scenario",
        "'/dev/null'",
        "There is: feeder41, ieee123",
    ),
    "unknown controller": Line(
        run(controller="idel"), "controllers", "controller", "'idel'", "Did you mean 'idle'?"
    ),
    "one of several unknown": Line(
        ("compare", "tiny", "--controllers", "idle,idel", "--replications", "2"),
        *("controllers", "controller", "'idel'", "Did you mean 'idle'?"),
    ),
    "a controller twice": Line(
        ("compare", "tiny", "--controllers", "idle,idle", "--replications", "2"),
        *("--controllers", "controllers", "'idle'", "Name every controller once"),
    ),
    "missing file": Line(
        run(controller="gone.py:Mine"), "gone.py", "controller", "'gone.py'", "Check the path"
    ),
    "a file with an error": Line(
        run(controller="broken.py:Mine"), "broken.py", "controller", "'broken.py'", "Run the file"
    ),
    "a file that exits": Line(
        run(controller="exits.py:Mine"), "exits.py", "controller", "'exits.py'", "Run the file"
    ),
    "no such class": Line(
        run(controller="lacking.py:Mien"), "lacking.py", "controller", "'Mien'", "mean 'Mine'?"
    ),
    "no class named": Line(
        run(controller="lacking.py"), "controller", "controller", "'lacking.py'", "Write my_file"
    ),
    "a class without decide": Line(
        run(controller="lacking.py:Mine"),
        *("lacking.py:Mine", "controller", "'Mine'", "decide(observation)"),
    ),
    "a class that cannot be made": Line(
        run(controller="demanding.py:Mine"),
        *("demanding.py:Mine", "controller", "'Mine'", "Its constructor takes its Parameters"),
    ),
    "parameters that are no dataclass": Line(
        run(controller="plain.py:Mine"), "plain.py:Mine", "Parameters", "Parameters", "@dataclass"
    ),
    "no value": Line(run("--set", "seed"), "--set", "set", "'seed'", "Write for example"),
    "no key": Line(run("--set", "=3"), "--set", "set", "'=3'", "Write for example"),
    "set twice": Line(
        run("--set", "seed=1", "--set", "seed=2"), "--set", "set", "'seed=2'", "Write for example"
    ),
    "unknown setting": Line(
        run("--set", "timing.dais=2"), "--set", "timing.dais", "2", "Did you mean 'days'?"
    ),
    "setting of the wrong type": Line(
        run("--set", "timing.days=many"), "--set", "timing.days", "'many'", FIX
    ),
    "a setting of a million digits": Line(
        run("--set", f"seed={'9' * 100_000}"), "--set", "seed", "characters)", FIX
    ),
    "a setting of many brackets": Line(
        run("--set", f"seed={'[' * 50_000}"), "--set", "seed", "characters)", FIX
    ),
    "a setting of many dots": Line(
        run("--set", f"{'a.' * 30_000}b=1"), "--set", "a", "too large", "There is"
    ),
    "parameter of who has none": Line(
        run("--set", "controller.x=1"), "idle", "controller.x", "1", "takes no parameters"
    ),
    "unknown parameter": Line(
        run("--set", "controller.margn=1", controller="rolling"),
        *("rolling", "controller.margn", "1", "Did you mean 'margin'?"),
    ),
    "parameter of the wrong type": Line(
        run("--set", "controller.margin=wide", controller="rolling"),
        *("rolling", "controller.margin", "'wide'", "See the docstring"),
    ),
    "parameter out of range": Line(
        run("--set", "controller.margin=-1", controller="rolling"),
        *("rolling", "controller", "margin(=-1.0)", "See the docstring"),
    ),
    "no replications": Line(
        compare("--replications", "0"), "option", "'--replications'", "'0'", "whole number from 1"
    ),
    "a trillion replications": Line(
        compare("--replications", "1000000000000"),
        *("option", "'--replications'", "'1000000000000'", "from 1 to 1000000"),
    ),
    "no workers": Line(
        compare("--replications", "2", "--workers", "0"),
        "option",
        "'--workers'",
        "'0'",
        "from 1 to",
    ),
    "no days": Line(run("--days", "0"), "option", "'--days'", "'0'", "from 1 to"),
    "a billion days": Line(
        run("--days", "1000000000"), "option", "'--days'", "'1000000000'", "from 1 to"
    ),
    "negative seed": Line(run("--seed", "-1"), "option", "'--seed'", "'-1'", "from 0 to"),
    "a seed in words": Line(run("--seed", "one"), "option", "'--seed'", "'one'", "from 0 to"),
    "unknown verification": Line(
        run("--verify", "ful"), "verify", "verify", "'ful'", "Did you mean 'full'?"
    ),
    "unknown verification of a study": Line(
        compare("--replications", "1", "--verify", "no"), "verify", "verify", "'no'", "There is"
    ),
    "a file in the way": Line(
        run("--out", "broken.py"), "--out", "out", "'broken.py'", "Name a new or empty folder"
    ),
    "no study to report": Line(
        ("report", "nowhere"), "nowhere", "folder", "'nowhere'", "Name a folder that --out"
    ),
}


@pytest.mark.parametrize("case", COMMAND_LINES.values(), ids=COMMAND_LINES)
def test_a_wrong_command_line_is_refused_with_option_value_and_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    case: Line,
) -> None:
    for name, text in CONTROLLERS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")  # no line breaks inside a message
    code, output, errors = call(monkeypatch, capfd, *case.arguments)
    assert (code, output) == (2, "")
    assert "Traceback" not in errors
    assert len(errors) < 20_000
    text = " ".join(errors.split())
    for word in (case.file, case.key, case.value, case.remedy):
        assert word.lower() in text.lower(), text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (run(scenario="tinny"), "Did you mean 'tiny'?"),
        (run("--days", "0"), "--days"),
        (run(controller="exits.py:Mine"), "SystemExit"),
    ],
)
def test_the_process_ends_with_2_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "exits.py").write_text(CONTROLLERS["exits.py"])
    command = [sys.executable, "-c", "from sim.cli import main; main()", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert message in finished.stderr
    assert "Traceback" not in finished.stderr
