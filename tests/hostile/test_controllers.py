"""Controllers that leave, lie or crash: each is named, and takes nobody along."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.controllers import (
    BESIDE,
    IN_DECIDE,
    IN_RUN,
    IN_START,
    RETURNING,
    Hostile,
)
from tests.hostile.trials import in_a_run, in_a_study

# One of each kind here, all of them in `tests.hostile.run`.
SHORT = {
    "ExitZeroInStart",
    "HardExitInDecide",
    "InterruptInInit",
    "GeneratedInReturned",
    "Requires",
}
SHORT |= {"ReplacedAtImport", "MutelyInDecide", "FloatStationInReturned", "DatesInReturned"}


@pytest.mark.parametrize("hostile", [own for own in IN_RUN if own.name in SHORT], ids=str)
def test_a_run_ends_with_a_result_or_says_who_failed(tmp_path: Path, hostile: Hostile) -> None:
    assert in_a_run(hostile, tmp_path) == ""


def test_a_study_goes_on_whatever_its_controllers_do(tmp_path: Path) -> None:
    chosen = [own[0] for own in (IN_START, IN_DECIDE, RETURNING, BESIDE)]  # deaths take long
    assert in_a_study(chosen, tmp_path) == []
