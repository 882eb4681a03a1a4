"""A study in shards is the study of one process, byte for byte, whatever has ended its jobs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import gridhaul as gh
from sim.errors import InputError
from sim.study.array.collect import collect, missing
from sim.study.array.shard import Shard, ShardResult, run_shard
from sim.study.comparison import comparison
from sim.study.conduct import ExecutionOptions
from sim.study.store.stored_study import stored_keys
from tests.conftest import CommandLine
from tests.study.folders import Listener, assert_each_episode_once, contents

REPLICATIONS = 5
PATIENCE_S = 120

SLOW = '''
import time
from gridhaul import Plan

class {name}:
    """Takes its time."""

    def start(self, system, rng):
        pass

    def decide(self, observation):
        {body}
        return Plan()
'''


def part(text: str, out: Path | None, *names: str, **options: object) -> ShardResult:
    compared = comparison(
        "tiny", list(names) or ["idle", "greedy"], seed=None, verify="off", keep="steps"
    )
    follower = options.pop("progress", None)
    execution = ExecutionOptions(out=out, progress=follower)  # type: ignore[arg-type]
    return run_shard(compared, Shard.parse(text), execution, REPLICATIONS)


def whole(out: Path, *names: str) -> dict[str, str]:
    gh.compare(
        "tiny", list(names) or ["idle", "greedy"], replications=REPLICATIONS, verify="off", out=out
    )
    return contents(out)


def numbers(folder: Path) -> list[int]:
    return [each.shard.number for each in missing(folder)]


@pytest.mark.parametrize(("of", "total"), [(1, 5), (3, 5), (5, 5), (7, 5), (20, 4000)])
def test_every_day_is_in_one_shard(of: int, total: int) -> None:
    days = [Shard(number=k, of=of).replications(total) for k in range(1, of + 1)]
    assert [day for own in days for day in own] == [*range(total)]
    assert max(map(len, days)) - min(map(len, days)) <= 1


@pytest.mark.parametrize("of", [1, 3, 7])
def test_shards_collected_are_what_one_process_writes(tmp_path: Path, of: int) -> None:
    """In any order; with more shards than days, some are empty."""
    study = tmp_path / "parts"
    for number in reversed(range(1, of + 1)):
        assert not part(f"{number}/{of}", study).interrupted
        # One file per table and shard.
        files = list(Shard(number=number, of=of).folder(study).rglob("*.parquet"))
        assert {file.name for file in files} <= {"000000.parquet"}
    assert missing(study) == ()
    found = collect(study)
    assert len(found.metrics) == 2 * REPLICATIONS
    assert contents(study) == whole(tmp_path / "whole")
    assert_each_episode_once(study, ["idle", "greedy"], REPLICATIONS)


def test_what_an_interrupted_job_has_finished_runs_no_second_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    study = tmp_path / "parts"
    broken = part("2/2", study, progress=Listener(interrupt))
    assert broken.interrupted
    assert 0 < broken.stored < broken.episodes
    assert "safe in" in caplog.text
    assert numbers(study) == [1, 2]
    with pytest.raises(InputError, match=r"2 shards have not come to their end"):
        collect(study)
    part("1/2", study)
    assert numbers(study) == [2]
    again = Listener()
    part("2/2", study, progress=again)
    assert len(again.results) == broken.episodes - broken.stored
    collect(study)
    assert contents(study) == whole(tmp_path / "whole")


def test_a_collection_that_was_interrupted_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "parts"
    for number in (1, 2):
        part(f"{number}/2", study)
    with monkeypatch.context() as patched:
        patched.setattr("sim.study.array.collect.study_summary", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            collect(study)
    collect(study)
    assert contents(study) == whole(tmp_path / "whole")


def test_episodes_that_fail_are_collected_as_failures(tmp_path: Path) -> None:
    """No controller is loaded for it: its file may be gone."""
    file = tmp_path / "broken.py"
    file.write_text(
        SLOW.format(name="Broken", body="pass").replace("pass\n\n", "raise RuntimeError('no')\n\n")
    )
    names = ("idle", f"{file}:Broken")
    study = tmp_path / "parts"
    for number in (1, 2):
        found = part(f"{number}/2", study, *names)
        assert len(found.failures) == found.episodes / 2
    expected = whole(tmp_path / "whole", *names)
    file.unlink()
    assert missing(study) == ()
    assert len(collect(study).failures) == REPLICATIONS
    assert contents(study) == expected


def test_the_commands_of_a_job_array(tmp_path: Path, gridhaul: CommandLine) -> None:
    study = tmp_path / "study"
    jobs = ("compare", "tiny", "--controllers", "idle", "--replications", 4, "--verify", "off")
    code, out, _ = gridhaul(*jobs, "--out", study, "--shard", "2/4")
    assert code == 0
    assert "Shard 2/4: 1 of 1 episodes are in" in out
    assert gridhaul("missing", study, "--array") == (0, "--array=1,3,4\n", "")
    assert gridhaul("missing", study)[1].splitlines()[0] == "1/4: 1 of 1 episodes"
    code, _, errors = gridhaul("collect", study)
    assert code == 2
    assert "1,3,4" in errors
    for number in (1, 3, 4):
        gridhaul(*jobs, "--out", study, "--shard", f"{number}/4", "-q")
    assert gridhaul("missing", study, "--array") == (0, "", "")
    assert gridhaul("missing", study)[1] == "Nothing is missing.\n"
    code, out, _ = gridhaul("collect", study)
    assert code == 0
    assert "4 replications lived" in " ".join(out.split())
    assert (study / "study.json").is_file()
    assert not (study / "shards").exists()
    for extra, words in (
        (("--out", study, "--shard", "1/4"), "holds one that is whole"),
        (("--shard", "1/4"), "Add --out DIR"),
        (("--out", study, "--shard", "5/4"), "K-th of N"),
        (("--out", study, "--shard", "1/4", "--until", "5%"), "Leave out --until"),
    ):
        code, _, errors = gridhaul(*jobs, *extra)
        assert code == 2
        assert words in errors


def test_parts_of_different_studies_do_not_mix(tmp_path: Path) -> None:
    study = tmp_path / "parts"
    part("1/2", study)
    with pytest.raises(InputError, match="divides otherwise"):
        part("1/3", study)
    part("2/2", study, "idle")
    with pytest.raises(InputError, match=r"different studies: .*greedy"):
        missing(study)
    with pytest.raises(InputError, match="holds no shards"):
        collect(tmp_path / "nowhere")


# Whoever edits the source in the meantime shall not be taken for another study.
PROGRAM = """
from sim.study.store import manifest
manifest.fingerprints = lambda controllers: {}
from sim.cli import main
main()
"""


def begin(out: Path, *options: object, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, "compare", "tiny", "--verify", "off"]
    return subprocess.Popen(
        [*command, "--out", out, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
    )


def wait_until(found: Callable[[], object], process: subprocess.Popen[str]) -> None:
    begun = time.monotonic()
    while process.poll() is None and not found():
        assert time.monotonic() < begun + PATIENCE_S
        time.sleep(0.02)


CASES = [
    pytest.param(signal.SIGUSR1, 2, "time.sleep(0.2)", id="USR1, two workers"),
    pytest.param(
        signal.SIGTERM, 1, "time.sleep(0.2)", id="TERM, one worker", marks=pytest.mark.slow
    ),
    pytest.param(
        signal.SIGTERM,
        1,
        "time.sleep(0.2)\n        try:\n            time.sleep(0.2)\n"
        "        except BaseException:\n            time.sleep(600)",
        id="TERM, a controller that swallows all",
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("number", "workers", "body"), CASES)
def test_a_job_that_is_asked_to_end_keeps_what_is_finished(
    tmp_path: Path, number: signal.Signals, workers: int, body: str
) -> None:
    """The signal goes to all processes of the job, as that of a batch system."""
    (tmp_path / "slow.py").write_text(SLOW.format(name="Slow", body=body))
    out = tmp_path / "study"
    options = ("--controllers", f"{tmp_path / 'slow.py'}:Slow", "--replications", 400)
    process = begin(out, "--shard", "1/1", *options, "--workers", workers)
    wait_until(lambda: [*out.rglob("*.arrow")], process)
    asked = time.monotonic()
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143, output
    assert "Traceback" not in output
    # Ten seconds are the promise; a busy machine has more.
    assert time.monotonic() - asked < 30
    folder = Shard(number=1, of=1).folder(out)
    assert 0 < len(stored_keys(folder)) < 400
    (lacking,) = missing(out)
    assert lacking.missing == 400 - len(stored_keys(folder))


HELD = """
import os, time
from pathlib import Path
from gridhaul import Plan

class Held:
    \"\"\"Does nothing; waits for its end in the middle of a job that is to be killed.\"\"\"

    def start(self, system, rng):
        left = int(os.environ.get("EPISODES", 0))
        os.environ["EPISODES"] = str(left - 1)  # this file is loaded anew for each
        self.last = left == 1

    def decide(self, observation):
        if self.last:
            Path(os.environ["HELD"]).touch()
            time.sleep(600)
        return Plan()
"""


@pytest.mark.slow
def test_an_array_of_twenty_jobs_five_of_them_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 episodes each, two at a time; those killed run again, and all are collected."""
    monkeypatch.setattr("sim.study.store.manifest.fingerprints", lambda _: {})
    (tmp_path / "held.py").write_text(HELD)
    controllers, replications, of = ["greedy", f"{tmp_path / 'held.py'}:Held"], 2000, 20
    out, alone = tmp_path / "parts", tmp_path / "whole"
    options = ("--controllers", ",".join(controllers), "--replications", replications, "-q")
    rng = random.Random(4)
    ends = rng.sample([signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1] * 2, 5)
    victims = dict(zip(rng.sample(range(1, of + 1), 5), ends, strict=True))
    # Each at an episode of its own; a job has 100 of this controller.
    episodes = {number: rng.randint(1, 100) for number in victims}

    def job(number: int) -> int:
        if number not in victims:
            with begin(out, "--shard", f"{number}/{of}", *options) as process:
                process.communicate()
            return process.returncode
        held = tmp_path / f"held_{number}"
        when = {"HELD": str(held), "EPISODES": str(episodes[number])}
        with begin(out, "--shard", f"{number}/{of}", *options, **when) as process:
            wait_until(held.exists, process)
            os.killpg(process.pid, victims[number])
            process.communicate(timeout=PATIENCE_S)
        return process.returncode

    with begin(alone, *options) as whole, ThreadPoolExecutor(2) as pool:
        codes = dict(zip(range(1, of + 1), pool.map(job, range(1, of + 1)), strict=True))
        asked = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGUSR1: 143}
        assert codes == {k: asked[victims[k]] if k in victims else 0 for k in codes}
        lacking = numbers(out)
        assert lacking == sorted(victims)
        victims.clear()
        assert [*pool.map(job, lacking)] == [0] * 5
        collect(out)
        whole.communicate()
    assert whole.returncode == 0
    assert_each_episode_once(out, controllers, replications)
    assert contents(out) == contents(alone)
