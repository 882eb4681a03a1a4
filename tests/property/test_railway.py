"""Random timetables, delays and interruptions leave the railway whole."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Generator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control import FleetPlan, Observation, Plan, VehicleStatus, Visit
from sim.scenario import Scenario
from sim.system.system import System
from sim.system.vehicles import Train
from sim.uncertainty.railway import RailDelays
from sim.uncertainty.realisation import Nature
from sim.world.rail import Running, Span
from sim.world.vehicle import Interruption
from sim.world.world import World
from tests.rail import railway
from tests.world.build import world

N_TRAINS = 4
N_PERIODS = 12
DEPARTURES_H = (0.0, 0.5, 1.0, 1.3, 2.0, 3.0, 5.0, 8.0)
JUST_S = 1e-5


@lru_cache
def base() -> Scenario:
    with tempfile.TemporaryDirectory() as folder:
        return railway(Path(folder) / "rail")


def line(
    rng: np.random.Generator, *, late: bool, running_h: tuple[float, ...] = (0.25, 0.5, 0.75, 1.1)
) -> tuple[System, Nature]:
    """Return the railway with other trains, tracks, running times, slots and delays."""
    scenario = base()
    system = scenario.system
    stations = tuple(dataclasses.replace(own, plugs=N_TRAINS) for own in system.stations)
    trains = tuple(
        dataclasses.replace(
            system.vehicles[0],
            name=f"train {k}",
            initial_station=int(rng.integers(len(stations))),
        )
        for k in range(N_TRAINS)
    )
    n = system.rails.n_segments
    rails = dataclasses.replace(
        system.rails,
        running_h=rng.choice(running_h, n),
        tracks=rng.choice([1, 1, 1, 2], n),
        slot_h=float(rng.choice([0.25, 0.5, 1.0, 2.0])),
    )
    system = dataclasses.replace(system, stations=stations, vehicles=trains, rails=rails)
    delays = RailDelays(probability=0.6 if late else 0.0, mean_h=0.2)
    return system, Nature.build(
        system, dataclasses.replace(scenario.uncertainty, rail_delays=delays)
    )


def restless(
    rng: np.random.Generator, system: System, n_visits: int, last_h: float = np.inf
) -> Any:
    """Return a script that sends every train anywhere, at any time, at any power."""

    def script(observation: Observation) -> Plan:
        visits = tuple(
            tuple(
                Visit(station=int(rng.integers(len(system.stations))), depart_h=float(depart_h))
                for depart_h in np.sort(rng.choice(DEPARTURES_H, n_visits))
                if depart_h <= last_h
            )
            for _ in system.vehicles
        )
        shape = (observation.forecast.n_periods, len(system.vehicles))
        again = observation.period % 3 == 0 and observation.now_h <= last_h
        powers = rng.uniform(-2, 2, shape)
        return Plan(fleet=FleetPlan(visits=visits if again else None, p_mw=powers))

    return script


def on_line(here: World) -> list[tuple[int, Running]]:
    """Return the segment and the way of every train that is between two nodes now."""
    moving = [vehicle.travel for vehicle in here.fleet if isinstance(vehicle.travel, Running)]
    return [(own.ahead[0], own) for own in moving if own.on_line]


def assert_nobody_overlaps(system: System, spans: list[Span]) -> None:
    """On no segment are more trains at a time than it has tracks."""
    rails = system.rails
    by_segment: dict[frozenset[int], list[Span]] = {}
    for span in spans:
        by_segment.setdefault(frozenset((span.from_node, span.to_node)), []).append(span)
    for segment in range(rails.n_segments):
        ends = frozenset((int(rails.from_node[segment]), int(rails.to_node[segment])))
        own = by_segment.get(ends, [])
        for span in own:
            there = [
                other for other in own if other.enter_s <= span.enter_s < other.arrive_s - JUST_S
            ]
            assert len(there) <= rails.tracks[segment], (rails.segment_name(segment), there)


def assert_runs_hang_together(system: System, here: World) -> None:
    """A train goes from node to node, leaves stations on slots, and takes its time."""
    rails, delay_h = system.rails, here.realisation.rail_delay_h
    for k in range(N_TRAINS):
        own = [span for span in here.recorder.spans if span.vehicle == k]
        for one, next_one in itertools.pairwise(own):
            assert next_one.from_node == one.to_node
            assert next_one.ask_s >= one.arrive_s
        for span in own:
            assert span.ask_s <= span.enter_s < span.arrive_s
            segment = next(
                i
                for i in range(rails.n_segments)
                if {rails.from_node[i], rails.to_node[i]} == {span.from_node, span.to_node}
            )
            slot = min(int(span.enter_s / 3600 / rails.slot_h + 1e-9), len(delay_h) - 1)
            takes_h = rails.running_h[segment] + delay_h[slot, segment]
            # Longer where it was struck on the line, never shorter.
            assert span.arrive_s - span.enter_s >= takes_h * 3600 - JUST_S
        for event in here.recorder.events:
            if event.vehicle == f"train {k}" and event.event == "departed":
                assert abs(event.time_h / rails.slot_h - round(event.time_h / rails.slot_h)) < 1e-6


def assert_nothing_flows_before_arrival(system: System, here: World) -> None:
    """In every step a train exchanges at most what it can in the time it was connected."""
    step_h = system.timing.step_h
    connected_h = np.zeros((system.timing.n_steps, N_TRAINS))
    since: dict[str, float] = {}
    ends = [(system.timing.end_h, f"train {k}", "disconnected") for k in range(N_TRAINS)]
    changes = [(e.time_h, e.vehicle, e.event) for e in here.recorder.events]
    edges = np.arange(system.timing.n_steps) * step_h
    for time_h, name, event in (*changes, *ends):
        if event == "connected":
            since[name] = time_h
        elif event in ("disconnected", "interrupted") and name in since:
            span = np.minimum(edges + step_h, time_h) - np.maximum(edges, since.pop(name))
            connected_h[:, int(name.removeprefix("train "))] += np.maximum(span, 0.0)
    table = here.recorder.table()
    exchanged = table["charged_mwh"] + table["discharged_mwh"]
    assert (exchanged <= connected_h * system.vehicles[0].battery.s_mva + 1e-9).all()
    assert exchanged.any()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    blows=st.lists(
        st.tuples(
            st.floats(1.0, N_PERIODS * 3600.0 - 1),
            st.integers(0, N_TRAINS - 1),
            st.one_of(st.just(0.0), st.floats(0.0, 7200.0)),
        ),
        max_size=8,
    ),
)
def test_trains_never_overlap_never_jump_and_inject_nothing_before_they_arrive(
    seed: int, blows: list[tuple[float, int, float]]
) -> None:
    rng = np.random.default_rng(seed)
    system, nature = line(rng, late=True)
    here, _ = world(system, nature, restless(rng, system, 3))

    def strike() -> Generator[simpy.Event, Any, None]:
        for at_s, index, duration_s in sorted(blows):
            yield here.env.timeout(max(at_s - here.env.now, 0.0))
            here.fleet[index].process.interrupt(Interruption(cause="struck", duration_s=duration_s))

    def inspect() -> Generator[simpy.Event, Any, None]:
        while True:
            yield here.env.timeout(97.0)
            held = [segment for segment, _ in on_line(here)]
            for segment, track in enumerate(on_line_resources(here)):
                assert track.count == held.count(segment) <= track.capacity
            for vehicle in here.fleet:
                assert vehicle.storage.p_mw == 0.0 or vehicle.status is VehicleStatus.CONNECTED

    here.env.process(strike())
    here.env.process(inspect())
    here.run()
    assert_nobody_overlaps(system, here.recorder.spans)
    assert_runs_hang_together(system, here)
    assert_nothing_flows_before_arrival(system, here)


def on_line_resources(here: World) -> tuple[simpy.PriorityResource, ...]:
    travel = here.fleet[0].travel
    assert isinstance(travel, Running)
    return travel.track


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_timetable_blocks_the_line_for_good(seed: int) -> None:
    """Every train that leaves arrives.

    Were they to run one after the other, eight trips of three spans of half an hour would take
    12 h, and no slot is further away than 2 h.
    """
    rng = np.random.default_rng(seed)
    system, nature = line(rng, late=False, running_h=(0.25, 0.5))
    timing = dataclasses.replace(system.timing, n_periods=24, horizon=24)
    system = dataclasses.replace(system, timing=timing)
    nature = Nature.build(system, nature.uncertainty)
    here, _ = world(system, nature, restless(rng, system, 2, last_h=2.0))
    recorder = here.run()
    counts = [
        sum(event.event == name for event in recorder.events) for name in ("departed", "arrived")
    ]
    assert counts[0] == counts[1]
    assert not on_line(here)
    assert all(isinstance(vehicle.spec, Train) for vehicle in here.fleet)
