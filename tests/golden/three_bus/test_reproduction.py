"""The page that holds published figures against ours shows what is computed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "reproduction" / "three_bus.md"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PAGE.parent)
        return runpy.run_path(str(PAGE.with_suffix(".py")))


def test_the_day_without_storage_is_on_the_page(script: dict[str, Any]) -> None:
    assert script["without_storage"]() in PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_schedules_are_on_the_page(script: dict[str, Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert script["with_storage"]() in page
    assert script["stages"]() in page


@pytest.mark.slow
def test_days_that_no_forecast_knows_exactly_are_on_the_page(script: dict[str, Any]) -> None:
    assert script["under_uncertainty"]() in PAGE.read_text(encoding="utf-8")
