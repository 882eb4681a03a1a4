"""Test mutants and print the score: ``python -m tests.mutation.run [--sample N]``.

Every mutant is a child of one process that has imported the heavy libraries, so that a mutant costs
only its tests. A mutant is dead when a test fails or the tests do not end; it lives when all pass.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

from tests.mutation.mutants import PACKAGES, ROOT, Mutant, chosen
from tests.mutation.selection import QUIET, Selection, measure

MOST_ALIVE = 0.15
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
# Many times what the tests take, on a machine that others use too.
TIMES_LONGER, LEAST_S = 10.0, 90.0
HEAVY = (
    "hypothesis", "numba", "ortools.math_opt.python.mathopt", "pandapower", "pandas",
    "power_grid_model", "pydantic", "pytest", "scipy.sparse", "simpy",
)  # fmt: skip
LIVES, DEAD, TIMED_OUT, UNTESTED = "lives", "dead", "timed out", "lives, no test runs it"
CRASHED = 70  # an exception ended pytest itself, which it does not where nothing is changed
# By the exit code of pytest: all passed; one failed; a test file, or its conftest, cannot be
# imported. What else there is means that the tests did not run.
OUTCOME = {0: LIVES, 1: DEAD, 2: DEAD, 4: DEAD, CRASHED: DEAD}


class MutatedModule(SourceLoader):
    """Loads the source of a mutant; nothing of it is written to disk."""

    def __init__(self, path: Path, source: str) -> None:
        self.path, self.source = path, source

    def get_filename(self, fullname: str) -> str:
        return str(self.path)

    def get_data(self, path: str) -> bytes:
        if path == str(self.path):
            return self.source.encode()
        raise OSError(path)  # no compiled file is used

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError(path)


class OneMutant(MetaPathFinder):
    """Finds one module in its mutated form."""

    def __init__(self, file: str, source: str) -> None:
        self.name = file.removesuffix(".py").replace("/", ".")
        self.path, self.source = ROOT / file, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        loader = MutatedModule(self.path, self.source)
        return spec_from_file_location(fullname, self.path, loader=loader)


@dataclass
class Running:
    """A mutant under test."""

    mutant: Mutant
    deadline: float


def test_all(
    mutants: Sequence[Mutant],
    selection: Selection,
    processes: int,
    tell: Callable[[Mutant, str], None],
) -> None:
    """Test mutants, several at a time; `tell` is given each with what became of it."""
    waiting, running = list(reversed(mutants)), dict[int, Running]()
    while waiting or running:
        while waiting and len(running) < processes:
            mutant = waiting.pop()
            tests = selection.tests(mutant.file, mutant.line)
            if not tests:
                tell(mutant, UNTESTED)
                continue
            seconds = max(LEAST_S, TIMES_LONGER * sum(map(selection.seconds.__getitem__, tests)))
            child = _start(OneMutant(mutant.file, mutant.source), tests)
            running[child] = Running(mutant, time.monotonic() + seconds)
        time.sleep(0.05)
        for process, own in list(running.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                outcome = DEAD if code < 0 else OUTCOME[code]  # negative: it crashed
            elif time.monotonic() > own.deadline:
                os.killpg(process, signal.SIGKILL)
                os.waitpid(process, 0)
                outcome = TIMED_OUT
            else:
                continue
            del running[process]
            tell(own.mutant, outcome)


def check_originals(mutants: Sequence[Mutant], selection: Selection) -> None:
    """See that tests pass where a module is loaded as mutants are, but unchanged.

    Raises
    ------
    RuntimeError
        If they fail: then all mutants would seem to be dead.
    """
    for each in {mutant.package: mutant for mutant in mutants}.values():
        source = (ROOT / each.file).read_text(encoding="utf-8")
        tests = selection.tests(each.file, each.line)
        with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
            child = _start(OneMutant(each.file, source), tests, output.fileno())
            if os.waitpid(child, 0)[1] != 0:
                output.seek(0)
                raise RuntimeError(f"{each.file} fails unchanged:\n{output.read()}")


def _start(changed: OneMutant, tests: Sequence[str], output: int | None = None) -> int:
    """Start tests in a child of this process that has a changed module, and return its id.

    What it prints goes to the file descriptor `output`, with tracebacks, or nowhere.
    """
    process = os.fork()
    if process:
        return process
    code = CRASHED
    try:
        os.setsid()
        into = os.open(os.devnull, os.O_WRONLY) if output is None else output
        os.dup2(into, 1)
        os.dup2(into, 2)
        sys.meta_path.insert(0, changed)
        import pytest

        traceback = "--tb=no" if output is None else "--tb=short"
        code = int(pytest.main([*QUIET, "-x", "--no-header", "-rN", traceback, *tests]))
    finally:
        os._exit(code)


def _import_heavy_libraries() -> None:
    """Import what every child needs and no mutant changes; nothing of `sim` is among it."""
    for name in HEAVY:
        importlib.import_module(name)
    changeable = [name for name in sys.modules if name.partition(".")[0] in ("sim", "controllers")]
    if changeable:
        raise RuntimeError(f"imported before the mutants: {changeable}")


def main() -> int:
    """Test 600 mutants, or a sample of them, and say whether few enough live."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=600, help="how many, the first by key")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default="", help="of those, the names that contain this")
    parser.add_argument("--log", type=Path, help="one JSON line per mutant; those in it are kept")
    given = parser.parse_args()
    os.chdir(ROOT)
    mutants = [mutant for mutant in chosen(given.sample) if given.only in mutant.name]
    equivalent = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    if given.log and given.log.exists():
        lines = given.log.read_text(encoding="utf-8").splitlines()
        found = {each["name"]: each["outcome"] for each in map(json.loads, lines)}
    selection = measure()
    _import_heavy_libraries()

    def tell(mutant: Mutant, outcome: str) -> None:
        found[mutant.name] = outcome
        if outcome in (LIVES, UNTESTED) and mutant.name not in equivalent:
            print(f"{mutant.name} ({mutant.file}:{mutant.line}) {outcome}\n{mutant.difference}")
        if given.log:
            told = {"name": mutant.name, "outcome": outcome, "difference": mutant.difference}
            with given.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    left = [each for each in mutants if each.name not in found and each.name not in equivalent]
    check_originals([each for each in left if selection.tests(each.file, each.line)], selection)
    left.sort(key=lambda mutant: mutant.key)  # so that what is done at any time is a fair sample
    test_all(left, selection, given.processes, tell)
    return _score(mutants, found, equivalent)


def _score(mutants: Sequence[Mutant], found: dict[str, str], equivalent: dict[str, str]) -> int:
    """Print how many live, by package; return 0 where they are few enough."""
    alive = total = 0
    for package in PACKAGES:
        own = [mutant for mutant in mutants if mutant.package == package]
        same = sum(mutant.name in equivalent for mutant in own)
        count = Counter(found[each.name] for each in own if each.name not in equivalent)
        living = count[LIVES] + count[UNTESTED]
        alive, total = alive + living, total + len(own) - same
        print(
            f"{package}: {len(own)} mutants, {count[DEAD]} dead, {count[TIMED_OUT]} timed out, "
            f"{living} live ({count[UNTESTED]} of them without a test), {same} equivalent"
        )
    share = alive / total if total else 0.0
    print(f"{alive} of {total} mutants live: {share:.1%}, at most {MOST_ALIVE:.0%} may")
    return int(share > MOST_ALIVE)


if __name__ == "__main__":
    sys.exit(main())
