"""Two thousand ways to spoil a scenario: it loads, or says what is wrong, and nothing else."""

from __future__ import annotations

import random
import re
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.errors import GridhaulError, InputError
from sim.scenario import Scenario, load_scenario, scenario_folder
from sim.study.execution.runner import run_episode

MUTATIONS = 2000
BATCHES = 8
LIVED = 20  # every so many scenarios that load are lived through
LONGEST_LOAD_S = 2.0  # processor time
MOST_MEMORY_KB = 300 * 1024  # that all of it may add to the process

FILES = (
    "scenario.toml", "buses.csv", "lines.csv", "loads.csv", "generators.csv", "road_nodes.csv",
    "road_links.csv", "stations.csv", "vehicles.csv", "profiles.csv",
)  # fmt: skip
NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
NUMBERS = (
    b"nan", b"inf", b"-inf", b"1e308", b"-1e308", b"1e-308", b"1e9", b"1e-9", b"-1", b"0", b"1",
    b"2", b"0.5", b"1_000_000_000_000", b"", b'""', b"9" * 5000, b"0x" + b"f" * 5000, b"1,5",
)  # fmt: skip
VALUES = (
    b'"text"', b"true", b"[]", b"{}", b"[[[[]]]]", b"{ a = { b = 1 } }", b"1979-05-27", b"07:32:00",
    b"-1", b"1e308", b"nan", b"''", b"[1, 'x', {}]", b'"' + b"x" * 70_000 + b'"', b"[" * 2000,
)  # fmt: skip

Mutation = Callable[[random.Random, bytes], bytes]


def flip_bytes(rng: random.Random, data: bytes) -> bytes:
    spoiled = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        spoiled[rng.randrange(len(spoiled))] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def insert_bytes(rng: random.Random, data: bytes) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.randbytes(rng.randint(1, 8)) + data[place:]


def cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def delete_line(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


def double_line(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    place = rng.randrange(len(lines))
    return b"".join([*lines[: place + 1], lines[place], *lines[place + 1 :]])


def swap_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def swap_columns(rng: random.Random, data: bytes) -> bytes:
    rows = [line.split(b",") for line in data.splitlines()]
    one, other = rng.randrange(len(rows[0])), rng.randrange(len(rows[0]))
    first = rng.randrange(2)  # with the header, or only below it
    for row in rows[first:]:
        if max(one, other) < len(row):
            row[one], row[other] = row[other], row[one]
    return b"\n".join(b",".join(row) for row in rows)


def replace_number(rng: random.Random, data: bytes) -> bytes:
    found = list(NUMBER.finditer(data))
    if not found:
        return data
    place = rng.choice(found)
    return data[: place.start()] + rng.choice(NUMBERS) + data[place.end() :]


def rename_key(rng: random.Random, data: bytes) -> bytes:
    found = list(re.finditer(rb"[a-z_]{3,}", data))
    if not found:
        return data
    place = rng.choice(found)
    name = rng.choice(
        [place[0][1:], place[0] + b"s", b"x" * 5000, rng.choice(found)[0], b"\x1b[1m"]
    )
    return data[: place.start()] + name + data[place.end() :]


def replace_value(rng: random.Random, data: bytes) -> bytes:
    found = list(re.finditer(rb"= *([^\n,}]+)", data)) or list(re.finditer(rb",([^\n,]*)", data))
    if not found:
        return data
    place = rng.choice(found)
    return data[: place.start(1)] + rng.choice(VALUES) + data[place.end(1) :]


MUTATE: tuple[Mutation, ...] = (
    flip_bytes, insert_bytes, cut, delete_line, double_line, swap_lines, swap_columns,
    replace_number, replace_number, replace_number, rename_key, replace_value, replace_value,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("fuzz") / "mine"
    shutil.copytree(scenario_folder("tiny"), copy)
    return copy


def spoil(rng: random.Random, folder: Path) -> tuple[str, dict[Path, bytes]]:
    """Spoil one file, sometimes two; return what was done and what stood there."""
    before: dict[Path, bytes] = {}
    done = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        # The TOML has most of the keys.
        path = folder / rng.choice((FILES[0], FILES[0], FILES[0], *FILES))
        data = path.read_bytes()
        if not data:
            continue
        before.setdefault(path, data)
        mutate = rng.choice(MUTATE)
        path.write_bytes(mutate(rng, data))
        done.append(f"{mutate.__name__} {path.name}")
    return ", ".join(done), before


def loaded(folder: Path) -> Scenario | None:
    """Load a folder; None where it is refused, and then with a message one can read."""
    try:
        return load_scenario(folder)
    except InputError as error:
        refusal = error
    assert refusal.problems
    for problem in refusal.problems:
        assert problem.where
        assert problem.key
        assert problem.value
        assert problem.message
        assert problem.remedy
    assert len(str(refusal)) < 50_000
    return None


def live(scenario: Scenario, seed: int) -> bool:
    """Live through an episode; False where it fails and says so."""
    spec = ControllerSpec(name="idle")
    try:
        episode = run_episode(scenario, spec, seed=seed, replication=0, verify=Verify.OFF)
    except GridhaulError:
        return False
    assert episode.metrics["steps"] == scenario.system.timing.n_steps
    return True


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_spoiled_scenario_loads_or_says_what_is_wrong(folder: Path, batch: int) -> None:
    n_loaded = n_lived = 0
    memory_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(batch, MUTATIONS, BATCHES):
        rng = random.Random(number)
        what, before = spoil(rng, folder)
        began = time.process_time()
        try:
            scenario = loaded(folder)
            seconds = time.process_time() - began
            if scenario is not None:
                n_loaded += 1
                if n_loaded % LIVED == 1 and scenario.system.timing.n_steps < 3000:
                    n_lived += live(scenario, number)
        except BaseException as error:
            error.add_note(f"mutation {number}: {what}")
            raise
        finally:
            for path, data in before.items():
                path.write_bytes(data)
        assert seconds < LONGEST_LOAD_S, f"mutation {number}: {what}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < MOST_MEMORY_KB
    # Neither all nor nothing: the mutations reach what lies behind the first check.
    assert 0.05 < n_loaded / (MUTATIONS / BATCHES) < 0.6
    assert n_lived >= 1
