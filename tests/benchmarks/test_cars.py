"""How fast many cars are lived with orders each period; `make bench` prints it."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from sim.control import EvPlan, Observation, Plan
from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature
from tests.world.build import Scripted, ScriptedWorld

pytestmark = pytest.mark.benchmark

N_CARS, N_GROUPS = 10_000, 30
STEPS_PER_S = 500.0


def test_ten_thousand_cars_in_thirty_groups(capsys: pytest.CaptureFixture[str]) -> None:
    scenario = load_scenario("ieee33", {"timing.days": 3})
    groups = tuple(
        EvGroup(
            name=f"group {g}",
            bus=1 + g,
            count=N_CARS // N_GROUPS + (g < N_CARS % N_GROUPS),
            p_mw=0.007,
            energy_mwh=0.05,
            mwh_per_km=0.00015,
            efficiency_charge=0.9,
            p_discharge_max_mw=0.007,
            efficiency_discharge=0.9,
        )
        for g in range(N_GROUPS)
    )
    system = dataclasses.replace(scenario.system, evs=groups)
    nature = Nature.build(system, scenario.uncertainty)
    realisation = nature.draw(1, 0)
    forecaster = CalibratedForecaster.build(nature, realisation)
    rng = np.random.default_rng(0)

    def order(observation: Observation) -> Plan:
        return Plan(ev=EvPlan(p_mw=rng.uniform(-0.4, 0.2, (1, N_GROUPS))))

    seconds = []
    for _ in range(3):
        here = ScriptedWorld(system, realisation, forecaster, Scripted(order))
        started = time.process_time()
        here.run()
        seconds.append(time.process_time() - started)
        assert here.evs.short == 0
    rate = system.timing.n_steps / min(seconds)
    with capsys.disabled():
        print(
            f"\n{N_CARS:,} cars in {N_GROUPS} groups, ordered each period: "
            f"{rate:.0f} steps/s of processor time"
        )
    assert rate >= STEPS_PER_S
