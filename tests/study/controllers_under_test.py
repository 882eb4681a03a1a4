"""Controllers that tests name as ``file.py:Class``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.control import Capabilities, Observation, Outcome, Plan
from sim.system.system import System


class Plain:
    """Does nothing and takes no parameters."""

    def start(self, system: System, rng: np.random.Generator) -> None: ...

    def decide(self, observation: Observation) -> Plan:
        return Plan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Knobs:
    horizon: int = 4
    gain: float = 1.0

    def __post_init__(self) -> None:
        if self.gain < 0:
            raise ValueError(f"gain(={self.gain}) must be >= 0.")


class Tuned(Plain):
    """Takes parameters."""

    Parameters = Knobs

    def __init__(self, parameters: Knobs) -> None:
        self.parameters = parameters


class Conductor(Plain):
    """Can do nothing without trains."""

    capabilities = Capabilities(requires=frozenset({"rail"}))


class Mute:
    """Cannot decide."""

    def start(self, system: System, rng: np.random.Generator) -> None: ...


class Counting(Plain):
    """Has a figure that others lack."""

    capabilities = Capabilities(figures=("counted",))

    def decide(self, observation: Observation) -> Plan:
        return Plan(outcome=Outcome(figures={"counted": 7.0}))
