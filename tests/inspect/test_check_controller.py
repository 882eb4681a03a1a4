"""A controller that breaks a law is caught by name, from outside: a file, a command, a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gridhaul
from sim.errors import InputError
from sim.inspect.laws.check_controller import LAWS
from tests.conftest import CommandLine

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover

HEAD = """\
import gc, random, sys, time
import numpy as np
from gridhaul import Capabilities, FleetPlan, Plan


class Base:
    def start(self, system, rng):
        self.system = system

    def plan(self, observation, p_mw):
        n = len(self.system.vehicles)
        return Plan(fleet=FleetPlan(p_mw=np.full((observation.forecast.n_periods, n), p_mw)))


def sign(truth):
    return 0.001 * float(truth.profile[-1].sum())
"""

# Each breaks one law; the number of lines before its fault does not matter.
FAULTS = {
    "non-anticipation": {
        "Frames": """
    def decide(self, observation):
        frame = sys._getframe()
        while "realisation" not in getattr(frame.f_locals.get("self"), "__dict__", {}):
            frame = frame.f_back
        return self.plan(observation, sign(frame.f_locals["self"].realisation))
""",
        "Memory": """
    def decide(self, observation):
        found = [each for each in gc.get_objects() if type(each).__name__ == "Realisation"]
        return self.plan(observation, sign(found[0]))
""",
    },
    "determinism": {
        "GlobalRandom": """
    def decide(self, observation):
        return self.plan(observation, 0.001 * random.random())
""",
        "Clock": """
    def decide(self, observation):
        return self.plan(observation, (time.perf_counter_ns() % 1000) * 1e-6)
""",
        "HashOrder": """
    def decide(self, observation):
        first = next(iter({f"word {i}" for i in range(1000)}))
        return self.plan(observation, int(first[5:]) * 1e-6)
""",
    },
    "limits": {
        "BeyondRating": """
    def decide(self, observation):
        return self.plan(observation, -10 * self.system.vehicles[0].battery.p_charge_max_mw)
""",
        "ForEver": """
    def decide(self, observation):
        return self.plan(observation, -self.system.vehicles[0].battery.p_charge_max_mw)
""",
    },
    "memory": {
        "ClassAttribute": """
    days = 0

    def start(self, system, rng):
        self.system = system
        type(self).days += 1

    def decide(self, observation):
        return self.plan(observation, 0.001 * self.days)
""",
        "SharedList": """
    seen = []

    def decide(self, observation):
        self.seen.append(observation.now_h)
        return self.plan(observation, 1e-5 * len(self.seen))
""",
        "SeededGlobal": """
    def decide(self, observation):
        return self.plan(observation, 0.001 * STATE.random())


STATE = random.Random(1)
""",
    },
    "failures": {
        "Raises": """
    def decide(self, observation):
        return self.plan(observation, 1 / (observation.period - 2))
""",
    },
}
PLANTED = [(law, name, body) for law, own in FAULTS.items() for name, body in own.items()]


def write(folder: Path, name: str, body: str) -> str:
    file = folder / "mine.py"
    file.write_text(f"{HEAD}\n\nclass {name}(Base):{body}")
    return f"{file}:{name}"


# One of each kind is enough for every day; `make evidence` plants them all.
EVERY_DAY = ("Frames", "GlobalRandom", "BeyondRating", "ClassAttribute", "Raises")


@pytest.mark.parametrize(
    ("law", "name", "body"),
    [
        pytest.param(*each, id=each[1], marks=() if each[1] in EVERY_DAY else pytest.mark.slow)
        for each in PLANTED
    ],
)
def test_the_law_that_a_planted_fault_breaks_is_named(
    tmp_path: Path, law: str, name: str, body: str
) -> None:
    report = gridhaul.check_controller(write(tmp_path, name, body))
    assert [each.law for each in report.broken] == [law]
    assert not report.kept
    (found,) = report.broken
    assert f"{name} on {report.scenario}" in found.finding
    assert found.command.startswith("gridhaul ")
    assert found.period is not None or "table" in found.finding


HONEST = """
    def decide(self, observation):
        return Plan()
"""


def test_an_honest_controller_keeps_all_laws_and_the_command_says_so(
    tmp_path: Path, gridhaul: CommandLine
) -> None:
    code, printed, _ = gridhaul("check-controller", write(tmp_path, "Honest", HONEST))
    assert code == 0
    assert all(f"kept  {law}" in printed for law in LAWS)
    assert "All laws are kept." in printed


def test_a_broken_law_is_exit_code_1_and_one_json_object(
    tmp_path: Path, gridhaul: CommandLine
) -> None:
    name = write(tmp_path, "Raises", FAULTS["failures"]["Raises"])
    code, printed, _ = gridhaul("check-controller", name, "tiny", "--json")
    found = json.loads(printed)
    assert code == 1
    assert found["kept"] is False
    assert found["scenario"] == "tiny"
    (broken,) = (each for each in found["laws"] if each["verdict"] == "broken")
    assert (broken["law"], broken["replication"], broken["period"]) == ("failures", 0, 2)
    code, printed, _ = gridhaul("check-controller", name, "tiny")
    words = " ".join(printed.split())
    assert code == 1
    assert "Scenario tiny, replication 0, period 2. See it:" in words
    assert "mine.py, line 21: return self.plan(observation, 1 / (observation.period - 2))" in words


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("\n    def decide(self, observation):\n        return Plan(\n", "line 21"),
        ("\n    wrong = undefined_name\n", "line 20"),
        (
            "\n    def __init__(self):\n        self.x = {}['y']\n\n    def decide(self, o): ...\n",
            "21",
        ),
    ],
)
def test_an_error_in_the_file_is_bad_input_with_its_line(
    tmp_path: Path, gridhaul: CommandLine, body: str, line: str
) -> None:
    code, _, errors = gridhaul("check-controller", write(tmp_path, "Broken", body), "tiny")
    assert code == 2
    assert line in errors
    assert "Traceback" not in errors


def test_a_start_that_fails_is_a_broken_law_with_its_line(tmp_path: Path) -> None:
    body = "\n    def start(self, system, rng):\n        self.x = system.nothing\n" + HONEST
    report = gridhaul.check_controller(write(tmp_path, "Starts", body))
    assert [each.law for each in report.broken] == ["failures"]
    assert "mine.py, line 21: self.x = system.nothing" in report.broken[0].finding


def test_a_controller_that_needs_rails_is_checked_where_there_are_some(tmp_path: Path) -> None:
    body = '\n    capabilities = Capabilities(requires=frozenset({"rail"}))\n' + HONEST
    assert gridhaul.check_controller(write(tmp_path, "OnRails", body)).scenario == "six_bus_rail"
    with pytest.raises(InputError, match="needs rail"):
        gridhaul.check_controller(write(tmp_path, "OnRails", body), gridhaul.load_scenario("tiny"))
