"""What a terminal of 80 columns shows of a comparison."""

from __future__ import annotations

import pytest
from rich.console import Console

from sim.report.terminal import console
from sim.study.compare import compare

LADDER = ["idle", "curtail", "reactive", "stationary", "day_ahead", "rolling"]
TWO_SCREENS = 48  # lines


def test_six_controllers_fit_on_two_screens_of_80_columns_and_no_name_is_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = compare("tiny", LADDER, replications=2, verify="off")
    monkeypatch.setattr(console, "terminal", lambda: Console(width=80, highlight=False))
    console.print_study(study)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= TWO_SCREENS
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for name in LADDER:
        assert sum(line.startswith(f"{name} ") for line in lines) >= 2 - (name == "idle")
    console.print_study(study, everything=True)
    assert "energy moved in time" in capsys.readouterr().out
