"""Encoding of schedules as particles, and the repair that makes every particle feasible.

A point holds active and reactive power of every period and vehicle, and the period of every trip.
What it asks outside the limits of vehicles, plugs and days is taken away, never added: power is
cut, departures that are not possible are those of the schedule that the search began with.
"""

from __future__ import annotations

import numpy as np

from controllers.scheduling.problem.time_space import AWAY, Route
from controllers.two_stage.daily_fleet import DailyFleet
from controllers.two_stage.valuation import Candidates
from sim.units import BoolArray, FloatArray

# Active power this close to zero is none, over the largest power [-]. Rest is what most periods are
# best spent with, and without this band no point but one would be at rest.
_REST = 0.05

# Rounds of cutting power for stored energy, each for its limits and for the end.
_ROUNDS = 4

# Energy missing at the end below this is rounding [MWh].
_ROUNDING_MWH = 1e-9


class Particles:
    """Translates between schedules and points.

    Parameters
    ----------
    fleet
        The vehicles.
    routes
        Departures of each vehicle, whose periods are searched. Goals and their order are kept.
    period_h
        Length of a period [h].
    """

    def __init__(self, fleet: DailyFleet, routes: tuple[Route, ...], period_h: float) -> None:
        self._fleet, self._routes, self._period_h = fleet, routes, period_h
        space, batteries = fleet.space, fleet.batteries
        periods = np.arange(space.n_periods)[:, None]
        self._period, self._vehicle = np.nonzero(periods >= space.start_period)
        largest = np.maximum(batteries.p_charge_max_mw, batteries.p_discharge_max_mw)
        self._rest_mw = _REST * largest
        k = self._vehicle
        trip = [v for v, route in enumerate(routes) for _ in route]
        last = np.full(len(trip), space.n_periods - 1.0)
        charge, discharge = batteries.p_charge_max_mw, batteries.p_discharge_max_mw
        self.lower: FloatArray = np.concatenate(
            [-(charge + self._rest_mw)[k], -batteries.s_mva[k], space.start_period[trip]]
        )
        """Smallest values, ``(variable,)``."""
        self.upper: FloatArray = np.concatenate(
            [(discharge + self._rest_mw)[k], batteries.s_mva[k], last]
        )
        """Largest values, ``(variable,)``."""
        self.departs: BoolArray = np.arange(len(self.lower)) >= 2 * len(k)
        """Which are periods of trips, ``(variable,)``; the others are powers."""
        self._driven: dict[tuple[Route, ...], Candidates] = {}

    def point(self, p_mw: FloatArray, q_mvar: FloatArray) -> FloatArray:
        """Return the point of a schedule with the routes given, ``(variable,)``.

        Parameters
        ----------
        p_mw, q_mvar
            ``(period, vehicle)``, positive injecting [MW, Mvar].
        """
        p = p_mw[self._period, self._vehicle]
        p = p + np.sign(p) * self._rest_mw[self._vehicle]
        departures = [period for route in self._routes for period, _ in route]
        return np.concatenate([p, q_mvar[self._period, self._vehicle], departures])

    def routes(self, point: FloatArray) -> tuple[Route, ...]:
        """Return the departures of a point, ``(variable,)``, each as late as it has to be."""
        space = self._fleet.space
        periods = iter(np.rint(point[2 * len(self._period) :]).astype(np.int64).tolist())
        moved = tuple(
            space.delayed(vehicle, tuple((next(periods), goal) for _, goal in route))
            for vehicle, route in enumerate(self._routes)
        )
        return moved if self._allowed(moved) else self._routes

    def schedules(self, points: FloatArray) -> Candidates:
        """Return the schedules of points, ``(point, variable)``."""
        n, slots = len(points), len(self._period)
        shape = (n, self._fleet.space.n_periods, self._fleet.space.n_vehicles)
        p_mw, q_mvar = np.zeros(shape), np.zeros(shape)
        p_mw[:, self._period, self._vehicle] = points[:, :slots]
        q_mvar[:, self._period, self._vehicle] = points[:, slots : 2 * slots]
        p_mw = np.sign(p_mw) * np.maximum(np.abs(p_mw) - self._rest_mw, 0.0)
        drives = [self._drive(self.routes(point)) for point in points]
        station, trips_mwh, departures, trips_usd = (
            np.concatenate([getattr(one, name) for one in drives])
            for name in ("station", "trips_mwh", "departures", "trips_usd")
        )
        p_mw = self._stored(self._within(p_mw, station != AWAY), trips_mwh)
        s_mva = self._fleet.batteries.s_mva
        largest = np.sqrt(np.maximum(s_mva**2 - p_mw**2, 0.0))
        q_mvar = np.where(station != AWAY, np.clip(q_mvar, -largest, largest), 0.0)
        return Candidates(
            station=station, p_mw=p_mw, q_mvar=q_mvar,
            trips_usd=trips_usd, trips_mwh=trips_mwh, departures=departures,
        )  # fmt: skip

    def _allowed(self, routes: tuple[Route, ...]) -> bool:
        """Return whether days allow the trips, and plugs the vehicles."""
        fleet, space = self._fleet, self._fleet.space
        for vehicle, route in enumerate(routes):
            days = fleet.day[[period for period, _ in route]]
            trips = np.bincount(days, minlength=fleet.trips_left.shape[1])
            if np.any(trips > fleet.trips_left[vehicle]):
                return False
        held = [space.occupancy(vehicle, route) for vehicle, route in enumerate(routes)]
        for station, plugs in enumerate(space.plugs.tolist()):
            if np.any(np.sum([one == station for one in held], axis=0) > plugs):
                return False
        return True

    def _drive(self, routes: tuple[Route, ...]) -> Candidates:
        """Return a schedule of these routes without power."""
        if routes not in self._driven:
            space = self._fleet.space
            rest = np.zeros((space.n_periods, space.n_vehicles))
            self._driven[routes] = Candidates.single(space, routes, rest, rest)
        return self._driven[routes]

    def _within(self, p_mw: FloatArray, connected: BoolArray) -> FloatArray:
        """Return power within the limits of inverters and days, ``(point, period, vehicle)``."""
        fleet, batteries = self._fleet, self._fleet.batteries
        p_mw = np.clip(p_mw, -batteries.p_charge_max_mw, batteries.p_discharge_max_mw)
        p_mw = np.where(connected, p_mw, 0.0)
        for day in range(fleet.throughput_left_mwh.shape[1]):
            here: BoolArray = fleet.day == day
            used = np.abs(p_mw[:, here]).sum(axis=1) * self._period_h
            left = fleet.throughput_left_mwh[:, day]
            share = np.minimum(left / np.maximum(used, 1e-12), 1.0)
            p_mw[:, here] *= share[:, None]
        return p_mw

    def _stored(self, p_mw: FloatArray, trips_mwh: FloatArray) -> FloatArray:
        """Return power that stored energy allows and that leaves what is aimed at for the end."""
        fleet, batteries = self._fleet, self._fleet.batteries
        n_periods = p_mw.shape[1]
        # What is left at the end of a MWh stored in each period.
        kept = batteries.keep ** np.arange(n_periods - 1, -1, -1)[:, None]
        for _ in range(_ROUNDS):
            p_mw, end_mwh = self._between_limits(p_mw, trips_mwh)
            missing = fleet.terminal_mwh - end_mwh
            if np.all(missing <= _ROUNDING_MWH):
                break
            given = np.maximum(p_mw, 0.0) / batteries.efficiency_discharge * batteries.hours * kept
            share = 1.0 - np.maximum(missing, 0.0) / np.maximum(given.sum(axis=1), 1e-12)
            p_mw = np.where(p_mw > 0, p_mw * np.clip(share, 0.0, 1.0)[:, None], p_mw)
        return p_mw

    def _between_limits(
        self, p_mw: FloatArray, trips_mwh: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return power cut so that stored energy stays in its limits, and the energy at the end."""
        batteries = self._fleet.batteries
        hours = batteries.hours
        p_mw = p_mw.copy()
        level: FloatArray = np.broadcast_to(batteries.energy_mwh, p_mw[:, 0].shape)
        for t in range(p_mw.shape[1]):
            level = batteries.keep * level - hours * batteries.auxiliary_mw - trips_mwh[:, t]
            room = np.maximum(batteries.upper_mwh[:, t + 1] - level, 0.0)
            stock = np.maximum(level - batteries.lower_mwh[:, t + 1], 0.0)
            charge = np.minimum(
                np.maximum(-p_mw[:, t], 0.0) * hours * batteries.efficiency_charge, room
            )
            drawn = np.minimum(
                np.maximum(p_mw[:, t], 0.0) * hours / batteries.efficiency_discharge, stock
            )
            level = level + charge - drawn
            p_mw[:, t] = (
                drawn * batteries.efficiency_discharge - charge / batteries.efficiency_charge
            ) / hours
        return p_mw, level
