"""The time-space diagram shows where trains were, and in words how they fared."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sim.report.figures.timeline import Bar
from sim.report.figures.timetable import CONNECTED, WAITING, alternative, figure, places
from sim.report.html.page import write_report
from sim.study.run import run
from tests.rail import railway

RAILS = {
    "nodes": ["west", "halt", "east"],
    "links": [[0, 1], [1, 2]],
    "running_h": [0.5, 1.0],
    "trains": ["one"],
}
START = pd.Timestamp("2016-01-01")
SPANS = pd.DataFrame(
    [("one", "west", "halt", 1.0, 1.0, 1.5, 0.5), ("one", "halt", "east", 1.5, 2.0, 3.5, 1.0)],
    columns=["vehicle", "from_node", "to_node", "ask_h", "enter_h", "arrive_h", "running_h"],
)
BARS = [
    Bar("one", "charging", "west", 0.0, 1.0),
    Bar("one", "driving", "east", 1.0, 3.5),
    Bar("one", "connected, idle", "east", 3.5, 6.0),
]


def test_nodes_stand_along_the_line_by_running_time() -> None:
    # The far end of the line is at the bottom; one of its ends is as good as the other.
    assert places(RAILS) == pytest.approx([1.5, 1.0, 0.0])


def test_nodes_as_far_away_as_others_are_told_apart() -> None:
    triangle = {
        "nodes": ["A", "B", "C"],
        "links": [[0, 1], [1, 2], [0, 2]],
        "running_h": [2.0, 2.0, 2.0],
    }
    assert len(set(places(triangle))) == 3


def test_a_train_slopes_where_it_runs_and_is_level_where_it_stands() -> None:
    drawn = figure({"idle": SPANS}, {"idle": BARS}, RAILS, {"west": 0, "east": 2}, START, 6.0)
    plugged, path, waits = drawn.data[:3]
    hours = [(pd.Timestamp(stamp) - START).total_seconds() / 3600 for stamp in path.x]
    assert list(zip(hours, path.y, strict=True)) == [
        pytest.approx(point)
        for point in [(0, 1.5), (1.0, 1.5), (1.5, 1.0), (2.0, 1.0), (3.5, 0.0), (6.0, 0.0)]
    ]
    assert [y for y in plugged.y if y is not None] == pytest.approx([1.5, 1.5, 0.0, 0.0])
    assert [y for y in waits.y if y is not None] == pytest.approx([1.0, 1.0])
    assert {CONNECTED, WAITING, "one"} <= {trace.name for trace in drawn.data}
    assert list(drawn.layout.yaxis.ticktext) == ["west", "<i>halt</i>", "east"]


def test_the_words_count_spans_waits_and_delays() -> None:
    assert alternative({"idle": SPANS}) == (
        "idle: trains run over 2 spans, find the track taken 1 times, wait 0.5 h for it and lose "
        "0.5 h on the line."
    )
    assert "no train leaves" in alternative({"idle": SPANS.head(0)})


def test_the_report_of_a_run_with_trains_has_a_timetable_and_speaks_of_vehicles(
    tmp_path: Path,
) -> None:
    run(railway(tmp_path / "rail"), "idle", verify="off", out=tmp_path / "out")
    page = write_report(tmp_path / "out").read_text(encoding="utf-8")
    assert "The timetable that was run" in page
    assert "What the vehicles did" in page
    assert "What the trucks did" not in page


def test_a_train_that_leaves_at_once_starts_where_it_leaves() -> None:
    spans = SPANS[:1].assign(ask_h=0.0, enter_h=0.0, arrive_h=0.5)
    bars = [Bar("one", "driving", "east", 0.0, 3.0)]
    drawn = figure({"idle": spans}, {"idle": bars}, RAILS, {"west": 0, "east": 2}, START, 3.0)
    path = drawn.data[1]
    assert list(path.y) == pytest.approx([1.5, 1.0])
