"""What calls for a decision between two periods."""

from __future__ import annotations

import simpy

from sim.control import Capabilities
from sim.system.grid import Grid
from sim.units import FloatArray


class ReplanningCalls:
    """Calls for decisions; those that the controller does not wait for are lost.

    Parameters
    ----------
    env
        SimPy's environment.
    capabilities
        What the controller in charge waits for.
    """

    def __init__(self, env: simpy.Environment, capabilities: Capabilities) -> None:
        self._env = env
        self.capabilities = capabilities
        self.next = env.event()

    def waits_for(self, trigger: str) -> bool:
        """Return whether the controller wants to decide on this."""
        return trigger in self.capabilities.replan_on

    def call(self, trigger: str) -> None:
        """Call for a decision; `next` succeeds with the trigger."""
        if self.waits_for(trigger) and not self.next.triggered:
            self.next.succeed(trigger)
            self.next = self._env.event()


class VoltageMonitor:
    """Tells when voltages leave their limits that were within them a step ago."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._violated = False

    def leaves_limits(self, vm_pu: FloatArray) -> bool:
        """Return whether the voltages of a step, ``(bus,)`` [pu], are the first beyond limits."""
        before, grid = self._violated, self._grid
        self._violated = bool(((vm_pu > grid.v_max_pu) | (vm_pu < grid.v_min_pu)).any())
        return self._violated and not before
