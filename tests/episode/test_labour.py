"""Who waits by the road is at work."""

from __future__ import annotations

import dataclasses

import pytest

from sim.episode.episode import Episode
from sim.inspect.laws.witness import live
from sim.scenario import load_scenario
from sim.uncertainty.events import Breakdown
from tests.world.build import Scripted, fleet_plan, tiny


def lived(roadside: bool, shift_h: float = 0.0) -> Episode:
    """Return an episode with a drive of 1 h and a repair of 1.5 h, by the road or behind it."""
    system, nature = tiny(
        drive_h=1.0, set_up_h=0.0, labour_usd_per_h=40.0, shift_h=shift_h, usd_per_km=0.0
    )
    scenario = dataclasses.replace(load_scenario("tiny"), system=system)
    away = 1 - system.vehicles[0].initial_station
    half_way_km = float(system.roads.length_km[0]) / 2
    realisation = dataclasses.replace(
        nature.draw(1, 0), breakdowns=((Breakdown(half_way_km, 5400.0, roadside),),)
    )
    plan = fleet_plan([[(away, 0.25)]], [[0.0]] * 4)
    return live(scenario, Scripted(plan), realisation=realisation, nature=nature)[0]


def labour_usd(episode: Episode) -> float:
    ledger = episode.ledger
    return float(ledger.loc[ledger["item"] == "labour", "usd"].sum())


def test_a_driver_is_paid_for_a_repair_by_the_road() -> None:
    episode = lived(roadside=True)
    assert episode.metrics["travel_h"] == pytest.approx(1.0)
    assert episode.metrics["repair_h"] == pytest.approx(1.5)
    assert episode.vehicles["repair_h"].sum() == pytest.approx(1.5)
    assert labour_usd(episode) == pytest.approx(2.5 * 40.0)
    # Step by step: on the way from 0.25 to 2.75 h.
    by_step = episode.ledger[episode.ledger["item"] == "labour"].set_index("step")["usd"]
    assert by_step.index.tolist() == list(range(1, 11))
    assert by_step.to_numpy() == pytest.approx(10.0)


def test_nobody_waits_for_a_repair_at_the_station() -> None:
    episode = lived(roadside=False)
    assert episode.metrics["repair_h"] == 0.0
    assert (episode.events["event"] == "interrupted").any()
    assert labour_usd(episode) == pytest.approx(40.0)


def test_a_shift_is_paid_whatever_is_repaired() -> None:
    assert labour_usd(lived(roadside=True, shift_h=8.0)) == pytest.approx(8 * 40.0)
