"""How fast plans are carried on, and what that costs; `make bench` prints it.

Seconds are processor seconds of one process, so that other work on the machine counts less.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from controllers.rolling.rolling import Rolling
from sim.control import Observation, Plan
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.study.execution.runner import run_episode
from sim.system.system import System

pytestmark = pytest.mark.benchmark

PER_DAY = 96
# Every so many re-plannings the same observation is also planned from scratch.
AUDIT = 12
DAYS = 3


class Timed:
    """Carries plans on for one day, and notes how long that takes."""

    def __init__(self) -> None:
        self._carried = Rolling()
        self.seconds: list[float] = []
        self.carried_usd: list[float] = []
        self.scratch_usd: list[float] = []

    def start(self, system: System, rng: np.random.Generator) -> None:
        self._system, self._rng = system, rng
        self._carried.start(system, rng)

    def decide(self, observation: Observation) -> Plan:
        if len(self.seconds) == PER_DAY:
            return Plan()
        began = time.process_time()
        plan = self._carried.decide(observation)
        self.seconds.append(time.process_time() - began)
        assert plan.fleet is not None
        assert observation.forecast.n_periods == PER_DAY
        if observation.period % AUDIT == AUDIT - 1:
            scratch = Rolling()
            scratch.start(self._system, self._rng)
            self.carried_usd.append(plan.outcome.objective_usd or np.nan)
            self.scratch_usd.append(scratch.decide(observation).outcome.objective_usd or np.nan)
        return plan


def lived_usd(scenario: Scenario, replanning: str, day: int) -> float:
    """Return the objective of a day with re-plannings of one kind."""
    spec = ControllerSpec(name="rolling", parameters=(("replanning", replanning),))
    episode = run_episode(scenario, spec, seed=1, replication=day, verify=Verify.OFF)
    return float(episode.metrics["objective_usd"])


def test_a_day_of_quarter_hours(capsys: pytest.CaptureFixture[str]) -> None:
    """96 re-plannings, each with 24 h ahead, on `ieee33`."""
    hourly = load_scenario("ieee33")
    # Compiles, or loads, what is compiled.
    lived_usd(load_scenario("ieee33", {"timing.horizon_h": 3}), "carried", 0)
    timed = Timed()
    live(load_scenario("ieee33", {"timing.period_min": 15, "timing.days": 2}), timed)
    replanned = np.array(timed.seconds[1:])
    planned = np.array(timed.carried_usd) - np.array(timed.scratch_usd)
    lived = [lived_usd(hourly, "carried", d) - lived_usd(hourly, "scratch", d) for d in range(DAYS)]
    median_s, p95_s = np.median(replanned), np.percentile(replanned, 95)
    with capsys.disabled():
        print(
            f"\nieee33, rolling, 96 quarter hours, 24 h ahead, processor time of one process\n"
            f"  first plan   {timed.seconds[0]:6.2f} s\n"
            f"  re-planning  {median_s:6.3f} s median   {p95_s:6.3f} s 95th percentile"
            f"   {replanned.max():6.3f} s most\n"
            f"  whole day    {sum(timed.seconds):6.1f} s\n"
            f"  planned objective, carried on minus from scratch, {len(planned)} observations"
            f"   {planned.mean():+7.2f} USD mean   {planned.max():+7.2f} worst\n"
            f"  lived objective, the same, {DAYS} days of hours"
            f"   {np.mean(lived):+7.2f} USD mean   {np.max(lived):+7.2f} worst\n"
        )
    assert median_s < 1.0
    assert sum(timed.seconds) < 120.0
