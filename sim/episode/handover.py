"""One controller until a period, another one from then on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.control import (
    Capabilities,
    Controller,
    EvStates,
    Forecast,
    Observation,
    Plan,
    capabilities_of,
)
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
    streams
        The random streams of the two.
    """

    def __init__(
        self,
        first: Controller,
        second: Controller,
        from_period: int,
        streams: tuple[np.random.Generator, ...],
    ) -> None:
        self._first = first
        self._second = second
        self._from_period = from_period
        self._streams = streams
        self._in_charge = first

    @property
    def capabilities(self) -> Capabilities:
        """What whoever is in charge waits for, and what either of them needs to see."""
        own = [capabilities_of(self._first), capabilities_of(self._second)]
        return Capabilities(
            needs_voltages=any(each.needs_voltages for each in own),
            replan_on=capabilities_of(self._in_charge).replan_on,
            figures=tuple(dict.fromkeys(name for each in own for name in each.figures)),
        )

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare both; each has its own random stream."""
        del rng
        for each, stream in zip((self._first, self._second), self._streams, strict=True):
            each.start(system, stream)

    def decide(self, observation: Observation) -> Plan:
        """Return the plan of whoever is in charge."""
        if observation.period >= self._from_period:
            self._in_charge = self._second
        if not capabilities_of(self._in_charge).needs_voltages:
            observation = replace(observation, voltages=None)
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
