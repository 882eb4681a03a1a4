"""How fast the environment steps beside `run` on the same actions.

`make bench` prints it, and `docs/benchmark.py` writes it into the page.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

import gridhaul
from sim.control import Capabilities, Observation, Plan
from sim.episode.record import EpisodeKey
from sim.episode.simulate import simulate
from sim.scenario import load_scenario
from sim.study.execution.runner import forecaster_for, nature_of

pytestmark = pytest.mark.benchmark

DAYS, REPEATS = 4, 5
SCENARIOS = ("tiny", "ieee33", "six_bus_rail")


def processor_s(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def speed_and_share(name: str) -> tuple[float, float]:
    """Return the steps/s of the environment, and its speed as a share of that of `run`.

    Random actions, decoded by both; money and observations on every step in one of them.
    """
    scenario = load_scenario(name)
    env, nature = gridhaul.make_env(scenario), nature_of(scenario)
    n_steps = scenario.system.timing.n_steps
    env.action_space.seed(0)
    actions = [
        [env.action_space.sample() for _ in range(scenario.system.timing.n_periods)]
        for _ in range(DAYS)
    ]

    class Replayed:
        def __init__(self, own: list[np.ndarray]) -> None:
            self._left = iter(own)

        def start(self, system: object, rng: object) -> None:
            pass

        def decide(self, observation: Observation) -> Plan:
            return env.actions.decode(next(self._left), observation).plan

    def run() -> None:
        for day, own in enumerate(actions):
            realisation = nature.draw(1, day)
            forecaster = forecaster_for(Capabilities(), nature, realisation)
            key = EpisodeKey(
                scenario=name, controller="random", seed=1, replication=day, drawn_as="random"
            )
            simulate(scenario.system, realisation, forecaster, Replayed(own), key=key)

    def step() -> None:
        for day, own in enumerate(actions):
            env.reset(seed=day)
            for action in own:
                env.step(action)

    run(), step()
    pairs = [(processor_s(run), processor_s(step)) for _ in range(REPEATS)]
    share = statistics.median(of_run / of_env for of_run, of_env in pairs)
    return n_steps * DAYS / statistics.median(of_env for _, of_env in pairs), share


@pytest.mark.parametrize("name", SCENARIOS)
def test_steps_of_the_environment(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    speed, share = speed_and_share(name)
    with capsys.disabled():
        print(f"\n{name}: environment {speed:.0f} steps/s, {share:.2f} x run")
    assert share >= 0.5
