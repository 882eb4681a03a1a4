"""What goes wrong, and how the world takes it."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.control import Capabilities, Plan, VehicleStatus
from sim.electrical.injections import injections
from sim.powerflow.engines import engine
from sim.scenario import load_scenario
from sim.system.battery import Battery
from sim.system.evs import EvGroup
from sim.system.roads import Roads
from sim.system.system import System
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.events import Breakdown, Incident, Incidents, Outage
from sim.uncertainty.realisation import Nature
from tests.world.build import Scripted, ScriptedWorld, fleet_plan, tiny, world

BATTERY = Battery(
    energy_mwh=1.0, p_charge_max_mw=0.5, p_discharge_max_mw=0.5, s_mva=0.5, soc_initial=0.8
)


def lived(
    system: System, nature: Nature, plan: Plan, **what: object
) -> tuple[ScriptedWorld, Scripted]:
    """Return a world that has lived through a day on which `what` happens."""
    here, controller = world(system, nature, plan)
    realisation = dataclasses.replace(here.realisation, **what)
    here = ScriptedWorld(
        system, realisation, CalibratedForecaster.build(nature, realisation), controller
    )
    here.run()
    return here, controller


# -- incidents -----------------------------------------------------------------------------------


def test_an_incident_slows_the_truck_on_the_link_from_that_moment() -> None:
    system, _ = tiny(drive_h=0.75)
    roads = system.roads
    speed = np.full((96, roads.n_links), 0.5) * roads.free_speed_kmh  # half the free speed
    free = RoadConditions(roads, speed)
    assert free.crossing_s(0, roads.length_km[0], 0.0) == pytest.approx(2 * 0.75 * 3600)
    # Stretching the excess by 3 turns half the free speed into a quarter.
    blocked = RoadConditions(roads, speed, [Incident(0, 1800.0, 3600.0, 3.0)])
    assert blocked.speed_now(1799.0)[0] == pytest.approx(0.5 * roads.free_speed_kmh[0])
    assert blocked.speed_now(1800.0)[0] == pytest.approx(0.25 * roads.free_speed_kmh[0])
    # Half an hour at a quarter of the speed costs a quarter of an hour.
    assert blocked.crossing_s(0, roads.length_km[0], 0.0) == pytest.approx(6300.0)
    assert blocked.crossing_s(1, roads.length_km[1], 0.0) == pytest.approx(5400.0)


@functools.cache
def bundled_roads() -> Roads:
    return load_scenario("ieee33").system.roads


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 50), st.lists(st.floats(0, 20 * 3600.0), min_size=2, max_size=20))
def test_nobody_overtakes(seed: int, departures: list[float]) -> None:
    rng = np.random.default_rng(seed)
    roads = bundled_roads()
    speed = roads.free_speed_kmh * rng.uniform(0.05, 1.0, (80, roads.n_links))
    incidents = [
        Incident(0, start, start + rng.exponential(3600.0), rng.uniform(1, 50))
        for start in np.sort(rng.uniform(0, 72000, 6))
    ]
    conditions = RoadConditions(roads, speed, incidents)
    arrivals = [t + conditions.crossing_s(0, 5.0, t) for t in sorted(departures)]
    assert (np.diff(arrivals) >= -1e-5).all()


def test_incidents_come_at_their_rate_and_everybody_is_told() -> None:
    scenario = load_scenario("ieee33")
    uncertainty = dataclasses.replace(
        scenario.uncertainty, incidents=Incidents(per_day=24.0, duration_h=2.0)
    )
    nature = Nature.build(scenario.system, uncertainty)
    counts = [len(nature.draw(1, replication).incidents) for replication in range(60)]
    assert np.mean(counts) == pytest.approx(24.0, abs=2.0)
    here, controller = world(scenario.system, nature, Plan())
    here.run()
    told = np.array([observation.incident for observation in controller.seen])
    active = np.zeros_like(told)
    for incident in here.realisation.incidents:
        hours = np.arange(len(told))
        during = (hours * 3600 >= incident.start_s) & (hours * 3600 < incident.end_s)
        active[during, incident.link] = True
    np.testing.assert_array_equal(told, active)


# -- breakdowns ----------------------------------------------------------------------------------


def test_a_truck_breaks_down_by_the_kilometre_and_keeps_its_energy() -> None:
    system, nature = tiny(drive_h=1.0, set_up_h=0.0, battery=BATTERY)
    away = 1 - system.vehicles[0].initial_station
    half_way = float(system.roads.length_km[0]) / 2
    here, controller = lived(
        system,
        nature,
        fleet_plan([[(away, 0.0)]], [[0.0]]),
        breakdowns=((Breakdown(half_way, 4500.0, True),),),
        told_repair_s=1800.0,
    )
    (trip,) = here.fleet[0].trips
    assert trip.arrive_s == pytest.approx(3600.0 + 4500.0)
    seen = controller.seen[1].vehicles
    assert seen.status[0] == VehicleStatus.BROKEN
    # What is told is the usual repair, not the one it will be.
    assert seen.ready_h[0] == pytest.approx(1.0 + 0.5 + 0.5)
    # Repaired, it is expected when it will be there.
    seen = controller.seen[2].vehicles
    assert seen.status[0] == VehicleStatus.DRIVING
    assert seen.ready_h[0] == pytest.approx(2.25)
    assert controller.seen[-1].vehicles.energy_mwh[0] == pytest.approx(0.8)


def test_a_truck_that_can_limp_to_the_station_is_repaired_there() -> None:
    system, nature = tiny(drive_h=1.0, set_up_h=0.25, battery=BATTERY)
    away = 1 - system.vehicles[0].initial_station
    here, _ = lived(
        system,
        nature,
        fleet_plan([[(away, 0.0)]], [[0.0]]),
        breakdowns=((Breakdown(1.0, 1800.0, False),),),
    )
    events = [(event.event, event.time_h) for event in here.recorder.events]
    assert ("arrived", 1.0) in events
    assert ("connected", 1.75) in events


# -- outages -------------------------------------------------------------------------------------


def test_an_island_loses_its_load_its_sun_and_its_storage_and_says_so() -> None:
    system, nature = tiny(battery=BATTERY)
    station = system.vehicles[0].initial_station
    bus = system.stations[station].bus
    source = int(system.grid.source_bus[0])
    if bus == source:
        system = dataclasses.replace(
            system,
            vehicles=(dataclasses.replace(system.vehicles[0], initial_station=1 - station),),
        )
    here, controller = lived(
        system,
        nature,
        fleet_plan([[]], [[0.4]] * 4),
        outages=(Outage(0, 5, 9),),
    )
    table = here.recorder.table()
    power = table["discharged_mwh"][:, 0] / system.timing.step_h
    np.testing.assert_allclose(power[:5], 0.4)
    np.testing.assert_allclose(power[5:9], 0.0)
    assert power[9] > 0
    assert [bool(seen.line_out[0]) for seen in controller.seen] == [False, False, True, False]
    found = injections(system, here.realisation, here.metered, slice(None))
    lost = found.unserved_mw.sum(axis=1) > 0
    assert lost[5:9].all()
    assert not lost[:5].any()
    assert not lost[9:].any()
    flow = engine(system.grid).solve(found.p_mw, found.q_mvar, here.metered.topology.line_out)
    assert flow.converged.all()
    dead = np.arange(system.grid.n_buses) != source
    assert np.isnan(flow.vm_pu[5:9][:, dead]).all()
    assert np.isfinite(flow.vm_pu[9:]).all()


# -- electric cars -------------------------------------------------------------------------------


def cars(back_off_h: float = 0.0, count: int = 40) -> tuple[System, Nature]:
    scenario = load_scenario("ieee33")
    group = EvGroup(
        name="homes",
        bus=17,
        count=count,
        p_mw=0.007,
        energy_mwh=0.05,
        mwh_per_km=0.00015,
        efficiency_charge=0.9,
        back_off_h=back_off_h,
    )
    timing = dataclasses.replace(scenario.system.timing, n_periods=48)
    system = dataclasses.replace(scenario.system, evs=(group,), timing=timing)
    return system, Nature.build(system, scenario.uncertainty)


def test_cars_charge_what_they_have_driven_and_leave_full() -> None:
    system, nature = cars()
    here, controller = world(system, nature, Plan())
    recorder = here.run()
    sessions = here.realisation.ev_sessions
    drawn_mwh = np.array(recorder.ev_mw).sum() * system.timing.step_h
    over = sessions.departure_h < 48
    left = sessions.owed_mwh[over].sum() / 0.9
    still_here = controller.seen[-1].evs
    assert drawn_mwh >= left - 1e-9
    assert drawn_mwh <= sessions.owed_mwh.sum() / 0.9 + 1e-9
    assert here.evs.short == 0
    assert len(still_here.group) > 0


def test_a_back_off_moves_charging_into_the_night_and_nobody_is_short() -> None:
    evening = []
    for back_off_h in (0.0, 6.0):
        system, nature = cars(back_off_h)
        loads = []
        for replication in range(5):
            here, _ = world(system, nature, Plan())
            realisation = nature.draw(1, replication)
            forecaster = CalibratedForecaster.build(nature, realisation)
            here = ScriptedWorld(system, realisation, forecaster, Scripted(Plan()))
            loads.append(np.array(here.run().ev_mw)[:, 0])
            assert here.evs.short == 0
        evening.append(np.mean(loads, axis=0)[4 * 36 : 4 * 44].sum())
    assert evening[1] < 0.8 * evening[0]


def test_the_forecast_of_charging_is_unbiased() -> None:
    system, nature = cars(count=60)
    errors, truths = [], []
    for replication in range(40):
        realisation = nature.draw(2, replication)
        forecaster = CalibratedForecaster.build(nature, realisation)
        controller = Scripted(Plan())
        here = ScriptedWorld(system, realisation, forecaster, controller)
        truth = np.array(here.run().ev_mw)[:, 0].reshape(48, -1).mean(axis=1)
        for period in (0, 6, 17):
            forecast = controller.seen[period].forecast.ev_mw[:, 0]
            errors.append(forecast[:20] - truth[period : period + 20])
            truths.append(truth[period : period + 20])
    bias = np.mean(errors) / np.mean(truths)
    assert abs(bias) < 0.06


def test_a_car_at_a_dead_bus_waits_and_goes_on() -> None:
    system, nature = cars()
    outage = Outage(0, 4 * 19, 4 * 21)  # the first line: everything but the source is dead
    here, _ = lived(system, nature, Plan(), outages=(outage,))
    power = np.array(here.recorder.ev_mw)[:, 0]
    assert (power[4 * 19 : 4 * 21] == 0).all()
    assert power[4 * 21 :].sum() > 0
    undisturbed, _ = world(system, nature, Plan())
    total = np.array(undisturbed.run().ev_mw).sum()
    assert power.sum() == pytest.approx(total, rel=0.05)


# -- calls ---------------------------------------------------------------------------------------


class Called(Scripted):
    capabilities = Capabilities(replan_on=frozenset({"arrival", "outage"}))


def test_what_happens_at_one_moment_is_one_decision_between_the_periods() -> None:
    system, nature = tiny(n_vehicles=2, plugs=2, drive_h=0.5, set_up_h=0.25, battery=BATTERY)
    away = 1 - system.vehicles[0].initial_station
    plan = fleet_plan([[(away, 1.0)], [(away, 1.0)]], [[0.0, 0.0]])
    here, _ = world(system, nature, plan)
    controller = Called(plan)
    forecaster = CalibratedForecaster.build(nature, here.realisation)
    realisation = dataclasses.replace(here.realisation, outages=(Outage(0, 9, 10),))
    here = ScriptedWorld(system, realisation, forecaster, controller)
    here.run()
    times = [observation.now_h for observation in controller.seen]
    # Both arrive at 1.75; the line trips at 2.25 and returns at 2.5; boundaries come once.
    assert times == [0.0, 1.0, 1.75, 2.0, 2.25, 2.5, 3.0]
    assert [observation.period for observation in controller.seen] == [0, 1, 1, 2, 2, 2, 3]
