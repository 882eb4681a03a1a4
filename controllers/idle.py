"""Do nothing: the reference for what storage is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.control import Observation, Plan
from sim.system.system import System


class Idle:
    """Vehicles stay where they are and exchange no power."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Parameters:
        """Nothing to set."""

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or self.Parameters()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare nothing."""

    def decide(self, observation: Observation) -> Plan:
        """Return an empty plan."""
        del observation
        return Plan()
