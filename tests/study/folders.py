"""What must be equal in the folders of equal studies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from sim.study.jobs import Failure, FinishedEpisode
from sim.study.store.stored_study import COMMANDS, read_study


def contents(folder: Path) -> dict[str, str]:
    """Return hashes of all files but wall-clock times and the list of commands."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != COMMANDS and file.parent.name != "timings"
    }


class Listener:
    """Follows a study and remembers what it is told."""

    def __init__(self, then: Callable[[object], None] = lambda _: None) -> None:
        self.expected: list[int] = []
        self.stored: list[int] = []
        self.results: list[FinishedEpisode | Failure] = []
        self._then = then

    def expects(self, episodes: int) -> None:
        self.expected.append(episodes)

    def resumed(self, episodes: int) -> None:
        self.stored.append(episodes)

    def ended(self, result: FinishedEpisode | Failure) -> None:
        self.results.append(result)
        self._then(result)


def assert_each_episode_once(folder: Path, controllers: list[str], replications: int) -> None:
    study = read_study(folder)
    table = study.table("episodes")
    found = list(zip(table["replication"], table["controller"], strict=True))
    assert found == [(day, name) for day in range(replications) for name in controllers]
    assert study.missing == ()
    assert not (folder / "parts").exists()
    assert list(folder.rglob(".*")) == []
