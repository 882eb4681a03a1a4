"""Controllers that break a law are caught by name."""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import Any

import numpy as np
import pytest

from sim.control import Capabilities, FleetPlan, Observation, Plan, VehicleStatus, Visit
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.determinism import law_determinism
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.scenario_choice import shortened
from sim.inspect.laws.witness import live
from sim.scenario import Scenario, load_scenario
from sim.system.battery import Battery
from sim.system.system import System
from sim.world.recorder import Recorder
from sim.world.vehicle import Vehicle

# Other tests cover what these run through, and measuring it costs a third of their time.
pytestmark = pytest.mark.no_cover


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return shortened(load_scenario("ieee33"), 6)


class Base:
    system: System

    def start(self, system: System, rng: np.random.Generator) -> None:
        self.system = system
        self.rng = rng

    def plan(self, observation: Observation, p_mw: float) -> Plan:
        n = len(self.system.vehicles)
        return Plan(fleet=FleetPlan(p_mw=np.full((observation.forecast.n_periods, n), p_mw)))

    def decide(self, observation: Observation) -> Plan:
        return Plan()


class Peeking(Base):
    """Finds the realisation in the caller's frames."""

    def decide(self, observation: Observation) -> Plan:
        frame = sys._getframe()
        while "realisation" not in getattr(frame.f_locals.get("self"), "__dict__", {}):
            frame = frame.f_back
        truth = frame.f_locals["self"].realisation.profile
        return self.plan(observation, float(truth[-1].sum()) / 100)


class Forgetful(Base):
    """Depends on the time of day it is run."""

    def decide(self, observation: Observation) -> Plan:
        return self.plan(observation, (time.perf_counter_ns() % 1000) / 1e4)


class Overcharging(Base):
    """Orders ten times what the batteries can take, for ever."""

    def decide(self, observation: Observation) -> Plan:
        return self.plan(observation, -10 * self.system.vehicles[0].battery.p_charge_max_mw)


def no_guard(_battery: Any, _energy: float, p: float, q: float, _hours: float) -> Any:
    return p, q


def test_a_peeking_controller_is_caught(scenario: Scenario) -> None:
    with pytest.raises(Broken, match="non-anticipation: Peeking on ieee33"):
        law_non_anticipation(scenario, Peeking, (1, 4))


def test_a_non_deterministic_controller_is_caught(scenario: Scenario) -> None:
    with pytest.raises(Broken, match=r"determinism: table .* of Forgetful"):
        law_determinism(scenario, Forgetful)


def test_the_world_refuses_overcharging_without_the_guard_and_says_so(scenario: Scenario) -> None:
    episode, _ = live(scenario, Overcharging(), guard=no_guard)
    law_energy(scenario, episode)
    refused = episode.events[episode.events["event"] == "refused"]
    assert set(refused["vehicle"]) == {truck.name for truck in scenario.system.vehicles}
    assert refused["detail"].str.contains("beyond the rating").any()
    assert refused["detail"].str.contains("battery is full").any()


def test_overcharging_is_caught_where_batteries_do_not_refuse(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Battery, "advance", lambda self, e, p, h: (self.after(e, p, h), h))
    with pytest.raises(Broken, match=r"energy: Overcharging on ieee33: .* leaves the limits"):
        law_energy(scenario, live(scenario, Overcharging(), guard=no_guard)[0])


class Wandering(Base):
    """Sends every truck to the next station in every period, and empties batteries where it can."""

    def decide(self, observation: Observation) -> Plan:
        n_stations, now_h = len(self.system.stations), observation.now_h
        visits = tuple(
            (Visit(station=(int(station) + 1) % n_stations, depart_h=now_h + 0.5),)
            for station in observation.vehicles.station
        )
        rows = np.full((observation.forecast.n_periods, len(visits)), 0.1)
        return Plan(fleet=FleetPlan(visits=visits, p_mw=rows))


def test_a_truck_that_injects_while_it_drives_is_caught(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, _ = live(scenario, Wandering())
    law_energy(scenario, honest)
    connected_h = honest.events.loc[honest.events["event"] == "connected", "time_h"]
    assert (connected_h % 0.25 > 0).any()  # inside steps: this switched the law off once
    settle = Vehicle.settle

    def settle_and_inject(self: Vehicle) -> None:
        duration_h = (self.world.env.now - self.settled_s) / 3600
        if self.status is VehicleStatus.DRIVING and duration_h > 0:
            self.storage.p_mw = 0.05
            self.storage.book(self.station, self.storage.advance(duration_h), duration_h)
            self.storage.cut_off()
        settle(self)

    monkeypatch.setattr(Vehicle, "settle", settle_and_inject)
    with pytest.raises(Broken, match=r"energy: Wandering on ieee33: .* while it is not connected"):
        law_energy(scenario, live(scenario, Wandering())[0])


def test_power_that_is_booked_to_the_destination_of_a_leaving_truck_is_caught(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Recorder.read

    def read_at_destination(self: Recorder, step: int, vehicle: Vehicle) -> None:
        read(self, step, vehicle)
        own = self.exchanges[step]
        own[:] = [
            flow._replace(station=vehicle.station) if flow.vehicle == vehicle.index else flow
            for flow in own
        ]

    monkeypatch.setattr(Recorder, "read", read_at_destination)
    with pytest.raises(Broken, match=r"energy: .*: power is booked to .* connected there for"):
        law_energy(scenario, live(scenario, Wandering())[0])


@pytest.fixture(scope="module")
def leaky(scenario: Scenario) -> Scenario:
    system = scenario.system
    vehicles = tuple(
        dataclasses.replace(
            truck,
            battery=dataclasses.replace(
                truck.battery, self_discharge_per_h=0.03, auxiliary_mw=0.002
            ),
        )
        for truck in system.vehicles
    )
    return dataclasses.replace(scenario, system=dataclasses.replace(system, vehicles=vehicles))


def lossless(self: Battery, energy_mwh: float, p_mw: float, duration_h: float) -> float:
    return energy_mwh - self.internal_mw(p_mw) * duration_h


def twice(self: Battery, energy_mwh: float, p_mw: float, duration_h: float) -> float:
    drain_mwh = (self.internal_mw(p_mw) + 2 * self.auxiliary_mw) * duration_h
    return energy_mwh * float(np.exp(-2 * self.self_discharge_per_h * duration_h)) - drain_mwh


@pytest.mark.parametrize("after", [lossless, twice])
def test_standing_losses_that_are_not_due_are_caught(
    leaky: Scenario, monkeypatch: pytest.MonkeyPatch, after: Any
) -> None:
    law_energy(leaky, live(leaky, Wandering())[0])
    law_energy(leaky, live(leaky, Overcharging(), guard=no_guard)[0])
    monkeypatch.setattr(Battery, "after", after)
    with pytest.raises(Broken, match="standing losses of"):
        law_energy(leaky, live(leaky, Wandering())[0])


def test_the_guard_withholds_what_cannot_be_held_and_counts_it(scenario: Scenario) -> None:
    episode, _ = live(scenario, Overcharging())
    law_energy(scenario, episode)
    assert "refused" not in set(episode.events["event"])
    assert episode.metrics["clipped_mwh"] > 1


class Raising(Base):
    def decide(self, observation: Observation) -> Plan:
        raise RuntimeError("no idea")


class Nothing(Base):
    def decide(self, observation: Observation) -> Plan:
        return None  # type: ignore[return-value]


class NotANumber(Base):
    def decide(self, observation: Observation) -> Plan:
        return self.plan(observation, float("nan"))


class Lost(Base):
    def decide(self, observation: Observation) -> Plan:
        visits = tuple((Visit(station=99, depart_h=0.0),) for _ in self.system.vehicles)
        return Plan(fleet=FleetPlan(visits=visits))


class Empty(Base):
    def decide(self, observation: Observation) -> Plan:
        return Plan(fleet=FleetPlan(p_mw=np.zeros((0, len(self.system.vehicles)))))


class Thin(Base):
    def decide(self, observation: Observation) -> Plan:
        return Plan(fleet=FleetPlan(p_mw=np.zeros((1, 1))))


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (Raising, "RuntimeError: no idea"),
        (Nothing, "must return a Plan, not NoneType"),
        (NotANumber, "must be finite"),
        (Lost, "unknown station 99"),
        (Empty, "has 0 rows"),
        (Thin, "must be an array of shape"),
    ],
)
def test_a_failing_controller_costs_no_episode(
    scenario: Scenario, cls: type[Base], reason: str
) -> None:
    episode, _ = live(scenario, cls())
    law_named_failures(episode)
    law_energy(scenario, episode)
    assert episode.metrics["failed_decisions"] == scenario.system.timing.n_periods
    assert episode.decisions["fallback"].str.contains(reason).all()


class Restless(Base):
    """Sends everybody somewhere else at every decision."""

    capabilities = Capabilities(replan_on=frozenset({"arrival", "delay", "outage", "ev_arrival"}))

    def decide(self, observation: Observation) -> Plan:
        visits = tuple(
            (Visit(station=int(self.rng.integers(6)), depart_h=observation.now_h),)
            for _ in self.system.vehicles
        )
        n = len(self.system.vehicles)
        rows = self.rng.uniform(-0.5, 0.5, (observation.forecast.n_periods, n))
        return Plan(fleet=FleetPlan(visits=visits, p_mw=rows))


def test_the_laws_hold_for_a_fleet_that_never_rests_in_a_storm() -> None:
    scenario = shortened(
        load_scenario(
            "ieee33",
            {
                "traffic.intensity": 1.5,
                "incidents.per_day": 100.0,
                "breakdowns.per_1000_km": 100.0,
                "outages.per_line_year": 40.0,
            },
        ),
        8,
    )
    law_non_anticipation(scenario, Restless, (2, 5, 6))
    law_determinism(scenario, Restless)
    episode, _ = live(scenario, Restless(), guard=no_guard)
    law_energy(scenario, episode)
    assert len(episode.trips) > 10
    assert (episode.events["event"] == "interrupted").any()
    assert episode.metrics["unserved_mwh"] > 0
    assert episode.metrics["decisions"] > 8
