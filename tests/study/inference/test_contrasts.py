"""Regret and the named differences."""

from __future__ import annotations

import pandas as pd
import pytest

from sim.episode.specification import ControllerSpec
from sim.study.inference.contrasts import NamedDifference, contrasts, declared, with_regret


def metrics(**objective: list[float]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(
        [(name, day) for name, values in objective.items() for day in range(len(values))],
        names=["controller", "replication"],
    )
    values = [value for own in objective.values() for value in own]
    return pd.DataFrame({"objective_usd": values, "trips": 0.0}, index=index)


def of(*names: str) -> tuple[NamedDifference, ...]:
    return declared({name: ControllerSpec(name=name) for name in names})


def test_controllers_declare_what_they_are_worth_beside_others_of_the_study() -> None:
    names = ("idle", "stationary", "day_ahead", "rolling", "clairvoyant")
    assert [each.name for each in of(*names)] == [
        "value of mobility",
        "value of recourse",
        "value of information",
    ]
    assert of("idle", "rolling") == ()


def test_regret_counts_from_the_best_of_each_day_and_the_clairvoyant_may_have_some() -> None:
    table = metrics(rolling=[10.0, 4.0], clairvoyant=[8.0, 5.0])
    found = with_regret(table)["regret_usd"]
    assert found.loc["rolling"].tolist() == [2.0, 0.0]
    assert found.loc["clairvoyant"].tolist() == [0.0, 1.0]


def test_a_value_is_positive_where_having_the_thing_is_cheaper() -> None:
    table = metrics(stationary=[10.0, 12.0, 11.0], rolling=[9.0, 10.0, 8.0])
    ((contrast, value),) = contrasts(table, of("stationary", "rolling"))
    assert contrast.name == "value of mobility"
    assert value.mean == pytest.approx(2.0)
    assert value.ci95_low < 2.0 < value.ci95_high


def test_only_days_that_both_finished_count() -> None:
    table = metrics(day_ahead=[5.0, 7.0, 100.0], rolling=[4.0, 5.0])
    ((_, value),) = contrasts(table, of("day_ahead", "rolling"))
    assert value.mean == pytest.approx(1.5)
    assert value.episodes == 2
