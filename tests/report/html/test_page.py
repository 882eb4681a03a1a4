from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest

from sim.errors import InputError
from sim.report.html.page import render, write_report
from sim.scenario import load_scenario
from sim.study.compare import compare
from sim.study.run import run
from sim.study.store.stored_study import StoredStudy, read_study

HOSTILE = "<script>alert('gotcha')</script>"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StoredStudy:
    folder = tmp_path_factory.mktemp("report") / "study"
    scenario = load_scenario("ieee33")
    compare(scenario, ["idle", "greedy"], replications=2, verify="off", out=folder)
    return read_study(folder)


def without_plotly(page: str) -> str:
    """Return the page without the library, which is 4.8 MB of somebody else's text."""
    return re.sub(r"<script>/\*\*.*?</script>", "", page, flags=re.DOTALL)


def test_the_page_is_whole_and_asks_nobody(study: StoredStudy) -> None:
    page = write_report(study.folder).read_text(encoding="utf-8")
    rest = without_plotly(page)
    assert len(page) < 8_000_000
    assert len(rest) < 1_000_000
    assert page.count("plotly.js v") == 1
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", rest)
    assert "@import" not in rest
    assert [entry.name for entry in study.folder.glob("report*")] == ["report.html"]


def test_the_page_shows_controllers_differences_and_figures(study: StoredStudy) -> None:
    rest = without_plotly(render(study))
    for text in ("Who does better", "Difference from idle", "Objective [USD]", "truck 1"):
        assert text in rest
    for text in ("Mean of the worst 5 % [USD]", "p-value", "of the 92 days that the profile year"):
        assert text in rest
    plots = re.findall(r'data-plot="(\w+)">(.*?)</script>', rest, flags=re.DOTALL)
    assert [key for key, _ in plots] == [
        *("paired", "distribution", "cost", "waterfall"),
        *("supply", "loading", "penalty_hour", "penalty_place"),
        *("voltages", "heatmap", "timeline", "energy", "cars"),
    ]
    for key, _ in plots:  # the contents lead to every figure
        assert f'href="#{key}-title"' in rest
    assert all(json.loads(text)["data"] for _, text in plots)


def test_the_cost_figure_adds_up_to_the_cost(study: StoredStudy) -> None:
    from sim.report.html.objective_parts import costs

    metrics = study.table("episodes").set_index(["controller", "replication"])
    found = costs(study.table("ledger"), metrics).groupby("controller")["usd"].sum()
    expected = metrics.groupby("controller")["cost_usd"].mean()
    assert found.to_dict() == pytest.approx(expected.to_dict())


def test_names_from_scenario_files_are_harmless(study: StoredStudy) -> None:
    text = json.dumps(study.manifest).replace("Midtown", HOSTILE).replace("idle", "idle<b>")
    manifest = json.loads(text)
    manifest["scenario"] |= {"title": HOSTILE, "description": HOSTILE, "name": HOSTILE}
    manifest["controllers"][0]["label"] = "idle"
    manifest["failures"] = [{"controller": HOSTILE, "replication": 0, "error": HOSTILE}]
    page = render(dataclasses.replace(study, manifest=manifest))
    assert HOSTILE not in page
    assert "&lt;script&gt;alert" in page


def test_failures_are_named(study: StoredStudy) -> None:
    failure = {"controller": "rolling", "replication": 7, "error": "pandapower differs"}
    page = render(dataclasses.replace(study, manifest=study.manifest | {"failures": [failure]}))
    assert "1 episodes failed" not in page
    assert "1 episode failed" in page
    assert "pandapower differs" in page


def test_a_study_of_failures_only_still_has_a_page(study: StoredStudy) -> None:
    manifest = json.loads(json.dumps(study.manifest))
    for controller in manifest["controllers"]:
        controller["label"] += " that failed"
    manifest["failures"] = [{"controller": "idle", "replication": 0, "error": "no luck"}]
    assert "no luck" in render(dataclasses.replace(study, manifest=manifest))


def test_a_single_run_has_a_page(tmp_path: Path) -> None:
    run(load_scenario("tiny"), "greedy", verify="off", out=tmp_path / "one")
    rest = without_plotly(write_report(tmp_path / "one").read_text(encoding="utf-8"))
    assert "What the trucks did" in rest
    assert "Difference from" not in rest


def test_one_day_is_told_as_one_day(tmp_path: Path) -> None:
    """No interval, no p-value, no tail of one day; and no word of other days."""
    compare("tiny", ["idle", "greedy"], replications=1, verify="off", out=tmp_path / "one")
    rest = without_plotly(write_report(tmp_path / "one").read_text(encoding="utf-8"))
    assert "on this one day" in rest
    assert "one day tells nothing of others" in rest
    for many in ("p-value", "cannot be told", "worst 5 %", "on the same days, with", "nan"):
        assert many not in rest, many


def test_a_folder_without_a_study_has_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no readable"):
        write_report(tmp_path)


def test_a_study_that_keeps_sums_only_has_a_page_without_a_day(tmp_path: Path) -> None:
    scenario = load_scenario("tiny")
    controllers = ["idle", "greedy"]
    compare(
        scenario, controllers, replications=3, verify="off", keep="summary", out=tmp_path / "sums"
    )
    rest = without_plotly(write_report(tmp_path / "sums").read_text(encoding="utf-8"))
    assert "What the objective is made of" in rest
    assert "rule" in rest
    assert "What the trucks did" not in rest
    assert 'id="map"' not in rest


def test_an_unfinished_study_says_what_is_missing(study: StoredStudy) -> None:
    manifest = study.manifest | {"replications": [*study.manifest["replications"], 7]}
    page = render(dataclasses.replace(study, manifest=manifest))
    assert "2 episodes are missing" in page
    assert "idle, replication 7; greedy, replication 7" in page


def test_a_folder_made_before_there_were_maps_has_a_page_without_one(study: StoredStudy) -> None:
    manifest = json.loads(json.dumps(study.manifest))
    del manifest["system"]["map"]
    rest = without_plotly(render(dataclasses.replace(study, manifest=manifest)))
    assert 'id="map"' not in rest
    assert "What the trucks did" in rest


def test_outages_and_slow_roads_come_from_the_folder_and_may_be_missing_in_old_ones(
    tmp_path: Path,
) -> None:
    fixed = [{"line": "5-6", "from_h": 23.0, "hours": 9.0}]
    scenario = load_scenario("ieee33", {"outages.fixed": fixed})
    run(scenario, "idle", verify="off", out=tmp_path)
    table = read_study(tmp_path).table("outages")
    assert table[["line", "from_h", "to_h"]].values.tolist() == [["5-6", 23.0, 24.0]]
    said = "Bold and dashed"
    content = write_report(tmp_path).read_text(encoding="utf-8")
    assert said in content
    # Folders of earlier versions have no checksums either.
    (tmp_path / "_SHA256SUMS").unlink()
    manifest = json.loads((tmp_path / "study.json").read_text(encoding="utf-8"))
    del manifest["checksums"]
    (tmp_path / "study.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert '"road_speed":""' not in content
    for name in ("outages", "congestion"):
        shutil.rmtree(tmp_path / name)
    content = write_report(tmp_path).read_text(encoding="utf-8")
    assert '"road_speed":""' in content
    assert said not in content
