"""Controllers and scenarios are given as Python has them: names, classes, instances, objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from controllers.idle import Idle
from controllers.two_stage.two_stage import TwoStage
from sim.control import FleetPlan, Plan
from sim.episode.specification import as_spec, build
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run

SCRIPT = """
import json
from dataclasses import dataclass

import numpy as np
import gridhaul as gh
from gridhaul import FleetPlan, Plan

SHARE = 0.5


def share_of(limit_mw):
    return SHARE * limit_mw


class Base:
    def start(self, system, rng):
        self.p_mw = np.array([share_of(each.battery.p_charge_max_mw) for each in system.vehicles])


@dataclass(frozen=True, kw_only=True)
class HalfParameters:
    sign: float = -1.0


class Half(Base):
    Parameters = HalfParameters

    def __init__(self, parameters):
        self.parameters = parameters

    def decide(self, observation):
        return Plan(fleet=FleetPlan(p_mw=self.parameters.sign * self.p_mw[None, :]))


if __name__ == "__main__":
    found = [
        gh.compare("tiny", ["idle", Half], replications=3, workers=workers, verify="off").metrics
        for workers in (1, 2)
    ]
    assert found[0].equals(found[1])
    again = gh.run("tiny", Half(HalfParameters(sign=-1.0)), verify="off")
    print(json.dumps([found[0]["throughput_mwh"].tolist(), again.metrics["throughput_mwh"]]))
"""


def test_a_class_of_a_script_runs_with_any_number_of_workers(tmp_path: Path) -> None:
    """The class is sent with the function, base class, parameters and constant that it uses."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    throughput, again = json.loads(done.stdout)
    assert throughput[:1] == [0.0]
    assert again == throughput[1] > 0


def test_a_cell_of_a_notebook_is_sent_as_text() -> None:
    """As IPython does it: the code of a cell is known to linecache only, under no file."""
    code = """
import linecache, sys
cell = '''import numpy as np
from gridhaul import Plan

class Mine:
    def start(self, system, rng):
        self.zero = np.zeros(3)

    def decide(self, observation):
        return Plan()
'''
linecache.cache["<cell 1>"] = (len(cell), None, cell.splitlines(True), "<cell 1>")
exec(compile(cell, "<cell 1>", "exec"), vars(sys.modules["__main__"]))
from sim.episode.specification import as_spec, build
spec = as_spec(Mine)
assert spec.name == "notebook.py:Mine", spec.name
assert "import numpy as np" in spec.source
build(spec).start(None, None)
"""
    code = f"exec(compile({code!r}, '<run>', 'exec'), vars(__import__('__main__')))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr


def test_installed_classes_are_known_by_name() -> None:
    assert as_spec(Idle).name == "idle"
    spec = as_spec(TwoStage(TwoStage.Parameters(nodes=3)))
    assert spec.name == "two_stage"
    assert dict(spec.parameters)["nodes"] == 3
    assert build(spec).parameters == TwoStage.Parameters(nodes=3)  # type: ignore[attr-defined]


class Stateful:
    def __init__(self, power: float) -> None:
        self.power = power

    def decide(self, observation: object) -> Plan:
        del observation
        return Plan(fleet=FleetPlan(p_mw=np.array([[self.power]])))


def test_what_cannot_be_sent_is_refused_with_the_reason() -> None:
    power = 0.5

    class Closure:
        def decide(self, observation: object) -> float:
            del observation
            return power

    with pytest.raises(InputError, match=r"uses power of the function around it \(a closure\)"):
        as_spec(Closure)
    with pytest.raises(InputError, match=r"power = 0\.5: is state of an instance"):
        as_spec(Stateful(0.5))
    with pytest.raises(InputError, match=r"is of type int\. Give a name"):
        as_spec(3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"verify": False}, "verify = False: is no amount of verification. There is: audit, full"),
        ({"controller": None}, "controller = None: is of type NoneType. Give a name"),
        ({"scenario": 3}, "scenario = 3: is of type int. Give a name, a folder"),
        ({"seed": "a"}, "run: seed = 'a': is of type str, not a whole number"),
        ({"replication": 1.5}, "replication = 1.5: is of type float, not a whole number"),
        ({"replication": -1}, "replication = -1: must be at least 0"),
        ({"controller": "gredy:x"}, "controller: controller = 'gredy:x'"),
    ],
)
def test_wrong_types_are_named_in_pythons_terms(arguments: dict[str, object], message: str) -> None:
    given = {"scenario": "tiny", "controller": "idle", "verify": "off", **arguments}
    with pytest.raises(InputError) as caught:
        run(**given)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "--" not in str(caught.value)


def test_a_text_is_no_list_of_controllers() -> None:
    with pytest.raises(InputError, match="is of type str, not a list"):
        compare("tiny", "idle", replications=1)
    with pytest.raises(InputError, match="replications = '3': is of type str, not a whole number"):
        compare("tiny", ["idle"], replications="3")  # type: ignore[arg-type]


def test_objects_are_shown_in_a_line_and_as_html() -> None:
    scenario = load_scenario("tiny")
    episode = run(scenario, "greedy", verify="off")
    study = compare(scenario, ["idle", "greedy"], replications=2, verify="off")
    for shown in (scenario, scenario.system, episode, study):
        assert len(repr(shown)) < 300
        assert "\n" not in repr(shown)
    for page in (scenario._repr_html_(), episode._repr_html_(), study._repr_html_()):
        assert "tiny" in page
        assert len(page) < 3000


def test_a_script_that_prints_a_study_shows_means_and_differences() -> None:
    study = compare(load_scenario("tiny"), ["idle", "greedy"], replications=2, verify="off")
    objective = study.metrics["objective_usd"].groupby("controller").mean()
    first, _, _, idle, greedy = str(study).splitlines()
    assert first == repr(study)
    assert idle.split()[:2] == ["idle", f"{objective['idle']:.2f}"]
    assert greedy.split()[1] == f"{objective['greedy']:.2f}"
    # On tiny every day is the same: the interval is a point.
    assert greedy.split()[4:] == [f"{objective['greedy'] - objective['idle']:.2f}"] * 3
    alone = compare(load_scenario("tiny"), ["idle"], replications=1, verify="off")
    assert "less" not in str(alone)


def test_tables_carry_time_stamps() -> None:
    episode = run("tiny", "greedy", verify="off")
    for name in ("steps", "vm_pu", "vehicles"):
        table = episode.timed(name)
        assert isinstance(table.index, pd.DatetimeIndex)
        assert len(table) == len(getattr(episode, name))
    assert episode.timed("steps").index[1] - episode.start == pd.Timedelta(minutes=15)
    with pytest.raises(ValueError, match="must be a table with times"):
        episode.timed("metrics")
