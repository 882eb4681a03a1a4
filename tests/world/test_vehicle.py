"""What trucks do, told by the world's records."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sim.control import Plan, VehicleStatus
from sim.electrical.injections import injections
from sim.episode.episode import Episode
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario
from sim.system.battery import Battery
from tests.world.build import Scripted, fleet_plan, tiny, world

BATTERY = Battery(
    energy_mwh=1.0, p_charge_max_mw=0.5, p_discharge_max_mw=0.5, s_mva=0.5, soc_initial=0.8
)


def events(recorder) -> list[tuple[str, str, float]]:
    return [(e.vehicle, e.event, e.time_h) for e in recorder.events]


def test_a_truck_that_drives_600_s_and_sets_up_300_s_is_connected_at_900_s() -> None:
    system, nature = tiny(drive_h=600 / 3600, set_up_h=300 / 3600, battery=BATTERY)
    away = 1 - system.vehicles[0].initial_station
    here, _ = world(system, nature, fleet_plan([[(away, 0.0)]], [[0.4]]))
    recorder = here.run()
    assert ("truck 0", "connected", 0.25) in events(recorder)
    power = recorder.table()["discharged_mwh"][:, 0] / system.timing.step_h
    # The first quarter hour is lost, the other three of the period are not.
    np.testing.assert_allclose(power[:4], [0.0, 0.4, 0.4, 0.4], atol=1e-12)


def test_a_truck_under_way_exchanges_nothing_and_orders_wait_for_the_plug() -> None:
    system, nature = tiny(drive_h=1.5, set_up_h=0.25, battery=BATTERY)
    away = 1 - system.vehicles[0].initial_station
    here, controller = world(system, nature, fleet_plan([[(away, 1.0)]], [[0.2]] * 4))
    recorder = here.run()
    power = recorder.table()["discharged_mwh"][:, 0] / system.timing.step_h
    np.testing.assert_allclose(power[:4], 0.2)
    np.testing.assert_allclose(power[4:11], 0.0)
    np.testing.assert_allclose(power[11:], 0.2)
    under_way = controller.seen[2].vehicles
    assert under_way.status[0] == VehicleStatus.DRIVING
    assert under_way.station[0] == away
    assert under_way.ready_h[0] == pytest.approx(2.75)


def test_a_truck_half_way_is_seen_half_way_and_periods_are_counted_down() -> None:
    system, nature = tiny(drive_h=1.5, set_up_h=0.25, battery=BATTERY)
    home = system.vehicles[0].initial_station
    here, controller = world(system, nature, fleet_plan([[(1 - home, 1.0)]], [[0.0]]))
    readings = here.run().table()
    start, end = (system.stations[s].road_node for s in (home, 1 - home))
    for name, km in (("x_km", system.roads.x_km), ("y_km", system.roads.y_km)):
        half_way = (km[start] + km[end]) / 2
        assert readings[name][6, 0] == pytest.approx(half_way)  # 1.75 h, of 1.0 h to 2.5 h
        assert readings[name][[3, 10], 0] == pytest.approx(km[[start, end]])
    assert [seen.periods_left for seen in controller.seen] == [4, 3, 2, 1]


def test_two_trucks_share_one_plug_in_order_of_arrival_ties_by_vehicle() -> None:
    system, nature = tiny(n_vehicles=2, plugs=1, drive_h=0.5, set_up_h=0.25, battery=BATTERY)
    home = system.vehicles[0].initial_station
    plan = fleet_plan([[(1 - home, 0.0), (home, 2.0)], [(1 - home, 0.0)]], [[0.1, 0.1]] * 4)
    here, controller = world(system, nature, plan)
    recorder = here.run()
    assert ("truck 0", "connected", 0.75) in events(recorder)
    assert ("truck 1", "queued", 0.5) in events(recorder)
    assert ("truck 1", "connected", 2.25) in events(recorder)
    assert controller.seen[1].queue[1 - home] == 1
    assert recorder.table()["queue_h"][:, 1].sum() == pytest.approx(1.5)


def test_a_queueing_truck_leaves_when_its_next_visit_is_due() -> None:
    system, nature = tiny(n_vehicles=2, plugs=1, drive_h=0.5, set_up_h=0.25, battery=BATTERY)
    home = system.vehicles[0].initial_station
    plan = fleet_plan([[(1 - home, 0.0)], [(1 - home, 0.0), (home, 1.0)]], [[0.0, 0.0]])
    here, _ = world(system, nature, plan)
    recorder = here.run()
    assert ("truck 1", "departed", 1.0) in events(recorder)
    assert ("truck 1", "connected", 1.75) in events(recorder)
    assert here.plugs[1 - home].count == 1


def test_new_orders_do_not_turn_a_truck_round_on_the_road() -> None:
    system, nature = tiny(drive_h=1.5, set_up_h=0.0, battery=BATTERY)
    home = system.vehicles[0].initial_station

    def script(observation) -> Plan:
        if observation.period == 0:
            return fleet_plan([[(1 - home, 0.0)]], [[0.0]])
        if observation.period == 1:
            return fleet_plan([[(home, 1.0)]], [[0.0]])
        return Plan()

    here, _ = world(system, nature, script)
    recorder = here.run()
    assert ("truck 0", "arrived", 1.5) in events(recorder)
    assert ("truck 0", "departed", 1.5) in events(recorder)
    assert ("truck 0", "arrived", 3.0) in events(recorder)


@pytest.mark.parametrize("p_mw", [0.4, -0.4])
def test_a_change_inside_a_step_is_looked_at_at_its_largest_and_lowest_injection(
    p_mw: float,
) -> None:
    system, nature = tiny(drive_h=0.1, set_up_h=0.05, battery=BATTERY)
    away = 1 - system.vehicles[0].initial_station
    here, _ = world(system, nature, fleet_plan([[(away, 0.0)]], [[p_mw / 4]]))
    here.run()
    found = injections(system, here.realisation, here.metered, slice(None))
    bus = system.stations[away].bus
    base = found.p_mw[0, bus] - found.storage_mw[0, 0]
    assert found.storage_mw[0, 0] == pytest.approx(p_mw / 4 * 0.1 / 0.25)  # connected after 0.15 h
    assert list(found.changed_step) == [0, 0]
    highest, lowest = base + max(p_mw / 4, 0), base + min(p_mw / 4, 0)
    assert found.changed_p_mw[:, bus] == pytest.approx([highest, lowest])
    others = np.arange(system.grid.n_buses) != bus
    np.testing.assert_array_equal(found.changed_p_mw[:, others], found.p_mw[[0, 0]][:, others])


def test_a_voltage_that_is_too_low_for_a_part_of_a_step_counts() -> None:
    """A truck that charges for six of fifteen minutes: the mean is fine, the minutes are not."""
    system, nature = tiny(drive_h=0.1, set_up_h=0.05, n_periods=1, battery=BATTERY)
    away = next(k for k, own in enumerate(system.stations) if own.bus not in system.grid.source_bus)
    vehicle = dataclasses.replace(system.vehicles[0], initial_station=1 - away)
    lines = system.grid.lines
    weak = dataclasses.replace(system.grid, lines=dataclasses.replace(
        lines, r_ohm=np.full_like(lines.r_ohm, 4.0), x_ohm=np.full_like(lines.x_ohm, 2.0)
    ))  # fmt: skip
    system = dataclasses.replace(system, vehicles=(vehicle,), grid=weak)
    scenario = dataclasses.replace(load_scenario("tiny"), system=system)
    away_bus = system.stations[away].bus

    def lived(p_mw: float, v_min_pu: float) -> Episode:
        limits = np.full(system.grid.n_buses, v_min_pu)
        grid = dataclasses.replace(system.grid, v_min_pu=limits)
        own = dataclasses.replace(system, grid=grid)
        script = Scripted(fleet_plan([[(away, 0.0)]], [[p_mw]]))
        return live(dataclasses.replace(scenario, system=own), script, nature=nature)[0]

    name = system.grid.bus_name[away_bus]
    charging = lived(-0.4, 0.0).vm_pu[name]
    # Between the mean of the first step and what six minutes of charging make of it; the three
    # steps after it charge throughout.
    between = (charging.iloc[0] + charging.iloc[1]) / 2
    assert charging.iloc[1] < between < charging.iloc[0]
    found = lived(-0.4, between).metrics
    assert found["voltage_violation_steps"] == 4
    assert found["peak_violation_steps"] == 1  # the first, whose mean is fine
    assert found["peak_violation_pu"] == pytest.approx(between - charging.iloc[1], rel=1e-3)
    assert lived(0.0, between).metrics["voltage_violation_steps"] == 0


def test_driving_on_the_battery_takes_its_energy_and_refuses_what_it_cannot_reach() -> None:
    system, nature = tiny(drive_h=0.5, battery=BATTERY, kwh_per_km=1.0)
    home = system.vehicles[0].initial_station
    here, _ = world(system, nature, fleet_plan([[(1 - home, 0.0)]], [[0.0]]))
    table = here.run().table()
    distance = table["distance_km"].sum()
    assert distance == pytest.approx(system.roads.length_km[0])
    assert table["traction_mwh"].sum() == pytest.approx(distance / 1000)
    assert table["energy_mwh"][-1, 0] == pytest.approx(0.8 - distance / 1000)

    system, nature = tiny(drive_h=0.5, battery=BATTERY, kwh_per_km=1e6)
    here, _ = world(system, nature, fleet_plan([[(1 - home, 0.0)]], [[0.0]]))
    assert "too little energy" in {event.event for event in here.run().events}
