"""Outages last as long as they are said to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.scenario import Scenario, load_scenario
from sim.uncertainty.events import Outage, draw_outages


def outages(scenario: Scenario, replication: int) -> tuple[Outage, ...]:
    return draw_outages(scenario.system, scenario.uncertainty.outages, 1, replication)


@pytest.mark.parametrize(
    ("duration_h", "step_min"), [(1.0, 15), (0.4, 15), (1.0, 60), (2.5, 5), (0.1, 15)]
)
def test_mean_hours_out_of_service_are_those_asked_for(duration_h: float, step_min: int) -> None:
    scenario = load_scenario(
        "ieee33",
        {
            "outages.per_line_year": 20.0,
            "outages.duration_h": duration_h,
            "timing.step_min": step_min,
        },
    )
    timing, lines = scenario.system.timing, scenario.system.grid.lines
    early = timing.n_steps // 2  # what begins before noon has its end in the day
    n_days = 400
    lengths = np.array(
        [own.last - own.first for k in range(n_days) for own in outages(scenario, k)
         if own.first < early]
    )  # fmt: skip
    in_service = int((lines.from_closed & lines.to_closed).sum())
    expected = 20.0 / 366 / 2 * in_service * n_days  # begun before noon, those of no step included
    hours = lengths * timing.step_h
    # Four standard errors of a sum of so many exponential durations.
    assert hours.sum() == pytest.approx(expected * duration_h, rel=4 * (2 / expected) ** 0.5)
    assert lengths.min() >= 1
    if duration_h >= timing.step_h:
        error = 4 * hours.std() / len(hours) ** 0.5
        assert hours.mean() == pytest.approx(duration_h, abs=max(error, 1e-9))


@pytest.mark.parametrize(
    ("from_h", "hours", "first", "last"),
    [
        (4, 2, 16, 24),
        (4.1, 1, 16, 20),
        (4.2, 0.25, 16, 17),
        (0.3, 0.3 - 0.05, 1, 2),
        (23, 3, 92, 96),
    ],
)
def test_a_fixed_outage_lasts_exactly_its_hours(
    from_h: float, hours: float, first: int, last: int
) -> None:
    fixed: list[dict[str, Any]] = [{"line": "7-8", "from_h": from_h, "hours": hours}]
    scenario = load_scenario("ieee33", {"outages.fixed": fixed})
    line = scenario.system.grid.lines.name.index("7-8")
    assert {outages(scenario, k) for k in range(5)} == {(Outage(line, first, last),)}


def test_a_fixed_outage_between_whole_steps_is_right_on_average() -> None:
    fixed = [{"line": "7-8", "from_h": 1.0, "hours": 0.6}]
    scenario = load_scenario("ieee33", {"outages.fixed": fixed})
    lengths = [own.last - own.first for k in range(400) for own in outages(scenario, k)]
    assert set(lengths) == {2, 3}
    assert np.mean(lengths) * 0.25 == pytest.approx(0.6, abs=0.03)
    assert outages(scenario, 7) == outages(scenario, 7)
