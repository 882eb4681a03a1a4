from __future__ import annotations

import pandas as pd
import pytest

from sim.report.figures.timeline import Bar
from sim.report.html.trajectories import trajectory

# A square of roads; A and C are stations at opposite corners, the way by B is the shorter one.
PLACE = {
    "road_x_km": [0.0, 10.0, 10.0, 0.0],
    "road_y_km": [0.0, 0.0, 10.0, 30.0],
    "road_links": [[0, 1], [1, 2], [2, 3], [0, 3]],
}
NODES = {"A": 0, "C": 2}


def readings(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["time_h", "x_km", "y_km"])


def bars(*rows: tuple[str, str, float, float]) -> list[Bar]:
    return [Bar("truck", *row) for row in rows]


def at(points: list, time_h: float) -> tuple[float, float]:
    found = [point for point in points if point.time_h == pytest.approx(time_h)]
    assert found, points
    return found[0].x_km, found[0].y_km


def test_a_drive_between_two_readings_takes_the_shortest_way() -> None:
    points = trajectory(
        readings((1.0, 0.0, 0.0), (2.0, 10.0, 10.0)),
        bars(
            ("connected, idle", "A", 0.0, 1.2),
            ("driving", "C", 1.2, 1.6),
            ("setting up", "C", 1.6, 2.0),
        ),
        PLACE,
        NODES,
        0,
    )
    assert at(points, 1.2) == (0.0, 0.0)
    assert at(points, 1.4) == (10.0, 0.0)
    assert at(points, 1.6) == (10.0, 10.0)


def test_readings_on_the_road_are_kept_as_they_are() -> None:
    points = trajectory(
        readings((1.0, 5.0, 0.0), (2.0, 10.0, 10.0)),
        bars(
            ("connected, idle", "A", 0.0, 0.8), ("driving", "C", 0.8, 1.6), ("broken", "C", 1.6, 2)
        ),
        PLACE,
        NODES,
        0,
    )
    assert at(points, 1.0) == (5.0, 0.0)
    assert [point.time_h for point in points] == [0.0, 0.8, 1.0, 2.0]


def test_a_drive_from_the_first_moment_on_starts_where_the_truck_was() -> None:
    points = trajectory(
        readings((1.0, 10.0, 10.0)),
        bars(("driving", "C", 0.0, 0.5), ("connected, idle", "C", 0.5, 1.0)),
        PLACE,
        NODES,
        0,
    )
    assert at(points, 0.0) == (0.0, 0.0)
    assert at(points, 0.25) == (10.0, 0.0)
    assert at(points, 0.5) == (10.0, 10.0)


def test_standing_takes_two_points() -> None:
    standing = readings(*((float(hour), 0.0, 0.0) for hour in range(1, 25)))
    points = trajectory(standing, bars(("connected, idle", "A", 0.0, 24.0)), PLACE, NODES, 0)
    assert [point.time_h for point in points] == [0.0, 24.0]


def test_times_never_go_back() -> None:
    from sim.report.figures.timeline import bars as told
    from sim.scenario import load_scenario
    from sim.study.run import run
    from sim.study.store.geography import geography

    scenario = load_scenario("ieee33")
    system, place = scenario.system, geography(scenario.system)
    episode = run(scenario, "greedy", replication=3, verify="off")
    set_up_h = {station.name: station.set_up_h for station in system.stations}
    nodes = {station.name: station.road_node for station in system.stations}
    found = told(episode.events, episode.vehicles, set_up_h, system.timing.end_h)
    for truck in system.vehicles:
        own = episode.vehicles[episode.vehicles["vehicle"] == truck.name]
        points = trajectory(
            own,
            [bar for bar in found if bar.vehicle == truck.name],
            place,
            nodes,
            system.stations[truck.initial_station].road_node,
        )
        times = [point.time_h for point in points]
        assert times == sorted(times)
        assert times[0] == 0.0
        assert times[-1] == system.timing.end_h
