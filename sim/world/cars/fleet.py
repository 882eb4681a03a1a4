"""The electric cars of an episode: orders to groups, meters, and who is at home."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import numpy as np
import simpy

from sim.control import EvPlan, EvStates
from sim.system.evs import EvGroup
from sim.system.timing import Timing
from sim.uncertainty.evs import EvSessions
from sim.units import SECONDS_PER_HOUR, BoolArray, FloatArray, IntArray
from sim.world.cars import ranking, sharing
from sim.world.cars.records import Records, records
from sim.world.clock import Order, Tick
from sim.world.orders import OrderInForce


class EvMeter(NamedTuple):
    """What the meters of groups say at the end of a step, arrays ``(group,)`` [MWh].

    `charged_mwh` and `discharged_mwh` passed the grid connection in the step; `stored_mwh` is in
    the batteries of the cars at home.
    """

    charged_mwh: FloatArray
    discharged_mwh: FloatArray
    stored_mwh: FloatArray


class EvFleet:
    """All electric cars of an episode.

    Parameters
    ----------
    env
        SimPy's environment.
    timing
        Steps and periods.
    groups
        What they are.
    sessions
        When they come and go.
    arrived
        Called when a car comes home.
    waited_for
        Tells, at the start of a step, whether anybody waits for that in it.
    """

    def __init__(
        self,
        env: simpy.Environment,
        timing: Timing,
        groups: tuple[EvGroup, ...],
        sessions: EvSessions,
        arrived: Callable[[], None],
        waited_for: Callable[[], bool],
    ) -> None:
        self._env = env
        self._timing = timing
        self._groups = groups
        self._sessions = sessions
        self._all = records(groups, sessions)
        self._order_mw: OrderInForce[np.float64] = OrderInForce(
            timing.n_periods, len(groups), np.nan
        )
        self._usable_h = np.zeros((timing.n_periods + 1, len(groups)))
        self._was_ordered = False
        self._supply: list[tuple[float, BoolArray]] = []
        if groups:
            self._advance()
            step_s = timing.step_s
            env.process(_arrivals(env, sessions.arrival_h, step_s, arrived, waited_for))

    # -- what the world does with it -----------------------------------------------------------

    def order(self, plan: EvPlan, period: int) -> None:
        """Take the orders of a plan whose row 0 is `period`."""
        self._order_mw.apply(plan.p_mw, period)
        self._was_ordered = self._was_ordered or bool(np.isfinite(plan.p_mw).any())
        # Hours that come and in which the group may not charge.
        period_h, rows = self._timing.period_h, self._order_mw.rows
        blocked_h = period_h * (rows >= 0)
        blocked_h[:period] = 0.0
        ahead_h = np.cumsum(blocked_h[::-1], axis=0)[::-1]
        self._usable_h = period_h * np.arange(len(rows) + 1, dtype=np.float64)[:, None]
        self._usable_h = self._usable_h + np.vstack([ahead_h, np.zeros_like(ahead_h[:1])])
        reach_h = period_h * (1 + np.flatnonzero(blocked_h.any(axis=1))[-1:].sum())
        self._advance()
        ranking.look_ahead(*self._all, self._usable_h, period_h, float(reach_h))

    def follow_orders(self) -> None:
        """Carry out from now on what is in force in this period."""
        period = int(self._env.now // self._timing.period_s)
        if not self._was_ordered or period >= self._timing.n_periods:
            return
        order_mw, usable_h = self._order_mw.row(period), self._usable_h[period]
        sharing.follow(*self._all, order_mw, usable_h, self._advance())

    def supply(self, supplied: BoolArray) -> None:
        """Say which buses have power from now on, ``(bus,)``."""
        if not self._groups:
            return
        is_dead = np.array([not supplied[group.bus] for group in self._groups], dtype=np.bool_)
        now_h = self._advance()
        self._supply.append((now_h, is_dead))
        sharing.supply(*self._all, is_dead, now_h)

    def read_meter(self) -> EvMeter:
        """Return what each group exchanged since the last reading, and stores now.

        Groups under an order are put into the order of their laxities anew.
        """
        if not self._groups:
            return EvMeter(np.empty(0), np.empty(0), np.empty(0))
        return EvMeter(*sharing.read_meter(*self._all, self._now_h))

    @property
    def clipped_mwh(self) -> float:
        """Ordered energy that was not exchanged since `reset_clipped` [MWh]."""
        if not self._was_ordered:
            return 0.0
        now_h = self._advance()
        for g in range(len(self._groups)):
            sharing.integrate(self._groups_now, g, now_h)
        return float(self._groups_now["clipped_mwh"].sum())

    def reset_clipped(self) -> None:
        """Count what is not exchanged from zero."""
        self._groups_now["clipped_mwh"] = 0.0

    @property
    def short(self) -> int:
        """Cars that left short although the stay, as stated, sufficed at full power."""
        self._advance()
        return int(self._groups_now["n_short"].sum())

    @property
    def impossible(self) -> int:
        """Cars that left short and could not have been helped.

        Their stay, as stated, was too short, they left before the stated hour, or their bus was
        without power meanwhile.
        """
        self._advance()
        return int(self._groups_now["n_impossible"].sum())

    def moved_mwh(self) -> FloatArray:
        """Return what orders have left in the batteries, ``(group,)`` [MWh].

        That is the stored energy of all cars now, those away included, less what it would be had
        nobody ordered anything; what cars had to charge elsewhere because they left short counts
        as missing.
        """
        if not self._was_ordered:
            return np.zeros(len(self._groups))
        now_h = self._advance()
        alone = records(self._groups, self._sessions)
        sharing.advance(*alone, 0.0)
        for since_h, is_dead in self._supply:
            sharing.advance(*alone, since_h)
            sharing.supply(*alone, is_dead, since_h)
        sharing.advance(*alone, now_h)
        return _held(self._all, now_h) - _held(alone, now_h)

    def states(self) -> EvStates:
        """Return the cars at home, in order of arrival."""
        if not self._groups:
            return EvStates.none()
        sessions = self._sessions
        session, group, known = sharing.at_home(*self._all[1:], self._advance())
        energy_mwh, owed_mwh, laxity_h, charge_max_mw, discharge_max_mw = known
        return EvStates(
            group=group,
            car=sessions.car[session],
            energy_mwh=energy_mwh,
            owed_mwh=owed_mwh,
            charge_from_h=sessions.start_h[session],
            departure_h=sessions.stated_departure_h[session],
            next_trip_mwh=sessions.next_trip_mwh[session],
            charge_max_mw=charge_max_mw,
            discharge_max_mw=discharge_max_mw,
            laxity_h=laxity_h,
        )

    # -- how it keeps up -----------------------------------------------------------------------

    @property
    def _groups_now(self) -> Records:
        return self._all[2]

    def _advance(self) -> float:
        """Let happen what has happened by now, and return the time [h]."""
        now_h = self._now_h
        if self._groups:
            sharing.advance(*self._all, now_h)
        return now_h

    @property
    def _now_h(self) -> float:
        return float(self._env.now) / SECONDS_PER_HOUR


def _held(fleet: tuple[Records, Records, Records, IntArray], now_h: float) -> FloatArray:
    _, everywhere = sharing.energies(*fleet[1:], now_h)
    held: FloatArray = everywhere - fleet[2]["elsewhere_mwh"]
    return held


def _arrivals(
    env: simpy.Environment,
    arrival_h: FloatArray,
    step_s: float,
    arrived: Callable[[], None],
    waited_for: Callable[[], bool],
) -> Generator[simpy.Event, Any, None]:
    """Say whenever a car comes home that somebody waits for; `arrival_h` is in order."""
    arrival_s: list[float] = (arrival_h[arrival_h > 0] * SECONDS_PER_HOUR).tolist()
    delay_s = 0.0
    while arrival_s and env.now <= arrival_s[-1]:
        yield Tick(env, delay_s, Order.AFTERWARDS)
        if waited_for():
            first = bisect.bisect_left(arrival_s, env.now)
            end = bisect.bisect_left(arrival_s, env.now + step_s)
            for time_s in arrival_s[first:end]:
                yield env.timeout(max(time_s - env.now, 0.0))
                arrived()
        delay_s = -env.now % step_s or step_s
