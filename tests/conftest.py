"""What tests of several rooms share."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import TypeAlias

import pytest

from sim.cli import main

CommandLine: TypeAlias = Callable[..., tuple[int, str, str]]


def pytest_collection_finish() -> None:
    """Set aside what has been imported, so that no collection of garbage looks through it again.

    The laws collect garbage before every episode.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture
def gridhaul(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CommandLine:
    """Return a function that runs a command in this process: exit code, output, errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gridhaul", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        output, errors = capfd.readouterr()
        return int(caught.value.code or 0), output, errors

    return call
