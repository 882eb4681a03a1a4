"""What is known of the fleet and what the meters say, as copies that a controller may keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.control import Forecast, VehicleStates
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.units import FloatArray
from sim.world.vehicle import Vehicle


def vehicle_states(fleet: Sequence[Vehicle]) -> VehicleStates:
    """Return the state of the fleet now."""
    for vehicle in fleet:
        vehicle.settle()
    return VehicleStates(
        status=np.array([vehicle.status for vehicle in fleet], dtype=np.int64),
        station=np.array([vehicle.station for vehicle in fleet], dtype=np.int64),
        ready_h=np.array([vehicle.ready_h for vehicle in fleet]),
        energy_mwh=np.array([vehicle.storage.energy_mwh for vehicle in fleet]),
        p_mw=np.array([vehicle.storage.p_mw for vehicle in fleet]),
        q_mvar=np.array([vehicle.storage.q_mvar for vehicle in fleet]),
        itinerary=tuple(tuple(vehicle.itinerary) for vehicle in fleet),
        trips_today=np.array([vehicle.trips_today for vehicle in fleet], dtype=np.int64),
        throughput_today_mwh=np.array([vehicle.storage.throughput_today_mwh for vehicle in fleet]),
    )


def metered_means(
    system: System, realisation: Realisation, step: int, forecast: Forecast
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the means of the step before `step`: load [MW, Mvar] and available power [MW].

    Before the first step nothing has been metered, and the forecast stands in.
    """
    if step == 0:
        return (
            forecast.load_mw[0].copy(),
            forecast.load_mvar[0].copy(),
            forecast.available_mw[0].copy(),
        )
    last = realisation.profile[step - 1]
    load = last[system.loads.profile]
    return (
        load * system.loads.p_mw,
        load * system.loads.q_mvar,
        last[system.generators.profile] * system.generators.p_mw,
    )
