"""Delays of trains, drawn by segment and departure slot, and what is expected of runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sim.system.rails import Rails
from sim.system.system import System
from sim.uncertainty.streams import stream
from sim.units import SECONDS_PER_HOUR, FloatArray, frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class RailDelays:
    """How trains lose time: at the end of a segment, before they reach the next node.

    A late train is late by an exponential time, which has no memory: however late it is, what is
    told about the rest is its mean.

    Attributes
    ----------
    probability
        That a train which enters a segment in some slot will be late, in [0, 1] [-].
    mean_h
        Mean delay of those that are late [h].
    """

    probability: float = 0.0
    mean_h: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability(={self.probability}) must be in [0, 1].")
        if not (math.isfinite(self.mean_h) and self.mean_h >= 0):
            raise ValueError(f"mean_h(={self.mean_h}) must be a finite number >= 0.")

    @property
    def expected_h(self) -> float:
        """Mean delay of all trains on one segment [h]."""
        return self.probability * self.mean_h


def draw_delay_h(system: System, delays: RailDelays, seed: int, replication: int) -> FloatArray:
    """Return the delays by slot in which a segment is entered, ``(slot, segment)`` [h].

    Each slot and segment has a stream of its own, so that what is drawn for one changes no other.
    """
    rails = system.rails
    n_slots = math.ceil(system.timing.end_h / rails.slot_h - 1e-9)
    delay_h = np.zeros((n_slots, rails.n_segments))
    if delays.expected_h == 0.0:
        return delay_h
    for segment in range(rails.n_segments):
        name = rails.segment_name(segment)
        for slot in range(n_slots):
            rng = stream(seed, replication, "rail delay", name, slot)
            late, share = rng.random() < delays.probability, rng.exponential()
            delay_h[slot, segment] = share * delays.mean_h if late else 0.0
    return delay_h


class RailConditions:
    """The delays of one replication, as trains meet them.

    Parameters
    ----------
    rails
        The network.
    delay_h
        By slot of entry, ``(slot, segment)`` [h]; the last slot holds from then on.
    told_s
        How long the rest of a delay is said to be [s].
    """

    def __init__(self, rails: Rails, delay_h: FloatArray, told_s: float) -> None:
        self.rails = rails
        self.told_s = told_s
        self._delay_h = delay_h

    def running_s(self, segment: int) -> float:
        """Return the time a train without delay takes [s]."""
        # Whole microseconds: a run of two hours ends at 7200, not a rounding error later.
        return round(float(self.rails.running_h[segment]) * SECONDS_PER_HOUR, 6)

    def delay_s(self, segment: int, enter_s: float) -> float:
        """Return the delay of a train that enters a segment at this moment [s]."""
        slot = int(enter_s / SECONDS_PER_HOUR / self.rails.slot_h + 1e-9)
        delay_h = self._delay_h[min(slot, len(self._delay_h) - 1), segment]
        return round(float(delay_h) * SECONDS_PER_HOUR, 6)

    def next_slot_s(self, time_s: float) -> float:
        """Return the first slot at or after a moment [s]."""
        return round(self.rails.next_slot(time_s / SECONDS_PER_HOUR) * SECONDS_PER_HOUR, 6)

    def run_h(self, segments: tuple[int, ...] | None, depart_h: float) -> float:
        """Return the time from `depart_h` to the end of a run that meets no other train [h].

        It contains the wait for the slot, and is infinite where no track leads.
        """
        if segments is None:
            return math.inf
        if not segments:
            return 0.0
        clock_s = self.next_slot_s(depart_h * SECONDS_PER_HOUR)
        for segment in segments:
            clock_s += self.running_s(segment) + self.delay_s(segment, clock_s)
        return clock_s / SECONDS_PER_HOUR - depart_h


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RailForecaster:
    """What is expected of runs between stations.

    Attributes
    ----------
    rails
        The network.
    ways
        Segments from every station to every other, None where no track leads.
    moving_h
        Mean time on the line, delays included, ``(station, station)`` [h].
    """

    rails: Rails
    ways: tuple[tuple[tuple[int, ...] | None, ...], ...]
    moving_h: FloatArray

    @classmethod
    def build(cls, system: System, delays: RailDelays) -> RailForecaster:
        """Find the ways."""
        rails = system.rails
        nodes = [station.rail_node for station in system.stations]
        nowhere: tuple[tuple[int, ...] | None, ...] = (None,) * len(nodes)
        ways = tuple(
            nowhere
            if start is None
            else tuple(None if goal is None else rails.way(start, goal) for goal in nodes)
            for start in nodes
        )
        moving_h = np.full((len(nodes), len(nodes)), np.inf)
        for i, row in enumerate(ways):
            if row is nowhere:
                continue
            for j, way in enumerate(row):
                if way is not None:
                    span_h = rails.running_h[list(way)] + delays.expected_h
                    moving_h[i, j] = float(span_h.sum())
        return cls(rails=rails, ways=ways, moving_h=frozen(moving_h))

    def expected_h(self, depart_h: FloatArray) -> FloatArray:
        """Return the mean time from an order to the arrival, ``(H, station, station)`` [h].

        The wait for the slot is in it, waiting for other trains is not.

        Parameters
        ----------
        depart_h
            When trains are told to leave, ``(H,)`` [h].
        """
        if not (np.isfinite(self.moving_h) & (self.moving_h > 0)).any():  # no track leads anywhere
            return np.broadcast_to(self.moving_h, (len(depart_h), *self.moving_h.shape))
        wait_h = [max(self.rails.next_slot(float(at_h)) - at_h, 0.0) for at_h in depart_h]
        moves = self.moving_h > 0
        expected: FloatArray = self.moving_h + np.multiply.outer(np.array(wait_h), moves)
        return expected

    def exact_h(self, conditions: RailConditions, depart_h: FloatArray) -> FloatArray:
        """Return the same as `expected_h`, with the delays that there will be."""
        found = [
            [[conditions.run_h(way, float(at_h)) for way in row] for row in self.ways]
            for at_h in depart_h
        ]
        return np.array(found).reshape(len(depart_h), *self.moving_h.shape)
