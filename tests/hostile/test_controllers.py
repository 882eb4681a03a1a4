"""Controllers that leave, lie or crash: each is named, and takes nobody along."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from sim.study.store.stored_study import read_study
from tests.hostile.controllers import (
    AT_IMPORT,
    BESIDE,
    DEADLY,
    IN_DECIDE,
    IN_INIT,
    IN_START,
    RETURNING,
    UNFIT,
    Hostile,
    text_of,
)

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]
IN_RUN = [*AT_IMPORT, *IN_INIT, *UNFIT, *IN_START, *IN_DECIDE, *RETURNING]
REFUSED = {"import", "init", "class"}
N_DAYS = 2


# One of each kind in every run of the tests, all of them in the evidence.
SHORT = {
    "ExitZeroInStart",
    "HardExitInDecide",
    "InterruptInInit",
    "GeneratedInReturned",
    "Requires",
}
SHORT |= {"ReplacedAtImport", "MutelyInDecide", "FloatStationInReturned", "DatesInReturned"}


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(own, id=own.name, marks=[] if own.name in SHORT else pytest.mark.slow)
        for own in IN_RUN
    ],
)
def test_a_run_ends_with_a_result_or_says_who_failed(
    gridhaul: CommandLine, tmp_path: Path, hostile: Hostile
) -> None:
    file = tmp_path / "hostile.py"
    file.write_text(text_of(hostile), encoding="utf-8")
    code, output, errors = gridhaul(
        *("run", "tiny", "--controller", f"{file}:{hostile.name}", "--verify", "off", "--json")
    )
    assert "Traceback" not in errors
    if hostile.where in REFUSED:
        assert code == 2
        assert "hostile.py" in errors
    elif hostile.where == "start":
        assert code == 1
        assert errors.startswith("gridhaul: ")
    else:
        result = json.loads(output)
        assert result["controller"].endswith(hostile.name)
        assert result["metrics"]["failed_decisions"] == result["metrics"]["decisions"] > 0


@pytest.mark.slow
def test_a_study_goes_on_whatever_its_controllers_do(gridhaul: CommandLine, tmp_path: Path) -> None:
    hostile = [*IN_START, *IN_DECIDE, *RETURNING, *BESIDE, *DEADLY]
    file, out = tmp_path / "hostile.py", tmp_path / "out"
    file.write_text(text_of(*hostile), encoding="utf-8")
    labels = {own: f"{file}:{own.name}" for own in hostile}
    command = [sys.executable, "-m", "gridhaul", "compare", "tiny", "--workers", "2"]
    command += ["--controllers", ",".join(["idle", *labels.values()]), "--verify", "off"]
    command += ["--replications", str(N_DAYS), "--out", str(out)]
    process = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    study = read_study(out)
    assert study.missing == ()
    failed = {own["controller"] for own in study.manifest["failures"]}
    decided = study.table("episodes").groupby("controller")["failed_decisions"].min()
    assert decided["idle"] == 0
    for own, label in labels.items():
        if own.where in {"start", "death", "deathStart"}:
            assert label in failed, label
            assert label in process.stderr, label
        elif own.where == "beside":
            assert decided[label] == 0
        else:
            assert decided[label] > 0, label
