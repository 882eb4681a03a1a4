"""Payments and penalties of some steps: what a stepping interface books as it goes."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from sim.control import MarketPlan, Plan
from sim.electrical.electrics import Electrics, electrics
from sim.electrical.injections import injections
from sim.episode.ledger import ledger
from sim.episode.metrics import penalties_usd
from sim.episode.specification import ControllerSpec, build_for
from sim.powerflow.engines import engine
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature
from sim.uncertainty.streams import stream
from sim.world.recorder import Readings
from tests.world.build import Scripted, ScriptedWorld

CASES = {
    "tiny": ("greedy", {}),
    "ieee33": ("greedy", {"incidents.per_day": 50.0, "outages.per_line_year": 40.0}),
    "three_bus": ("greedy", {}),
    "six_bus_rail": ("idle", {"timing.days": 2}),
}


def so_far(system: object, solved: Electrics, end: int) -> Electrics:
    """Return what is known of an episode after `end` steps."""
    found = solved.injections
    kept = found.changed_step < end
    early = {
        each.name: getattr(found, each.name)[:end]
        for each in dataclasses.fields(found)
        if not each.name.startswith("changed")
    }
    flow = {
        each.name: getattr(solved.flow, each.name)[:end] for each in dataclasses.fields(solved.flow)
    }
    return Electrics(
        injections=dataclasses.replace(
            found,
            **early,
            changed_step=found.changed_step[kept],
            changed_p_mw=found.changed_p_mw[kept],
        ),
        flow=type(solved.flow)(**flow),
        changed_vm_pu=solved.changed_vm_pu[kept],
    )


@pytest.mark.parametrize("name", CASES)
def test_ranges_booked_one_after_the_other_are_what_the_whole_books(name: str) -> None:
    controller, overrides = CASES[name]
    scenario = load_scenario(name, overrides)
    system = scenario.system
    nature = Nature.build(system, scenario.uncertainty)
    realisation = nature.draw(0, 0)
    if name == "six_bus_rail":  # demand that is moved, not all of it back by midnight
        shift = np.zeros((24, len(system.loads.name)))
        shift[3:6], shift[9:11] = -2.0, 1.0
        policy = Scripted(Plan(market=MarketPlan(shift_mw=shift)))
    else:
        policy = build_for(system, ControllerSpec(name=controller))
    policy.start(system, stream(0, 0, "controller"))
    forecaster = CalibratedForecaster.build(nature, realisation)
    here = ScriptedWorld(system, realisation, forecaster, policy)
    readings = here.run().table()
    found = injections(system, realisation, here.metered, slice(None))
    line_out = here.metered.topology.line_out
    solved = electrics(system, found, line_out, engine(system.grid))

    n = system.timing.n_steps
    cuts = [0, 1, n // 3, n // 2, n - 1, n]
    parts, penalty = [], 0.0
    for first, end in pairwise(cuts):
        known = so_far(system, solved, end)
        read = Readings(readings.rows[:end], readings.evs)
        parts.append(ledger(system, known, read, slice(first, end)))
        penalty += sum(penalties_usd(system, known, slice(first, end)))
    whole = ledger(system, solved, readings)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert penalty == pytest.approx(sum(penalties_usd(system, solved)), abs=1e-9)
