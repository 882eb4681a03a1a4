"""Driving times between stations, expected from the speeds that are.

The states of the links are Gaussian (see `sim.uncertainty.traffic`), so what will be follows from
what is by conditioning, in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from sim.system.routing import path_links
from sim.system.system import System
from sim.uncertainty.climatology import LEVEL, QUANTILE
from sim.uncertainty.events import Incidents
from sim.uncertainty.model import Traffic
from sim.uncertainty.traffic import QUARTERS_PER_DAY, demand_by_quarter
from sim.units import HOURS_PER_DAY, FloatArray, IntArray

DENSITY = 0.10313564037537139  # of the standard normal law at its 95 % quantile
CLEAR = 0.955  # more likely clear than this, an incident on a way is rare
WAYS = 2
DETOUR = 10.0  # a link of the first way counts so many times when the second one is looked for
QUARTER_H = HOURS_PER_DAY / QUARTERS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TravelForecaster:
    """Expected driving times between stations.

    Between two stations a driver takes the better, as expected, of two ways: the fastest one under
    the mean traffic of the hour, and the fastest one that avoids its links where it can. Link times
    are log-normal above the free time, so means and covariances over a way are exact; the quantiles
    take the way's excess time as log-normal with these two moments. Speeds hold for a quarter hour:
    a drive that ends within the quarter hour of its departure meets those of then.

    Attributes
    ----------
    incidents
        What may block a link.
    ways
        Links of the ways by hour of departure, origin and destination, padded with -1,
        ``(24, station, station, way, position)``.
    free_h, usual_h
        Driving time of these ways on empty roads and in the mean traffic of the hour,
        ``(24, station, station, way)`` [h]; infinite where no road leads.
    crossing_h
        Mean of the latter over the way's links, same shape [h].
    usual
        How likely an incident is on each link when nothing is known of it, ``(link,)``.
    """

    system: System
    traffic: Traffic
    incidents: Incidents
    ways: IntArray
    free_h: FloatArray
    usual_h: FloatArray
    crossing_h: FloatArray
    free_link_h: FloatArray
    demand: FloatArray
    usual: FloatArray

    @classmethod
    def build(cls, system: System, traffic: Traffic, incidents: Incidents) -> TravelForecaster:
        """Find the ways of every hour."""
        roads, stations = system.roads, system.stations
        free_link_h = roads.length_km / roads.free_speed_kmh
        demand = demand_by_quarter(traffic)
        found: dict[tuple[int, int, int, int], list[int]] = {}
        usual_link_h = np.empty((24, roads.n_links))
        for hour in range(24):
            x = demand[4 * hour + 2]
            spread = math.exp(traffic.sigma**2 * traffic.beta * (traffic.beta - 1) / 2)
            link_h = free_link_h * (1 + traffic.alpha * x**traffic.beta * spread)
            usual_link_h[hour] = link_h
            for i, origin in enumerate(stations):
                for j, destination in enumerate(stations):
                    avoiding_h = link_h.copy()
                    for way in range(WAYS):
                        path = path_links(
                            roads, origin.road_node, destination.road_node, avoiding_h
                        )
                        if path is None:
                            break
                        found[hour, i, j, way] = path
                        avoiding_h[path] *= DETOUR
        n = len(stations)
        longest = max((len(path) for path in found.values()), default=0)
        ways = np.full((24, n, n, WAYS, max(longest, 1)), -1, dtype=np.int64)
        free_h, usual_h = np.full((2, 24, n, n, WAYS), np.inf)
        for key, path in found.items():
            ways[key][: len(path)] = path
            free_h[key] = free_link_h[path].sum()
            usual_h[key] = usual_link_h[key[0], path].sum()
        length_km = roads.length_km
        rate_h = incidents.per_day / HOURS_PER_DAY * length_km / length_km.sum()
        return cls(
            system=system,
            traffic=traffic,
            incidents=incidents,
            ways=ways,
            free_h=free_h,
            usual_h=usual_h,
            crossing_h=usual_h / np.maximum((ways >= 0).sum(axis=-1), 1),
            free_link_h=free_link_h,
            demand=demand,
            usual=np.minimum(rate_h * incidents.duration_h, 1.0),
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
        traffic, incidents = self.traffic, self.incidents
        return _way_times(
            self.ways,
            self.free_h,
            self.usual_h,
            self.crossing_h,
            self.free_link_h,
            self.demand,
            np.ascontiguousarray(state_now),
            np.ascontiguousarray(stretch_now),
            now_h % HOURS_PER_DAY,
            lead_h,
            self.usual,
            incidents.duration_h,
            (1 - incidents.capacity_loss) ** -traffic.beta,
            traffic.day_share,
            traffic.correlation_h,
            traffic.sigma,
            traffic.alpha,
            traffic.beta,
        )


@njit(cache=True)
def _way_times(
    ways: IntArray,
    free_h: FloatArray,
    usual_h: FloatArray,
    crossing_h: FloatArray,
    free_link_h: FloatArray,
    demand: FloatArray,
    state_now: FloatArray,
    stretch_now: FloatArray,
    hour_of_day: float,
    lead_h: FloatArray,
    usual: FloatArray,
    duration_h: float,
    fresh_stretch: float,
    share: float,
    correlation_h: float,
    sigma: float,
    alpha: float,
    beta: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum link moments over ways and keep the better way; see `TravelForecaster.forecast`."""
    n_leads, n_stations, n_links = len(lead_h), ways.shape[1], len(free_link_h)
    # The day's factor, as the links of now reveal it; both moments times its share.
    spread = share + (1.0 - share) / max(n_links, 1)
    day_mean = share * state_now.mean() / spread if n_links > 0 and spread > 0.0 else 0.0
    day_variance = share * (1.0 - share / spread) if spread > 0.0 else 0.0
    mean = np.full((n_leads, n_stations, n_stations), np.inf)
    lower = np.full_like(mean, np.inf)
    upper = np.full_like(mean, np.inf)
    excess = np.empty(n_links)  # above the free time at departure, without incidents
    delay = np.empty(n_links)  # by incidents
    delay_variance = np.empty(n_links)
    clear_link = np.empty(n_links)
    k = beta * sigma
    volume = alpha * demand**beta * math.exp(-k * sigma / 2)
    for h in range(n_leads):
        quarter = math.floor((hour_of_day + lead_h[h]) * 4 + 1e-9)
        hour = quarter % QUARTERS_PER_DAY // 4
        stays = math.exp(-lead_h[h] / duration_h) if duration_h > 0.0 else 0.0
        same_day = quarter < QUARTERS_PER_DAY
        held_h = QUARTER_H * (quarter + 1) - (hour_of_day + lead_h[h])
        memory, day_part, _, variance = _state_moments(
            lead_h[h], correlation_h, share, same_day, day_mean, day_variance
        )
        scale = volume[quarter % QUARTERS_PER_DAY] * math.exp(k * k * variance / 2)
        for link in range(n_links):
            excess[link] = (
                free_link_h[link] * scale * math.exp(k * (day_part + memory * state_now[link]))
            )
            # An incident of now is still there with probability `stays`, a fresh one instead.
            present_now = stays if stretch_now[link] > 1.0 else 0.0
            present_new = (1.0 - stays) * usual[link]
            clear_link[link] = (1.0 - present_now) * (1.0 - present_new)
            delay[link] = delay_variance[link] = 0.0
            for present, stretch in (
                (present_now, stretch_now[link]),
                (present_new, fresh_stretch),
            ):
                if present > 0.0:
                    extra = _incident_delay(free_link_h[link], excess[link], stretch, duration_h)
                    delay[link] += present * extra
                    # It lasts an exponential time, as far as it matters.
                    delay_variance[link] += present * (2.0 - present) * extra * extra
        for i in range(n_stations):
            for j in range(n_stations):
                for way in range(ways.shape[3]):
                    free = free_h[hour, i, j, way]
                    if not free < mean[h, i, j]:
                        continue
                    # A drive meets the traffic of its whole duration, not of its start.
                    drift_h, met = _met(
                        usual_h[hour, i, j, way],
                        crossing_h[hour, i, j, way],
                        held_h,
                        volume,
                        quarter,
                    )
                    memory, day_part, common, variance = _state_moments(
                        lead_h[h] + drift_h, correlation_h, share, same_day, day_mean, day_variance
                    )
                    scale = met * math.exp(k * k * variance / 2 + k * day_part)
                    clean, late, squares, jumps, clear = 0.0, 0.0, 0.0, 0.0, 1.0
                    for link in ways[hour, i, j, way]:
                        if link < 0:
                            break
                        extra = free_link_h[link] * scale * math.exp(k * memory * state_now[link])
                        clean += extra
                        squares += extra * extra
                        late += delay[link]
                        jumps += delay_variance[link]
                        clear *= clear_link[link]
                    if not free + clean + late < mean[h, i, j]:
                        continue
                    mean[h, i, j] = free + clean + late
                    second = math.expm1(k * k * common) * clean * clean
                    second += (math.exp(k * k * variance) - math.exp(k * k * common)) * squares
                    centre = clean
                    low = high = QUANTILE
                    if clear < CLEAR:
                        # An incident is likely: its law and that of the traffic as one log-normal.
                        second += jumps
                        centre = clean + late
                    elif clear < 1.0:
                        # It is rare, and slower than all else: it moves the level of quantiles.
                        missing = (1.0 - clear) / clear
                        low = QUANTILE - _shift((1.0 - LEVEL) * missing)
                        high = QUANTILE + _shift(LEVEL * missing)
                    lower[h, i, j] = upper[h, i, j] = free + centre
                    if centre > 0.0 and second > 0.0:
                        ratio = 1.0 + second / (centre * centre)
                        median = centre / math.sqrt(ratio)
                        width = math.sqrt(math.log(ratio))
                        lower[h, i, j] = free + median * math.exp(-low * width)
                        upper[h, i, j] = free + median * math.exp(high * width)
    return mean, lower, upper


@njit(cache=True)
def _state_moments(
    ahead_h: float,
    correlation_h: float,
    share: float,
    same_day: bool,
    day_mean: float,
    day_variance: float,
) -> tuple[float, float, float, float]:
    """Return the law of states ahead: memory of now, mean by the day, common and whole variance.

    ``c(t) = sqrt(a) D (1 - memory) + memory c(now) + innovation`` while the day lasts.
    """
    memory = math.exp(-ahead_h / correlation_h)
    if same_day:
        day_part = day_mean * (1.0 - memory)
        common = (1.0 - memory) ** 2 * day_variance
    else:
        day_part = -day_mean * memory
        common = share + memory**2 * day_variance
    return memory, day_part, common, common + (1.0 - share) * (1.0 - memory**2)


@njit(cache=True)
def _met(
    drive_h: float, crossing_h: float, held_h: float, volume: FloatArray, quarter: int
) -> tuple[float, float]:
    """Return how late the speeds are that a drive meets [h], and the volume; means over the drive.

    Speeds change once a quarter hour, first `held_h` after departure. Each link has states of its
    own, so what counts is when it is driven on. A link that is being driven on when speeds change
    meets both: where its part ``f`` after the change is uniform, the mean of the two varies by
    ``E f^2 = 1/3`` of the step instead of ``E f = 1/2``.

    Parameters
    ----------
    drive_h, crossing_h
        Usual duration of the drive, and of one of its links [h].
    held_h
        Time until the next quarter hour [h].
    volume
        By quarter hour of the day, ``(96,)``.
    quarter
        Quarter hour of the departure, counted from a midnight.
    """
    drift_h, met = 0.0, volume[quarter % QUARTERS_PER_DAY]
    left_h = drive_h - held_h
    while left_h > 0.0:
        drift_h += QUARTER_H * max(left_h - crossing_h / 6, 0.0) / drive_h
        before = volume[quarter % QUARTERS_PER_DAY]
        quarter += 1
        met += left_h / drive_h * (volume[quarter % QUARTERS_PER_DAY] - before)
        left_h -= QUARTER_H
    return drift_h, met


@njit(cache=True)
def _incident_delay(free_h: float, excess_h: float, stretch: float, duration_h: float) -> float:
    """Return the mean delay on a link by an incident that ends after an exponential time [h].

    While it lasts, the link is crossed at the pace of the blocked link, ``1 / T_b``; afterwards at
    the usual one, ``1 / T_n``: ``(1 - T_n / T_b) E[min(rest, T_b)]``.
    """
    usual_h = free_h + excess_h
    blocked_h = free_h + excess_h * stretch
    if blocked_h <= usual_h or duration_h <= 0.0:
        return 0.0
    lasting_h = -duration_h * math.expm1(-blocked_h / duration_h)
    return (1.0 - usual_h / blocked_h) * lasting_h


@njit(cache=True)
def _shift(level: float) -> float:
    """Return how far the 95 % quantile of the normal law moves when its level rises, 2nd order."""
    step = level / DENSITY
    return step + QUANTILE * step * step / 2
