"""Figures and reports from Python are those of the report, for episodes and studies alike."""

from __future__ import annotations

import gc
import json
import pickle
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import gridhaul
from gridhaul import Episode, Study, plot

OF_A_DAY = ("dispatch", "voltages", "voltage_map", "loadings", "penalty", "vehicles", "energy")
KEYS = {"dispatch": "supply", "voltage_map": "heatmap", "loadings": "loading"}
KEYS |= {"penalty": "penalty_hour", "vehicles": "timeline"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study") / "out"


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return gridhaul.compare("tiny", ["idle", "greedy"], replications=3, verify="off", out=folder)


@pytest.fixture(scope="module")
def page(study: Study) -> str:
    return gridhaul.report(study).path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def episodes(study: Study) -> list[Episode]:
    del study
    return [gridhaul.run("tiny", name, verify="off") for name in ("idle", "greedy")]


def embedded(page: str, key: str) -> Any:
    """Return the figure that the page draws."""
    found = re.search(rf'data-plot="{key}">(.*?)</script>', page, re.DOTALL)
    assert found, key
    return json.loads(found[1])


@pytest.mark.parametrize("name", OF_A_DAY)
def test_a_figure_of_a_day_is_that_of_the_report(
    name: str, study: Study, folder: Path, page: str
) -> None:
    """From the study, from its folder, and in the page."""
    drawn = json.loads(getattr(plot, name)(study).to_json())
    assert drawn == embedded(page, KEYS.get(name, name))
    assert json.loads(getattr(plot, name)(folder).to_json()) == drawn


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("comparison", "paired"),
        ("distribution", "distribution"),
        ("costs", "cost"),
        ("waterfall", "waterfall"),
        ("fan", "fan"),
    ],
)
def test_a_figure_of_all_days_is_that_of_the_report(
    name: str, key: str, study: Study, page: str
) -> None:
    assert json.loads(getattr(plot, name)(study).to_json()) == embedded(page, key)


def test_episodes_of_one_day_are_drawn_beside_each_other(
    study: Study, episodes: list[Episode]
) -> None:
    for name in OF_A_DAY:
        drawn = getattr(plot, name)
        assert json.loads(drawn(episodes).to_json()) == json.loads(drawn(study, 0).to_json())
    twice = plot.energy([episodes[1], episodes[1]])
    assert "greedy (2)" in {each.text for each in twice.layout.annotations}


def test_what_cannot_be_drawn_is_named(study: Study, episodes: list[Episode]) -> None:
    other = gridhaul.run("tiny", "idle", replication=1, verify="off")
    for call, message in (
        (lambda: plot.dispatch(3), "what = 3: is of type int. Give an episode of gridhaul.run"),
        (lambda: plot.dispatch([episodes[0], other]), "are different days"),
        (lambda: plot.dispatch(study, 7), "replication = 7: is no day of this study"),
        (lambda: plot.timetable(episodes[0]), "has no trains"),
        (lambda: plot.penalty(study, by="bus"), "There is: hour, place"),
        (lambda: plot.comparison(episodes[0]), "is of type Episode. Give what gridhaul.compare"),
        (lambda: gridhaul.report(3), "of type int comes without its tables"),
    ):
        with pytest.raises(gridhaul.InputError) as caught:
            call()
        assert message in str(caught.value)


def test_a_report_needs_no_folder_and_its_temporary_one_goes_with_it(tmp_path: Path) -> None:
    """A study that kept nothing is run again: the report says what the study says."""
    study = gridhaul.compare("tiny", ["idle", "greedy"], replications=2, verify="off")
    report = gridhaul.report(study)
    page = report.save(tmp_path / "copy.html").read_text(encoding="utf-8")
    drawn = json.loads(plot.comparison(study).to_json())
    assert embedded(page, "paired") == drawn
    assert "<iframe srcdoc=" in report._repr_html_()
    path = report.path
    assert path.exists()
    del report, study
    gc.collect()
    assert not path.exists()


def test_curves_of_a_stress_study() -> None:
    found = gridhaul.stress(
        "tiny", ["idle", "greedy"], axes={"traffic.intensity": [1, 2]}, replications=2, verify="off"
    )
    assert len(repr(found)) < 200
    assert "traffic.intensity=2" in found._repr_html_()
    assert {"idle", "greedy"} <= {trace.name for trace in plot.curves(found).data}
    with pytest.raises(gridhaul.InputError, match="axis = 'traffic': is no axis of this study"):
        plot.curves(found, axis="traffic")


def test_results_can_be_sent_to_another_process() -> None:
    episode = pickle.loads(pickle.dumps(gridhaul.run("tiny", "greedy", verify="off")))
    assert plot.voltages(episode).data
    study = gridhaul.compare("tiny", ["idle", "greedy"], replications=2, verify="off")
    assert plot.energy(pickle.loads(pickle.dumps(study))).data


class Notebook:
    """Stands for IPython: remembers what it was told to display."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []
        self.display = SimpleNamespace(display=self.show)

    def get_ipython(self) -> object:
        return SimpleNamespace(kernel=object())

    def show(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Notebook:
        assert raw
        assert display_id
        self.shown.append(content)
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(content)


def test_a_notebook_shows_a_bar_and_a_script_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    gridhaul.compare("tiny", ["idle", "greedy"], replications=2, verify="off")
    assert "4 of 4 episodes" in notebook.shown[-1]["text/plain"]
    assert '<progress max="4" value="4">' in notebook.shown[-1]["text/html"]
    gridhaul.run("tiny", "idle", verify="off")
    assert "4 of 4 periods" in notebook.shown[-1]["text/plain"]
    before = len(notebook.shown)
    monkeypatch.setattr(notebook, "get_ipython", lambda: None)  # IPython imported by a script
    gridhaul.run("tiny", "idle", verify="off")
    assert len(notebook.shown) == before
