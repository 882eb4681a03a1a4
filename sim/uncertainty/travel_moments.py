"""Means and quantiles of driving times, from the moments of log-normal link times.

The excess time over a way is taken as log-normal with the mean and variance of the sum (Fenton,
*The sum of log-normal probability distributions in scatter transmission systems*, IRE Trans.
Communications Systems 8, 1960), and driven through quarter by quarter (`sim.uncertainty.drive`).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sim.uncertainty.climatology import LEVEL, QUANTILE
from sim.uncertainty.drive import (
    LONGEST_H,
    Drive,
    Road,
    better_h,
    drive_h,
    drive_moments,
    log_normal,
)
from sim.uncertainty.traffic import QUARTER_H, QUARTERS_PER_DAY
from sim.uncertainty.travel_records import (
    DayFactor,
    Delays,
    Departure,
    IncidentLaw,
    Links,
    TrafficLaw,
    WayMoments,
    Ways,
)
from sim.units import FloatArray, IntArray

DENSITY = 0.10313564037537139  # of the standard normal law at its 95 % quantile
CLEAR = 0.955  # more likely clear than this, an incident on a way is rare


@njit(cache=True)
def incident_delays(
    links: Links,
    traffic: TrafficLaw,
    incidents: IncidentLaw,
    hour_of_day: float,
    lead_h: FloatArray,
    which: IntArray,
) -> Delays:
    """Return the delays by incidents at departures so long from now, ``(H,)`` [h].

    Those on the links `which`; for the others, the arrays hold anything.
    """
    day, volume = _day_factor(traffic.day_share, links.state), _volume(traffic)
    shape = len(lead_h), len(links.free_h)
    delays = Delays(np.empty(shape), np.empty(shape), np.empty(shape))
    for h in range(len(lead_h)):
        departure = _departure(hour_of_day, lead_h[h])
        _set_delays(delays, h, departure, links, traffic, incidents, day, volume, which)
    return delays


@njit(cache=True)
def way_times(
    ways: Ways,
    links: Links,
    traffic: TrafficLaw,
    delays: Delays,
    hour_of_day: float,
    lead_h: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sum link moments over ways and keep the better way; see `TravelForecaster.forecast`.

    Returns mean, 5 % and 95 % quantile of the driving times from one place, ``(H, place)`` [h].
    """
    n_places = ways.links.shape[0]
    day, volume = _day_factor(traffic.day_share, links.state), _volume(traffic)
    mean = np.full((len(lead_h), n_places), np.inf)
    lower = np.full_like(mean, np.inf)
    upper = np.full_like(mean, np.inf)
    on_way = _volume_on_ways(ways.law_share, volume)
    for h in range(len(lead_h)):
        departure = _departure(hour_of_day, lead_h[h])
        quarter, held_h = departure.quarter, departure.held_h
        hour = quarter % QUARTERS_PER_DAY // 4
        for j in range(n_places):
            best = Drive(np.inf, 0.0, 0.0)
            for way in range(ways.links.shape[1]):
                free_h = ways.free_h[j, way]
                if not free_h < best.mean_h + 3.0 * math.sqrt(best.variance_h2):
                    continue
                # A drive meets the traffic of its whole duration, not of its start.
                drift_h, met = _met(
                    ways.usual_h[hour, j, way], ways.crossing_h[hour, j, way], held_h,
                    on_way[j, way], quarter,
                )  # fmt: skip
                usual = on_way[j, way, quarter % QUARTERS_PER_DAY]
                met_by_law = volume[:, quarter % QUARTERS_PER_DAY] * (met / usual if usual else 1.0)
                if len(met_by_law) == 1:
                    met_by_law[0] = met
                moments = _way_moments(
                    ways.links[j, way], drift_h, met_by_law, departure, links, delays, h, traffic,
                    day,
                )  # fmt: skip
                road = Road(free_h, met, held_h, quarter, on_way[j, way])
                drive = drive_moments(
                    road, moments.traffic_h, moments.variance_h2, moments.delay_h, moments.common
                )
                mean[h, j] = better_h(best, drive)
                if drive.mean_h < best.mean_h:
                    lower[h, j], upper[h, j] = _quantiles(road, moments)
                    best = drive
            # Who chooses between two ways may be faster than either.
            lower[h, j] = min(lower[h, j], mean[h, j])
            upper[h, j] = max(upper[h, j], mean[h, j])
    return mean, lower, upper


@njit(cache=True)
def _departure(hour_of_day: float, lead_h: float) -> Departure:
    quarter = math.floor((hour_of_day + lead_h) * 4 + 1e-9)
    return Departure(lead_h, quarter, QUARTER_H * (quarter + 1) - (hour_of_day + lead_h))


@njit(cache=True)
def _volume(traffic: TrafficLaw) -> FloatArray:
    """Return the volume's part of the excess time by quarter hour, ``(law, 96)`` [-]."""
    found = np.empty((len(traffic.alpha), len(traffic.demand)))
    for law in range(len(traffic.alpha)):
        alpha, beta = traffic.alpha[law], traffic.beta[law]
        k = beta * traffic.sigma
        found[law] = alpha * traffic.demand**beta * math.exp(-k * traffic.sigma / 2)
    return found


@njit(cache=True)
def _volume_on_ways(law_share: FloatArray, volume: FloatArray) -> FloatArray:
    """Return the mean of `volume` over the links of each way, ``(place, way, 96)`` [-]."""
    found = np.zeros((*law_share.shape[:2], volume.shape[1]))
    for j in range(law_share.shape[0]):
        for way in range(law_share.shape[1]):
            for law in range(law_share.shape[2]):
                if law_share[j, way, law] > 0.0:
                    found[j, way] += law_share[j, way, law] * volume[law]
    return found


@njit(cache=True)
def _day_factor(share: float, state: FloatArray) -> DayFactor:
    """Return the law of the day's factor given the states of the links, ``(link,)``."""
    n_links = len(state)
    spread = share + (1.0 - share) / max(n_links, 1)
    mean = share * state.mean() / spread if n_links > 0 and spread > 0.0 else 0.0
    variance = share * (1.0 - share / spread) if spread > 0.0 else 0.0
    return DayFactor(mean, variance)


@njit(cache=True)
def _set_delays(
    delays: Delays,
    h: int,
    departure: Departure,
    links: Links,
    traffic: TrafficLaw,
    incidents: IncidentLaw,
    day: DayFactor,
    volume: FloatArray,
    which: IntArray,
) -> None:
    """Set the delays by incidents on the links `which` at departure `h`.

    `volume` is the volume's part of the excess time by quarter hour, ``(law, 96)`` [-].
    """
    duration_h = incidents.duration_h
    stays = math.exp(-departure.lead_h / duration_h) if duration_h > 0.0 else 0.0
    memory, day_part, _, variance = _state_moments(departure.lead_h, departure, traffic, day)
    growth = traffic.beta * traffic.sigma
    scales = volume[:, departure.quarter % QUARTERS_PER_DAY].copy()
    for law in range(len(growth)):
        scales[law] *= math.exp(growth[law] * growth[law] * variance / 2)
    for link in which:
        k, scale = growth[links.law[link]], scales[links.law[link]]
        free_h, stretch_now = links.free_h[link], links.stretch[link]
        # Above the free time at departure, without incidents.
        excess_h = free_h * scale * math.exp(k * (day_part + memory * links.state[link]))
        # An incident of now is still there with probability `stays`, a fresh one instead.
        present_now = stays if stretch_now > 1.0 else 0.0
        present_new = (1.0 - stays) * links.usual[link]
        delays.clear[h, link] = (1.0 - present_now) * (1.0 - present_new)
        mean_h = variance_h2 = 0.0
        for present, stretch in (
            (present_now, stretch_now),
            (present_new, incidents.fresh_stretch[links.law[link]]),
        ):
            if present > 0.0:
                extra_h = _incident_delay(free_h, excess_h, stretch, duration_h)
                mean_h += present * extra_h
                # It lasts an exponential time, as far as it matters.
                variance_h2 += present * (2.0 - present) * extra_h * extra_h
        delays.mean_h[h, link], delays.variance_h2[h, link] = mean_h, variance_h2


@njit(cache=True)
def _way_moments(
    way: IntArray,
    drift_h: float,
    met: FloatArray,
    departure: Departure,
    links: Links,
    delays: Delays,
    h: int,
    traffic: TrafficLaw,
    day: DayFactor,
) -> WayMoments:
    """Return the moments of the driving time over a way.

    Parameters
    ----------
    way
        Its links, padded with -1, ``(position,)``.
    drift_h, met
        How late the speeds are that the drive meets [h], and the volume, ``(law,)``; see `_met`.
    departure, links, delays, h, traffic, day
        What the drive starts into; `h` is the departure's row in `delays`.
    """
    memory, day_part, common, variance = _state_moments(
        departure.lead_h + drift_h, departure, traffic, day
    )
    clean, late, jumps, clear, own, growth = 0.0, 0.0, 0.0, 1.0, 0.0, 0.0
    # Links of one law in a row have these in common.
    law, k, scale, squares, begun = -1, 0.0, 0.0, 0.0, 0.0
    several = False
    for link in way:
        if link < 0:
            break
        if links.law[link] != law:
            several = several or law >= 0
            own += (math.exp(k * k * variance) - math.exp(k * k * common)) * squares
            growth += k * (clean - begun)
            law, squares, begun = links.law[link], 0.0, clean
            k = traffic.beta[law] * traffic.sigma
            scale = met[law] * math.exp(k * k * variance / 2 + k * day_part)
        extra = links.free_h[link] * scale * math.exp(k * memory * links.state[link])
        clean += extra
        squares += extra * extra
        late += delays.mean_h[h, link]
        jumps += delays.variance_h2[h, link]
        clear *= delays.clear[h, link]
    own += (math.exp(k * k * variance) - math.exp(k * k * common)) * squares
    if several:  # what links of different laws share, by the mean exponent
        k = (growth + k * (clean - begun)) / clean if clean > 0.0 else 0.0
    shared = math.expm1(k * k * common) * clean * clean
    second = shared + own
    return WayMoments(clean, late, second, jumps, clear, shared / second if second > 0.0 else 0.0)


@njit(cache=True)
def _quantiles(road: Road, moments: WayMoments) -> tuple[float, float]:
    """Return the 5 % and 95 % quantile of the driving time over a way [h]."""
    centre, second = moments.traffic_h, moments.variance_h2
    low = high = QUANTILE
    if moments.clear < CLEAR:
        # An incident is likely: its law and that of the traffic as one log-normal.
        second += moments.delay_variance_h2
        centre = moments.traffic_h + moments.delay_h
    elif moments.clear < 1.0:
        # It is rare, and slower than all else: it moves the level of quantiles.
        missing = (1.0 - moments.clear) / moments.clear
        low = QUANTILE - _shift((1.0 - LEVEL) * missing)
        high = QUANTILE + _shift(LEVEL * missing)
    median_h, width = log_normal(centre, second)
    return (
        drive_h(road, median_h * math.exp(-low * width)),
        drive_h(road, median_h * math.exp(high * width)),
    )


@njit(cache=True)
def _state_moments(
    ahead_h: float, departure: Departure, traffic: TrafficLaw, day: DayFactor
) -> tuple[float, float, float, float]:
    """Return the law of states ahead: memory of now, mean by the day, common and whole variance.

    ``c(t) = sqrt(a) D (1 - memory) + memory c(now) + innovation`` while the day of the departure
    is that of now.
    """
    share = traffic.day_share
    memory = math.exp(-ahead_h / traffic.correlation_h)
    if departure.quarter < QUARTERS_PER_DAY:
        day_part = day.mean * (1.0 - memory)
        common = (1.0 - memory) ** 2 * day.variance
    else:
        day_part = -day.mean * memory
        common = share + memory**2 * day.variance
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
    drive_h = min(drive_h, LONGEST_H)  # a standstill lasts millions of hours
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
