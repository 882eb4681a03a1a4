"""Time-space network of trips as binaries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.scheduling.problem.time_space import Route, TimeSpace
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TripVariables:
    """Indices of the block's variables, and what they stand for.

    Attributes
    ----------
    vehicle, period, start, goal
        Who leaves when, whence and whither, ``(trip,)``.
    taken
        Binaries, ``(trip,)``.
    present
        Whether a vehicle is connected, ``(vehicle, period, station)``, integral where the trips
        are; -1 where it cannot be.
    """

    vehicle: IntArray
    period: IntArray
    start: IntArray
    goal: IntArray
    taken: IntArray
    present: IntArray

    def along(self, space: TimeSpace, routes: tuple[Route, ...]) -> FloatArray:
        """Return which trips some routes take, ``(trip,)``, 0 or 1."""
        taken = np.zeros(len(self.vehicle))
        for vehicle, route in enumerate(routes):
            where = int(space.start_station[vehicle])
            for period, goal in route:
                same = (self.vehicle == vehicle) & (self.period == period)
                taken[same & (self.start == where) & (self.goal == goal)] = 1.0
                where = goal
        return taken

    def routes(self, values: FloatArray, n_vehicles: int) -> tuple[Route, ...]:
        """Return the routes of a solution, ``(variable,)``."""
        chosen = values[self.taken] > 0.5
        routes: list[Route] = []
        for vehicle in range(n_vehicles):
            mine = np.flatnonzero(chosen & (self.vehicle == vehicle))
            mine = mine[np.argsort(self.period[mine])]
            routes.append(
                tuple(zip(self.period[mine].tolist(), self.goal[mine].tolist(), strict=True))
            )
        return tuple(routes)


def add_trips(
    assembly: Assembly, space: TimeSpace, live: BoolArray, queue_usd: float
) -> TripVariables:
    """Add trips and presence: every vehicle is in exactly one place.

    Parameters
    ----------
    assembly
        The model.
    space
        What is possible.
    live
        Stations at which power can flow, ``(station,)``; none is gone to otherwise.
    queue_usd
        Price of a vehicle too many at a station, per period [USD].
    """
    n_vehicles, n_periods, n_stations = space.n_vehicles, space.n_periods, space.n_stations
    period, start, goal = np.nonzero((space.duration > 0) & live)
    k = np.repeat(np.arange(n_vehicles), len(period))
    t, i, j = (np.tile(part, n_vehicles) for part in (period, start, goal))
    first = space.start_period[k]
    # At its first period a vehicle is at one station only.
    possible = (t > first) | ((t == first) & (i == space.start_station[k]))
    k, t, i, j = k[possible], t[possible], i[possible], j[possible]
    taken = assembly.variables(len(k), upper=1.0, cost=space.cost_usd[k, t, i, j], integer=True)
    here = np.arange(n_periods)[None, :, None] >= space.start_period[:, None, None]
    here = np.broadcast_to(here, (n_vehicles, n_periods, n_stations))
    present = np.full(here.shape, -1, dtype=np.int64)
    present[here] = assembly.variables(int(here.sum()), upper=1.0)

    begins = np.zeros(here.shape)
    active = np.flatnonzero(space.start_period < n_periods)
    begins[active, space.start_period[active], space.start_station[active]] = 1.0
    row = np.full(here.shape, -1, dtype=np.int64)
    row[here] = assembly.rows(int(here.sum()), lower=begins[here], upper=begins[here])
    assembly.entries(row[here], present[here], 1.0)
    before = here[:, :-1]
    assembly.entries(row[:, 1:][before], present[:, :-1][before], -1.0)
    assembly.entries(row[k, t, i], taken, 1.0)
    assembly.entries(row[k, t + space.duration[t, i, j], j], taken, -1.0)
    trips = TripVariables(vehicle=k, period=t, start=i, goal=j, taken=taken, present=present)
    _add_plugs(assembly, space, trips, queue_usd)
    return trips


def _add_plugs(
    assembly: Assembly, space: TimeSpace, trips: TripVariables, queue_usd: float
) -> None:
    """Let no more vehicles hold plugs than there are; more are possible but costly."""
    scarce = np.flatnonzero(space.plugs < space.n_vehicles)
    held = np.zeros((space.n_periods, space.n_stations))
    for vehicle in range(space.n_vehicles):
        waiting = slice(space.start_occupied[vehicle], space.start_period[vehicle])
        held[waiting, space.start_station[vehicle]] += 1
    for station in scarce.tolist():
        spare = space.plugs[station] - held[:, station]
        rows = assembly.rows(space.n_periods, upper=spare)
        too_many = assembly.variables(space.n_periods, cost=queue_usd)
        assembly.entries(rows, too_many, -1.0)
        k, t = np.nonzero(trips.present[:, :, station] >= 0)
        assembly.entries(rows[t], trips.present[k, t, station], 1.0)
        here = np.flatnonzero(trips.goal == station)
        t, i = trips.period[here], trips.start[here]
        for ahead in range(int(space.duration.max(initial=0))):
            holds = ahead >= space.arrival[t, i, station]
            holds &= ahead < space.duration[t, i, station]
            assembly.entries(rows[t[holds] + ahead], trips.taken[here[holds]], 1.0)
