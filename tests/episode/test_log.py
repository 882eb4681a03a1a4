"""Where two logs part: the first row that differs by the time it was over, in words."""

from __future__ import annotations

import pandas as pd
import pytest

from sim.episode.episode import Episode
from sim.episode.log import LOG_TABLES, first_difference
from sim.episode.specification import ControllerSpec, build
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario


@pytest.fixture(scope="module")
def episode() -> Episode:
    scenario = shortened(load_scenario("ieee33"), 6)
    return live(scenario, build(ControllerSpec(name="greedy"))).episode


def log(episode: Episode) -> dict[str, pd.DataFrame]:
    return {name: getattr(episode, name).copy() for name in LOG_TABLES}


def test_equal_logs_have_no_difference(episode: Episode) -> None:
    assert first_difference(log(episode), log(episode)) is None


def test_a_changed_value_is_named_with_both_values_and_when_its_step_was_over(
    episode: Episode,
) -> None:
    other = log(episode)
    other["steps"].loc[9, "load_mw"] = 77.0
    found = first_difference(log(episode), other)
    assert found is not None
    assert found.time_h == 2.5  # the tenth quarter of an hour is over
    assert found.what.startswith("steps: load_mw is ")
    assert found.what.endswith(" there and 77.0 here")


def test_of_several_differences_the_earliest_counts(episode: Episode) -> None:
    other = log(episode)
    other["steps"].loc[20, "load_mw"] = 77.0
    row = other["vehicles"].index[other["vehicles"]["time_h"] == 1.0][0]
    other["vehicles"].loc[row, "energy_mwh"] = 55.0
    found = first_difference(log(episode), other)
    assert found is not None
    assert found.time_h == 1.0
    assert str(other["vehicles"].loc[row, "vehicle"]) in str(found)


@pytest.mark.parametrize("where", ["there", "here"])
def test_one_more_row_is_said_to_be_where_it_is(episode: Episode, where: str) -> None:
    full, short = log(episode), log(episode)
    short["events"] = short["events"].iloc[:-1]
    found = first_difference(*((full, short) if where == "there" else (short, full)))
    assert found is not None
    assert f"one more row {where}" in str(found)
    assert found.time_h == full["events"]["time_h"].iloc[-1]


def test_rows_that_end_together_keep_their_order_where_one_log_is_longer(episode: Episode) -> None:
    """Sorted as they stand: else forty arrivals at one time would seem to be others."""
    full, short = log(episode), log(episode)
    trip = {"vehicle": "v", "origin": "a", "destination": "b", "depart_h": 0.0, "free_h": 1.0}
    rows = [{**trip, "arrive_h": 1.0, "delay_h": float(k)} for k in range(40)]
    last = {**trip, "arrive_h": 3.0, "delay_h": 7.0}
    columns = list(episode.trips.columns)
    short["trips"] = pd.DataFrame(rows, columns=columns)
    full["trips"] = pd.DataFrame([last, *rows], columns=columns)
    found = first_difference(full, short)
    assert found is not None
    assert found.time_h == 3.0
    assert found.what.startswith("trips: one more row there (vehicle 'v', ")
