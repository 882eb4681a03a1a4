"""The page of the published market case shows what is computed."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "reproduction" / "six_bus_rail.md"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PAGE.parent)
        return runpy.run_path(str(PAGE.with_suffix(".py")))


@pytest.mark.slow
@pytest.mark.parametrize("table", ["deterministic", "prices", "info_gap"])
def test_the_table_is_on_the_page(script: dict[str, Any], table: str) -> None:
    assert script[table]() in PAGE.read_text(encoding="utf-8")
