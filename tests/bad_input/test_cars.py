"""What is wrong with groups of electric cars is named, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import InputError
from sim.scenario import load_scenario

GOOD = {
    "name": "homes", "bus": "12", "count": 3, "p_kw": 7.0, "energy_kwh": 50.0, "kwh_per_km": 0.15,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"count": 0}, "ev.0.count", "greater than or equal to 1"),
        ({"energy_kwh": 2.0}, "ev.homes.energy_kwh", "less than the usual trips"),
        ({"p_discharge_kw": 5.0}, "ev.homes", "needs efficiency_discharge"),
        ({"p_discharge_kw": 5.0, "efficiency_discharge": 1.2}, "ev.homes", "must be in (0, 1]"),
        (
            {"p_discharge_kw": 5.0, "efficiency_discharge": 0.9, "orderable": False},
            "ev.homes",
            "needs orderable = true",
        ),
        ({"bus": "nowhere"}, "ev.homes.bus", "is no bus"),
        ({"owner": "market"}, "ev.homes", "must not be one of"),
        ({"wear_usd_per_mwh": -1.0}, "ev.0.wear_usd_per_mwh", "greater than or equal to 0"),
    ],
)
def test_a_group_that_makes_no_sense_is_named(change: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_scenario("ieee33", {"ev": [{**GOOD, **change}]})
    (problem,) = caught.value.problems
    assert problem.key == key
    assert words in problem.message


def test_cars_that_leave_before_they_come_home_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        load_scenario("ieee33", {"ev_habits.departure_h": 2.0})
    (problem,) = caught.value.problems
    assert problem.key == "ev_habits"
    assert "are not back" in problem.message


def test_all_groups_are_judged_at_once() -> None:
    bad = [{**GOOD, "bus": "nowhere"}, {**GOOD, "name": "small", "energy_kwh": 1.0}]
    with pytest.raises(InputError) as caught:
        load_scenario("ieee33", {"ev": bad, "ev_habits.departure_h": 1.0})
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"ev.homes.bus", "ev.small.energy_kwh", "ev_habits"}


def test_every_kind_of_mistake_is_named_at_once() -> None:
    bad = [
        {**GOOD, "name": "small", "energy_kwh": 1.0},
        {**GOOD, "name": "lost", "bus": "nowhere"},
        {**GOOD, "name": "no way out", "p_discharge_kw": 5.0},
        {**GOOD, "name": "never", "charge_from_h": 40.0},
        {**GOOD, "name": "small"},
    ]
    with pytest.raises(InputError) as caught:
        load_scenario("residential_ev", {"ev": bad, "ev_habits.departure_h": 1.0})
    told = {problem.key: problem.message for problem in caught.value.problems}
    assert "usual trips" in told["ev.small.energy_kwh"]
    assert "is no bus" in told["ev.lost.bus"]
    assert "needs efficiency_discharge" in told["ev.no way out"]
    assert "charge_from_h(=40.0) must be in [0, 36]" in told["ev.never"]
    assert "are not back" in told["ev_habits"]
    with pytest.raises(InputError) as caught:
        load_scenario("residential_ev", {"ev.*.count": 0})
    assert {problem.key for problem in caught.value.problems} == {
        f"ev.{k}.count" for k in range(10)
    }
