from __future__ import annotations

import pandas as pd

from sim.report.figures.timeline import Bar, bars

SET_UP_H = {"North": 0.25, "South": 0.25}


def events(*rows: tuple[float, str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        [(time_h, "truck", event, station, "") for time_h, event, station in rows],
        columns=["time_h", "vehicle", "event", "station", "detail"],
    )


def power(*p_mw: float) -> pd.DataFrame:
    """Return hourly steps; a step carries the time of its end."""
    return pd.DataFrame(
        {"time_h": [i + 1.0 for i in range(len(p_mw))], "vehicle": "truck", "p_mw": p_mw}
    )


def story(found: list[Bar]) -> list[tuple[str, str, float, float]]:
    return [(bar.activity, bar.station, bar.start_h, bar.end_h) for bar in found]


def test_a_trip_with_a_queue_is_told_in_order() -> None:
    happened = events(
        (0.0, "connected", "North"),
        (2.0, "disconnected", "North"),
        (2.0, "departed", "South"),
        (2.5, "arrived", "South"),
        (2.5, "queued", "South"),
        (3.25, "connected", "South"),
    )
    found = bars(happened, power(-0.5, -0.5, 0.0, 0.3, 0.0), SET_UP_H, end_h=5.0)
    assert story(found) == [
        ("charging", "North", 0.0, 2.0),
        ("driving", "South", 2.0, 2.5),
        ("queueing", "South", 2.5, 3.0),
        ("setting up", "South", 3.0, 3.25),
        ("discharging", "South", 3.25, 4.0),
        ("connected, idle", "South", 4.0, 5.0),
    ]


def test_without_a_queue_the_truck_sets_up_on_arrival() -> None:
    happened = events(
        (0.0, "connected", "North"),
        (1.0, "disconnected", "North"),
        (1.0, "departed", "South"),
        (1.5, "arrived", "South"),
        (1.75, "connected", "South"),
    )
    found = bars(happened, power(0.0, 0.0), SET_UP_H, end_h=2.0)
    assert story(found)[1:] == [
        ("driving", "South", 1.0, 1.5),
        ("setting up", "South", 1.5, 1.75),
        ("connected, idle", "South", 1.75, 2.0),
    ]


def test_a_truck_that_breaks_down_on_the_road_drives_on_when_it_is_repaired() -> None:
    happened = events(
        (0.0, "connected", "North"),
        (0.0, "disconnected", "North"),
        (0.0, "departed", "South"),
        (0.5, "interrupted", "South"),
        (0.7, "interrupted", "South"),
        (1.5, "resumed", "South"),
    )
    found = bars(happened, power(0.0, 0.0), SET_UP_H, end_h=2.0)
    assert story(found) == [
        ("driving", "South", 0.0, 0.5),
        ("broken", "South", 0.5, 0.7),
        ("broken", "South", 0.7, 1.5),
        ("driving", "South", 1.5, 2.0),
    ]


def test_an_order_that_cannot_be_followed_changes_nothing() -> None:
    happened = events((0.0, "connected", "North"), (1.0, "unreachable", "South"))
    found = bars(happened, power(0.0, 0.0), SET_UP_H, end_h=2.0)
    assert story(found) == [("connected, idle", "North", 0.0, 2.0)]


def test_bars_leave_no_gap_and_do_not_overlap() -> None:
    from sim.scenario import load_scenario
    from sim.study.run import run

    scenario = load_scenario("ieee33")
    episode = run(scenario, "greedy", verify="off")
    set_up_h = {station.name: station.set_up_h for station in scenario.system.stations}
    found = bars(episode.events, episode.vehicles, set_up_h, scenario.system.timing.end_h)
    for truck in scenario.system.vehicles:
        own = [bar for bar in found if bar.vehicle == truck.name]
        assert own[0].start_h == 0.0
        assert own[-1].end_h == scenario.system.timing.end_h
        assert [bar.end_h for bar in own[:-1]] == [bar.start_h for bar in own[1:]]
