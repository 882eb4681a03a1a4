"""The ladder: steps that controllers declare, whichever of them are in a study."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.episode.specification import ControllerSpec
from sim.study.inference.contrasts import NamedDifference, contrasts
from sim.study.inference.ladder import STEP, WHOLE, declared_ladder

ALL = ("idle", "curtail", "reactive", "stationary", "day_ahead", "rolling", "clairvoyant")


def of(*names: str) -> tuple[NamedDifference, ...]:
    return declared_ladder({name: ControllerSpec(name=name) for name in names})


def test_the_controllers_at_hand_make_one_ladder_whatever_their_order() -> None:
    *steps, whole = of(*reversed(ALL))
    assert [(step.without, step.having) for step in steps] == list(itertools.pairwise(ALL))
    assert {step.name for step in steps} == {STEP}
    assert (whole.name, whole.without, whole.having) == (WHOLE, "idle", "clairvoyant")


def test_a_missing_rung_is_stepped_over_and_named() -> None:
    steps = of("idle", "greedy", "stationary", "rolling")
    assert [(step.without, step.having) for step in steps] == [
        ("idle", "stationary"),
        ("stationary", "rolling"),
        ("idle", "rolling"),
    ]
    assert steps[0].meaning == (
        "curtailment of sun and wind, planned every period; reactive power of parked inverters, no "
        "energy moved; energy moved in time, at one place (curtail, reactive are not in the study)"
    )
    assert steps[1].meaning.endswith("(day_ahead is not in the study)")


def test_without_two_rungs_there_is_no_ladder() -> None:
    assert of("idle", "greedy") == ()
    assert of("rolling") == ()


def write(folder: Path, name: str, above: str) -> str:
    """Return the name of a controller in a file of its own that stands above another."""
    file = folder / f"{name}.py"
    file.write_text(
        "from pathlib import Path\n"
        "from sim.control import Capabilities, Plan, Rung\n"
        "Path(__file__).with_suffix('.ran').touch()\n"
        "class Mine:\n"
        f"    capabilities = Capabilities(rung=Rung(above={above!r}, adds='magic'))\n"
        "    def start(self, system, rng): pass\n"
        "    def decide(self, observation): return Plan()\n"
    )
    return f"{file}:Mine"


def test_anybodys_controller_stands_on_the_ladder(tmp_path: Path) -> None:
    mine = write(tmp_path, "mine", "rolling")
    steps = of(mine, "day_ahead", "idle")
    assert [(step.without, step.having) for step in steps[:-1]] == [
        ("idle", "day_ahead"),
        ("day_ahead", mine),
    ]
    assert steps[1].meaning == (
        "routes and powers planned anew every period; magic (rolling is not in the study)"
    )


def test_two_controllers_on_one_rung_make_no_whole(tmp_path: Path) -> None:
    mine = write(tmp_path, "mine", "rolling")
    steps = of("day_ahead", "rolling", "clairvoyant", mine)
    assert [(step.without, step.having) for step in steps] == [
        ("day_ahead", "rolling"),
        ("rolling", "clairvoyant"),
        ("rolling", mine),
    ]


def test_circles_and_names_unknown_end_the_ladder_and_no_other_file_is_run(tmp_path: Path) -> None:
    other = write(tmp_path, "other", "idle")
    assert of(write(tmp_path, "above", other), "idle") == ()
    assert not (tmp_path / "other.ran").exists()
    assert of(write(tmp_path, "nobody", "nobody"), "idle") == ()
    itself = f"{tmp_path / 'self.py'}:Mine"
    assert of(write(tmp_path, "self", itself), "idle") == ()


def test_a_step_is_worth_what_the_objective_falls_by_on_common_days() -> None:
    rng = np.random.default_rng(1)
    day = rng.lognormal(7, 1, 12)
    objective = {"idle": day, "curtail": 0.4 * day, "rolling": 0.4 * day - rng.uniform(9, 11, 12)}
    metrics = pd.concat(
        {name: pd.DataFrame({"objective_usd": own}) for name, own in objective.items()},
        names=["controller", "replication"],
    )
    (_, first), (_, second), (_, whole) = contrasts(metrics, of(*objective))
    assert first.mean == pytest.approx(0.6 * day.mean())
    assert 9 < second.ci95_low < second.mean < second.ci95_high < 11
    assert whole.mean == pytest.approx(first.mean + second.mean)
