"""Files with random damage are imported or refused by a message; nothing else comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importers.damage import FORMATS, attack

FEW, MANY = 5, 100


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_imported_or_refused(name: str, tmp_path: Path) -> None:
    attack(name, FEW, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FORMATS)
def test_a_hundred_damaged_files_are_imported_or_refused(name: str, tmp_path: Path) -> None:
    _, refused = attack(name, MANY, tmp_path)
    assert refused > MANY / 20
