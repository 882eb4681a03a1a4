"""Trips and cycles of a day, shifts, and time lost at the start of trips."""

from __future__ import annotations

import numpy as np
import pytest

from sim.control import EvStates, Observation, Plan
from sim.episode.episode import Episode
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario
from sim.study.execution.runner import nature_of
from sim.study.run import run
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.forecaster import ExactForecaster
from tests.world.build import Scripted, fleet_plan

DAY = 144
NOBODY = EvStates.none()


def three_bus(script: object, **overrides: object) -> tuple[Episode, list[Observation]]:
    scenario = load_scenario("three_bus", overrides)

    def no_guard(_battery: object, _energy: float, p: float, q: float, _hours: float):
        return p, q

    episode, diary = live(scenario, Scripted(script), guard=no_guard)
    return episode, diary.observations


def back_and_forth(observation: Observation) -> Plan:
    """Charge and discharge by turns, at full power."""
    sign = 1.0 if observation.period // 3 % 2 else -1.0
    return fleet_plan([[]], [[sign * 3.25]])


def test_the_world_allows_the_cycles_of_a_day_whatever_is_ordered() -> None:
    episode, seen = three_bus(back_and_forth, **{"timing.days": 2})
    own = episode.vehicles
    exchanged = (own["charged_mwh"] + own["discharged_mwh"]).to_numpy().reshape(2, DAY).sum(axis=1)
    # One cycle is the capacity in and out; the battery would do several.
    np.testing.assert_allclose(exchanged, 2 * 6.381, atol=1e-9)
    assert episode.metrics["cycles"] == pytest.approx(2.0)
    assert episode.metrics["clipped_mwh"] > 10
    said = np.array([observation.vehicles.throughput_today_mwh[0] for observation in seen])
    assert said[[0, DAY]].tolist() == [0.0, 0.0]
    assert (np.diff(said[:DAY]) >= 0).all()
    assert said[DAY - 1] == pytest.approx(2 * 6.381)


@pytest.mark.parametrize("days", [1, 2])
def test_planners_plan_with_the_cycles_that_the_world_allows(days: int) -> None:
    few = {"battery.mess.cycles_per_day": 0.3, "timing.days": days, "timing.period_min": 60}
    episode = run(load_scenario("three_bus", few), "day_ahead", verify="off")
    assert episode.metrics["cycles"] == pytest.approx(0.3 * days, abs=1e-6)
    assert episode.metrics["clipped_mwh"] == pytest.approx(0.0, abs=1e-6)


def test_the_world_allows_the_trips_of_a_day_whatever_is_ordered() -> None:
    visits = [[(hour % 3, float(hour)) for hour in range(0, 48, 2)]]
    episode, seen = three_bus(fleet_plan(visits, [[0.0]]), **{"timing.days": 2})
    events = episode.events
    departed = events.loc[events["event"] == "departed", "time_h"]
    assert (departed < 24).sum() == (departed >= 24).sum() == 3
    refused = events.loc[events["event"] == "refused", "detail"]
    assert set(refused) == {"3 trips a day are all"}
    assert episode.metrics["trips"] == 6
    said = [int(observation.vehicles.trips_today[0]) for observation in seen]
    # The first trip of the second day departs as its clock strikes.
    assert (said[0], said[DAY - 1], said[DAY]) == (0, 3, 1)


def test_a_day_of_use_pays_one_shift_and_every_departure_its_price() -> None:
    def script(observation: Observation) -> Plan:
        if observation.period == 0:
            return fleet_plan([[(0, 0.0), (1, 3.0)]], [[0.0]])
        return fleet_plan([[]], [[1.0]]) if observation.period == 130 else Plan()

    episode, _ = three_bus(script, **{"timing.days": 3})
    book = episode.ledger[episode.ledger["payer"] == "fleet"]
    by_item = dict(iter(book.groupby("item")))
    assert by_item["labour"]["usd"].tolist() == [80.0]
    assert by_item["travel"]["usd"].tolist() == [7.968, 7.968]
    assert by_item["labour"]["step"].tolist() == [0]
    assert "charging" not in by_item
    idle, _ = three_bus(Plan())
    assert not (idle.ledger["payer"] == "fleet").any()


def test_charging_costs_by_the_mwh_drawn() -> None:
    episode, _ = three_bus(fleet_plan([[]], [[-2.0]] * 6))
    items = episode.ledger.groupby("item")["usd"].sum()
    assert items["charging"] == pytest.approx(2.0 * 15.0)


@pytest.mark.parametrize(("depart_h", "delay_min"), [(0.0, 1.645173), (17.5, 15.0)])
def test_a_trip_takes_its_distance_the_delay_of_its_departure_and_the_installation(
    depart_h: float, delay_min: float
) -> None:
    episode, seen = three_bus(fleet_plan([[(0, depart_h)]], [[0.0]]))
    drive_min = 19.92 / 40 * 60 + delay_min
    trip = episode.trips.iloc[0]
    assert 60 * (trip["arrive_h"] - trip["depart_h"]) == pytest.approx(drive_min, abs=1e-6)
    connected = episode.events.loc[episode.events["event"] == "connected", "time_h"].max()
    assert 60 * (connected - depart_h) == pytest.approx(drive_min + 5, abs=1e-6)
    # That is expected from the moment it departs, also while the delay lasts.
    expected_h = [float(each.vehicles.ready_h[0]) for each in seen if 0 < each.now_h - depart_h < 1]
    np.testing.assert_allclose(expected_h[:3], connected, atol=1e-6)
    period = round(6 * depart_h)
    forecast = seen[0].forecast
    assert 60 * forecast.travel_h[period, 2, 0] == pytest.approx(drive_min, abs=1e-9)
    assert np.diagonal(forecast.travel_h, axis1=1, axis2=2).max() == 0.0


def test_delays_are_uncertain_only_where_uncertainty_is_on() -> None:
    for switch, spread in (("off", 0.0), ("on", 0.3)):
        nature = nature_of(load_scenario("three_bus", {"uncertainty": switch}))
        draws = np.array([nature.draw(1, k).trip_delay_h for k in range(60)])
        assert np.log(draws).std(axis=0).mean() == pytest.approx(spread, abs=0.02)


def test_forecasts_of_delays_are_unbiased_and_cover_what_they_say() -> None:
    scenario = load_scenario("three_bus", {"uncertainty": "on", "timing.horizon_h": 4})
    nature = nature_of(scenario)
    drive_h = 16.87 / 40
    leads = [0, 3, 18]
    rows = []
    for replication in range(80):
        drawn = nature.draw(1, replication)
        forecast = CalibratedForecaster.build(nature, drawn).issue(48, 8.0, NOBODY)
        said = (forecast.travel_h, forecast.travel_lower_h, forecast.travel_upper_h)
        late = [hours[leads, 0, 1] - drive_h for hours in said]
        rows.append(np.column_stack([*late, drawn.trip_delay_h[48:][leads]]))
    mean, lower, upper, truth = np.moveaxis(np.array(rows), 2, 0)
    np.testing.assert_allclose(mean[:, 0], truth[:, 0], rtol=1e-9)
    assert truth[:, 1:].mean() == pytest.approx(mean[:, 1:].mean(), rel=0.05)
    inside = (lower <= truth + 1e-9) & (truth <= upper + 1e-9)
    assert inside[:, 1:].mean() == pytest.approx(0.9, abs=0.06)


def test_who_is_told_the_future_is_told_the_delays() -> None:
    nature = nature_of(load_scenario("three_bus", {"uncertainty": "on"}))
    drawn = nature.draw(1, 5)
    forecast = ExactForecaster(nature, drawn).issue(0, 0.0, NOBODY)
    late_h = forecast.travel_h[:, 0, 1] - 16.87 / 40
    np.testing.assert_allclose(late_h, drawn.trip_delay_h, atol=1e-9)
    assert forecast.travel_h[:, 1, 1].max() == 0.0
