"""Time lost at the start of a trip: a profile of the day, scaled by a factor that varies at random.

The factor of a moment is ``exp(sigma c - sigma^2 / 2)``, of mean 1, with a standard normal state
``c`` that forgets exponentially, so that what will be follows from what is in closed form.
"""

from __future__ import annotations

import math

import numpy as np

from sim.system.timing import Timing
from sim.uncertainty.autoregression import standard_series
from sim.uncertainty.climatology import QUANTILE
from sim.uncertainty.model import Delays
from sim.uncertainty.streams import stream
from sim.units import FloatArray


def draw_state(delays: Delays, timing: Timing, seed: int, replication: int) -> FloatArray:
    """Return the states ``c``, ``(step,)`` [-]."""
    memory = math.exp(-timing.step_h / delays.correlation_h)
    rng = stream(seed, replication, "delays")
    series: FloatArray = standard_series(timing.n_steps, memory, [rng])[0]
    return series


def trip_delay_h(delays: Delays, state: FloatArray) -> FloatArray:
    """Return the delay of a trip that departs in each step, ``(step,)`` [h]."""
    factor = np.exp(delays.sigma * state - delays.sigma**2 / 2)
    return delays.at_step(np.arange(len(state), dtype=np.float64)) * factor


def forecast_delay_h(
    delays: Delays, timing: Timing, state_now: float, now_h: float, depart_h: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return mean, 5 % and 95 % quantile of the delays of trips to come, each ``(H,)`` [h].

    Parameters
    ----------
    delays, timing
        The delays and the episode's steps.
    state_now
        State of this moment [-].
    now_h, depart_h
        This moment, and the departures from now on, ``(H,)`` [h].
    """
    step = np.floor(depart_h / timing.step_h + 1e-9)
    lead_h = (step - math.floor(now_h / timing.step_h + 1e-9)) * timing.step_h
    memory = np.exp(-np.maximum(lead_h, 0.0) / delays.correlation_h)
    sigma, mean_h = delays.sigma, delays.at_step(step)
    known = sigma * memory * state_now
    width = QUANTILE * sigma * np.sqrt(1 - memory**2)
    return (
        mean_h * np.exp(known - (sigma * memory) ** 2 / 2),
        mean_h * np.exp(known - width - sigma**2 / 2),
        mean_h * np.exp(known + width - sigma**2 / 2),
    )
