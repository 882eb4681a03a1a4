"""Traffic: speeds that will be, and travel times expected from the speeds that are.

The state ``c`` of a link is standard normal and made of a factor ``D`` common to a day and a factor
``N`` of the link that forgets exponentially::

    c(link, t) = sqrt(a) D(day) + sqrt(1 - a) N(link, t),   corr N = exp(-lag / correlation_h)

so that what will be follows from what is by Gaussian conditioning, in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.signal import lfilter

from sim.system.routing import path_links
from sim.system.system import System
from sim.uncertainty.events import Incidents
from sim.uncertainty.model import Traffic
from sim.uncertainty.streams import stream
from sim.units import HOURS_PER_DAY, FloatArray, IntArray

QUARTER_S = 900
QUARTERS_PER_DAY = 96
LEVEL = 0.95
QUANTILE = 1.6448536269514722  # of the standard normal law, at LEVEL
DENSITY = 0.10313564037537139  # of the standard normal law, there
CLEAR = 0.955  # more likely clear than this, an incident on a path is rare


def demand_by_quarter(traffic: Traffic) -> FloatArray:
    """Return the mean volume over capacity by quarter hour of the day, ``(96,)`` [-]."""
    hours = (np.arange(QUARTERS_PER_DAY) + 0.5) / 4
    centres = np.arange(24) + 0.5
    return traffic.intensity * np.interp(hours, centres, traffic.demand, period=HOURS_PER_DAY)


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
    link_factor = np.empty((n_quarters, roads.n_links))
    for link in range(roads.n_links):
        ends = roads.node_name[roads.from_node[link]], roads.node_name[roads.to_node[link]]
        noise = stream(seed, replication, "traffic.link", "->".join(ends)).standard_normal(
            n_quarters
        )
        noise[1:] *= math.sqrt(1 - memory**2)
        link_factor[:, link] = lfilter([1.0], [1.0, -memory], noise)
    share = traffic.day_share
    return math.sqrt(share) * day_factor[days][:, None] + math.sqrt(1 - share) * link_factor


def link_speed(
    system: System, traffic: Traffic, state: FloatArray, first_quarter: int
) -> FloatArray:
    """Return the speeds on the links, ``(quarter, link)`` [km/h].

    Parameters
    ----------
    state
        States of the links, ``(quarter, link)``.
    first_quarter
        Quarter hour of the day of row 0.
    """
    quarter = (first_quarter + np.arange(len(state))) % QUARTERS_PER_DAY
    ratio = demand_by_quarter(traffic)[quarter][:, None] * np.exp(
        traffic.sigma * state - traffic.sigma**2 / 2
    )
    return system.roads.free_speed_kmh / (1 + traffic.alpha * ratio**traffic.beta)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TravelForecaster:
    """Expected driving times between stations.

    A path is the fastest one under the mean traffic of its hour; drivers, who see the speeds of
    the day, do at least as well on average. Link times are log-normal above the free time, so
    means and covariances over a path are exact; the quantiles take the path's excess time as
    log-normal with these two moments.

    Attributes
    ----------
    incidents
        What may block a link.
    drift_h
        A third of the mean free driving time between stations [h].
    paths
        Links of the path by hour of departure, origin and destination, padded with -1,
        ``(24, station, station, position)``.
    free_h
        Free driving time of these paths, ``(24, station, station)`` [h]; infinite where no road
        leads.
    """

    system: System
    traffic: Traffic
    incidents: Incidents
    drift_h: float
    paths: IntArray
    free_h: FloatArray
    free_link_h: FloatArray
    demand: FloatArray

    @classmethod
    def build(cls, system: System, traffic: Traffic, incidents: Incidents) -> TravelForecaster:
        """Find the paths of every hour."""
        roads, stations = system.roads, system.stations
        free_link_h = roads.length_km / roads.free_speed_kmh
        demand = demand_by_quarter(traffic)
        found: dict[tuple[int, int, int], list[int] | None] = {}
        for hour in range(24):
            x = demand[4 * hour + 2]
            spread = math.exp(traffic.sigma**2 * traffic.beta * (traffic.beta - 1) / 2)
            link_h = free_link_h * (1 + traffic.alpha * x**traffic.beta * spread)
            for i, origin in enumerate(stations):
                for j, destination in enumerate(stations):
                    found[hour, i, j] = path_links(
                        roads, origin.road_node, destination.road_node, link_h
                    )
        longest = max((len(path) for path in found.values() if path), default=0)
        n = len(stations)
        paths = np.full((24, n, n, max(longest, 1)), -1, dtype=np.int64)
        free_h = np.zeros((24, n, n))
        for key, path in found.items():
            if path is None:
                free_h[key] = np.inf
            else:
                paths[key][: len(path)] = path
                free_h[key] = free_link_h[path].sum()
        driven = free_h[np.isfinite(free_h) & (free_h > 0)]
        return cls(
            system=system,
            traffic=traffic,
            incidents=incidents,
            drift_h=float(driven.mean()) / 3 if len(driven) else 0.0,
            paths=paths,
            free_h=free_h,
            free_link_h=free_link_h,
            demand=demand,
        )

    def forecast(
        self, state_now: FloatArray, stretch_now: FloatArray, now_h: float, lead_h: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return mean, 5 % and 95 % quantile of driving times, each ``(H, station, station)`` [h].

        Parameters
        ----------
        state_now
            States of the links now, which their speeds reveal, ``(link,)``.
        stretch_now
            Factor by which incidents stretch the excess times now, ``(link,)``.
        now_h
            Hours since the episode's start, which is a midnight.
        lead_h
            Departure times from now, ``(H,)`` [h].
        """
        traffic = self.traffic
        share = traffic.day_share
        n_links = max(len(state_now), 1)
        spread = share + (1 - share) / n_links
        day_mean = share * state_now.mean() / spread if n_links and spread > 0 else 0.0
        day_variance = share * (1 - share / spread) if spread > 0 else 0.0
        hour_of_day = now_h % HOURS_PER_DAY
        quarter = np.floor((hour_of_day + lead_h) * 4 + 1e-9).astype(np.int64)
        # A drive meets the traffic of its whole duration T, not of its start. Over T the states
        # move like Brownian motion, whose mean over T varies like its value at T/3.
        memory = np.exp(-(lead_h + self.drift_h) / traffic.correlation_h)
        same_day = quarter < QUARTERS_PER_DAY
        # c(t) = sqrt(a) D (1 - memory) + memory c(now) + innovation, while the day lasts.
        day_part = np.where(same_day, day_mean * (1 - memory), -day_mean * memory)
        common = np.where(
            same_day, (1 - memory) ** 2 * day_variance, share + memory**2 * day_variance
        )
        variance = common + (1 - share) * (1 - memory**2)
        return _path_times(
            self.paths,
            self.free_h,
            self.free_link_h,
            np.ascontiguousarray(state_now),
            *self._incident_growth(stretch_now, lead_h + self.drift_h),
            memory,
            day_part,
            common,
            variance,
            self.demand[quarter % QUARTERS_PER_DAY],
            (quarter % QUARTERS_PER_DAY) // 4,
            traffic.sigma,
            traffic.alpha,
            traffic.beta,
        )

    def _incident_growth(
        self, stretch_now: FloatArray, lead_h: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return how likely incidents are, and mean and variance of the factor on excess times.

        An incident that blocks a link now is still there after `lead_h` with probability
        ``exp(-lead / duration)``; new ones come at their mean rate. ``(H, link)``.
        """
        incidents, beta = self.incidents, self.traffic.beta
        n_links = len(stretch_now)
        if incidents.per_day == 0.0 or incidents.duration_h == 0.0:
            nothing = np.zeros((len(lead_h), n_links))
            return nothing, nothing + 1, nothing
        stays = np.exp(-lead_h / incidents.duration_h)[:, None]
        length_km = self.system.roads.length_km
        rate_h = incidents.per_day / HOURS_PER_DAY * length_km / length_km.sum()
        fresh = (1 - stays) * np.minimum(rate_h * incidents.duration_h, 1.0)
        fresh_stretch = (1 - incidents.capacity_loss) ** -beta - 1
        mean = 1 + stays * (stretch_now - 1) + fresh * fresh_stretch
        variance = (
            stays * (1 - stays) * (stretch_now - 1) ** 2 + fresh * (1 - fresh) * fresh_stretch**2
        )
        present = stays * (stretch_now > 1) + fresh
        return present, mean, variance


@njit(cache=True)
def _path_times(
    paths: IntArray,
    free_h: FloatArray,
    free_link_h: FloatArray,
    state_now: FloatArray,
    present: FloatArray,
    growth: FloatArray,
    growth_variance: FloatArray,
    memory: FloatArray,
    day_part: FloatArray,
    common: FloatArray,
    variance: FloatArray,
    demand: FloatArray,
    hour: IntArray,
    sigma: float,
    alpha: float,
    beta: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum link moments over paths; see `TravelForecaster.forecast`."""
    n_leads, n_stations = len(memory), paths.shape[1]
    mean = np.empty((n_leads, n_stations, n_stations))
    lower = np.empty_like(mean)
    upper = np.empty_like(mean)
    excess = np.empty(len(free_link_h))
    incident_variance = np.empty(len(free_link_h))
    k = beta * sigma
    for h in range(n_leads):
        scale = alpha * demand[h] ** beta * math.exp(k * k * variance[h] / 2 - k * sigma / 2)
        for link in range(len(free_link_h)):
            centre = day_part[h] + memory[h] * state_now[link]
            base = free_link_h[link] * scale * math.exp(k * centre)
            excess[link] = base * growth[h, link]
            incident_variance[link] = base * base * growth_variance[h, link]
        growth_common = math.expm1(k * k * common[h])
        growth_own = math.exp(k * k * variance[h]) - math.exp(k * k * common[h])
        for i in range(n_stations):
            for j in range(n_stations):
                total, clean, squares, jumps, clear = 0.0, 0.0, 0.0, 0.0, 1.0
                for link in paths[hour[h], i, j]:
                    if link < 0:
                        break
                    total += excess[link]
                    clean += excess[link] / growth[h, link]
                    squares += (excess[link] / growth[h, link]) ** 2
                    jumps += incident_variance[link]
                    clear *= 1.0 - present[h, link]
                free = free_h[hour[h], i, j]
                mean[h, i, j] = free + total
                lower[h, i, j] = upper[h, i, j] = free + total
                second = growth_common * clean * clean + growth_own * squares
                low = high = QUANTILE
                centre = clean
                if clear < CLEAR:
                    # An incident is likely: its law and that of the traffic as one log-normal.
                    second = second * (total / clean) ** 2 + jumps
                    centre = total
                elif clear < 1.0:
                    # It is rare, and slower than all else: it moves the level of the quantiles.
                    missing = (1.0 - clear) / clear
                    low = QUANTILE - _shift((1.0 - LEVEL) * missing)
                    high = QUANTILE + _shift(LEVEL * missing)
                if centre > 0.0 and second > 0.0:
                    log_variance = math.log1p(second / (centre * centre))
                    median = centre * math.exp(-log_variance / 2)
                    width = math.sqrt(log_variance)
                    lower[h, i, j] = free + median * math.exp(-low * width)
                    upper[h, i, j] = free + median * math.exp(high * width)
    return mean, lower, upper


@njit(cache=True)
def _shift(level: float) -> float:
    """Return how far the 95 % quantile of the normal law moves when its level rises, 2nd order."""
    step = level / DENSITY
    return step + QUANTILE * step * step / 2
