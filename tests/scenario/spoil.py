"""Change one text of a scenario's file, and read the problems that follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.errors import InputError
from sim.scenario import load_scenario


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def problems_of(*args):
    with pytest.raises(InputError) as caught:
        load_scenario(*args)
    return caught.value.problems
