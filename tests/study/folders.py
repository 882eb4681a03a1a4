"""What must be equal in the folders of equal studies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sim.study.store.stored_study import COMMANDS, read_study


def contents(folder: Path) -> dict[str, str]:
    """Return hashes of all files but wall-clock times and the list of commands."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != COMMANDS and file.parent.name != "timings"
    }


def assert_each_episode_once(folder: Path, controllers: list[str], replications: int) -> None:
    study = read_study(folder)
    table = study.table("episodes")
    found = list(zip(table["replication"], table["controller"], strict=True))
    assert found == [(day, name) for day in range(replications) for name in controllers]
    assert study.missing == ()
    assert not (folder / "parts").exists()
    assert list(folder.rglob(".*")) == []
