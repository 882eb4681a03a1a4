"""When cars come home, and how much they have driven.

Source of the laws: Tong et al., "Multi-Scenario and Multi-Objective Collaborative Optimization of
Distribution Network Considering Electric Vehicles and Mobile Energy Storage Systems", IEEE Access,
2021. Times of departure are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.special import ndtri

from sim.control import EvEnvelope, EvStates
from sim.system.evs import EvGroup
from sim.system.system import System
from sim.uncertainty.ev_envelopes import EnvelopeForecaster, SampledStays
from sim.uncertainty.streams import stream
from sim.units import HOURS_PER_DAY, FloatArray, IntArray, frozen

ARRIVAL_FROM_H, ARRIVAL_TO_H = 4.0, 28.0
DEPARTURE_TO_H = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EvHabits:
    """Laws of daily driving.

    Attributes
    ----------
    distance_mu, distance_sigma
        Daily distance: log-normal, cut off at what a full battery can drive [log km].
    arrival_shape, arrival_scale_h
        End of the last trip: Weibull, cut to (4, 28] hours of the day and to what is later than the
        departure of that morning [h].
    departure_h, departure_sigma_h
        First trip of the next morning, as stated: normal, cut to [4, 10] hours [h]. Assumed.
    departure_error_h
        Standard deviation of the true departure about the stated one, cut to the same hours [h]; at
        0 everybody leaves when he said. Assumed.
    """

    distance_mu: float = 3.019
    distance_sigma: float = 1.123
    arrival_shape: float = 5.427
    arrival_scale_h: float = 18.618
    departure_h: float = 7.0
    departure_sigma_h: float = 1.0
    departure_error_h: float = 0.0

    def __post_init__(self) -> None:
        if not ARRIVAL_FROM_H <= self.departure_h <= DEPARTURE_TO_H:
            raise ValueError(
                f"departure_h(={self.departure_h}) must be in [{ARRIVAL_FROM_H:g}, "
                f"{DEPARTURE_TO_H:g}]: before, cars are not back from the trips of the day."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvSessions:
    """Stays of all cars at home, in order of arrival, arrays ``(session,)``.

    Attributes
    ----------
    group, car
        Index of the group, and number of the car in it.
    arrival_h, start_h, departure_h
        Arrival, earliest charging, departure [h since the episode's start]; the first may be
        negative.
    stated_departure_h
        The departure that is told on arrival [h].
    owed_mwh
        Energy missing in the battery on arrival (at the episode's start for cars that arrived
        before it) if the car left full [MWh].
    next_trip_mwh
        Energy that the next day's trips take [MWh].
    """

    group: IntArray
    car: IntArray
    arrival_h: FloatArray
    start_h: FloatArray
    departure_h: FloatArray
    stated_departure_h: FloatArray
    owed_mwh: FloatArray
    next_trip_mwh: FloatArray


def draw_sessions(system: System, habits: EvHabits, seed: int, replication: int) -> EvSessions:
    """Return the stays of one replication, those of the evening before included.

    One more car in a group changes nothing for the others: each car's numbers are a row of the
    group's table of the day.
    """
    n_days = int(np.ceil(system.timing.end_h / HOURS_PER_DAY))
    columns: dict[str, list[FloatArray]] = {
        "group": [], "car": [], "arrival_h": [], "start_h": [], "departure_h": [],
        "stated_departure_h": [], "owed_mwh": [], "next_trip_mwh": [],
    }  # fmt: skip
    for index, group in enumerate(system.evs):
        driven = [
            _uniform(seed, replication, group, "distance", day) for day in range(-1, n_days + 1)
        ]
        distance_km = [_distance_km(habits, group, u) for u in driven]
        stated_h = _first_trip_h(habits, _uniform(seed, replication, group, "times", -2)[:, 2])
        left_h = _leaves_h(habits, stated_h, seed, replication, group, -2)
        for day in range(-1, n_days):
            u = _uniform(seed, replication, group, "times", day)
            speed_mw = group.p_mw * group.efficiency_charge
            owed = distance_km[day + 1] * group.mwh_per_km
            home_h = _home_again_h(habits, u[:, 0], driven[day + 1][:, 1], left_h)
            arrival_h = HOURS_PER_DAY * day + home_h
            stated_h = _first_trip_h(habits, u[:, 2])
            left_h = _leaves_h(habits, stated_h, seed, replication, group, day)
            departure_h = HOURS_PER_DAY * (day + 1) + stated_h
            # Nobody backs off so long that the battery would not be full by the morning.
            latest_h = np.maximum(departure_h - owed / speed_mw, arrival_h)
            from_h = np.maximum(arrival_h, HOURS_PER_DAY * day + group.charge_from_h)
            start_h = np.minimum(from_h + group.back_off_h * u[:, 1], latest_h)
            # What was charged before the episode has been charged.
            owed = np.maximum(owed - np.clip(-start_h, 0.0, None) * speed_mw, 0.0)
            columns["group"].append(np.full(group.count, float(index)))
            columns["car"].append(np.arange(group.count, dtype=np.float64))
            columns["arrival_h"].append(arrival_h)
            columns["start_h"].append(start_h)
            columns["departure_h"].append(np.maximum(HOURS_PER_DAY * (day + 1) + left_h, arrival_h))
            columns["stated_departure_h"].append(np.maximum(departure_h, arrival_h))
            columns["owed_mwh"].append(owed)
            columns["next_trip_mwh"].append(distance_km[day + 2] * group.mwh_per_km)
    joined = {name: np.concatenate([*parts, np.empty(0)]) for name, parts in columns.items()}
    here = (joined["departure_h"] > 0) & (joined["arrival_h"] < system.timing.end_h)
    order = np.flatnonzero(here)[np.argsort(joined["arrival_h"][here], kind="stable")]
    kept = {name: values[order] for name, values in joined.items()}
    return EvSessions(
        group=frozen(kept.pop("group"), np.int64),
        car=frozen(kept.pop("car"), np.int64),
        **{name: frozen(values) for name, values in kept.items()},
    )


SAMPLE = 4000


def _sampled_stays(groups: tuple[EvGroup, ...], habits: EvHabits) -> tuple[SampledStays, ...]:
    """Return a sample of stays for each group; groups of like cars share one."""
    u = stream(0, 0, "evs.sample.envelope").random((SAMPLE, 3))
    driven, next_driven = (
        stream(0, 0, f"evs.sample.envelope.{which}").random((SAMPLE, 3))
        for which in ("driven", "next")
    )
    found: dict[tuple[float, float], SampledStays] = {}
    for group in groups:
        key = (group.energy_mwh, group.mwh_per_km)
        if key not in found:
            left_h = _first_trip_h(habits, u[:, 1])
            arrival_h = _home_again_h(habits, u[:, 0], driven[:, 1], left_h)
            departure_h = HOURS_PER_DAY + _first_trip_h(habits, u[:, 2])
            owed_mwh = _distance_km(habits, group, driven) * group.mwh_per_km
            found[key] = SampledStays(
                arrival_h=arrival_h,
                departure_h=departure_h,
                stored_mwh=group.energy_mwh - owed_mwh,
                need_mwh=_distance_km(habits, group, next_driven) * group.mwh_per_km,
            )
    return tuple(found[group.energy_mwh, group.mwh_per_km] for group in groups)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvForecaster:
    """Expected charging of cars at home and of cars yet to come.

    Attributes
    ----------
    groups
        The cars.
    period_h
        Length of a period [h].
    p_mw, speed_mw
        Power drawn and power stored by a charging car, ``(group,)`` [MW].
    to_come_mw
        Mean power of cars yet to come, by period of the day at which the look-ahead starts,
        ``(period of day, lead, group)`` [MW].
    envelopes
        Between what groups can be moved.
    """

    groups: tuple[EvGroup, ...]
    period_h: float
    to_come_mw: FloatArray
    p_mw: FloatArray
    speed_mw: FloatArray
    envelopes: EnvelopeForecaster

    @classmethod
    def build(cls, system: System, habits: EvHabits) -> EvForecaster:
        """Average over a sample of cars, drawn by a key of its own."""
        period_h = system.timing.period_h
        per_day = max(round(HOURS_PER_DAY / period_h), 1)
        # Mean power due to arrivals in one period of the day, so many periods later.
        response = np.zeros((len(system.evs), per_day, per_day))
        u = stream(0, 0, "evs.sample").random((SAMPLE, 3))
        own = stream(0, 0, "evs.sample.distance").random((SAMPLE, 3))
        for index, group in enumerate(system.evs):
            left_h = _first_trip_h(habits, u[:, 2])
            arrival_h = _home_again_h(habits, u[:, 0], own[:, 1], left_h)
            speed_mw = group.p_mw * group.efficiency_charge
            needed_h = _distance_km(habits, group, own) * group.mwh_per_km / speed_mw
            latest_h = np.maximum(HOURS_PER_DAY + habits.departure_h - needed_h, arrival_h)
            from_h = np.maximum(arrival_h, group.charge_from_h)
            start_h = np.minimum(from_h + group.back_off_h * u[:, 1], latest_h)
            period = np.floor(arrival_h / period_h).astype(np.int64)
            lags = np.arange(per_day, dtype=np.float64)
            begin_h = (period[:, None] + lags) * period_h
            share = _overlap(begin_h, period_h, start_h[:, None], needed_h[:, None])
            np.add.at(response[index], period % per_day, share * group.p_mw * group.count / SAMPLE)
        horizon = system.timing.horizon
        to_come_mw = np.zeros((per_day, horizon, len(system.evs)))
        for first in range(per_day):
            for arrived in range(horizon):
                n_lags = min(horizon - arrived, per_day)
                due = response[:, (first + arrived) % per_day, :n_lags]
                to_come_mw[first, arrived : arrived + n_lags] += due.T
        return cls(
            groups=system.evs,
            period_h=period_h,
            to_come_mw=frozen(to_come_mw),
            p_mw=frozen([group.p_mw for group in system.evs]),
            speed_mw=frozen([group.p_mw * group.efficiency_charge for group in system.evs]),
            envelopes=EnvelopeForecaster.build(
                system.evs, _sampled_stays(system.evs, habits), period_h
            ),
        )

    def forecast(self, period: int, n: int, evs: EvStates) -> FloatArray:
        """Return the mean charging power of `n` periods from `period`, ``(n, group)`` [MW]."""
        expected: FloatArray = self.to_come_mw[period % len(self.to_come_mw), :n].copy()
        return expected + self.at_home_mw(period, n, evs)

    def at_home_mw(self, period: int, n: int, evs: EvStates) -> FloatArray:
        """Return what cars at home will charge without orders from now on, ``(n, group)`` [MW]."""
        expected = np.zeros((n, len(self.groups)))
        if not self.groups:
            return expected
        start_h = np.maximum(evs.charge_from_h, period * self.period_h)
        needed_h = evs.owed_mwh / self.speed_mw[evs.group]
        _add_charging(
            expected, evs.group, self.p_mw, start_h, needed_h, period * self.period_h, self.period_h
        )
        return expected

    def exact_envelope(
        self, now_h: float, period: int, n: int, evs: EvStates, sessions: EvSessions
    ) -> EvEnvelope:
        """Return the envelopes of cars of which all is known, both quantiles alike."""
        to_come = sessions.arrival_h > now_h
        capacity_mwh = np.array([group.energy_mwh for group in self.groups], dtype=np.float64)
        to_come_mwh = (capacity_mwh[sessions.group] - sessions.owed_mwh)[to_come]
        group = np.concatenate([evs.group, sessions.group[to_come]])
        found = self.envelopes.known(
            now_h,
            period,
            n,
            group,
            np.concatenate([np.full(len(evs.group), now_h), sessions.arrival_h[to_come]]),
            np.concatenate([evs.departure_h, sessions.departure_h[to_come]]),
            np.concatenate([evs.energy_mwh, to_come_mwh]),
            np.concatenate([evs.next_trip_mwh, sessions.next_trip_mwh[to_come]]),
        )
        both = np.stack([found, found])
        return EvEnvelope(
            p_min_mw=both[:, 0].copy(),
            p_max_mw=both[:, 1].copy(),
            energy_min_mwh=both[:, 2].copy(),
            energy_max_mwh=both[:, 3].copy(),
        )


def charging_mw(system: System, sessions: EvSessions, period: int, n: int) -> FloatArray:
    """Return the charging power that will be in `n` periods, ``(n, group)``, if no line trips."""
    period_h = system.timing.period_h
    begin_h = (period + np.arange(n, dtype=np.float64)) * period_h
    power = np.zeros((n, len(system.evs)))
    for index, group in enumerate(system.evs):
        own = sessions.group == index
        needed_h = sessions.owed_mwh[own] / (group.p_mw * group.efficiency_charge)
        start_h = np.maximum(sessions.start_h[own], 0.0)
        share = _overlap(begin_h[:, None], period_h, start_h, needed_h)
        power[:, index] = group.p_mw * share.sum(axis=1)
    return power


@njit(cache=True)
def _add_charging(
    power_mw: FloatArray,
    group: IntArray,
    p_mw: FloatArray,
    start_h: FloatArray,
    needed_h: FloatArray,
    begin_h: float,
    period_h: float,
) -> None:
    """Add cars that charge at full power from a start not before `begin_h`, ``(row, group)``."""
    for c in range(len(group)):
        end_h = start_h[c] + needed_h[c]
        for row in range(int((start_h[c] - begin_h) / period_h), len(power_mw)):
            from_h = begin_h + row * period_h
            if from_h >= end_h:
                break
            inside_h = min(from_h + period_h, end_h) - max(from_h, start_h[c])
            power_mw[row, group[c]] += p_mw[group[c]] * max(inside_h, 0.0) / period_h


def _overlap(
    begin_h: FloatArray, length_h: float, start_h: FloatArray, duration_h: FloatArray
) -> FloatArray:
    """Return the share of ``[begin, begin + length)`` inside ``[start, start + duration)``."""
    inside = np.minimum(begin_h + length_h, start_h + duration_h) - np.maximum(begin_h, start_h)
    share: FloatArray = np.maximum(inside, 0.0) / length_h
    return share


def _uniform(seed: int, replication: int, group: EvGroup, what: str, day: int) -> FloatArray:
    rng = stream(seed, replication, f"evs.{what}", group.name, day)
    return rng.random((group.count, 3))


def _distance_km(habits: EvHabits, group: EvGroup, u: FloatArray) -> FloatArray:
    """Return daily distances from the log-normal law, cut off at the range of a battery [km]."""
    drawn = np.exp(habits.distance_mu + habits.distance_sigma * ndtri(u[:, 0]))
    distance: FloatArray = np.minimum(drawn, group.range_km)
    return distance


def _first_trip_h(habits: EvHabits, u: FloatArray) -> FloatArray:
    """Return departures of a morning from the cut normal law by inversion [h of the day]."""
    drawn_h = habits.departure_h + habits.departure_sigma_h * ndtri(u)
    first_trip_h: FloatArray = np.clip(drawn_h, ARRIVAL_FROM_H, DEPARTURE_TO_H)
    return first_trip_h


def _leaves_h(
    habits: EvHabits,
    stated_h: FloatArray,
    seed: int,
    replication: int,
    group: EvGroup,
    day: int,
) -> FloatArray:
    """Return when the cars of a group leave that said `stated_h` [h of the day]."""
    if habits.departure_error_h == 0:
        return stated_h
    u = _uniform(seed, replication, group, "departure", day)
    drawn_h = stated_h + habits.departure_error_h * ndtri(u[:, 0])
    leaves_h: FloatArray = np.clip(drawn_h, ARRIVAL_FROM_H, DEPARTURE_TO_H)
    return leaves_h


def _home_again_h(
    habits: EvHabits, u: FloatArray, again: FloatArray, left_h: FloatArray
) -> FloatArray:
    """Return arrivals on a day on which cars left at `left_h`, from the law cut at this [h].

    Whoever would be back before leaving is drawn anew, from `again`: together this is the cut law,
    and the numbers of all others do not depend on when they left.
    """
    arrival_h = _arrival_h(habits, u, np.full_like(u, ARRIVAL_FROM_H))
    return np.where(arrival_h > left_h, arrival_h, _arrival_h(habits, again, left_h))


def _arrival_h(habits: EvHabits, u: FloatArray, from_h: FloatArray) -> FloatArray:
    """Return arrivals later than `from_h` from the truncated Weibull law by inversion [h]."""
    low, high = (
        1 - np.exp(-((hour / habits.arrival_scale_h) ** habits.arrival_shape))
        for hour in (from_h, ARRIVAL_TO_H)
    )
    # Not quite 1, where rounding would send a car home at the end of time.
    level = np.minimum(low + u * (high - low), np.nextafter(1.0, 0.0))
    arrival: FloatArray = habits.arrival_scale_h * (-np.log1p(-level)) ** (1 / habits.arrival_shape)
    return arrival
