"""The time grid of an episode: steps of physics inside periods of control."""

from __future__ import annotations

from dataclasses import dataclass

from sim.units import HOURS_PER_DAY, SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Length of steps, periods, look-ahead and episode.

    Attributes
    ----------
    step_s
        Length of a step of physics and metering [s].
    period_s
        Length of a control period, a multiple of `step_s` [s].
    horizon
        Periods a controller looks ahead, the current one included.
    n_periods
        Periods in the episode.
    """

    step_s: int
    period_s: int
    horizon: int
    n_periods: int

    def __post_init__(self) -> None:
        if self.step_s < 1 or self.period_s % self.step_s:
            raise ValueError(
                f"period_s(={self.period_s}) must be a multiple of step_s(={self.step_s})."
            )
        if 86400 % self.step_s:
            raise ValueError(f"step_s(={self.step_s}) must divide a day.")
        if self.horizon < 1 or self.n_periods < 1:
            raise ValueError("horizon and n_periods must be at least 1.")

    @property
    def step_h(self) -> float:
        """Length of a step [h]."""
        return self.step_s / SECONDS_PER_HOUR

    @property
    def period_h(self) -> float:
        """Length of a period [h]."""
        return self.period_s / SECONDS_PER_HOUR

    @property
    def steps_per_period(self) -> int:
        """Steps in a period."""
        return self.period_s // self.step_s

    @property
    def steps_per_day(self) -> int:
        """Steps in a day."""
        return round(HOURS_PER_DAY * SECONDS_PER_HOUR) // self.step_s

    @property
    def n_steps(self) -> int:
        """Steps in the episode."""
        return self.n_periods * self.steps_per_period

    @property
    def end_h(self) -> float:
        """End of the episode [h]."""
        return self.n_periods * self.period_h

    def periods_ahead(self, period: int) -> int:
        """Return how many periods a look-ahead from `period` on covers, this one included."""
        return min(self.horizon, self.n_periods - period)
