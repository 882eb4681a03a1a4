"""The order of things that happen at the same time."""

from __future__ import annotations

import enum

import simpy


class Order(enum.IntEnum):
    """Priorities of events at equal times; SimPy handles the smaller number first.

    What vehicles do runs at SimPy's own priorities (0 and 1), so that a truck that drives 600 s
    and sets up for 300 s is connected when the clock strikes 900. Trains that ask for track at one
    moment take turns between `TRACK` and `METERING`. The `ANSWER` to a question that stands comes
    before everything else. `AFTERWARDS` what was decided has been applied.
    """

    ANSWER = -1
    TRACK = 2
    METERING = 3
    DECISION = 4
    APPLICATION = 5
    AFTERWARDS = 6


class Tick(simpy.Event):
    """An event after `delay_s` seconds that takes its turn among simultaneous ones by `order`."""

    def __init__(self, env: simpy.Environment, delay_s: float, order: float) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        env.schedule(self, priority=order, delay=delay_s)  # type: ignore[arg-type]


class Answer(simpy.Event):
    """An event that happens as soon as it is given a value, before all others of that moment."""

    def give(self, value: object) -> None:
        """Let it happen with a value."""
        self._ok = True
        self._value = value
        self.env.schedule(self, priority=Order.ANSWER)  # type: ignore[arg-type]
