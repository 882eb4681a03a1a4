"""Electric cars at home: they arrive, wait, charge until full, and leave."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from sim.control import EvStates
from sim.system.evs import EvGroup
from sim.uncertainty.evs import EvSessions
from sim.units import SECONDS_PER_HOUR, BoolArray, FloatArray


class EvFleet:
    """All cars of an episode; each stay is a SimPy process.

    Parameters
    ----------
    env
        SimPy's environment.
    groups
        What they are.
    sessions
        When they come and go.
    arrived
        Called when a car comes home.
    """

    def __init__(
        self,
        env: simpy.Environment,
        groups: tuple[EvGroup, ...],
        sessions: EvSessions,
        arrived: Callable[[], None],
    ) -> None:
        self._env = env
        self._groups = groups
        self._sessions = sessions
        self._arrived = arrived
        self._charging = [0] * len(groups)
        self._drawn_mwh = np.zeros(len(groups))
        self._settled_s = 0.0
        self._dead = [False] * len(groups)
        self._power_back = [env.event() for _ in groups]
        self._owed_mwh = sessions.owed_mwh.copy()
        power = np.array([group.p_mw * group.efficiency_charge for group in groups])
        self._speed_mw = power[sessions.group] if len(groups) else np.empty(0)
        self._charging_since_s = np.full(len(sessions.group), np.inf)
        self._connected: dict[int, simpy.Process] = {}
        self.short = 0
        for session in range(len(sessions.group)):
            env.process(self._stay(session))

    # -- what the world does with it -----------------------------------------------------------

    def read_meter(self) -> FloatArray:
        """Return the energy drawn by each group since the last reading, ``(group,)`` [MWh]."""
        self._settle()
        reading = self._drawn_mwh
        self._drawn_mwh = np.zeros(len(self._groups))
        return reading

    def supply(self, supplied: BoolArray) -> None:
        """Say which buses have power from now on, ``(bus,)``."""
        for index, group in enumerate(self._groups):
            dead = not supplied[group.bus]
            if dead == self._dead[index]:
                continue
            self._dead[index] = dead
            if dead:
                charging = np.isfinite(self._charging_since_s) & (self._sessions.group == index)
                for session in np.flatnonzero(charging).tolist():
                    self._connected[session].interrupt("outage")
            else:
                self._power_back[index].succeed()
                self._power_back[index] = self._env.event()

    def states(self) -> EvStates:
        """Return the cars at home, in order of arrival."""
        here = np.array(sorted(self._connected), dtype=np.int64)
        charging_h = (self._env.now - self._charging_since_s[here]) / SECONDS_PER_HOUR
        charged_mwh = np.maximum(charging_h, 0.0) * self._speed_mw[here]
        sessions = self._sessions
        return EvStates(
            group=sessions.group[here],
            owed_mwh=np.maximum(self._owed_mwh[here] - charged_mwh, 0.0),
            charge_from_h=sessions.start_h[here],
            departure_h=sessions.departure_h[here],
            next_trip_mwh=sessions.next_trip_mwh[here],
        )

    # -- its story -----------------------------------------------------------------------------

    def _stay(self, session: int) -> Generator[simpy.Event, Any, None]:
        env, sessions = self._env, self._sessions
        process = env.active_process
        assert process is not None
        yield env.timeout(max(sessions.arrival_h[session] * SECONDS_PER_HOUR - env.now, 0.0))
        self._connected[session] = process
        if sessions.arrival_h[session] > 0:
            self._arrived()
        if sessions.start_h[session] * SECONDS_PER_HOUR > env.now:
            yield env.timeout(sessions.start_h[session] * SECONDS_PER_HOUR - env.now)
        yield from self._charge(session)
        yield env.timeout(max(sessions.departure_h[session] * SECONDS_PER_HOUR - env.now, 0.0))
        del self._connected[session]
        group = self._groups[sessions.group[session]]
        stored_mwh = group.energy_mwh - self._owed_mwh[session]
        self.short += int(stored_mwh < sessions.next_trip_mwh[session] - 1e-9)

    def _charge(self, session: int) -> Generator[simpy.Event, Any, None]:
        """Charge until full or until departure, with pauses while the bus is dead."""
        env, index = self._env, int(self._sessions.group[session])
        departure_s = float(self._sessions.departure_h[session]) * SECONDS_PER_HOUR
        speed_mw = float(self._speed_mw[session])
        owed_mwh = float(self._owed_mwh[session])
        while owed_mwh > 1e-12 and env.now < departure_s:
            if self._dead[index]:
                yield self._power_back[index] | env.timeout(departure_s - env.now)
                continue
            full_s = owed_mwh / speed_mw * SECONDS_PER_HOUR
            self._plug(index, +1)
            self._charging_since_s[session] = started_s = env.now
            # An outage interrupts; `supply` has said so, and the loop waits for power.
            with contextlib.suppress(simpy.Interrupt):
                yield env.timeout(min(full_s, departure_s - env.now))
            self._plug(index, -1)
            self._charging_since_s[session] = np.inf
            lasted_s = env.now - started_s
            charged_mwh = lasted_s / SECONDS_PER_HOUR * speed_mw
            owed_mwh = 0.0 if lasted_s >= full_s else max(owed_mwh - charged_mwh, 0.0)
            self._owed_mwh[session] = owed_mwh

    def _plug(self, index: int, change: int) -> None:
        self._settle()
        self._charging[index] += change

    def _settle(self) -> None:
        hours = (self._env.now - self._settled_s) / SECONDS_PER_HOUR
        if hours > 0.0:
            for index, group in enumerate(self._groups):
                self._drawn_mwh[index] += self._charging[index] * group.p_mw * hours
            self._settled_s = self._env.now
