"""What controllers are shown as metered is what was served, and what could have been had."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from sim.control import Capabilities, MarketPlan, Plan
from sim.episode.episode import Episode
from sim.inspect.laws.witness import Diary, live
from sim.scenario import Scenario, load_scenario
from sim.uncertainty.events import Outage
from sim.uncertainty.realisation import Nature
from tests.world.build import Scripted
from tests.world.test_units import COAL, MOVABLE, village


def compared(scenario: Scenario, plan: Plan, **what: Any) -> tuple[Episode, Diary]:
    """Live a day, and compare what was shown at every decision with the table of steps."""
    nature = Nature.build(scenario.system, scenario.uncertainty)
    realisation = dataclasses.replace(nature.draw(1, 0), **what)
    episode, diary = live(scenario, Scripted(plan), realisation=realisation, nature=nature)
    steps, step_h = episode.steps, scenario.system.timing.step_h
    assert len(diary.observations) > 3
    for seen in diary.observations[1:]:
        last = steps.iloc[round(seen.now_h / step_h) - 1]
        assert seen.load_mw.sum() == pytest.approx(last["load_mw"] - last["ev_mw"], abs=1e-9)
    return episode, diary


def test_what_an_outage_cuts_off_is_not_metered() -> None:
    scenario = load_scenario("ieee33", {"timing.days": 1})
    system = scenario.system
    line = system.grid.lines.name.index("7-8")
    episode, diary = compared(scenario, Plan(), outages=(Outage(line, 38, 50),))
    assert episode.metrics["unserved_mwh"] > 0
    line_out = np.zeros(len(system.grid.lines.name), dtype=np.bool_)
    line_out[line] = True
    dead = ~system.grid.without(line_out).supplied()
    profile = Nature.build(system, scenario.uncertainty).draw(1, 0).profile
    for seen in diary.observations[1:]:
        step = round(seen.now_h * 4) - 1
        is_out = 38 <= step < 50
        wanted, wanted_mvar = (
            profile[step, system.loads.profile] * each
            for each in (system.loads.p_mw, system.loads.q_mvar)
        )
        offered = profile[step, system.generators.profile] * system.generators.p_mw
        served = ~(dead[system.loads.bus] & is_out)
        np.testing.assert_allclose(seen.load_mw, wanted * served, atol=1e-12)
        np.testing.assert_allclose(seen.load_mvar, wanted_mvar * served, atol=1e-12)
        alive = ~(dead[system.generators.bus] & is_out)
        np.testing.assert_allclose(seen.available_mw, offered * alive, atol=1e-12)
    assert any(dead[system.loads.bus])


def test_moved_demand_is_metered_where_it_was_consumed() -> None:
    shift = np.array([[-0.05], [0.05], [0.0], [0.0]])
    episode, _ = compared(village(**MOVABLE), Plan(market=MarketPlan(shift_mw=shift)))
    assert (episode.steps["shift_mw"] != 0).any()


def test_what_the_slack_unit_sheds_is_not_metered() -> None:
    small = dataclasses.replace(COAL, p_min_mw=0.0, p_max_mw=0.5, initial_mw=None)
    episode, _ = compared(village(small), Plan())
    assert episode.metrics["unserved_mwh"] > 0


def test_a_step_without_a_power_flow_serves_nobody() -> None:
    scenario = load_scenario("ieee33", {"timing.days": 1})
    loads = scenario.system.loads
    heavy = dataclasses.replace(loads, p_mw=20 * loads.p_mw, q_mvar=20 * loads.q_mvar)
    system = dataclasses.replace(scenario.system, loads=heavy)
    controller = Scripted(Plan())
    controller.capabilities = Capabilities(needs_voltages=True)  # type: ignore[attr-defined]
    _, diary = live(dataclasses.replace(scenario, system=system), controller)
    unsolved = [np.isnan(seen.vm_pu).all() for seen in diary.observations[1:]]
    assert any(unsolved)
    for seen, none in zip(diary.observations[1:], unsolved, strict=True):
        assert none == (not seen.load_mw.any()) == (not seen.load_mvar.any())
