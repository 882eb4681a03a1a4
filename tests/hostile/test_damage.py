"""Files of a study that the disk has damaged: named, and run again to the same bytes."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.report.html.page import write_report
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.store import writer
from sim.study.store.stored_study import COMMANDS, read_study
from tests.study.folders import assert_each_episode_once, contents

CONTROLLERS, DAYS = ["idle", "greedy"], 6
SHORT = 6


def study(folder: Path) -> None:
    """Run what is missing in a folder, as the same command does."""
    compare(load_scenario("tiny"), CONTROLLERS, replications=DAYS, verify="off", out=folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished study in three files of each table."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "EPISODES_PER_FILE", 4)
        folder = tmp_path_factory.mktemp("whole") / "study"
        study(folder)
        yield folder


@pytest.fixture(scope="module")
def half(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study, killed when half of it was done: some episodes wait in parts."""
    folder = tmp_path_factory.mktemp("half") / "study"

    class Killed(BaseException): ...

    class Killer:
        left = 7

        def expects(self, episodes: int) -> None: ...
        def resumed(self, episodes: int) -> None: ...
        def ended(self, result: object) -> None:
            self.left -= 1
            if not self.left:
                raise Killed

    with pytest.raises(Killed):
        compare(
            load_scenario("tiny"),
            CONTROLLERS,
            replications=DAYS,
            verify="off",
            out=folder,
            progress=Killer(),
        )
    assert list((folder / "parts").glob("*"))
    return folder


def damage(folder: Path, rng: random.Random) -> Path:
    """Flip a bit of a file, or cut its end off."""
    files = [own for own in sorted(folder.rglob("*")) if own.is_file() and own.name != COMMANDS]
    file = rng.choice(files)
    content = bytearray(file.read_bytes())
    if rng.random() < 0.25 or not content:
        content = content[: rng.randrange(len(content)) if content else 0]
    else:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    return file


def everything(folder: Path) -> None:
    """Read all that a reader reads."""
    found = read_study(folder)
    for name in ("episodes", "vm_pu", "loading_percent", "steps", "decisions", "ledger", "timings"):
        found.table(name)
    for table in sorted(own.name for own in folder.iterdir() if own.is_dir()):
        if table != "parts":
            found.table(table)
    write_report(folder)


def refused_or_as_it_was(folder: Path, expected: dict[str, str]) -> str:
    """Give the same command again; return whether that was refused or mended."""
    try:
        study(folder)
    except InputError as error:
        message = str(error)
    else:
        message = ""
    if message:
        assert "study.json" in message
        return "refused"
    (folder / "report.html").unlink(missing_ok=True)
    assert contents(folder) == expected
    return "mended"


def trials(whole: Path, half: Path, tmp_path: Path, n: int, seed: int) -> dict[str, int]:
    rng, expected = random.Random(seed), contents(whole)
    counted = {"named": 0, "mended": 0, "refused": 0}
    for trial in range(n):
        folder = tmp_path / str(trial)
        shutil.copytree(rng.choice([whole, half]), folder)
        file = damage(folder, rng)
        with pytest.raises(InputError) as caught:
            everything(folder)
        assert file.name in str(caught.value) or file.name == "_SHA256SUMS", file
        counted["named"] += 1
        counted[refused_or_as_it_was(folder, expected)] += 1
        if folder.exists():
            shutil.rmtree(folder)
    return counted


def test_no_damage_is_silent(whole: Path, half: Path, tmp_path: Path) -> None:
    assert trials(whole, half, tmp_path, SHORT, 17)["named"] == SHORT


def test_a_study_that_was_not_damaged_goes_on_where_it_was(
    whole: Path, half: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "again"
    shutil.copytree(half, folder)
    study(folder)
    assert contents(folder) == contents(whole)
    assert_each_episode_once(folder, CONTROLLERS, DAYS)


def test_checksums_are_those_of_a_standard_tool(whole: Path) -> None:
    lines = (whole / "episodes" / "_SHA256SUMS").read_text().splitlines()
    assert [line.partition("  ")[2] for line in lines] == [
        "000000.parquet",
        "000001.parquet",
        "000002.parquet",
    ]
