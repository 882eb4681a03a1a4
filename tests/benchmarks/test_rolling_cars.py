"""How fast plans with six trucks and 300 cars are carried on; `make bench` prints it.

Seconds are processor seconds of one process, so that other work on the machine counts less.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from controllers.multi_objective.multi_objective import MultiObjective
from controllers.rolling.rolling import Rolling
from sim.control import Controller, Observation, Plan
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.system.system import System

pytestmark = pytest.mark.benchmark

PER_DAY = 24
BUSES = ("4", "7", "10", "13", "16", "20", "23", "27", "29", "31")
CARS = {
    "count": 30, "p_kw": 7.0, "energy_kwh": 50.0, "kwh_per_km": 0.15, "efficiency_charge": 0.9,
    "p_discharge_kw": 7.0, "efficiency_discharge": 0.9, "wear_usd_per_mwh": 5.0,
}  # fmt: skip


def crowded() -> Scenario:
    """Return three days of `ieee33` with six trucks and ten groups of 30 cars that feed in."""
    groups = [{**CARS, "name": f"homes {bus}", "bus": bus} for bus in BUSES]
    scenario = load_scenario("ieee33", {"timing.days": 3, "ev": groups})
    trucks = scenario.system.vehicles
    more = tuple(dataclasses.replace(each, name=f"{each.name} b") for each in trucks)
    system = dataclasses.replace(scenario.system, vehicles=(*trucks, *more))
    return dataclasses.replace(scenario, system=system)


class Timed:
    """Plans for one day, and notes how long that takes."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.seconds: list[float] = []

    def start(self, system: System, rng: np.random.Generator) -> None:
        self._controller.start(system, rng)

    def decide(self, observation: Observation) -> Plan:
        if len(self.seconds) == PER_DAY + 2:
            return Plan()
        assert observation.forecast.n_periods == PER_DAY
        began = time.process_time()
        plan = self._controller.decide(observation)
        self.seconds.append(time.process_time() - began)
        assert plan.ev is not None
        assert np.isfinite(plan.ev.p_mw).all()
        return plan


@pytest.mark.parametrize("cls", [Rolling, MultiObjective])
def test_24_re_plannings(cls: type[Rolling], capsys: pytest.CaptureFixture[str]) -> None:
    """6 trucks, 300 cars in 10 groups, 24 h ahead."""
    scenario = crowded()
    live(load_scenario("ieee33", {"timing.horizon_h": 3}), cls())  # compiles, or loads
    timed = Timed(cls())
    live(scenario, timed)
    # Once a day routes are searched from scratch.
    searches = timed.seconds[::PER_DAY]
    replanned = np.delete(timed.seconds, [0, PER_DAY])
    with capsys.disabled():
        print(
            f"\n6 trucks, 300 cars in 10 groups, {cls.__name__}, 24 h ahead, processor time\n"
            f"  search from scratch, once a day   {searches[0]:.2f} s   {searches[1]:.2f} s\n"
            f"  re-planning  {np.median(replanned):6.3f} s median   {replanned.max():6.3f} s most"
            f"   ({len(replanned)} of them)\n"
        )
    assert len(replanned) == PER_DAY
    assert np.median(replanned) < 1.0
    assert replanned.max() < 5.0
