from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sim.report.figures import fan, heatmap, waterfall
from sim.report.html import decisions, layout
from sim.report.html.embedding import columns, in_script
from sim.report.html.map import UNKNOWN, _packed


def test_a_waterfall_starts_at_one_cost_and_ends_at_the_other() -> None:
    usd = pd.DataFrame({"a": [100.0, -20.0, 5.0], "b": [70.0, -10.0, 5.0]}, ["buy", "sell", "fee"])
    (own,) = waterfall.steps(usd).values()
    assert own.to_dict() == {
        "objective of a": 85.0,
        "buy": -30.0,
        "sell": 10.0,
        "objective of b": 65.0,
    }
    assert own.iloc[:-1].sum() == own.iloc[-1]


def test_the_waterfall_of_one_controller_adds_its_items() -> None:
    (own,) = waterfall.steps(pd.DataFrame({"a": [5.0, -20.0]}, ["fee", "sell"])).values()
    assert list(own.items()) == [("sell", -20.0), ("fee", 5.0), ("objective of a", -15.0)]


def test_the_fan_holds_the_days_and_leaves_out_steps_without_a_voltage() -> None:
    low = [*np.linspace(0.9, 1.0, 101), math.nan]
    steps = pd.DataFrame({"controller": "a", "time_h": 0.0, "vm_pu_min": low, "vm_pu_max": 1.02})
    found = fan.quantiles(steps).set_index("extreme")
    assert found.loc["lowest", ["q05", "q50", "q95"]].tolist() == pytest.approx(
        [0.905, 0.95, 0.995]
    )
    assert found.loc["highest", "q50"] == 1.02


def test_a_large_grid_shows_the_buses_nearest_to_a_limit() -> None:
    n_buses = heatmap.MOST_BUSES + 30
    values = np.ones((4, n_buses))
    values[2, 140] = 0.94
    values[1, 7] = math.nan
    vm_pu = {"a": pd.DataFrame(values)}
    shown = heatmap.buses_shown(vm_pu, np.full(n_buses, 0.95), np.full(n_buses, 1.05))
    assert len(shown) == heatmap.MOST_BUSES
    assert 140 in shown
    assert list(shown) == sorted(shown)


def test_the_heat_map_says_in_words_which_buses_leave_their_limits() -> None:
    vm_pu = {"a": pd.DataFrame({"north": [1.0, 0.94], "south": [1.0, 1.0]})}
    limits = np.array([0.95, 0.95]), np.array([1.05, 1.05])
    assert heatmap.alternative(vm_pu, *limits) == "a: bus north below its lower limit at times."
    assert "no bus leaves" in heatmap.alternative({"a": vm_pu["a"].head(1)}, *limits)


def test_decisions_are_counted_alike_one_by_one_and_summed() -> None:
    single = pd.DataFrame(
        {
            "controller": "a",
            "status": ["optimal", "optimal", "feasible"],
            "gap": [0.0, 0.0, 0.02],
            "fallback": ["", "", "last plan"],
        }
    )
    summed = pd.DataFrame(
        {
            "controller": "a",
            "status": ["optimal", "feasible"],
            "decisions": [2, 1],
            "gap_max": [0.0, 0.02],
            "fallback": ["", "last plan"],
        }
    )
    seconds = pd.DataFrame({"controller": "a", "name": "decision", "seconds": [0.1, 0.2, 0.3]})
    ((_, one),) = decisions.rows(single, seconds, ["a"])
    ((_, other),) = decisions.rows(summed, seconds, ["a"])
    assert one[:5] == ("3", "optimal 2, feasible 1", "0 %", "2 %", "1")
    assert other[:5] == ("3", "optimal 2, feasible 1", "–", "2 %", "1")
    assert one[5:] == ("200", "290", "300")


def test_a_grid_without_positions_becomes_a_tree() -> None:
    unknown = [0.0] * 4
    x, y, drawn_up = layout.positions(unknown, unknown, [(0, 1), (1, 2), (1, 3)], [0])
    assert drawn_up
    assert x == [0.0, 1.0, 2.0, 2.0]
    assert len(set(zip(x, y, strict=True))) == 4
    assert layout.positions([0.0, 1.0], [0.0, 0.0], [(0, 1)], [0]) == ([0, 1], [0, 0], False)


def test_a_meshed_grid_in_two_parts_has_a_place_for_every_bus() -> None:
    ring = [(0, 1), (1, 2), (2, 0), (3, 4)]
    x, y, _ = layout.positions([None] * 5, [None] * 5, ring, [0])
    assert len(set(zip(x, y, strict=True))) == 5


def test_voltages_keep_four_digits_in_the_map() -> None:
    import base64

    packed = np.frombuffer(
        base64.b64decode(_packed(pd.DataFrame([[1.02346, math.nan], [0.95, 0.0]]))), "<u2"
    )
    assert packed.tolist() == [10235, UNKNOWN, 9500, 0]


def test_what_json_does_not_know_is_null_and_no_element_is_closed() -> None:
    table = pd.DataFrame({"x": [1.23456789, math.nan], "name": ["</script>", "a"]})
    assert columns(table)["values"] == [[1.23457, None], ["</script>", "a"]]
    assert "<" not in in_script(columns(table))
