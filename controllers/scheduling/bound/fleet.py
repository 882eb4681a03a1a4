"""The pricing problems of the fleet: what every vehicle does at given prices of power and plugs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.bound.pricing import (
    PowerCosts,
    PricedTrips,
    StandingLosses,
    best_path,
    cost_to_go,
)
from controllers.scheduling.problem.batteries import REACTIVE_USD_PER_MVARH, most_reactive
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.scheduling.problem.time_space import Route
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Priced:
    """Answer of the fleet to prices.

    Attributes
    ----------
    usd
        Lower bound of what each vehicle pays, without what is fixed at the end, ``(vehicle,)``
        [USD].
    p_mw, q_mvar
        Injections of each vehicle, ``(vehicle, period, station)`` [MW, Mvar].
    plugs
        Plugs it holds, ``(vehicle, period, station)``.
    routes
        Departures per vehicle.
    """

    usd: FloatArray
    p_mw: FloatArray
    q_mvar: FloatArray
    plugs: FloatArray
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kind:
    """Vehicles that differ in place and energy only, and their energy grid."""

    members: IntArray
    lowest_mwh: float
    width_mwh: float
    end_usd: FloatArray
    losses: StandingLosses
    trip_levels: FloatArray
    charge_levels: IntArray
    discharge_levels: IntArray
    charge_mw: float
    discharge_mw: float
    reactive_mvar: FloatArray
    reactive_slope: FloatArray


class Fleet:
    """The vehicles of one scheduling problem, ready to be priced.

    Parameters
    ----------
    problem
        The problem.
    points
        Points of the energy grid between the limits of a battery.
    """

    def __init__(self, problem: SchedulingProblem, points: int) -> None:
        self._problem = problem
        alike: dict[tuple[bytes, ...], list[int]] = {}
        batteries, space = problem.batteries, problem.space
        for k in range(problem.n_vehicles):
            if space.start_period[k] < problem.n_periods:
                same = [
                    getattr(batteries, name)[k].tobytes()
                    for name in batteries.__slots__
                    if name not in ("energy_mwh", "day")
                ]
                same += [space.cost_usd[k].tobytes(), space.energy_mwh[k].tobytes()]
                same += [
                    getattr(problem.end, name)[k].tobytes()
                    for name in problem.end.__slots__
                    if name != "fixed_usd"
                ]
                alike.setdefault(tuple(same), []).append(k)
        self._kinds = [_kind(problem, np.array(members), points) for members in alike.values()]
        # Vehicles that never connect only rest.
        idle = np.flatnonzero(space.start_period >= problem.n_periods)
        self._idle_usd = np.zeros(problem.n_vehicles)
        for k in idle.tolist():
            left_mwh = _rested(problem, k, problem.n_periods)
            self._idle_usd[k] = problem.end.energy_usd(k, left_mwh)

    def best(self, price_p: FloatArray, price_q: FloatArray, plugs_usd: FloatArray) -> Priced:
        """Return the fleet's answer.

        Parameters
        ----------
        price_p, price_q
            Price of an injection for a period, ``(period, station)`` [USD/MW, USD/Mvar].
        plugs_usd
            Price of a plug for a period, ``(period, station)`` [USD].
        """
        problem, space = self._problem, self._problem.space
        usd = self._idle_usd.copy()
        p_mw, q_mvar, plugs = (np.zeros((problem.n_vehicles, *price_p.shape)) for _ in range(3))
        routes: list[Route] = [()] * problem.n_vehicles
        through = np.vstack([np.zeros(len(space.plugs)), np.cumsum(plugs_usd, axis=0)])
        t, i, j = np.nonzero(space.duration)
        held_usd = np.zeros(space.duration.shape)
        held_usd[t, i, j] = (
            through[t + space.duration[t, i, j], j] - through[t + space.arrival[t, i, j], j]
        )
        live = problem.network.live[: space.n_stations]
        for kind in self._kinds:
            k = int(kind.members[0])
            batteries, hours = problem.batteries, problem.period_h
            gain = np.maximum(np.abs(price_q) - REACTIVE_USD_PER_MVARH * hours, 0.0)
            gain = np.where(live, gain, 0.0)
            wear = batteries.wear_usd_per_mwh[k] * hours
            charging = wear + batteries.charging_usd_per_mwh[k] * hours
            rest_usd = plugs_usd - gain * kind.reactive_mvar[0]
            bent = gain[:, :, None] * kind.reactive_slope
            charge_usd = kind.charge_mw * ((charging - price_p)[:, :, None] + bent)
            discharge_usd = kind.discharge_mw * ((wear + price_p)[:, :, None] + bent)
            charge_usd[:, ~live], discharge_usd[:, ~live] = np.inf, np.inf
            power = PowerCosts(
                rest_usd=rest_usd,
                charge_usd=charge_usd,
                discharge_usd=discharge_usd,
                charge_levels=kind.charge_levels,
                discharge_levels=kind.discharge_levels,
            )
            trips = PricedTrips(
                usd=space.cost_usd[k] + held_usd, levels=kind.trip_levels, duration=space.duration
            )
            first = int(space.start_period[kind.members].min())
            value = cost_to_go(kind.end_usd, power, kind.losses, trips, first)
            for member in kind.members.tolist():
                begin, station = int(space.start_period[member]), int(space.start_station[member])
                energy_mwh = _rested(problem, member, begin)
                place = (energy_mwh - kind.lowest_mwh) / kind.width_mwh
                place = min(max(place, 0.0), len(kind.end_usd) - 1.0)
                cell = min(int(place), len(kind.end_usd) - 2)
                share = place - cell
                for point, weight in ((cell, 1 - share), (cell + 1, share)):
                    if weight < 1e-9:
                        continue
                    usd[member] += weight * value[begin, station, point]
                    start = (station, begin, point)
                    goals, moved = best_path(value, start, power, kind.losses, trips)
                    route = space.route_of(member, goals)
                    if weight >= 0.5:
                        routes[member] = route
                    t, s, p, q = self._injections(kind, member, route, moved)
                    p_mw[member, t, s] += weight * p
                    pays = gain[t, s] > 0
                    q_mvar[member, t, s] -= weight * np.where(pays, np.sign(price_q[t, s]) * q, 0.0)
                    t, s = self._held_plugs(member, route)
                    plugs[member, t, s] += weight
        return Priced(usd=usd, p_mw=p_mw, q_mvar=q_mvar, plugs=plugs, routes=tuple(routes))

    def _injections(
        self, kind: _Kind, member: int, route: Route, moved: IntArray
    ) -> tuple[IntArray, IntArray, FloatArray, FloatArray]:
        """Return when and where a vehicle is connected, its power, and its room for reactive power.

        `moved` is the energy moved, ``(period,)`` [levels]; the results are ``(connection,)``
        [MW, Mvar].
        """
        here = self._problem.space.stations_of(member, route)
        t = np.flatnonzero(here >= 0)
        levels = moved[t]
        power = np.where(levels > 0, -levels * kind.charge_mw, -levels * kind.discharge_mw)
        room = np.full(len(t), kind.reactive_mvar[0])
        for sign, pieces, level_mw in (
            (1, kind.charge_levels, kind.charge_mw),
            (-1, kind.discharge_levels, kind.discharge_mw),
        ):
            left = np.maximum(sign * levels, 0)
            for piece, slope in zip(pieces.tolist(), kind.reactive_slope.tolist(), strict=True):
                step = np.minimum(left, piece)
                room -= step * level_mw * slope
                left -= step
        return t, here[t], power, room

    def _held_plugs(self, member: int, route: Route) -> tuple[IntArray, IntArray]:
        """Return when and where a vehicle holds a plug, from its first connection on."""
        space = self._problem.space
        held = space.occupancy(member, route)
        held[: space.start_period[member]] = -1
        t = np.flatnonzero(held >= 0)
        return t, held[t]


def _kind(problem: SchedulingProblem, members: IntArray, points: int) -> _Kind:
    """Return what like vehicles have in common."""
    batteries, k = problem.batteries, int(members[0])
    lowest, highest = batteries.lower_mwh[k].min(), batteries.upper_mwh[k].max()
    # A battery of no width still has a cell.
    width = max(highest - lowest, 1e-6) / (points - 1)
    hours, keep = float(batteries.hours[k]), float(batteries.keep[k])
    rest_mwh = hours * float(batteries.auxiliary_mw[k])
    # Energy below the lowest point may occur within a period that auxiliaries drain.
    margin = int(np.ceil(rest_mwh / width)) + 3 if rest_mwh > 0 or keep < 1 else 0
    bottom = lowest - margin * width
    energy = bottom + width * np.arange(points + margin)
    end_usd = _on_grid(problem, k, energy)
    end_usd[:margin] = np.inf
    charge_mw = width / (hours * batteries.efficiency_charge[k])
    discharge_mw = width * batteries.efficiency_discharge[k] / hours
    largest = max(batteries.p_charge_max_mw[k], batteries.p_discharge_max_mw[k])
    kinks, reactive = most_reactive(float(batteries.s_mva[k]), float(largest))
    slope = -np.diff(reactive) / np.diff(kinks)
    return _Kind(
        members=members,
        lowest_mwh=bottom,
        width_mwh=width,
        end_usd=end_usd,
        losses=StandingLosses(keep=keep, levels=(bottom * (1 - keep) + rest_mwh) / width),
        trip_levels=problem.space.energy_mwh[k] / width,
        charge_levels=_levels(kinks, batteries.p_charge_max_mw[k], charge_mw),
        discharge_levels=_levels(kinks, batteries.p_discharge_max_mw[k], discharge_mw),
        charge_mw=charge_mw,
        discharge_mw=discharge_mw,
        reactive_mvar=reactive,
        reactive_slope=slope,
    )


def _on_grid(problem: SchedulingProblem, k: int, energy: FloatArray) -> FloatArray:
    """Return a lower bound of what energies cost at the end, linear between points, ``(point,)``.

    Where the kink lies between two points, their chord is above the function there; both go down
    by the difference.
    """
    end = problem.end
    usd = end.energy_usd(k, energy)
    target = float(end.target_mwh[k])
    if energy[0] < target < energy[-1]:
        cell = int(np.searchsorted(energy, target, side="right")) - 1
        chord = float(np.interp(target, energy, usd))
        usd[cell : cell + 2] -= max(chord - float(end.energy_usd(k, target)), 0.0)
    return usd


def _levels(kinks: FloatArray, most_mw: float, level_mw: float) -> IntArray:
    """Return the lengths of the pieces in levels, every kink moved outwards."""
    ends = np.ceil(np.minimum(kinks, most_mw) / level_mw - 1e-9).astype(np.int64)
    return np.diff(ends)


def _rested(problem: SchedulingProblem, k: int, periods: int) -> float:
    """Return what vehicle `k` holds after so many periods at rest [MWh]."""
    batteries = problem.batteries
    energy = float(batteries.energy_mwh[k])
    for _ in range(periods):
        energy = batteries.keep[k] * energy - batteries.hours[k] * batteries.auxiliary_mw[k]
    return energy
