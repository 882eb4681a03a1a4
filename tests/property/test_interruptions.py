"""Random interruptions leave the fleet whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from functools import lru_cache
from typing import Any

import numpy as np
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control import FleetPlan, Observation, Plan, VehicleStatus, Visit
from sim.scenario import load_scenario
from sim.system.system import System
from sim.uncertainty.model import Delays
from sim.uncertainty.realisation import Nature
from sim.world.vehicle import Interruption
from tests.world.build import world

N_PERIODS = 8
OCCUPYING = {VehicleStatus.SETTING_UP, VehicleStatus.CONNECTED}


@lru_cache
def one_plug_each() -> tuple[System, Nature]:
    """Return `ieee33` with its trucks at one station whose plugs suffice, elsewhere one plug."""
    scenario = load_scenario("ieee33")
    system = scenario.system
    starts = [truck.initial_station for truck in system.vehicles]
    system = dataclasses.replace(
        system,
        timing=dataclasses.replace(system.timing, n_periods=N_PERIODS, horizon=N_PERIODS),
        stations=tuple(
            dataclasses.replace(station, plugs=max(starts.count(i), 1))
            for i, station in enumerate(system.stations)
        ),
    )
    # Ten minutes lost at the start of every trip: they may be interrupted, too.
    late = dataclasses.replace(scenario.uncertainty, delays=Delays(mean_h=np.full(1, 1 / 6)))
    return system, Nature.build(system, late)


def restless(rng: np.random.Generator, system: System) -> Any:
    """Return a script that sends every truck anywhere, at any time, at any power."""

    def script(observation: Observation) -> Plan:
        visits = tuple(
            tuple(
                Visit(station=int(rng.integers(len(system.stations))), depart_h=float(depart_h))
                for depart_h in np.sort(rng.uniform(0, N_PERIODS, rng.integers(0, 4)))
            )
            for _ in system.vehicles
        )
        shape = (observation.forecast.n_periods, len(system.vehicles))
        return Plan(fleet=FleetPlan(visits=visits, p_mw=rng.uniform(-1, 1, shape)))

    return script


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    blows=st.lists(
        st.tuples(
            st.floats(1.0, N_PERIODS * 3600.0 - 1),
            st.integers(0, 2),
            st.one_of(st.just(0.0), st.floats(0.0, 7200.0)),
        ),
        max_size=15,
    ),
)
def test_no_plug_leaks_no_truck_is_in_two_places_and_energy_closes(
    seed: int, blows: list[tuple[float, int, float]]
) -> None:
    system, nature = one_plug_each()
    here, _ = world(system, nature, restless(np.random.default_rng(seed), system))

    def strike() -> Generator[simpy.Event, Any, None]:
        for at_s, index, duration_s in sorted(blows):
            yield here.env.timeout(max(at_s - here.env.now, 0.0))
            here.fleet[index].process.interrupt(Interruption(cause="struck", duration_s=duration_s))

    def inspect() -> Generator[simpy.Event, Any, None]:
        while True:
            yield here.env.timeout(97.0)
            for station, plugs in enumerate(here.plugs):
                users = [
                    vehicle.index
                    for vehicle in here.fleet
                    if vehicle.station == station and vehicle.status in OCCUPYING
                ]
                assert plugs.count == len(users) <= plugs.capacity
                waiting = [
                    vehicle.index
                    for vehicle in here.fleet
                    if vehicle.station == station and vehicle.status is VehicleStatus.QUEUEING
                ]
                assert len(plugs.queue) == len(waiting)
            for vehicle in here.fleet:
                assert vehicle.storage.p_mw == 0.0 or vehicle.status is VehicleStatus.CONNECTED

    here.env.process(strike())
    here.env.process(inspect())
    recorder = here.run()

    table = recorder.table()
    for index, truck in enumerate(system.vehicles):
        battery = truck.battery
        energy = np.concatenate([[battery.energy_initial_mwh], table["energy_mwh"][:, index]])
        flows = (
            table["charged_mwh"][:, index] * battery.efficiency_charge
            - table["discharged_mwh"][:, index] / battery.efficiency_discharge
            - table["standing_mwh"][:, index]
        )
        np.testing.assert_allclose(np.diff(energy), flows, atol=1e-9)
        assert energy.min() >= battery.energy_min_mwh - 1e-9
        assert energy.max() <= battery.energy_max_mwh + 1e-9
    flows = [flow for step in recorder.exchanges for flow in step]
    by_station = sum(flow.p_mw for flow in flows) * system.timing.step_h
    by_vehicle = (table["discharged_mwh"] - table["charged_mwh"]).sum()
    np.testing.assert_allclose(by_station, by_vehicle, atol=1e-9)
