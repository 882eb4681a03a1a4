from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.errors import InputError
from sim.report.html.page import write_report
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run
from sim.study.store.stored_study import read_study
from sim.study.summary import study_summary
from sim.uncertainty.realisation import Nature, Realisation
from tests.study.folders import Listener

FILE = Path(__file__).with_name("controllers_under_test.py")


def same_days(folder: Path) -> bool:
    """Whether what no controller can change is equal for all of them in every replication.

    This is the date, the outages, prices, what sun and wind offered and what loads asked for.
    """
    stored = read_study(folder)
    starts = stored.table("episodes").groupby("replication")["start"].nunique()
    if not (starts == 1).all():
        return False
    steps, outages = stored.table("steps"), stored.table("outages")
    steps["asked_mw"] = steps["load_mw"] + steps["unserved_mw"] - steps["shift_mw"] - steps["ev_mw"]
    given = ["time_h", "import_usd_per_mwh", "available_mw", "asked_mw"]
    for replication, of_day in steps.groupby("replication"):
        tripped = outages[outages["replication"] == replication]
        days = [
            (
                own[given].to_numpy(),
                tripped.loc[tripped["controller"] == name, ["line", "from_h", "to_h"]],
            )
            for name, own in of_day.groupby("controller")
        ]
        for day, lines in days[1:]:
            if not np.allclose(day, days[0][0], rtol=0, atol=1e-9):
                return False
            if lines.to_numpy().tolist() != days[0][1].to_numpy().tolist():
                return False
    return True


def test_all_controllers_live_the_same_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_scenario("ieee33", {"outages.per_line_year": 40.0})
    study = compare(
        scenario, ["idle", "greedy"], replications=2, verify="off", out=tmp_path / "honest"
    )
    assert list(study.metrics.index) == [
        ("idle", 0),
        ("greedy", 0),
        ("idle", 1),
        ("greedy", 1),
    ]
    assert study.metrics["steps"].nunique() == 1
    assert study.paired.loc[("greedy", "objective_usd"), "episodes"] == 2
    assert same_days(tmp_path / "honest")
    # A planted fault: every other episode, the second controller's, is lived on another day.
    draw, calls = Nature.draw, count()

    def draw_another(self: Nature, seed: int, replication: int) -> Realisation:
        return draw(self, seed, replication + 7 * (next(calls) % 2))

    monkeypatch.setattr(Nature, "draw", draw_another)
    compare(scenario, ["idle", "greedy"], replications=2, verify="off", out=tmp_path / "faulty")
    assert not same_days(tmp_path / "faulty")


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


def test_controllers_with_figures_of_their_own_are_stored_beside_others(tmp_path: Path) -> None:
    """Whichever comes first, and also where the study goes on."""
    for names in (["idle", f"{FILE}:Counting"], [f"{FILE}:Counting", "idle"]):
        out = tmp_path / names[0][:4].strip("/")
        for replications in (1, 2):
            compare("tiny", names, replications=replications, verify="off", out=out)
        episodes = read_study(out).table("episodes").set_index("controller")
        assert episodes["counted"].loc[f"{FILE}:Counting"].tolist() == [7.0, 7.0]
        assert episodes["counted"].loc["idle"].isna().all()
        assert write_report(out).is_file()
