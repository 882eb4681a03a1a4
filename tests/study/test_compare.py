from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run
from sim.study.store.stored_study import read_study
from sim.study.summary import study_summary
from tests.study.folders import Listener

FILE = Path(__file__).with_name("controllers_under_test.py")


def test_all_controllers_live_the_same_days() -> None:
    study = compare(load_scenario("ieee33"), ["idle", "greedy"], replications=2, verify="off")
    assert list(study.metrics.index) == [
        ("idle", 0),
        ("greedy", 0),
        ("idle", 1),
        ("greedy", 1),
    ]
    assert study.metrics["steps"].nunique() == 1
    assert study.paired.loc[("greedy", "objective_usd"), "episodes"] == 2


def test_a_study_on_disk_says_what_was_run(tmp_path: Path) -> None:
    scenario = load_scenario("tiny")
    progress = Listener()
    study = compare(
        scenario,
        ["idle", "greedy"],
        replications=2,
        seed=5,
        verify="off",
        out=tmp_path / "new" / "study",
        progress=progress,
    )
    stored = read_study(tmp_path / "new" / "study")
    assert [result.controller for result in progress.results] == ["idle", "greedy"] * 2
    assert stored.manifest["seed"] == study.seed == 5
    assert stored.manifest["scenario"]["digest"] == scenario.digest
    assert [own["label"] for own in stored.manifest["controllers"]] == ["idle", "greedy"]
    assert len(stored.table("episodes")) == 4
    steps = stored.table("steps", controller="greedy", replication=1)
    assert len(steps) == scenario.system.timing.n_steps
    summary = json.loads((stored.folder / "summary.json").read_text())
    assert summary == json.loads(json.dumps(study_summary(study)))
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["study"]


def test_the_types_of_a_table_do_not_depend_on_what_is_in_it(tmp_path: Path) -> None:
    scenario = load_scenario("ieee33")
    out = tmp_path / "study"
    compare(scenario, ["idle", "greedy"], replications=1, verify="off", out=out)
    trips = read_study(out).table("trips")
    assert set(trips["controller"]) == {"greedy"}
    assert trips["depart_h"].dtype == float
    run(scenario, "idle", verify="off", out=tmp_path / "idle")
    empty = read_study(tmp_path / "idle").table("trips")
    assert empty.empty
    assert empty.dtypes.to_dict() == trips.dtypes.to_dict()


def test_a_run_is_the_replication_of_a_comparison() -> None:
    scenario = load_scenario("ieee33")
    study = compare(scenario, ["greedy"], replications=2, seed=3, verify="off")
    episode = run(scenario, "greedy", seed=3, replication=1, verify="off")
    expected = pd.Series(episode.metrics, name=("greedy", 1), dtype=float)
    pd.testing.assert_series_equal(study.metrics.loc[("greedy", 1)].astype(float), expected)


@pytest.mark.parametrize(
    ("controllers", "replications", "message"),
    [
        ([], 1, "controllers = 0: must be at least 1"),
        (["idle"], 0, "replications = 0: must be at least 1"),
        (["idel"], 1, "Did you mean 'idle'"),
        (["idle", "idle"], 1, "more than once"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(
    controllers: list[str], replications: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        compare(load_scenario("tiny"), controllers, replications=replications)


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no readable study\.json"):
        read_study(tmp_path)
    (tmp_path / "study.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="is not the format of this version"):
        read_study(tmp_path)
