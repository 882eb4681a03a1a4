"""A study on disk: killed between any two files, grown, refused, full."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sim
from sim.episode.episode import Episode
from sim.episode.specification import ControllerSpec
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run
from sim.study.store import durable
from sim.study.store import writer as module
from sim.study.store.bundle import Keep, bundle, flat, from_bytes, join, keys, names, nest, to_bytes
from sim.study.store.durable import StorageError
from sim.study.store.manifest import WITHOUT_EFFECT, configuration, manifest
from sim.study.store.resume import finished_episodes
from sim.study.store.stored_study import read_study
from sim.study.store.writer import StudyWriter
from tests.study.folders import Listener, assert_each_episode_once, contents

NAMES = ["idle", "greedy"]
SPECS = [ControllerSpec(name=name) for name in NAMES]
DAYS = 4


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    scenario = load_scenario("tiny")
    return [
        run(scenario, name, replication=day, verify="off") for day in range(DAYS) for name in NAMES
    ]


def make_manifest(keep: Keep) -> dict[str, Any]:
    scenario = load_scenario("tiny")
    config = configuration(scenario, SPECS, seed=0, verify="off", keep=keep)
    return manifest(scenario, SPECS, config)


@pytest.fixture(scope="module")
def study_manifest() -> dict[str, Any]:
    return make_manifest(Keep.STEPS)


class Killed(BaseException):
    """Stands for the end of the process: nobody catches it to tidy up."""


def write_study(
    folder: Path, study_manifest: dict[str, Any], episodes: list[Episode], *, reverse: bool = False
) -> None:
    """Store what is missing, two episodes at a time, three in a file; last come first."""
    with StudyWriter(folder, study_manifest, range(DAYS), episodes_per_file=3) as writer:
        missing = [
            own for own in episodes if (own.controller, own.replication) not in writer.stored
        ]
        missing = missing[::-1] if reverse else missing
        for i in range(0, len(missing), 2):
            chosen = missing[i : i + 2]
            packed = join(
                bundle(own.controller, own, Keep(study_manifest["keep"])) for own in chosen
            )
            writer.add(to_bytes(packed), keys(packed))
        writer.finish({"found": 1})


def test_a_study_killed_between_any_two_files_ends_like_an_undisturbed_one(
    tmp_path: Path, episodes: list[Episode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With few tables: all are written in the same way, and each file is a moment to try."""
    study_manifest = make_manifest(Keep.SUMMARY)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # the power does not fail here
    write_study(tmp_path / "whole", study_manifest, episodes)
    expected = contents(tmp_path / "whole")
    original = durable.write
    survived = 0

    def until(limit: int) -> Callable[[Path, Callable[[Path], object]], None]:
        written = 0

        def write(path: Path, fill: Callable[[Path], object]) -> None:
            nonlocal written
            written += 1
            if written > limit:
                path.with_name(f".{path.name}{durable.PARTIAL_SUFFIX}").write_bytes(b"torn")
                raise Killed
            original(path, fill)

        return write

    for limit in range(200):
        folder = tmp_path / str(limit)
        monkeypatch.setattr(durable, "write", until(limit))
        try:
            write_study(folder, study_manifest, episodes, reverse=bool(limit % 2))
        except Killed:
            survived += 1
            monkeypatch.setattr(durable, "write", until(limit % 4))
            with pytest.raises(Killed):  # again, where it goes on
                write_study(folder, study_manifest, episodes)
        else:
            break
        monkeypatch.setattr(durable, "write", original)
        if (folder / "study.json").exists():
            there = [own.key for own in finished_episodes(folder)]
            assert len(there) == len(set(there)) == len(read_study(folder).table("episodes"))
            assert len(read_study(folder).missing) == len(episodes) - len(there)
        write_study(folder, study_manifest, episodes)
        assert contents(folder) == expected
        assert_each_episode_once(folder, NAMES, DAYS)
    assert survived == 36  # files that an undisturbed study writes


def test_tables_survive_nesting(episodes: list[Episode]) -> None:
    packed = join(bundle(own.controller, own, Keep.STEPS) for own in episodes)
    again = from_bytes(to_bytes(packed))
    assert to_bytes(again) == to_bytes(packed)  # NaN equals itself here
    tables = {name: flat(packed, name) for name in names(packed)}
    assert to_bytes(nest(flat(packed, "episodes"), tables)) == to_bytes(packed)
    steps = tables["steps"].to_pandas()
    own = steps[(steps["controller"] == "greedy") & (steps["replication"] == 1)]
    expected = episodes[3].steps
    pd.testing.assert_frame_equal(own[expected.columns].reset_index(drop=True), expected)


def test_what_is_read_back_is_what_was_found(tmp_path: Path) -> None:
    scenario = load_scenario("ieee33")
    progress = Listener()
    study = compare(
        scenario, NAMES, replications=2, verify="off", out=tmp_path / "s", progress=progress
    )
    again = compare(
        scenario,
        NAMES,
        replications=2,
        verify="off",
        out=tmp_path / "s",
        progress=progress,
    )
    assert progress.expected == [4, 4]
    assert progress.stored == [0, 4]
    assert len(progress.results) == 4  # nothing was run again
    pd.testing.assert_frame_equal(again.metrics, study.metrics, check_exact=True)
    pd.testing.assert_frame_equal(again.timings, study.timings, check_exact=True)
    pd.testing.assert_frame_equal(again.ledger, study.ledger, check_exact=True)


def test_the_code_hash_leaves_out_only_what_no_episode_imports() -> None:
    code = (
        "import sys; from gridhaul import load_scenario, compare;"
        "compare(load_scenario('tiny'), ['greedy'], replications=1);"
        "print(*(name for name in sys.modules if name.startswith('sim.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used = {f"{name.split('.')[1]}/" for name in run.stdout.split()}
    assert used.isdisjoint(WITHOUT_EFFECT)
    home = Path(str(sim.__file__)).parent
    assert all((home / name).is_dir() for name in WITHOUT_EFFECT)


def test_a_study_grows_but_does_not_shrink(tmp_path: Path) -> None:
    scenario = load_scenario("tiny")
    for folder, steps in (("grown", (2, 5)), ("whole", (5,))):
        for replications in steps:
            compare(scenario, NAMES, replications=replications, verify="off", out=tmp_path / folder)
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")
    with pytest.raises(InputError, match="can grow, not shrink"):
        compare(scenario, NAMES, replications=3, verify="off", out=tmp_path / "grown")
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 7}, "seed is 0 there and 7 here"),
        ({"verify": "full"}, "verify is 'off' there and 'full' here"),
        ({"keep": "summary"}, "keep is 'steps' there and 'summary' here"),
        ({"controllers": ["greedy", "idle"]}, r"order is \['idle', 'greedy'\] there"),
        (
            {"controllers": ["idle", ControllerSpec(name="greedy", parameters=(("sun_mw", 0.1),))]},
            "controllers.greedy.parameters.sun_mw is 0.3 there and 0.1 here",
        ),
        (
            {"controllers": ["idle"]},
            "holds another study: controllers.greedy is there and not here",
        ),
        ({"scenario": {"tariff.stored_usd_per_mwh": 1}}, "scenario.digest is"),
    ],
)
def test_another_study_is_refused_and_what_differs_is_named(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    asked: dict[str, Any] = {"controllers": NAMES, "seed": 0, "verify": "off"}
    compare(load_scenario("tiny"), replications=1, out=tmp_path, **asked)
    before = contents(tmp_path)
    scenario = load_scenario("tiny", changed.pop("scenario", {}))
    with pytest.raises(InputError, match=message) as caught:
        compare(scenario, replications=1, out=tmp_path, **(asked | changed))
    assert len(caught.value.problems) == 1
    assert contents(tmp_path) == before


def test_other_code_or_packages_are_another_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.py"
    text = (Path(__file__).parents[1] / "controllers_under_test.py").read_text()
    file.write_text(text)
    scenario = load_scenario("tiny")
    out = tmp_path / "out"
    compare(scenario, [f"{file}:Plain"], replications=1, verify="off", out=out)
    file.write_text(text + "\n")
    with pytest.raises(InputError, match="file_sha256 is"):
        compare(scenario, [f"{file}:Plain"], replications=1, verify="off", out=out)
    file.write_text(text)
    with monkeypatch.context() as patched:
        patched.setattr("sim.study.store.manifest._hash_of_code", lambda home: "edited")
        with pytest.raises(InputError, match=r"code_sha256\.sim is '\w+' there and 'edited' here"):
            compare(scenario, [f"{file}:Plain"], replications=1, verify="off", out=out)
    monkeypatch.setattr("sim.study.store.manifest.version", lambda name: "0")
    with pytest.raises(InputError, match=r"packages\.numpy is '[\d.]+' there and '0' here"):
        compare(scenario, [f"{file}:Plain"], replications=1, verify="off", out=out)


def test_failed_episodes_are_tried_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from pathlib import Path\nfrom sim.control import Plan\n\n"
        "class Moody:\n"
        "    def start(self, system, rng):\n"
        f"        if not Path({str(tmp_path / 'calm')!r}).exists():\n"
        "            raise OSError('no licence')\n"
        "    def decide(self, observation):\n"
        "        return Plan()\n"
    )
    scenario = load_scenario("tiny")
    asked: dict[str, Any] = {"replications": 2, "verify": "off"}
    names = ["idle", f"{file}:Moody"]
    first = compare(scenario, names, out=tmp_path / "resumed", **asked)
    assert [failure.replication for failure in first.failures] == [0, 1]
    assert len(read_study(tmp_path / "resumed").manifest["failures"]) == 2
    (tmp_path / "calm").touch()
    assert compare(scenario, names, out=tmp_path / "resumed", **asked).failures == ()
    compare(scenario, names, out=tmp_path / "whole", **asked)
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")


def test_a_summary_keeps_figures_payments_and_decisions(tmp_path: Path) -> None:
    scenario = load_scenario("ieee33")
    asked: dict[str, Any] = {"replications": 2, "verify": "off"}
    whole = compare(scenario, NAMES, out=tmp_path / "steps", **asked)
    study = compare(scenario, NAMES, keep="summary", out=tmp_path / "summary", **asked)
    pd.testing.assert_frame_equal(study.metrics, whole.metrics, check_exact=True)
    stored = read_study(tmp_path / "summary")
    assert {file.name for file in stored.folder.iterdir() if file.is_dir()} == {
        *("episodes", "ledger", "decisions", "timings")
    }
    assert not stored.keeps("steps")
    pd.testing.assert_frame_equal(stored.table("ledger"), study.ledger, check_exact=True)
    decisions = stored.table("decisions", controller="greedy", replication=0)
    assert decisions["decisions"].sum() == study.metrics.loc[("greedy", 0), "decisions"]


def test_two_cannot_write_one_folder(
    tmp_path: Path, study_manifest: dict[str, Any], episodes: list[Episode]
) -> None:
    with (
        StudyWriter(tmp_path / "s", study_manifest, range(DAYS)),
        pytest.raises(InputError, match="is being written by another process"),
    ):
        StudyWriter(tmp_path / "s", study_manifest, range(DAYS))
    write_study(tmp_path / "s", study_manifest, episodes)  # the lock is gone with its holder


@pytest.mark.parametrize("place", ["/proc/study", "/dev/null/study"])
def test_a_folder_that_cannot_be_written_is_refused(
    place: str, study_manifest: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        StudyWriter(Path(place), study_manifest, range(DAYS))


def test_a_full_disk_ends_the_study_and_says_what_is_safe(
    tmp_path: Path,
    study_manifest: dict[str, Any],
    episodes: list[Episode],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = durable.write_bytes

    def write_bytes(path: Path, content: bytes) -> None:
        if path.name.startswith("000000004"):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(path, content)

    monkeypatch.setattr(durable, "write_bytes", write_bytes)
    with pytest.raises(StorageError, match=r"the disk is full\. The 4 episodes"):
        write_study(tmp_path / "s", study_manifest, episodes)
    monkeypatch.undo()
    assert len(read_study(tmp_path / "s").table("steps")) == 4 * len(episodes[0].steps)
    write_study(tmp_path / "s", study_manifest, episodes)
    write_study(tmp_path / "whole", study_manifest, episodes)
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_on_a_small_disk_nothing_is_lost(small_disk: Path) -> None:
    scenario = load_scenario("ieee33")
    asked: dict[str, Any] = {"replications": 8, "verify": "off", "out": small_disk / "s"}
    with pytest.raises(StorageError, match="the disk is full"):
        compare(scenario, NAMES, **asked)
    stored = read_study(small_disk / "s").table("episodes")
    assert 0 < len(stored) < 16
    remount = ["mount", "-o", "remount,size=64m", str(small_disk)]
    subprocess.run(remount, check=True)
    progress = Listener()
    compare(scenario, NAMES, progress=progress, **asked)
    assert progress.stored == [len(stored)]
    assert_each_episode_once(small_disk / "s", NAMES, 8)


def test_what_a_stopping_rule_does_not_count_is_left_out(
    tmp_path: Path, study_manifest: dict[str, Any], episodes: list[Episode]
) -> None:
    """Some episodes are always under way when a rule stops a study."""
    for folder, n in (("more", 8), ("fewer", 4)):
        with StudyWriter(
            tmp_path / folder, study_manifest, range(DAYS), episodes_per_file=3
        ) as writer:
            for own in episodes[:n]:
                packed = bundle(own.controller, own, Keep.STEPS)
                writer.add(to_bytes(packed), keys(packed))
            writer.finish({}, (), range(2))
    assert contents(tmp_path / "more") == contents(tmp_path / "fewer")
    assert read_study(tmp_path / "more").table("episodes")["replication"].max() == 1
    assert module.EPISODES_PER_FILE > 8
