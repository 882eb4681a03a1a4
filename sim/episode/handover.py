"""One controller until a period, another one from then on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.control import Controller, EvStates, Forecast, Observation, Plan
from sim.system.system import System
from sim.uncertainty.forecaster import Forecaster


class HandOver:
    """Lets a second controller take over from a first one.

    To the world this is one controller. Each of the two is shown what it asks for, and called when
    it asks for it; the plan in force stays in force until the second one changes it. The second
    starts together with the first: a start is told what exists and nothing of the day, and one that
    fails ends the run before anything has happened.

    Parameters
    ----------
    first, second
        Who decides before, and from `from_period` on.
    from_period
        Index of the first period that the second one plans.
    rng
        The second one's own random stream.
    """

    def __init__(
        self, first: Controller, second: Controller, from_period: int, rng: np.random.Generator
    ) -> None:
        self._first = first
        self._second = second
        self._from_period = from_period
        self._rng = rng
        self._in_charge = first
        self.needs_voltages = _sees_voltages(first) or _sees_voltages(second)

    @property
    def replan_on(self) -> frozenset[str]:
        """Events that call for a decision of whoever is in charge."""
        return frozenset(getattr(self._in_charge, "replan_on", ()))

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare both."""
        self._first.start(system, rng)
        self._second.start(system, self._rng)

    def decide(self, observation: Observation) -> Plan:
        """Return the plan of whoever is in charge."""
        if observation.period >= self._from_period:
            self._in_charge = self._second
        if not _sees_voltages(self._in_charge):
            observation = replace(observation, vm_pu=None, loading_percent=None)
        return self._in_charge.decide(observation)


class HandedOverForecaster:
    """Issues the forecasts of one forecaster before a period, of another from then on.

    Parameters
    ----------
    first, second
        Who issues before, and from `from_period` on.
    from_period
        Index of the period that the second one is the first to issue for.
    """

    def __init__(self, first: Forecaster, second: Forecaster, from_period: int) -> None:
        self._first = first
        self._second = second
        self._from_period = from_period

    def issue(self, period: int, now_h: float, evs: EvStates) -> Forecast:
        """Return the forecast; see `Forecaster.issue`."""
        source = self._first if period < self._from_period else self._second
        return source.issue(period, now_h, evs)


def _sees_voltages(controller: Controller) -> bool:
    return bool(getattr(controller, "needs_voltages", False))
