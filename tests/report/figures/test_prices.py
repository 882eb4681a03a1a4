"""The figure of locational marginal prices says what the tables hold."""

from __future__ import annotations

import pandas as pd
import pytest

from sim.report.figures.prices import alternative, figure

START = pd.Timestamp("2019-01-01")
PRICES = pd.DataFrame(
    [(0.0, "<1>", 13.5), (0.0, "2", 13.5), (1.0, "<1>", 20.0), (1.0, "2", 1000.0)],
    columns=["time_h", "bus", "lmp_usd_per_mwh"],
)


def test_a_price_is_drawn_at_its_bus_from_its_period_until_the_next() -> None:
    (drawn,) = figure({"market": PRICES}, START, 3.0).data
    hours = [(pd.Timestamp(stamp) - START).total_seconds() / 3600 for stamp in drawn.x]
    assert hours == pytest.approx([0.0, 1.0, 3.0])
    assert drawn.z.tolist() == [[13.5, 20.0], [13.5, 1000.0]]


def test_names_of_buses_are_escaped() -> None:
    labels = figure({"market": PRICES}, START, 3.0).layout.yaxis.ticktext
    assert list(labels) == ["&lt;1&gt;", "2"]


def test_words_give_the_range_and_how_far_buses_are_apart() -> None:
    said = alternative({"market": PRICES})
    assert "between 13.50 and 1,000 USD/MWh" in said
    assert "at most 980 USD/MWh apart" in said
