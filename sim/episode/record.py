"""What an episode leaves behind before it is put into tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.electrical.electrics import Electrics
from sim.episode.verification import Verification
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.uncertainty.streams import stream
from sim.units import FloatArray, IntArray
from sim.world.recorder import Readings, Recorder
from sim.world.vehicle_meter import Trip


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeKey:
    """What an episode is called.

    Attributes
    ----------
    scenario, controller
        Names, as tables show them.
    seed, replication
        Key of the realisation: equal keys are equal days for every controller.
    drawn_as
        What stands for the controller in the key of its random stream.
    """

    scenario: str
    controller: str
    seed: int
    replication: int
    drawn_as: str

    def stream(self, source: str) -> np.random.Generator:
        """Return a random stream of this episode's own."""
        return stream(self.seed, self.replication, source, self.drawn_as)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EpisodeRecord:
    """An episode that is over.

    Attributes
    ----------
    key
        What was run.
    system, realisation
        What existed and what happened.
    recorder, readings, trips
        What was noted, what meters of vehicles read, and what was driven.
    evs_short, evs_impossible
        Electric cars that left with less energy than the next day's trips take: those whose stay,
        as stated, sufficed, and those that nothing could have helped.
    refused
        Why units refused an order, ``(step, unit)``; `sim.world.thermal_units.Refusal`.
    lmp_usd_per_mwh
        Prices that the controller found, ``(period, bus)``; NaN where it found none.
    electrics, verification
        Power flow of all steps, and what a second engine says of it.
    figures
        Figures of decisions that are metrics of the episode; see `Capabilities`.
    seconds
        Wall clock by stage [s].
    """

    key: EpisodeKey
    system: System
    realisation: Realisation
    recorder: Recorder
    readings: Readings
    trips: tuple[Trip, ...]
    evs_short: int
    evs_impossible: int
    refused: IntArray
    lmp_usd_per_mwh: FloatArray
    electrics: Electrics
    verification: Verification
    figures: tuple[str, ...]
    seconds: dict[str, float]
