"""What the end of an episode costs a vehicle: energy it lacks, and the way to where it has to be.

Both are priced so that ending early never pays. Missing energy costs what buying it back costs at
the dearest hour, which is more than selling it at that hour brings: the two differ by the losses of
the battery and twice its wear, and marginal losses of the grid stay within that. A vehicle that is
not at its terminal station pays for the way there, and for the most it could have sold in the time
that the way takes.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from sim.system.routing import path_links
from sim.system.system import System
from sim.system.vehicles import Train, Truck
from sim.units import KWH_PER_MWH, FloatArray, frozen

# Rounding of times must not cost a whole period.
_TOLERANCE = 1e-6


def peak_usd_per_mwh(system: System) -> float:
    """Return what a MWh at the grid is worth at most while nothing is scarce [USD/MWh].

    What the scenario states; else the highest price of all tariffs or, where a thermal unit
    balances the grid, the highest marginal cost of the units. Never below zero.
    """
    tariff = system.tariff
    if tariff.peak_usd_per_mwh is not None:
        return tariff.peak_usd_per_mwh
    if system.slack_unit is None:
        prices = [
            float(price.max())
            for area in system.areas
            for price in (area.tariff.import_usd_per_mwh, area.tariff.export_usd_per_mwh)
        ]
    else:
        prices = [
            unit.linear_usd_per_mwh + 2 * unit.quadratic_usd_per_mw2h * unit.p_max_mw
            for unit in system.units
        ]
    return max(0.0, *prices)


def missing_usd_per_mwh(system: System) -> FloatArray:
    """Return what energy below the terminal target costs, ``(vehicle,)`` [USD/MWh inside].

    ``(peak + wear + charging) / efficiency_charge``: what buying it back at the dearest hour costs.
    """
    peak = peak_usd_per_mwh(system)
    batteries = [vehicle.battery for vehicle in system.vehicles]
    return np.array(
        [
            (peak + battery.wear_usd_per_mwh + battery.charging_usd_per_mwh)
            / battery.efficiency_charge
            for battery in batteries
        ],
        dtype=np.float64,
    )


def return_h(system: System) -> FloatArray:
    """Return the time that the way to the terminal station takes, ``(vehicle, station)`` [h].

    On empty ways, set-up included, as whole slots or periods: what planners give up for it. Zero at
    the terminal station, where there is none, and where no way leads.
    """
    return _returns(system)[0]


def return_usd(system: System) -> FloatArray:
    """Return what a vehicle pays that ends elsewhere, ``(vehicle, station)`` [USD].

    The trip (distance, hours and fee of a truck, spans of a train), the energy it takes from the
    battery, and the most that can be sold in `return_h`. Zero at the terminal station, where there
    is none, and where no way leads.
    """
    hours, trip_usd, trip_mwh = _returns(system)
    most_mw = np.array([vehicle.battery.p_discharge_max_mw for vehicle in system.vehicles])
    sold_usd = hours * most_mw.reshape(-1, 1) * peak_usd_per_mwh(system)
    usd: FloatArray = trip_usd + sold_usd + trip_mwh * missing_usd_per_mwh(system).reshape(-1, 1)
    return usd


@lru_cache(maxsize=8)  # planners ask for it at each decision of a last day
def _returns(system: System) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return hours [h], money [USD] and stored energy [MWh] of the ways, ``(vehicle, station)``."""
    hours, usd, mwh = (np.zeros((len(system.vehicles), len(system.stations))) for _ in range(3))
    for k, vehicle in enumerate(system.vehicles):
        if vehicle.terminal_station is None:
            continue
        for s in range(len(system.stations)):
            if s == vehicle.terminal_station:
                continue
            way = _rails if isinstance(vehicle, Train) else _roads
            hours[k, s], usd[k, s], mwh[k, s] = way(system, vehicle, s, vehicle.terminal_station)
    return frozen(hours), frozen(usd), frozen(mwh)


def _rails(
    system: System, train: Truck | Train, start: int, goal: int
) -> tuple[float, float, float]:
    """Return hours, money and energy of a train's way."""
    assert isinstance(train, Train)
    nodes = [system.stations[s].rail_node for s in (start, goal)]
    way = None if None in nodes else system.rails.way(*nodes)  # type: ignore[arg-type]
    if way is None:
        return 0.0, 0.0, 0.0
    running_h = float(system.rails.running_h[list(way)].sum()) + system.stations[goal].set_up_h
    whole_h = max(system.rails.slot_h, system.timing.period_h)
    return _whole(running_h, whole_h), train.usd_per_span * len(way), 0.0


def _roads(
    system: System, truck: Truck | Train, start: int, goal: int
) -> tuple[float, float, float]:
    """Return hours, money and energy of a truck's way."""
    assert isinstance(truck, Truck)
    roads, ends = system.roads, [system.stations[s].road_node for s in (start, goal)]
    free_h = roads.length_km / roads.free_speed_kmh
    links = path_links(roads, ends[0], ends[1], free_h)
    if links is None:
        return 0.0, 0.0, 0.0
    km, driving_h = float(roads.length_km[links].sum()), float(free_h[links].sum())
    usd = truck.usd_per_trip + truck.usd_per_km * km
    usd += 0.0 if truck.shift_h else truck.labour_usd_per_h * driving_h
    hours = _whole(driving_h + system.stations[goal].set_up_h, system.timing.period_h)
    return hours, usd, truck.kwh_per_km * km / KWH_PER_MWH


def _whole(hours: float, unit_h: float) -> float:
    return max(math.ceil(hours / unit_h - _TOLERANCE), 1) * unit_h
