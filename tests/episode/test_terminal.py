"""What the ledger books at the end, by hand."""

from __future__ import annotations

import dataclasses

import pytest

from sim.episode.episode import Episode
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario
from sim.system.terminal import missing_usd_per_mwh, peak_usd_per_mwh, return_h, return_usd
from tests.world.build import Scripted, fleet_plan, tiny

# Price 100, wear 5, efficiency 0.9.
MISSING = (100 + 5) / 0.9


def lived(visits: list[tuple[int, float]], p_mw: list[float], **truck: object) -> Episode:
    """Return an episode of four hours with drives of 45 minutes and a quarter of set-up."""
    system, nature = tiny(**truck)  # type: ignore[arg-type]
    scenario = dataclasses.replace(load_scenario("tiny"), system=system)
    plan = fleet_plan([visits], [[p] for p in p_mw])
    return live(scenario, Scripted(plan), nature=nature)[0]


def booked(episode: Episode, item: str) -> float:
    rows = episode.ledger[episode.ledger["item"] == item]
    sign = rows["payer"].map({"fleet": 1.0}).fillna(-1.0)
    return float((sign * rows["usd"]).sum())


def with_target(soc: float, **changes: object) -> dict[str, object]:
    battery = load_scenario("tiny").system.vehicles[0].battery
    return {"battery": dataclasses.replace(battery, soc_terminal=soc), **changes}


def test_missing_energy_costs_what_buying_it_back_costs_and_surplus_earns_nothing() -> None:
    # From 0.5 MWh with a target of 0.5: a quarter MWh sold is 0.2778 MWh less inside.
    sold = lived([], [0.25, 0, 0, 0], **with_target(0.5))
    assert booked(sold, "stored_energy_change") == pytest.approx(0.25 / 0.9 * MISSING)
    bought = lived([], [-0.25, 0, 0, 0], **with_target(0.5))
    assert booked(bought, "stored_energy_change") == 0.0


def test_what_the_scenario_gives_up_or_asks_for_has_the_fixed_price() -> None:
    assert booked(lived([], [0.0] * 4), "stored_energy_change") == pytest.approx(0.5 * 40)
    more = lived([], [0.0] * 4, **with_target(0.75))
    assert booked(more, "stored_energy_change") == pytest.approx(-0.25 * 40 + 0.25 * MISSING)


def test_a_scenario_may_state_the_peak_and_units_have_theirs() -> None:
    assert peak_usd_per_mwh(load_scenario("tiny").system) == 100.0
    stated = load_scenario("tiny", {"settlement.peak_usd_per_mwh": 60}).system
    assert missing_usd_per_mwh(stated) == pytest.approx([65 / 0.9])
    rail = load_scenario("six_bus_rail").system
    assert peak_usd_per_mwh(rail) == 60.0
    unstated = dataclasses.replace(rail.tariff, peak_usd_per_mwh=None)
    dearest = 32.63 + 2 * 0.001 * 100
    assert peak_usd_per_mwh(dataclasses.replace(rail, tariff=unstated)) == pytest.approx(dearest)


def test_the_way_home_costs_the_trip_its_energy_and_what_could_be_sold_in_its_time() -> None:
    system, _ = tiny(terminal_station=0, kwh_per_km=2.0)
    truck, km = system.vehicles[0], float(system.roads.length_km[0])
    trip = km * truck.usd_per_km + 0.75 * truck.labour_usd_per_h
    assert return_h(system).tolist() == [[0.0, 1.0]]
    usd = return_usd(system)[0]
    assert usd[0] == 0.0
    assert usd[1] == pytest.approx(trip + 1.0 * 0.5 * 100 + 0.002 * km * MISSING)
    rail = load_scenario("six_bus_rail").system
    assert return_usd(rail)[0].tolist() == [0.0, *[pytest.approx(200 + 2 * 30 * 60)] * 2]


def test_who_ends_elsewhere_pays_for_the_way_and_who_is_late_for_the_part_left_too_late() -> None:
    at_home = lived([], [0.0] * 4, terminal_station=0)
    assert booked(at_home, "return trip") == 0.0
    away = lived([(1, 0.0)], [0.0] * 4, terminal_station=0)
    assert away.metrics["trips"] == 1
    whole = booked(away, "return trip")
    assert whole == pytest.approx(45 + 50)
    # Back in time, half an hour of the hour too late, and nowhere to be.
    assert booked(lived([(1, 0.0), (0, 2.0)], [0.0] * 4, terminal_station=0), "return trip") == 0.0
    late = lived([(1, 0.0), (0, 3.5)], [0.0] * 4, terminal_station=0)
    assert booked(late, "return trip") == pytest.approx(0.5 * whole)
    assert booked(lived([(1, 0.0)], [0.0] * 4), "return trip") == 0.0
