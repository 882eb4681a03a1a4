"""Fronts: what is kept, where the knee is, and what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.cli.application import main
from sim.errors import InputError
from sim.scenario import load_scenario
from sim.study.pareto import knee, non_dominated, pareto


def test_dominated_and_equal_points_are_left_out():
    values = np.array([[1.0, 5.0], [2.0, 3.0], [2.0, 4.0], [4.0, 1.0], [2.0, 3.0]])
    assert non_dominated(values).tolist() == [True, True, False, True, False]


def test_the_knee_gives_up_least_of_all_objectives():
    assert knee(np.array([[0.0, 10.0], [1.0, 2.0], [8.0, 1.0], [10.0, 0.0]])) == 1


def test_a_controller_with_one_objective_has_no_front():
    with pytest.raises(InputError, match="has one objective"):
        pareto(load_scenario("tiny"), "rolling")


def test_the_command_writes_table_and_plot_with_the_knee(monkeypatch, tmp_path: Path, capsys):
    """On `tiny` nothing conflicts: the front is the optimum by hand."""
    out = tmp_path / "front"
    arguments = ["pareto", "tiny", "--controller", "multi_objective", "--points", "4", "--json"]
    monkeypatch.setattr("sys.argv", ["gridhaul", *arguments, "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "front.json").read_text()) | {"timings": printed["timings"]}
    (point,) = printed["points"]
    assert point["knee"] is True
    assert point["cost_usd"] == pytest.approx(259.475, abs=0.01)
    table = pd.read_csv(out / "front.csv")
    assert table["knee"].sum() == 1
    assert "star" in (out / "front.html").read_text()


def test_a_folder_with_something_else_is_refused(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    arguments = ["pareto", "tiny", "--controller", "multi_objective", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", ["gridhaul", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "thesis.txt" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sunny_day_of_six_trucks_and_300_cars_has_twelve_points():
    front = pareto(load_scenario("residential_ev"), "multi_objective", replication=2)
    values = front.table[list(front.objectives)].to_numpy()
    assert len(values) >= 12
    assert non_dominated(values).all()
    assert (front.table["verified_steps"] == 24).all()
    assert (front.table["evs_short"] == 0).all()
