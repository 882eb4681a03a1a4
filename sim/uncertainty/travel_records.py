"""What the moments of driving times are computed from: ways, links, laws of the traffic."""

from __future__ import annotations

from typing import NamedTuple

from sim.units import FloatArray, IntArray


class Ways(NamedTuple):
    """The ways from one place to every place.

    Attributes
    ----------
    links
        Links of each way, padded with -1, ``(place, way, position)``.
    free_h
        Driving time on empty roads, ``(place, way)`` [h]; infinite where no road leads.
    usual_h
        Driving time in the mean traffic of the hour, ``(24, place, way)`` [h].
    crossing_h
        Mean of the latter over the way's links, same shape [h].
    used
        Links that some of the ways has.
    law_share
        Share of each volume-delay function in the free driving time, ``(place, way, law)`` [-].
    """

    links: IntArray
    free_h: FloatArray
    usual_h: FloatArray
    crossing_h: FloatArray
    used: IntArray
    law_share: FloatArray


class Links(NamedTuple):
    """The links now, arrays ``(link,)``.

    Attributes
    ----------
    free_h
        Driving time on empty roads [h].
    state
        Gaussian state of the traffic now [-].
    stretch
        Factor by which incidents stretch the excess time now [-].
    usual
        How likely an incident is when nothing is known [-].
    law
        Which volume-delay function it has.
    """

    free_h: FloatArray
    state: FloatArray
    stretch: FloatArray
    usual: FloatArray
    law: IntArray


class TrafficLaw(NamedTuple):
    """Parameters of `Traffic`, and the mean demand by quarter hour, ``(96,)`` [-].

    `alpha` and `beta` are those of the different volume-delay functions, ``(law,)`` [-].
    """

    demand: FloatArray
    day_share: float
    correlation_h: float
    sigma: float
    alpha: FloatArray
    beta: FloatArray


class IncidentLaw(NamedTuple):
    """Mean duration of an incident [h], and the factor of the excess time under a fresh one [-].

    The latter by volume-delay function, ``(law,)``.
    """

    duration_h: float
    fresh_stretch: FloatArray


class DayFactor(NamedTuple):
    """Mean and variance of the day's common factor, as the links of now reveal it [-].

    Both are multiplied by its share.
    """

    mean: float
    variance: float


class Departure(NamedTuple):
    """A time of departure.

    Attributes
    ----------
    lead_h
        Time from now [h].
    quarter
        Quarter hour, counted from the midnight before now.
    held_h
        Time until the next quarter hour, while speeds hold [h].
    """

    lead_h: float
    quarter: int
    held_h: float


class Delays(NamedTuple):
    """Delays by incidents on the links, arrays ``(departure, link)``.

    Attributes
    ----------
    mean_h, variance_h2
        Mean and variance of the delay [h, h^2].
    clear
        How likely there is no incident [-].
    """

    mean_h: FloatArray
    variance_h2: FloatArray
    clear: FloatArray


class WayMoments(NamedTuple):
    """Moments of the driving time over one way above the free time.

    Attributes
    ----------
    traffic_h
        Mean by traffic [h].
    delay_h
        Mean by incidents [h].
    variance_h2
        Variance by traffic [h^2].
    delay_variance_h2
        Variance by incidents [h^2].
    clear
        How likely there is no incident on the way [-].
    common
        Share of the variance by traffic that all ways have in common [-].
    """

    traffic_h: float
    delay_h: float
    variance_h2: float
    delay_variance_h2: float
    clear: float
    common: float
