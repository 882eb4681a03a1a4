"""Things that go wrong: incidents on roads, breakdowns of vehicles, outages of lines.

All are Poisson processes with exponential durations. An exponential duration has no memory: however
long a repair has lasted, what is told about its rest is its mean, and nothing leaks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.system.system import System
from sim.system.vehicles import Train
from sim.uncertainty.streams import stream, streams
from sim.units import SECONDS_PER_HOUR, FloatArray

ROUNDING = 1e-9  # steps; what floats add to a time that is a whole number of steps


def _require_not_negative(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}(={value}) must be a finite number >= 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incidents:
    """Accidents and works that take capacity from a road link.

    Attributes
    ----------
    per_day
        Mean number a day on all links together; a link gets its share by length [1/day].
    duration_h
        Mean duration [h].
    capacity_loss
        Share of the capacity lost meanwhile, in [0, 1) [-].
    """

    per_day: float = 0.0
    duration_h: float = 1.0
    capacity_loss: float = 0.5

    def __post_init__(self) -> None:
        _require_not_negative(self, "per_day", "duration_h")
        if not 0 <= self.capacity_loss < 1:
            raise ValueError(f"capacity_loss(={self.capacity_loss}) must be in [0, 1).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdowns:
    """Breakdowns of trucks, by the kilometre.

    Attributes
    ----------
    per_1000_km
        Mean number in 1000 km [-].
    repair_h
        Mean time of a repair [h].
    roadside_share
        Share repaired where it happens; the others reach the station and are repaired there [-].
    """

    per_1000_km: float = 0.0
    repair_h: float = 1.0
    roadside_share: float = 0.5

    def __post_init__(self) -> None:
        _require_not_negative(self, "per_1000_km", "repair_h")
        if not 0 <= self.roadside_share <= 1:
            raise ValueError(f"roadside_share(={self.roadside_share}) must be in [0, 1].")


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedOutage:
    """A line that trips in every replication, unannounced.

    Attributes
    ----------
    line
        Name of the line.
    from_h, hours
        When, counted from the start of the episode, and for how long [h]. It begins with the step
        that `from_h` lies in, and lasts so long: a length that is no multiple of the step is
        rounded up or down at random, so that it is right on average.
    """

    line: str
    from_h: float
    hours: float

    def __post_init__(self) -> None:
        _require_not_negative(self, "from_h", "hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Lines that trip and return.

    Attributes
    ----------
    per_line_year
        Mean number a year of each line in service [1/year].
    duration_h
        Mean duration [h]; the steps out of service are as many, on average.
    fixed
        Outages that happen in any case.
    """

    per_line_year: float = 0.0
    duration_h: float = 1.0
    fixed: tuple[FixedOutage, ...] = ()

    def __post_init__(self) -> None:
        _require_not_negative(self, "per_line_year", "duration_h")


class Incident(NamedTuple):
    """A time during which crossing a link takes longer.

    `stretch` multiplies the time above the free one; by the volume-delay function it is
    ``(1 - capacity_loss) ** -beta``.
    """

    link: int
    start_s: float
    end_s: float
    stretch: float


class Breakdown(NamedTuple):
    """A vehicle that breaks down when it has driven so far since the episode's start."""

    odometer_km: float
    repair_s: float
    roadside: bool


class Outage(NamedTuple):
    """A line out of service during whole steps ``[first, last)``."""

    line: int
    first: int
    last: int


def draw_incidents(
    system: System, incidents: Incidents, beta: FloatArray, seed: int, replication: int
) -> tuple[Incident, ...]:
    """Return the incidents of one replication, by link and start.

    `beta` is the exponent of the volume-delay functions, ``(link,)``.
    """
    roads = system.roads
    if incidents.per_day == 0.0:
        return ()
    end_h = system.timing.end_h
    apart_h = (1 / (incidents.per_day / 24 * roads.length_km / roads.network_km)).tolist()
    found = []
    rngs = streams(seed, replication, "incidents", roads.link_name)
    for link, rng in enumerate(rngs):
        start_h = rng.exponential(apart_h[link])
        while start_h < end_h:
            duration_h = rng.exponential(incidents.duration_h)
            found.append(
                Incident(
                    link,
                    round(start_h * SECONDS_PER_HOUR, 6),
                    round((start_h + duration_h) * SECONDS_PER_HOUR, 6),
                    (1 - incidents.capacity_loss) ** -float(beta[link]),
                )
            )
            start_h += rng.exponential(apart_h[link])
    return tuple(found)


def draw_breakdowns(
    system: System, breakdowns: Breakdowns, seed: int, replication: int
) -> tuple[tuple[Breakdown, ...], ...]:
    """Return the breakdowns of every vehicle by distance, more than it can drive to."""
    if breakdowns.per_1000_km == 0.0:
        return tuple(() for _ in system.vehicles)
    fastest = float(system.roads.free_speed_kmh.max(initial=0.0))
    furthest_km = fastest * system.timing.end_h
    found: list[tuple[Breakdown, ...]] = []
    for vehicle in system.vehicles:
        if isinstance(vehicle, Train):  # counts no kilometres
            found.append(())
            continue
        rng = stream(seed, replication, "breakdowns", vehicle.name)
        odometer_km = 0.0
        own = []
        while odometer_km <= furthest_km:
            odometer_km += rng.exponential(1000 / breakdowns.per_1000_km)
            repair_s = round(rng.exponential(breakdowns.repair_h) * SECONDS_PER_HOUR, 6)
            roadside = bool(rng.random() < breakdowns.roadside_share)
            own.append(Breakdown(odometer_km, repair_s, roadside))
        found.append(tuple(own))
    return tuple(found)


def draw_outages(
    system: System, outages: Outages, seed: int, replication: int
) -> tuple[Outage, ...]:
    """Return the outages of one replication; they start and end with a step.

    A line trips at any moment and is out from the start of that step. For how many steps is drawn
    from the geometric law, the exponential one in whole steps: it has no memory either, and its
    mean is the mean duration. Where this is shorter than a step, an outage lasts one step or none,
    by its share.
    """
    lines, timing = system.grid.lines, system.timing
    fixed = [
        _in_steps(own, system, stream(seed, replication, "outages.fixed", own.line, k))
        for k, own in enumerate(outages.fixed)
    ]
    found = [own for own in fixed if own.first < own.last]
    if outages.per_line_year == 0.0:
        return tuple(found)
    rate = outages.per_line_year / (366 * timing.steps_per_day)
    mean_steps = outages.duration_h / timing.step_h
    for line in np.flatnonzero(lines.from_closed & lines.to_closed):
        rng = stream(seed, replication, "outages", lines.name[line])
        start = rng.exponential(1 / rate)
        while start < timing.n_steps:
            length = _whole_steps(mean_steps, rng.exponential())
            first = math.floor(start)
            if length:
                found.append(Outage(int(line), first, min(first + length, timing.n_steps)))
            start += rng.exponential(1 / rate) + length
    return tuple(found)


def _whole_steps(mean_steps: float, drawn: float) -> int:
    """Return a length with this mean from a number drawn from the exponential law with mean 1."""
    if mean_steps <= 1.0:
        return int(math.exp(-drawn) < mean_steps)
    # The k-th step begins if all before it did not end the outage, each with 1 / mean_steps.
    return max(math.ceil(-drawn / math.log1p(-1.0 / mean_steps)), 1)


def _in_steps(outage: FixedOutage, system: System, rng: np.random.Generator) -> Outage:
    timing = system.timing
    first = math.floor(outage.from_h / timing.step_h + ROUNDING)
    length = math.floor(outage.hours / timing.step_h + ROUNDING)
    rest = outage.hours / timing.step_h - length
    if rest > ROUNDING:
        length += int(rng.random() < rest)
    line = system.grid.lines.name.index(outage.line)
    return Outage(line, min(first, timing.n_steps), min(first + length, timing.n_steps))
