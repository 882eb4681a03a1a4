"""The report says how the day ended and what that was worth."""

from __future__ import annotations

import pandas as pd

from sim.report.html.day_end import day_end


def metrics(**change_mwh: float) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([[*change_mwh], [0, 1]], names=["controller", "replication"])
    change = [mwh for mwh in change_mwh.values() for _ in range(2)]
    return pd.DataFrame({"stored_change_mwh": change, "throughput_mwh": 1.0}, index=index)


def test_what_is_missing_at_the_end_is_told_with_its_price() -> None:
    costs = pd.DataFrame(
        {
            "controller": ["a", "a", "a", "b"],
            "entry": ["stored energy change", "return trip", "wear", "wear"],
            "usd": [42.0, 7.0, 1.0, 1.0],
        }
    )
    (sentence,) = day_end(metrics(a=-0.5, b=0.0), costs, ["a", "b"])
    assert sentence.startswith("a: batteries of trucks and trains held 0.500 MWh less")
    assert "42 USD" in sentence
    assert "7 USD" in sentence


def test_a_day_that_ends_as_it_began_is_said_to() -> None:
    costs = pd.DataFrame({"controller": ["a"], "entry": ["wear"], "usd": [1.0]})
    assert day_end(metrics(a=0.0), costs, ["a"])[0].startswith("Batteries ended as they began")
    still = metrics(a=0.0).assign(throughput_mwh=0.0)
    assert day_end(still, costs, ["a"]) == []


def test_what_electric_cars_lack_is_not_told_as_a_lack_of_trucks() -> None:
    """Trucks that end as they began, and 94 USD, are no contradiction where cars are meant."""
    costs = pd.DataFrame({"controller": ["a"], "entry": ["stored energy change"], "usd": [94.0]})
    (sentence,) = day_end(metrics(a=0.0).assign(ev_mwh=1.5), costs, ["a"])
    assert "held as much as at the start" in sentence
    assert "in electric cars too, was booked as 94 USD" in sentence
