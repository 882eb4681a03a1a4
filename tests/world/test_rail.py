"""What trains do, told by the world's records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.control import Capabilities, EvStates, Observation, Plan, VehicleStatus
from sim.episode.episode import Episode
from sim.inspect.laws.witness import Diary, live
from sim.scenario import Scenario
from sim.uncertainty.forecaster import ExactForecaster
from sim.uncertainty.realisation import Nature
from sim.world.vehicle import Interruption
from tests.rail import railway
from tests.world.build import Scripted, fleet_plan, world

WEST, EAST, FAR, MINE = range(4)
SURE = {"rails.delay.probability": 0.0}
Script = Plan | Callable[[Observation], Plan]


@pytest.fixture
def on_time(tmp_path: Path) -> Scenario:
    return railway(tmp_path / "rail", SURE)


def lived(
    scenario: Scenario, script: Script, late_h: dict[tuple[int, int], float] | None = None
) -> tuple[Episode, Diary]:
    """Live an episode in which only those are late who enter ``(slot, segment)`` in `late_h`."""
    nature = Nature.build(scenario.system, scenario.uncertainty)
    realisation = nature.draw(scenario.seed, 0)
    delay_h = np.zeros_like(realisation.rail_delay_h)
    for key, hours in (late_h or {}).items():
        delay_h[key] = hours
    realisation = dataclasses.replace(realisation, rail_delay_h=delay_h, told_rail_delay_s=1800.0)
    return live(scenario, Scripted(script), realisation=realisation, nature=nature)


def events_of(episode: Episode, vehicle: str) -> list[tuple[str, float]]:
    own = episode.events[episode.events["vehicle"] == vehicle]
    return list(zip(own["event"], own["time_h"].round(9), strict=True))


def orders(*visits: list[tuple[int, float]], p_mw: float = 0.0) -> Plan:
    return fleet_plan(visits, [[p_mw] * len(visits)] * 12)


def test_a_train_exchanges_power_until_its_slot_and_again_where_it_has_arrived(
    on_time: Scenario,
) -> None:
    # It is told to leave at 0.5 h; the slot is at 1 h; it runs 1.25 h and sets up for 0.25 h.
    episode, diary = lived(on_time, orders([(EAST, 0.5)], [], p_mw=0.1))
    assert events_of(episode, "east bound") == [
        ("connected", 0.0),
        ("disconnected", 1.0),
        ("departed", 1.0),
        ("arrived", 2.25),
        ("connected", 2.5),
    ]
    power = episode.vehicles.loc[episode.vehicles["vehicle"] == "east bound", "p_mw"].to_numpy()
    np.testing.assert_allclose(power[:4], 0.1)
    np.testing.assert_allclose(power[4:10], 0.0)
    np.testing.assert_allclose(power[10:20], 0.1)
    under_way = diary.observations[2].vehicles
    assert under_way.status[0] == VehicleStatus.DRIVING
    assert under_way.station[0] == EAST
    assert under_way.ready_h[0] == pytest.approx(2.5)
    (trip,) = episode.trips.to_dict("records")
    assert (trip["depart_h"], trip["arrive_h"], trip["delay_h"]) == pytest.approx((1.0, 2.25, 0.0))
    half_way = episode.vehicles.iloc[2 * 4]  # at 1.25 h, first train
    assert (half_way["x_km"], half_way["y_km"]) == pytest.approx((5.0, 0.0))


def test_trains_that_face_each_other_meet_at_a_node_and_the_wait_is_counted(
    on_time: Scenario,
) -> None:
    episode, _ = lived(on_time, orders([(EAST, 1.0)], [(WEST, 1.0)]))
    waiting = episode.events[episode.events["event"] == "waiting for track"]
    # The one from the west is at `halt` at 1.5 h, the other one leaves the track at 1.75 h.
    assert waiting[["time_h", "vehicle", "detail"]].to_numpy().tolist() == [
        [1.5, "east bound", "halt--east"]
    ]
    assert episode.metrics["track_waits"] == 1
    assert episode.metrics["track_wait_h"] == pytest.approx(0.25)
    assert episode.metrics["delay_h"] == pytest.approx(0.25)
    assert episode.metrics["trips"] == 2
    assert episode.metrics["travel_h"] == pytest.approx(1.25 + 1.5)
    arrived = dict(zip(episode.trips["vehicle"], episode.trips["arrive_h"], strict=True))
    assert arrived == pytest.approx({"east bound": 2.5, "west bound": 2.25})


def test_of_trains_that_ask_at_one_moment_the_first_of_the_fleet_goes_first(
    tmp_path: Path,
) -> None:
    trains = "name,battery,initial_station\nfirst,wagon,west\nsecond,wagon,mine\n"
    tracks = "from_node,to_node,running_h\nwest,halt,0.5\nhalt,mine,1.5\nhalt,east,0.5\n"
    scenario = railway(tmp_path / "rail", SURE, trains=trains, rail_tracks=tracks + "east,far,1\n")
    # Both reach `halt` at 2.5 h, the second one of the fleet after the longer run.
    episode, _ = lived(scenario, orders([(EAST, 2.0)], [(EAST, 1.0)]))
    shared = episode.spans[episode.spans["to_node"] == "east"]
    assert shared["vehicle"].tolist() == ["first", "second"]
    assert shared["enter_h"].tolist() == pytest.approx([2.5, 3.0])


def test_two_tracks_let_trains_pass_on_the_line(tmp_path: Path) -> None:
    tracks = (
        "from_node,to_node,running_h,tracks\n"
        "west,halt,0.5,2\nhalt,mine,0.4,1\nhalt,east,0.75,2\neast,far,1,1\n"
    )
    scenario = railway(tmp_path / "rail", SURE, rail_tracks=tracks)
    episode, _ = lived(scenario, orders([(EAST, 1.0)], [(WEST, 1.0)]))
    assert episode.metrics["track_waits"] == 0
    assert episode.metrics["delay_h"] == pytest.approx(0.0)


def test_a_late_train_injects_nothing_before_it_has_arrived_and_nobody_knows_when(
    on_time: Scenario,
) -> None:
    # 1.7 h late between `halt` and `east`, entered in the slot from 1 h on.
    episode, diary = lived(on_time, orders([(EAST, 1.0)], [], p_mw=0.1), late_h={(1, 1): 1.7})
    assert ("late", 2.25) in events_of(episode, "east bound")
    assert ("arrived", 3.95) in events_of(episode, "east bound")
    own = episode.vehicles[episode.vehicles["vehicle"] == "east bound"]
    # Connected at 4.2 h: the step that ends at 4.25 h is the first one with power.
    np.testing.assert_allclose(own["p_mw"].to_numpy()[4:16], 0.0)
    np.testing.assert_allclose(own["p_mw"].to_numpy()[16], 0.1 * 0.05 / 0.25)
    # At 2 h it is on time as far as anybody knows; at 3 h it is late, and the rest told is 0.5 h.
    assert diary.observations[2].vehicles.ready_h[0] == pytest.approx(2.5)
    assert diary.observations[3].vehicles.ready_h[0] == pytest.approx(3.0 + 0.5 + 0.25)
    assert episode.metrics["delay_h"] == pytest.approx(1.7)


def test_a_late_train_calls_a_controller_that_waits_for_delays(on_time: Scenario) -> None:
    class Waiting(Scripted):
        capabilities = Capabilities(replan_on=frozenset({"delay"}))

    nature = Nature.build(on_time.system, on_time.uncertainty)
    realisation = nature.draw(1, 0)
    delay_h = np.zeros_like(realisation.rail_delay_h)
    delay_h[1, 1] = 1.7
    realisation = dataclasses.replace(realisation, rail_delay_h=delay_h, told_rail_delay_s=1800.0)
    controller = Waiting(lambda seen: orders([(EAST, 1.0)], []) if seen.now_h == 0 else Plan())
    _, diary = live(on_time, controller, realisation=realisation, nature=nature)
    between = [seen.now_h for seen in diary.observations if seen.now_h % 1]
    assert between == pytest.approx([2.25 + 300 / 3600])


def test_a_train_pays_by_the_span_and_its_wagons_are_one_battery(on_time: Scenario) -> None:
    episode, _ = lived(on_time, orders([(FAR, 1.0), (WEST, 5.0)], []))
    travel = episode.ledger[episode.ledger["item"] == "travel"]
    assert travel["usd"].tolist() == [200.0] * 6
    assert set(episode.ledger["item"]) >= {"travel"}
    assert "labour" not in set(episode.ledger["item"])
    # The last span begins at 5.25 + 0.75 h, in the step that then starts or has just ended.
    assert travel["step"].max() * 0.25 == pytest.approx(6.0, abs=0.25)
    four, two = (train.battery for train in on_time.system.vehicles)
    assert (four.energy_mwh, four.p_charge_max_mw, four.s_mva) == (8.0, 2.0, 2.0)
    assert (two.energy_mwh, two.p_discharge_max_mw) == (4.0, 1.0)


def test_a_broken_train_blocks_the_track_and_leaves_it_when_it_goes_on(on_time: Scenario) -> None:
    nature = Nature.build(on_time.system, on_time.uncertainty)
    here, _ = world(on_time.system, nature, orders([(EAST, 1.0)], [(WEST, 2.0)]))

    def strike() -> Any:
        yield here.env.timeout(1.75 * 3600)
        here.fleet[0].process.interrupt(Interruption(cause="brakes", duration_s=3600.0))

    here.env.process(strike())
    here.run()
    runs = [
        (span.vehicle, span.enter_s / 3600, span.arrive_s / 3600) for span in here.recorder.spans
    ]
    assert runs[:2] == [(0, 1.0, 1.5), (0, 1.5, pytest.approx(3.25))]
    assert runs[2][:2] == (1, pytest.approx(3.25))  # asked at 2 h, got the track at 3.25 h


def test_the_forecast_tells_the_wait_for_the_slot_the_running_time_and_the_mean_delay(
    tmp_path: Path,
) -> None:
    scenario = railway(tmp_path / "rail", {"rails.slot_h": 2.0})
    _, diary = live(scenario, Scripted(Plan()))
    rail_h = diary.observations[0].forecast.rail_h
    assert rail_h.shape == (12, 4, 4)
    mean_h = 0.5 * 0.3
    np.testing.assert_allclose(rail_h[0, WEST, EAST], 1.25 + 2 * mean_h)
    np.testing.assert_allclose(rail_h[1, WEST, EAST], 1.0 + 1.25 + 2 * mean_h)
    np.testing.assert_allclose(rail_h[2, MINE, FAR], 0.4 + 0.75 + 0.25 + 3 * mean_h)
    np.testing.assert_allclose(rail_h[:, FAR, FAR], 0.0)
    assert np.isinf(diary.observations[0].forecast.travel_h).all()  # no roads here


def test_an_exact_forecast_is_what_a_train_takes_that_meets_no_other(tmp_path: Path) -> None:
    scenario = railway(tmp_path / "rail")
    nature = Nature.build(scenario.system, scenario.uncertainty)
    realisation = nature.draw(scenario.seed, 3)
    assert realisation.rail_delay_h.any()
    nobody = EvStates(**{own.name: np.empty(0, np.int64) for own in dataclasses.fields(EvStates)})
    told = ExactForecaster(nature, realisation).issue(0, 0.0, nobody)
    for hour, goal in ((1, FAR), (3, MINE)):
        episode, _ = live(
            scenario,
            Scripted(orders([(goal, float(hour))], [])),
            realisation=realisation,
            nature=nature,
        )
        (trip,) = episode.trips.to_dict("records")
        took_h = trip["arrive_h"] - trip["depart_h"]
        assert took_h == pytest.approx(told.rail_h[hour, WEST, goal])


def test_the_mean_of_the_delays_drawn_is_the_one_forecast(tmp_path: Path) -> None:
    scenario = railway(tmp_path / "rail")
    nature = Nature.build(scenario.system, scenario.uncertainty)
    drawn = np.concatenate([nature.draw(1, k).rail_delay_h.ravel() for k in range(60)])
    # 2880 draws with a standard deviation of about 0.26 h: 0.005 h of standard error.
    assert drawn.mean() == pytest.approx(0.15, abs=0.02)
    assert (drawn > 0).mean() == pytest.approx(0.5, abs=0.04)


def test_another_train_or_track_changes_no_delay_and_no_other_draw(tmp_path: Path) -> None:
    def draw(**tables: str) -> Any:
        scenario = railway(tmp_path / f"{len(tables)}{sorted(tables)}", **tables)
        return Nature.build(scenario.system, scenario.uncertainty).draw(1, 2)

    one = draw()
    trains = "name,battery,initial_station\nlone,wagon,far\n"
    tracks = (
        "from_node,to_node,running_h\n"
        "west,halt,0.5\nhalt,east,0.75\neast,far,0.25\nhalt,mine,0.4\nmine,far,9\n"
    )
    other_train, other_track = draw(trains=trains), draw(rail_tracks=tracks)
    np.testing.assert_array_equal(one.rail_delay_h, other_train.rail_delay_h)
    np.testing.assert_array_equal(one.rail_delay_h, other_track.rail_delay_h[:, :4])
    for name in ("profile", "forecast_noise", "delay_state", "link_state"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other_track, name))


def test_an_order_to_a_station_without_rails_is_refused_and_said(tmp_path: Path) -> None:
    scenario = railway(
        tmp_path / "rail",
        SURE,
        stations="name,bus,road_node,rail_node,plugs\nwest,west,,west,2\neast,east,,east,2\n"
        "village,mine,village,,1\n",
        road_nodes="name,x_km,y_km\nvillage,5,5\n",
    )
    episode, _ = lived(scenario, orders([(2, 1.0)], []))
    assert ("unreachable", 1.0) in events_of(episode, "east bound")
    assert episode.metrics["trips"] == 0
