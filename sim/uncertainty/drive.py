"""A drive over a way whose excess time is log-normal and changes every quarter hour."""

from __future__ import annotations

import math
from typing import NamedTuple

from numba import njit

from sim.uncertainty.traffic import QUARTER_H, QUARTERS_PER_DAY
from sim.units import HOURS_PER_DAY, FloatArray

LONGEST_H = 10 * HOURS_PER_DAY  # of a drive, as far as the traffic that it meets is followed

# Gauss-Hermite quadrature for the standard normal law, exact to the ninth degree.
NODES = (-2.8569700138728056, -1.3556261799742659, 0.0, 1.3556261799742659, 2.8569700138728056)
WEIGHTS = (
    0.01125741132772069, 0.2220759220056127, 0.5333333333333333, 0.2220759220056127,
    0.01125741132772069,
)  # fmt: skip


class Road(NamedTuple):
    """What a drive over a way meets.

    Attributes
    ----------
    free_h
        Driving time on empty roads [h].
    met
        Mean volume over a usual drive [-].
    held_h
        Time from the departure until speeds change for the first time [h].
    quarter
        Quarter hour of the departure, counted from a midnight.
    volume
        The volume's part of the excess time by quarter hour, ``(96,)`` [-].
    """

    free_h: float
    met: float
    held_h: float
    quarter: int
    volume: FloatArray


class Drive(NamedTuple):
    """Mean [h] and variance [h^2] of a driving time; share of the variance common to all ways."""

    mean_h: float
    variance_h2: float
    common: float


@njit(cache=True)
def drive_h(road: Road, excess_h: float) -> float:
    """Return how long a drive takes whose pace changes every quarter hour [h].

    `excess_h` is the time above the free one at the volume `road.met`. What is left of the way is
    driven at the pace of each quarter hour, so a jam costs no more than it lasts.
    """
    left, clock_h, span_h, quarter = 1.0, 0.0, road.held_h, road.quarter
    while True:
        share = road.volume[quarter % QUARTERS_PER_DAY] / road.met if road.met > 0.0 else 0.0
        whole_h = road.free_h + excess_h * share
        # A standstill lasts millions of hours.
        if left * whole_h <= span_h or clock_h >= LONGEST_H:
            return clock_h + left * whole_h
        left -= span_h / whole_h
        clock_h += span_h
        span_h = QUARTER_H
        quarter += 1


@njit(cache=True)
def drive_moments(
    road: Road, excess_h: float, variance_h2: float, delay_h: float, common: float
) -> Drive:
    """Return the moments of a drive, by quadrature.

    Parameters
    ----------
    road
        What it meets.
    excess_h, variance_h2
        Mean and variance of the log-normal excess time [h, h^2].
    delay_h
        Mean delay by incidents, which comes on top [h].
    common
        Share of the variance common to all ways [-].
    """
    median_h, width = log_normal(excess_h, variance_h2)
    first = second = 0.0
    for k in range(len(NODES)):
        found_h = drive_h(road, median_h * math.exp(width * NODES[k]))
        first += WEIGHTS[k] * found_h
        second += WEIGHTS[k] * found_h * found_h
    return Drive(first + delay_h, max(second - first * first, 0.0), common)


@njit(cache=True)
def better_h(one: Drive, other: Drive) -> float:
    """Return the mean driving time of who takes the faster of two ways [h].

    As for two normal variables that are correlated by what all ways have in common (Clark, *The
    greatest of a finite set of random variables*, Operations Research 9, 1961).
    """
    if math.isinf(one.mean_h):
        return other.mean_h
    apart_h = math.sqrt(one.variance_h2 * one.common) - math.sqrt(other.variance_h2 * other.common)
    variance_h2 = apart_h * apart_h
    variance_h2 += one.variance_h2 * (1.0 - one.common) + other.variance_h2 * (1.0 - other.common)
    low_h, high_h = min(one.mean_h, other.mean_h), max(one.mean_h, other.mean_h)
    if not variance_h2 > 0.0:
        return low_h
    spread_h = math.sqrt(variance_h2)
    x = (high_h - low_h) / spread_h
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return low_h - spread_h * (density - x * math.erfc(x / math.sqrt(2)) / 2)


@njit(cache=True)
def log_normal(mean: float, variance: float) -> tuple[float, float]:
    """Return median and width of the log-normal law with this mean and variance."""
    if not (mean > 0.0 and variance > 0.0):
        return mean, 0.0
    ratio = 1.0 + variance / (mean * mean)
    return mean / math.sqrt(ratio), math.sqrt(math.log(ratio))
