"""Traffic: the speeds that will be.

The state ``c`` of a link is standard normal and made of a factor ``D`` common to a day and a factor
``N`` of the link that forgets exponentially::

    c(link, t) = sqrt(a) D(day) + sqrt(1 - a) N(link, t),   corr N = exp(-lag / correlation_h)

so that what will be follows from what is by Gaussian conditioning, in closed form.
"""

from __future__ import annotations

import math

import numpy as np

from sim.system.system import System
from sim.uncertainty.autoregression import standard_series
from sim.uncertainty.model import Traffic
from sim.uncertainty.streams import stream, streams
from sim.uncertainty.volume_delay import Laws, delay_factor
from sim.units import HOURS_PER_DAY, FloatArray

QUARTER_S = 900
QUARTERS_PER_DAY = 96
QUARTER_H = HOURS_PER_DAY / QUARTERS_PER_DAY


def demand_by_quarter(traffic: Traffic) -> FloatArray:
    """Return the mean volume over capacity by quarter hour of the day, ``(96,)`` [-].

    A storm takes capacity from all links.
    """
    hours = (np.arange(QUARTERS_PER_DAY) + 0.5) / 4
    centres = np.arange(24) + 0.5
    volume = traffic.intensity * np.interp(hours, centres, traffic.demand, period=HOURS_PER_DAY)
    storm = traffic.storm
    ratio: FloatArray = volume / (1 - storm.capacity_loss * storm.strength(hours))
    return ratio


def draw_state(
    system: System, traffic: Traffic, seed: int, replication: int, n_quarters: int
) -> FloatArray:
    """Return the states ``c`` of all links, ``(quarter, link)`` [-]."""
    roads = system.roads
    days = np.arange(n_quarters) // QUARTERS_PER_DAY
    day_factor = np.array(
        [
            stream(seed, replication, "traffic.day", index=day).standard_normal()
            for day in range(int(days[-1]) + 1)
        ]
    )
    memory = math.exp(-0.25 / traffic.correlation_h)
    rngs = streams(seed, replication, "traffic.link", roads.link_name)
    link_factor = np.ascontiguousarray(standard_series(n_quarters, memory, rngs).T)
    share = traffic.day_share
    return math.sqrt(share) * day_factor[days][:, None] + math.sqrt(1 - share) * link_factor


def link_speed(
    system: System, traffic: Traffic, laws: Laws, state: FloatArray, first_quarter: int
) -> FloatArray:
    """Return the speeds on the links, ``(quarter, link)`` [km/h].

    Parameters
    ----------
    laws
        Volume-delay functions of the links.
    state
        States of the links, ``(quarter, link)``.
    first_quarter
        Quarter hour of the day of row 0.
    """
    quarter = (first_quarter + np.arange(len(state))) % QUARTERS_PER_DAY
    ratio = demand_by_quarter(traffic)[quarter][:, None] * np.exp(
        traffic.sigma * state - traffic.sigma**2 / 2
    )
    alpha, beta = laws.by_link()
    speed: FloatArray = system.roads.free_speed_kmh / delay_factor(ratio, alpha, beta)
    return speed
