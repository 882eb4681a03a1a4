"""What the slack unit does beyond its ramp is counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sim.control import Plan
from sim.episode.episode import Episode
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario
from sim.uncertainty.realisation import Nature
from tests.world.build import Scripted
from tests.world.test_units import COAL, GAS, village


def lived(ramp_mw_per_h: float, initial_mw: float | None) -> Episode:
    """Return four hours in which the load, and so the slack unit, moves in every step."""
    coal = dataclasses.replace(
        COAL, p_min_mw=0.0, p_max_mw=5.0, ramp_mw_per_h=ramp_mw_per_h, initial_mw=initial_mw
    )
    scenario = village(coal, GAS)
    nature = Nature.build(scenario.system, scenario.uncertainty)
    realisation = nature.draw(1, 0)
    steps = np.arange(scenario.system.timing.n_steps)
    swing = 1 + 0.3 * np.sin(steps)
    profile = realisation.profile * swing[:, None]
    realisation = dataclasses.replace(realisation, profile=profile)
    return live(scenario, Scripted(Plan()), realisation=realisation, nature=nature)[0]


@pytest.mark.parametrize("ramp", [0.02, 0.1])
@pytest.mark.parametrize("initial_mw", [None, 0.5])
def test_the_ramp_counts_from_the_end_of_the_period_before(
    ramp: float, initial_mw: float | None
) -> None:
    episode = lived(ramp, initial_mw)
    own = episode.units[episode.units["unit"] == "coal"]
    p_mw, found = own["p_mw"].tolist(), own["beyond_ramp_mw"].tolist()
    expected = []
    for step, output in enumerate(p_mw):
        before = p_mw[step // 4 * 4 - 1] if step >= 4 else initial_mw
        expected.append(0.0 if before is None else max(abs(output - before) - ramp, 0.0))
    assert found == pytest.approx(expected, abs=1e-12)
    assert sum(expected) > 0
    assert episode.metrics["slack_ramp_mwh"] == pytest.approx(sum(expected) / 4)
    others = episode.units[episode.units["unit"] != "coal"]
    assert (others["beyond_ramp_mw"] == 0).all()


def test_a_ramp_that_is_kept_or_that_nobody_knows_counts_nothing() -> None:
    assert lived(float("inf"), 0.5).metrics["slack_ramp_mwh"] == 0.0
    assert lived(9.0, 0.5).metrics["slack_ramp_mwh"] == 0.0


def test_there_is_no_such_figure_without_a_slack_unit() -> None:
    episode, _ = live(load_scenario("tiny"), Scripted(Plan()))
    assert "slack_ramp_mwh" not in episode.metrics
