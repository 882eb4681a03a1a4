"""Run an episode and write down what world and controller tell each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sim.control import Capabilities, Controller, Observation, Plan, capabilities_of
from sim.episode.episode import Episode
from sim.episode.record import EpisodeKey
from sim.episode.simulate import simulate
from sim.scenario import Scenario
from sim.system.battery import Battery
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.world.guard import Guard, limit_power

Make: TypeAlias = Callable[[], Controller]


class Diary:
    """Stands between the world and a controller, and writes down what is said."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.observations: list[Observation] = []
        self.plans: list[Plan] = []
        self.errors: list[Exception] = []

    @property
    def capabilities(self) -> Capabilities:
        """What the controller says of itself."""
        return capabilities_of(self.controller)

    def start(self, system: Any, rng: np.random.Generator) -> None:
        """Start the controller."""
        self.controller.start(system, rng)

    def decide(self, observation: Observation) -> Plan:
        """Return the controller's plan."""
        self.observations.append(observation)
        try:
            plan = self.controller.decide(observation)
        except Exception as error:
            self.errors.append(error)
            raise
        self.plans.append(plan)
        return plan


class Witness(NamedTuple):
    """An episode, and what was said in it."""

    episode: Episode
    diary: Diary


def live(
    scenario: Scenario,
    controller: Controller,
    *,
    replication: int = 0,
    realisation: Realisation | None = None,
    forecaster: Forecaster | None = None,
    guard: Guard = limit_power,
    nature: Nature | None = None,
    name: str = "",
) -> Witness:
    """Simulate an episode and write down what is said in it.

    What is left out follows from the scenario: the realisation from its seed and the replication,
    the forecasts from the realisation; the name from the controller's class.
    """
    system = scenario.system
    nature = nature or Nature.build(system, scenario.uncertainty)
    realisation = realisation or nature.draw(scenario.seed, replication)
    diary = Diary(controller)
    episode = simulate(
        system,
        realisation,
        forecaster or CalibratedForecaster.build(nature, realisation),
        diary,
        guard,
        key=EpisodeKey(
            scenario=scenario.name,
            controller=name or type(controller).__name__,
            drawn_as=name or type(controller).__name__,
            seed=scenario.seed,
            replication=replication,
        ),
    )
    return Witness(episode, diary)


def no_guard(
    battery: Battery,  # noqa: ARG001 - what every guard is told
    energy_mwh: float,  # noqa: ARG001
    p_mw: float,
    q_mvar: float,
    duration_h: float,  # noqa: ARG001
) -> tuple[float, float]:
    """Let every order pass: the world has to refuse by itself."""
    return p_mw, q_mvar
