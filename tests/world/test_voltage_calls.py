"""A voltage that leaves its limits between the periods calls for a decision."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sim.control import Capabilities, GridPlan, Observation, Plan, Trigger
from sim.episode.episode import Episode
from sim.inspect.laws.witness import Diary, live
from sim.scenario import Scenario, load_scenario
from sim.system.system import System
from tests.world.build import Scripted


class Watches(Scripted):
    """Decides on voltage violations too."""

    capabilities = Capabilities(replan_on=frozenset({Trigger.VOLTAGE_VIOLATION}))


class Caps(Watches):
    """Caps all plants until the end of the period when a voltage is too high, and frees them."""

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.system = system

    def decide(self, observation: Observation) -> Plan:
        limit_mw = np.full((1, len(self.system.generators.name)), np.inf)
        volts = observation.vm_pu
        if volts is not None and (volts > self.system.grid.v_max_pu).any():
            limit_mw[:] = 0.2
        return Plan(grid=GridPlan(generation_limit_mw=limit_mw))


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario("residential_ev", {"uncertainty": "off"})


@pytest.fixture(scope="module")
def watched(scenario: Scenario) -> tuple[Episode, Diary]:
    return live(scenario, Watches(Plan()))


def outside(scenario: Scenario, volts: np.ndarray) -> np.ndarray:
    grid = scenario.system.grid
    return ((volts > grid.v_max_pu) | (volts < grid.v_min_pu)).any(axis=1)


def test_the_first_violation_of_a_row_is_a_decision_as_its_step_is_metered(
    scenario: Scenario, watched: tuple[Episode, Diary]
) -> None:
    episode, diary = watched
    is_out = outside(scenario, episode.vm_pu.to_numpy())
    begins = np.flatnonzero(is_out & ~np.append(False, is_out[:-1]))
    metered_h = {(step + 1) * 0.25 for step in begins}
    between = {hour for hour in metered_h if hour % 1}
    times = [observation.now_h for observation in diary.observations]
    assert {hour for hour in times if hour % 1} == between
    assert len(between) >= 2
    assert (np.diff(times) >= 0.25).all()


def test_the_decision_sees_the_voltages_that_called_for_it(
    scenario: Scenario, watched: tuple[Episode, Diary]
) -> None:
    episode, diary = watched
    for observation in diary.observations:
        if observation.now_h % 1:
            step = round(observation.now_h / 0.25) - 1
            assert observation.vm_pu is not None
            np.testing.assert_allclose(observation.vm_pu, episode.vm_pu.to_numpy()[step], atol=1e-6)
            assert outside(scenario, observation.vm_pu[None]).all()


def test_such_decisions_are_counted_and_named(watched: tuple[Episode, Diary]) -> None:
    episode, _ = watched
    called = episode.decisions["trigger"] != ""
    assert set(episode.decisions["trigger"][called]) == {"voltage_violation"}
    assert episode.metrics["called_decisions"] == called.sum() > 0
    assert (episode.decisions["time_h"][called] % 1 > 0).all()
    assert (episode.decisions["time_h"][~called] % 1 == 0).all()


def test_who_does_not_wait_for_it_is_not_called(scenario: Scenario) -> None:
    episode, _ = live(scenario, Scripted(Plan()))
    assert episode.metrics["called_decisions"] == 0
    assert episode.metrics["decisions"] == 24


def test_a_controller_that_answers_ends_the_violation_within_the_period(scenario: Scenario) -> None:
    noon = dataclasses.replace(scenario.system.grid, v_min_pu=np.full(33, 0.5))
    tolerant = dataclasses.replace(scenario, system=dataclasses.replace(scenario.system, grid=noon))
    alone, _ = live(tolerant, Watches(Plan()))
    answered, _ = live(tolerant, Caps(Plan()))
    found = [own.metrics["voltage_violation_steps"] for own in (alone, answered)]
    assert answered.metrics["called_decisions"] > 0
    assert found[1] < 0.6 * found[0]
