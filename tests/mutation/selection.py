"""Which tests run which line, and how long each takes: one run of the fast tests with coverage.

A mutant is tested by the tests that run its line, the quickest first. What a fixture runs counts
for every test of its file, since all of them may look at it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from coverage import CoverageData

from tests.mutation.mutants import PACKAGES, ROOT

# The tests of these packages, and the laws. Left out are those that take seconds each without
# looking closer, and those whose file runs another process.
TESTS = (
    "tests/system",
    "tests/world",
    "tests/episode",
    "tests/property",
    "tests/contract/test_laws_bite.py",
    "tests/contract/test_rail_laws.py",
    "tests/contract/test_failures_are_named.py",
    "tests/scenarios/test_tiny.py",
    "tests/study/replay/test_replay.py",
    "tests/adapters/test_stepping.py",
)
TOO_LONG = (
    "tests/world/test_daily_limits.py::test_planners_plan_with_the_cycles_that_the_world_allows",
    "tests/world/test_events.py::test_the_forecast_of_charging_is_unbiased",
)
QUIET = (
    "-q", "-p", "no:cacheprovider", "--benchmark-disable", "--hypothesis-profile=ci",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",  # libraries are imported before pytest is
)  # fmt: skip


class Selection:
    """Finds the tests of a line."""

    def __init__(
        self, contexts: dict[str, dict[int, list[str]]], seconds: dict[str, float]
    ) -> None:
        self.contexts, self.seconds = contexts, seconds
        self.of_file: dict[str, list[str]] = defaultdict(list)
        for test in seconds:
            self.of_file[test.partition("::")[0]].append(test)

    def tests(self, file: str, line: int) -> list[str]:
        """Return the tests that run a line, the quickest first."""
        found = set(self._tests_in(self.contexts.get(file, {}).get(line, ())))
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def _tests_in(self, contexts: Iterable[str]) -> Iterable[str]:
        for context in contexts:
            test, _, phase = context.rpartition("|")
            if phase == "run" and test in self.seconds:
                yield test
            elif phase:
                yield from self.of_file[test.partition("::")[0]]


def measure() -> Selection:
    """Run the tests once, all of which must pass.

    Raises
    ------
    RuntimeError
        If one fails: then no mutant can be judged.
    """
    with tempfile.TemporaryDirectory() as scratch:
        data, report = Path(scratch) / "coverage", Path(scratch) / "report.xml"
        config = Path(scratch) / "rc"
        config.write_text(f"[run]\ndata_file = {data}\nsource = {','.join(PACKAGES)}\n")
        command = [
            sys.executable, "-m", "pytest", *QUIET, "-m", "not slow and not benchmark",
            f"--cov-config={config}", "--cov", "--cov-context=test", "--cov-report=",
            f"--junitxml={report}", "-o", "junit_family=xunit1",
            *(f"--deselect={test}" for test in TOO_LONG),
            *TESTS,
        ]  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the tests fail without a mutant:\n{done.stdout[-3000:]}")
        coverage = CoverageData(str(data))
        coverage.read()
        contexts = {
            Path(file).relative_to(ROOT).as_posix(): coverage.contexts_by_lineno(file)
            for file in coverage.measured_files()
        }
        return Selection(contexts, _seconds(report))


def _seconds(report: Path) -> dict[str, float]:
    """Return the duration of each test by its id."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        found[f"{case.attrib['file']}::{case.attrib['name']}"] = float(case.attrib["time"])
    return found
