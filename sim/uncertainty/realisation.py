"""What will happen in one replication, drawn before any controller acts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import InputError
from sim.system.system import System
from sim.system.timing import Timing
from sim.uncertainty import delays
from sim.uncertainty.climatology import Climatology, climatology
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.dynamics import LAGS, Dynamics, dynamics, error_share
from sim.uncertainty.errors_ahead import ErrorsAhead
from sim.uncertainty.events import (
    Breakdown,
    Incident,
    Outage,
    draw_breakdowns,
    draw_incidents,
    draw_outages,
)
from sim.uncertainty.evs import EvForecaster, EvSessions, draw_sessions
from sim.uncertainty.model import Uncertainty
from sim.uncertainty.railway import RailConditions, RailForecaster, draw_delay_h
from sim.uncertainty.streams import stream
from sim.uncertainty.traffic import QUARTER_S, draw_state, link_speed
from sim.uncertainty.travel import TravelForecaster
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray, frozen


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Realisation:
    """One day as it will be lived by every controller. No controller sees it.

    Attributes
    ----------
    start
        Time stamp of the first step in the record.
    profile
        Value of every profile in every step, ``(step, profile)`` [pu].
    period_mean, period_innovation
        Period means and the innovations of their scores, ``(period, profile)``.
    score
        Normal scores, from `LAGS` periods before the start on, ``(LAGS + period, profile)``.
    climatology_row
        Rows ``(month, period of day)`` of the climatology that hold for each period,
        ``(period, 2)``.
    forecast_noise
        Standard normal weights by which the days of a month make the noise of the evidence that
        arrives of a period when it is so many periods away, ``(period, lead, day)``.
    link_state, link_speed_kmh
        State of every road link and its speed without incidents, ``(quarter hour, link)``
        [-, km/h].
    delay_state, trip_delay_h
        State of the delays of trips and the delays by step of departure, ``(step,)`` [-, h].
    rail_delay_h
        Delays of trains by slot in which they enter a segment, ``(slot, segment)`` [h].
    told_rail_delay_s
        How long the rest of such a delay is said to be: the mean, whatever it will be [s].
    incidents, breakdowns, outages
        What goes wrong: on roads, per vehicle, on lines.
    told_repair_s
        How long a repair is said to take: the mean, whatever it will take [s].
    ev_sessions
        Stays of electric cars.
    """

    start: np.datetime64
    profile: FloatArray
    period_mean: FloatArray
    period_innovation: FloatArray
    score: FloatArray
    climatology_row: IntArray
    forecast_noise: FloatArray
    link_state: FloatArray
    link_speed_kmh: FloatArray
    delay_state: FloatArray
    trip_delay_h: FloatArray
    rail_delay_h: FloatArray
    told_rail_delay_s: float
    incidents: tuple[Incident, ...]
    breakdowns: tuple[tuple[Breakdown, ...], ...]
    told_repair_s: float
    outages: tuple[Outage, ...]
    ev_sessions: EvSessions

    def conditions(self, system: System) -> RoadConditions:
        """Return the roads as those who drive meet them."""
        return RoadConditions(
            system.roads,
            self.link_speed_kmh,
            self.incidents,
            self.trip_delay_h,
            system.timing.step_h,
        )

    def railway(self, system: System) -> RailConditions:
        """Return the railway as trains meet it."""
        return RailConditions(system.rails, self.rail_delay_h, self.told_rail_delay_s)


def first_days(system: System, uncertainty: Uncertainty) -> IntArray:
    """Return the first rows of the record on which a replication may start, ``(choice,)``.

    Raises
    ------
    InputError
        If no stretch of the record within the chosen months is as long as the episode.
    """
    record, timing = uncertainty.record, system.timing
    rows = np.arange(0, len(record.values) - timing.n_steps + 1, timing.steps_per_day)
    days = record.start.astype("datetime64[D]") + rows // timing.steps_per_day
    month = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    last = days + (timing.n_steps - 1) // timing.steps_per_day
    last_month = last.astype("datetime64[M]").astype(np.int64) % 12 + 1
    inside = np.isin(month, uncertainty.months) & np.isin(last_month, uncertainty.months)
    # An episode longer than the season starts in it and runs on.
    chosen = rows[inside] if inside.any() else rows[np.isin(month, uncertainty.months)]
    if not len(chosen):
        raise InputError.single(
            where=system.name,
            key="profiles.months",
            value=list(uncertainty.months),
            message=f"no {timing.n_steps} steps in a row of the record start in these months",
            remedy="Shorten the episode (timing.days) or choose other months",
        )
    return frozen(chosen, np.int64)


def first_row(choices: IntArray, seed: int, replication: int) -> int:
    """Return the row of the record on which a replication starts, drawn from `first_days`."""
    return int(choices[stream(seed, replication, "day").integers(len(choices))])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nature:
    """Everything that replications of one scenario have in common; built once, drawn from often.

    Attributes
    ----------
    system, uncertainty
        The scenario.
    climatology
        Climatology of the record.
    dynamics
        How its scores move on.
    error_share
        Share of the variance of innovations that forecasts leave open, ``(lead, profile)`` [-];
        0 where the skill is perfect.
    errors
        What forecasts leave open of the periods ahead.
    travel, rail, evs
        What is expected of drives and of runs between stations, and of electric cars.
    import_usd_per_mwh, export_usd_per_mwh
        Mean prices by period of the day, ``(period of day, area)`` [USD/MWh].
    first_days
        First rows of the record on which a replication may start, ``(choice,)``.
    """

    system: System
    uncertainty: Uncertainty
    climatology: Climatology
    dynamics: Dynamics
    error_share: FloatArray
    errors: ErrorsAhead
    travel: TravelForecaster
    rail: RailForecaster
    evs: EvForecaster
    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    first_days: IntArray

    @classmethod
    def build(cls, system: System, uncertainty: Uncertainty) -> Nature:
        """Prepare the draws.

        Raises
        ------
        InputError
            If no stretch of the record within the chosen months is as long as the episode.
        """
        record, timing, areas = uncertainty.record, system.timing, system.areas
        known = climatology(record, timing.period_s)
        moves = dynamics(record, timing.period_s)
        share = frozen(error_share(moves, known.tables_of(uncertainty.months), uncertainty, timing))
        return cls(
            system=system,
            uncertainty=uncertainty,
            climatology=known,
            dynamics=moves,
            error_share=share,
            errors=ErrorsAhead(moves, share),
            travel=TravelForecaster.build(system, uncertainty.traffic, uncertainty.incidents),
            rail=RailForecaster.build(system, uncertainty.rail_delays),
            evs=EvForecaster.build(system, uncertainty.ev_habits),
            import_usd_per_mwh=_by_area([area.tariff.import_usd_per_mwh for area in areas], timing),
            export_usd_per_mwh=_by_area([area.tariff.export_usd_per_mwh for area in areas], timing),
            first_days=first_days(system, uncertainty),
        )

    def draw(self, seed: int, replication: int) -> Realisation:
        """Return the realisation of one replication, a pure function of its arguments."""
        system, uncertainty, timing = self.system, self.uncertainty, self.system.timing
        record = uncertainty.record
        row = first_row(self.first_days, seed, replication)
        period = row // timing.steps_per_period
        periods = slice(period, period + timing.n_periods)
        n_quarters = -(-timing.n_periods * timing.period_s // QUARTER_S)
        laws = self.travel.laws
        state = draw_state(system, uncertainty.traffic, seed, replication, n_quarters)
        delay_state = delays.draw_state(uncertainty.delays, timing, seed, replication)
        return Realisation(
            start=record.start + np.timedelta64(row * record.step_s, "s"),
            profile=frozen(record.values[row : row + timing.n_steps]),
            period_mean=frozen(self.climatology.mean[periods]),
            period_innovation=frozen(self.dynamics.innovation[periods]),
            score=frozen(self.dynamics.score[period : periods.stop + LAGS]),
            climatology_row=frozen(
                np.column_stack(
                    [self.climatology.table[periods], self.climatology.period_of_day[periods]]
                ),
                np.int64,
            ),
            forecast_noise=frozen(self._forecast_noise(seed, replication)),
            link_state=frozen(state),
            link_speed_kmh=frozen(link_speed(system, uncertainty.traffic, laws, state, 0)),
            delay_state=frozen(delay_state),
            trip_delay_h=frozen(delays.trip_delay_h(uncertainty.delays, delay_state)),
            rail_delay_h=frozen(draw_delay_h(system, uncertainty.rail_delays, seed, replication)),
            told_rail_delay_s=uncertainty.rail_delays.mean_h * SECONDS_PER_HOUR,
            incidents=draw_incidents(
                system, uncertainty.incidents, laws.beta[laws.of_link], seed, replication
            ),
            breakdowns=draw_breakdowns(system, uncertainty.breakdowns, seed, replication),
            told_repair_s=uncertainty.breakdowns.repair_h * SECONDS_PER_HOUR,
            outages=draw_outages(system, uncertainty.outages, seed, replication),
            ev_sessions=draw_sessions(system, uncertainty.ev_habits, seed, replication),
        )

    def _forecast_noise(self, seed: int, replication: int) -> FloatArray:
        """Return the weights; all profiles share them, so that they err together."""
        timing, days = self.system.timing, self.dynamics.sample.shape[2]
        shape = (timing.n_periods, timing.horizon, days)
        return stream(seed, replication, "forecast").standard_normal(shape)


def _by_area(prices: Sequence[FloatArray], timing: Timing) -> FloatArray:
    """Return the means of each area's prices by period, ``(period of day, area)``."""
    return frozen(np.column_stack([_by_period(by_step, timing) for by_step in prices]))


def _by_period(by_step: FloatArray, timing: Timing) -> FloatArray:
    """Return the means of a day's steps by period, over as many days as periods need to repeat."""
    n = math.lcm(timing.steps_per_day, timing.steps_per_period)
    steps = np.arange(n) % timing.steps_per_day
    means: FloatArray = by_step[steps].reshape(-1, timing.steps_per_period).mean(axis=1)
    return means
