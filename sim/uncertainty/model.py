"""What may happen, as parameters: the record, the skill of forecasts, the habits of traffic."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sim.uncertainty.events import Breakdowns, Incidents, Outages
from sim.uncertainty.evs import EvHabits
from sim.uncertainty.railway import RailDelays
from sim.uncertainty.storm import Storm
from sim.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Record:
    """Metered profiles, one row per step; the truth of every replication is cut out of it.

    Attributes
    ----------
    start
        Time stamp of the first row; a day starts at 00:00.
    step_s
        Length of a row [s].
    values
        ``(row, profile)`` [pu of the profile, USD/MWh of prices], as in `System.profiles`.
    kind
        ``"load"``, ``"pv"``, ``"wind"`` or ``"price"`` per profile.
    """

    start: np.datetime64
    step_s: int
    values: FloatArray
    kind: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSkill:
    """How the error of a forecast grows with lead time.

    The share ``s^2`` of the climatological variance that a forecast leaves open at lead ``l``
    hours grows as ``s(l) = far - (far - near) * exp(-l / growth_h)``, in the mean over a day, and
    no further than what has been metered allows. ``near = far = 0`` is a perfect forecast, as is
    ``error = 0``.

    Attributes
    ----------
    near, far
        ``s`` at lead 0 and at infinite lead, ``0 <= near <= far < 1`` [-].
    growth_h
        Time constant of the growth [h].
    error
        Scales the noise through which the future is seen; see `scaled` [-].
    """

    near: float = 0.0
    far: float = 0.0
    growth_h: float = 6.0
    error: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.near <= self.far < 1:
            raise ValueError(
                f"near(={self.near}) and far(={self.far}) must satisfy 0 <= near <= far < 1."
            )
        if (self.near == 0) != (self.far == 0):
            raise ValueError("near and far must both be positive, or both 0 (perfect forecast).")
        if not (math.isfinite(self.growth_h) and self.growth_h > 0):
            raise ValueError(f"growth_h(={self.growth_h}) must be a finite number > 0.")
        if not (math.isfinite(self.error) and self.error >= 0):
            raise ValueError(f"error(={self.error}) must be a finite number >= 0.")

    def share(self, lead_h: FloatArray) -> FloatArray:
        """Return ``s``, the square root of the share of variance left open at `error` 1 [-]."""
        s: FloatArray = self.far - (self.far - self.near) * np.exp(-lead_h / self.growth_h)
        return s

    def scaled(self, share: FloatArray) -> FloatArray:
        """Return the share of variance left open when the noise is scaled by `error` [-].

        A forecast that leaves the share ``r`` open has seen the future through noise of variance
        ``r / (1 - r)``. That noise is scaled, and who forecasts knows it: errors grow in proportion
        while they are small, and never beyond those of who has seen nothing.
        """
        worse: FloatArray = self.error**2 * share
        return worse / (1 - share + worse)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traffic:
    """Habits of the traffic; the speed on a link follows the BPR volume-delay function.

    ``speed = free / (1 + alpha * (volume / capacity) ** beta)``, with
    ``volume / capacity = intensity * demand[hour] * exp(sigma * c - sigma**2 / 2)`` and a standard
    normal state ``c`` per link and quarter hour: a factor common to the day (share `day_share` of
    the variance) and a factor of the link that is correlated over time. Source: Bureau of Public
    Roads, Traffic Assignment Manual, 1964.

    Attributes
    ----------
    demand
        Mean volume over capacity by hour of the day, ``(24,)`` [-].
    intensity
        Scales the demand [-].
    sigma
        Standard deviation of the logarithm of the volume [-]; 0 makes travel times certain.
    day_share
        Share of the variance common to all links on one day, in [0, 1] [-].
    correlation_h
        Time over which the link factor's correlation falls to 1/e [h].
    alpha, beta
        Parameters of the volume-delay function [-].
    storm
        What takes capacity from all links at once.
    """

    demand: FloatArray
    intensity: float = 1.0
    sigma: float = 0.0
    day_share: float = 0.3
    correlation_h: float = 1.0
    alpha: float = 0.15
    beta: float = 4.0
    storm: Storm = field(default_factory=Storm)

    def __post_init__(self) -> None:
        if self.demand.shape != (24,):
            raise ValueError(f"demand must have 24 values, not {self.demand.shape}.")
        for name in ("intensity", "sigma", "alpha", "beta"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}(={value}) must be a finite number >= 0.")
        if not 0 <= self.day_share <= 1:
            raise ValueError(f"day_share(={self.day_share}) must be in [0, 1].")
        if not self.correlation_h > 0:
            raise ValueError(f"correlation_h(={self.correlation_h}) must be > 0.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delays:
    """Time lost at the start of a trip, by the time of departure; the same for all trips.

    The factor on the mean is ``exp(sigma c - sigma^2 / 2)`` with a standard normal state ``c``.

    Attributes
    ----------
    mean_h
        Mean delay, ``(step of day,)`` [h].
    sigma
        Standard deviation of the logarithm of the factor [-]; 0 makes delays certain.
    correlation_h
        Time over which the correlation of its state falls to 1/e [h].
    """

    mean_h: FloatArray
    sigma: float = 0.0
    correlation_h: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ValueError(f"sigma(={self.sigma}) must be a finite number >= 0.")
        if not self.correlation_h > 0:
            raise ValueError(f"correlation_h(={self.correlation_h}) must be > 0.")

    def at_step(self, step: FloatArray) -> FloatArray:
        """Return the mean delay in steps counted from the episode's start, a midnight [h]."""
        of_day: FloatArray = self.mean_h[step.astype(np.int64) % len(self.mean_h)]
        return of_day


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uncertainty:
    """Everything random about a scenario.

    Attributes
    ----------
    record
        Metered profiles.
    months
        Months (1 to 12) from which a replication draws its first day.
    skill
        Forecast skill by kind of profile (``"load"``, ``"pv"``, ``"wind"``, ``"price"``).
    traffic
        Habits of the traffic.
    incidents, breakdowns, outages
        What goes wrong on roads, with vehicles, with lines.
    ev_habits
        When cars come and go, and how far they drive.
    delays, rail_delays
        What trips on roads lose at their start, and trains on the line.
    """

    record: Record
    months: tuple[int, ...]
    skill: dict[str, ForecastSkill]
    traffic: Traffic
    incidents: Incidents = field(default_factory=Incidents)
    breakdowns: Breakdowns = field(default_factory=Breakdowns)
    outages: Outages = field(default_factory=Outages)
    ev_habits: EvHabits = field(default_factory=EvHabits)
    delays: Delays = field(default_factory=lambda: Delays(mean_h=np.zeros(1)))
    rail_delays: RailDelays = field(default_factory=RailDelays)
