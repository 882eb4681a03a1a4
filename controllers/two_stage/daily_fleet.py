"""Vehicles, roads and batteries of a look-ahead, and what each day still allows them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from controllers.scheduling.problem.batteries import Batteries, batteries_of
from controllers.scheduling.problem.end_cost import EndCost, end_cost
from controllers.scheduling.problem.time_space import AWAY, Route, TimeSpace, time_space
from sim.control import Observation
from sim.system.system import System
from sim.system.terminal import missing_usd_per_mwh
from sim.units import HOURS_PER_DAY, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DailyFleet:
    """Vehicles, roads and batteries of a look-ahead.

    Attributes
    ----------
    space, batteries
        Where vehicles can be, what they carry.
    end
        What stored energy costs at the end; every look-ahead has to reach the target, as published.
    terminal_mwh
        Energy aimed at for the end, ``(vehicle,)`` [MWh].
    day
        Day of each period, counted from the day of the first, ``(period,)``.
    trips_left, throughput_left_mwh
        Departures and energy at the grid side left for each day, ``(vehicle, day)``; infinite
        where there is no limit.
    shift_usd
        Paid for a day on which the vehicle does anything, ``(vehicle, day)`` [USD]; 0 where it is
        due already.
    """

    space: TimeSpace
    batteries: Batteries
    end: EndCost
    terminal_mwh: FloatArray
    day: IntArray
    trips_left: FloatArray
    throughput_left_mwh: FloatArray
    shift_usd: FloatArray


def fleet_of(system: System, observation: Observation, distances_km: FloatArray) -> DailyFleet:
    """Return the fleet as it is now, for the periods of the forecast.

    Parameters
    ----------
    system
        What exists.
    observation
        What is known now.
    distances_km
        Road distances, ``(from station, to station)`` [km].
    """
    states, trucks = observation.vehicles, system.trucks
    day = days_of(observation, system.timing.period_h)
    shape = (len(trucks), int(day[-1]) + 1)
    trips = [np.inf if truck.trips_per_day is None else truck.trips_per_day for truck in trucks]
    trips_left = np.repeat(np.array(trips, dtype=np.float64)[:, None], shape[1], axis=1)
    trips_left[:, 0] = np.maximum(trips_left[:, 0] - states.trips_today, 0)
    throughput = np.array([truck.battery.throughput_per_day_mwh for truck in trucks])
    throughput_left = np.repeat(throughput[:, None], shape[1], axis=1)
    throughput_left[:, 0] = np.maximum(throughput_left[:, 0] - states.throughput_today_mwh, 0.0)
    shift = np.array([truck.shift_h * truck.labour_usd_per_h for truck in trucks])
    shift_usd = np.repeat(shift[:, None], shape[1], axis=1)
    shift_usd[(states.trips_today > 0) | (states.throughput_today_mwh > 0), 0] = 0.0
    return DailyFleet(
        space=time_space(system, observation, distances_km),
        batteries=batteries_of(system, observation),
        end=_daily_end(system, observation),
        terminal_mwh=observation.terminal_energy_mwh.astype(np.float64),
        day=day,
        trips_left=trips_left,
        throughput_left_mwh=throughput_left,
        shift_usd=shift_usd,
    )


def _daily_end(system: System, observation: Observation) -> EndCost:
    """Return what the end costs, with missing energy dear where the ledger does not look at it."""
    end, target = end_cost(system, observation), observation.terminal_energy_mwh.astype(np.float64)
    if end.bent.all():
        return end
    price = end.surplus_usd_per_mwh
    return dataclasses.replace(
        end,
        target_mwh=target,
        missing_usd_per_mwh=np.maximum(missing_usd_per_mwh(system), price),
        fixed_usd=end.fixed_usd - price * target,
    )


def days_of(observation: Observation, period_h: float) -> IntArray:
    """Return the day of each period, counted from the day of the first, ``(period,)``."""
    since_h = observation.now_h - observation.period * period_h
    first_h = observation.hour_of_day - since_h
    starts_h = first_h + period_h * np.arange(observation.forecast.n_periods)
    day = np.floor(starts_h / HOURS_PER_DAY + 1e-9).astype(np.int64)
    since_first: IntArray = day - day[0]
    return since_first


def stations_of(space: TimeSpace, routes: tuple[Route, ...]) -> IntArray:
    """Return where vehicles are connected, ``(period, vehicle)``; `AWAY` if nowhere."""
    stations = np.full((space.n_periods, len(routes)), AWAY, dtype=np.int64)
    for vehicle, route in enumerate(routes):
        stations[:, vehicle] = space.stations_of(vehicle, route)
    return stations
