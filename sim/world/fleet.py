"""The fleet of an episode: every vehicle with its battery and its way of moving."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import simpy

from sim.system.system import System
from sim.system.vehicles import Train
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.realisation import Realisation
from sim.world.driving import Driving
from sim.world.onboard_battery import OnboardBattery
from sim.world.rail import Running, Span
from sim.world.vehicle import Surroundings, Travel, Vehicle


def make_fleet(
    system: System,
    realisation: Realisation,
    roads: RoadConditions,
    world: Surroundings,
    power_order: Callable[[int], tuple[float, float, float]],
    spans: list[Span],
) -> tuple[Vehicle, ...]:
    """Return the vehicles, each at its first station.

    Parameters
    ----------
    system, realisation, roads
        What exists, what will happen, and the speeds of the day.
    world
        What vehicles share.
    power_order
        Returns the power in force for a vehicle and for how long [MW, Mvar, h].
    spans
        Takes the segments that trains run over.
    """
    railway = realisation.railway(system)
    # Segments serve trains by the moment they ask, ties by vehicle.
    track = tuple(
        simpy.PriorityResource(world.env, tracks) for tracks in system.rails.tracks.tolist()
    )

    def travel(index: int) -> Travel:
        vehicle = system.vehicles[index]
        station = system.stations[vehicle.initial_station]
        if isinstance(vehicle, Train):
            assert station.rail_node is not None  # the loader has checked
            return Running(
                railway=railway,
                stations=system.stations,
                track=track,
                turn=index / len(system.vehicles),
                node=station.rail_node,
                spans=spans,
            )
        assert station.road_node is not None
        return Driving(
            truck=vehicle,
            roads=roads,
            stations=system.stations,
            node=station.road_node,
            breakdowns=deque(realisation.breakdowns[index]),
            told_repair_s=realisation.told_repair_s,
        )

    return tuple(
        Vehicle(
            index=index,
            spec=vehicle,
            world=world,
            travel=travel(index),
            storage=OnboardBattery(
                battery=vehicle.battery, energy_mwh=vehicle.battery.energy_initial_mwh
            ),
            station=vehicle.initial_station,
            power_order=partial(power_order, index),
        )
        for index, vehicle in enumerate(system.vehicles)
    )
