"""Small worlds, built by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim.control import Controller, FleetPlan, Observation, Plan, Visit, capabilities_of
from sim.powerflow.engines import engine
from sim.scenario import load_scenario
from sim.system.battery import Battery
from sim.system.system import System
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Nature, Realisation
from sim.world.guard import Guard, limit_power
from sim.world.recorder import Recorder
from sim.world.world import World


class Scripted:
    """Follows a script: one plan at the first decision, or a function of the observation."""

    def __init__(self, script: Plan | Callable[[Observation], Plan]) -> None:
        self.script = script
        self.seen: list[Observation] = []

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.system = system

    def decide(self, observation: Observation) -> Plan:
        self.seen.append(observation)
        if callable(self.script):
            return self.script(observation)
        return self.script if observation.period == 0 else Plan()


def fleet_plan(
    visits: Sequence[Sequence[tuple[int, float]]], p_mw: Sequence[Sequence[float]]
) -> Plan:
    """Return a plan from ``(station, depart_h)`` pairs and power rows."""
    return Plan(
        fleet=FleetPlan(
            visits=tuple(tuple(Visit(station=s, depart_h=t) for s, t in own) for own in visits),
            p_mw=np.array(p_mw, dtype=float),
        )
    )


def tiny(
    *,
    n_vehicles: int = 1,
    plugs: int = 1,
    drive_h: float = 0.75,
    set_up_h: float = 0.25,
    n_periods: int = 4,
    battery: Battery | None = None,
    **truck: Any,
) -> tuple[System, Nature]:
    """Return the `tiny` scenario with other vehicles, plugs and driving times."""
    scenario = load_scenario("tiny")
    system = scenario.system
    length = system.roads.free_speed_kmh * drive_h
    one = system.vehicles[0]
    vehicles = tuple(
        dataclasses.replace(one, name=f"truck {i}", battery=battery or one.battery, **truck)
        for i in range(n_vehicles)
    )
    first = vehicles[0].initial_station
    system = dataclasses.replace(
        system,
        roads=dataclasses.replace(system.roads, length_km=length),
        stations=tuple(
            dataclasses.replace(
                station, plugs=n_vehicles if i == first else plugs, set_up_h=set_up_h
            )
            for i, station in enumerate(system.stations)
        ),
        vehicles=vehicles,
        timing=dataclasses.replace(system.timing, n_periods=n_periods, horizon=n_periods),
    )
    return system, Nature.build(system, scenario.uncertainty)


class ScriptedWorld(World):
    """A world with its controller."""

    def __init__(
        self,
        system: System,
        realisation: Realisation,
        forecaster: Forecaster,
        controller: Controller,
        guard: Guard = limit_power,
    ) -> None:
        super().__init__(
            system,
            realisation,
            forecaster,
            capabilities_of(controller),
            guard=guard,
            power_flow=engine(system.grid),
        )
        self.controller = controller

    def run(self, controller: Controller | None = None) -> Recorder:
        """Live through the episode."""
        return super().run(controller or self.controller)


def world(
    system: System,
    nature: Nature,
    script: Plan | Callable[[Observation], Plan],
    guard: Guard = limit_power,
) -> tuple[ScriptedWorld, Scripted]:
    """Return a world and its scripted controller."""
    controller = Scripted(script)
    controller.start(system, np.random.default_rng(0))
    realisation = nature.draw(1, 0)
    forecaster = CalibratedForecaster.build(nature, realisation)
    return ScriptedWorld(system, realisation, forecaster, controller, guard=guard), controller
