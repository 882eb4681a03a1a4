"""The published accounts of the three-bus day without storage."""

from __future__ import annotations

import pytest

from sim.scenario import load_scenario
from sim.study.run import run
from sim.world.episode import Episode

PUBLISHED = "published"


@pytest.fixture(scope="module", params=["slack", PUBLISHED])
def idle(request: pytest.FixtureRequest) -> tuple[str, Episode]:
    scenario = load_scenario("three_bus", {"settlement.import_meter": request.param})
    return request.param, run(scenario, "idle", verify="off")


def test_doing_nothing_earns_what_was_published(idle: tuple[str, Episode]) -> None:
    meter, episode = idle
    profit = {"slack": 524.66, PUBLISHED: 534.93}[meter]
    assert episode.metrics["profit_usd"] == pytest.approx(profit, abs=0.01)
    items = episode.ledger.groupby("item")["usd"].sum()
    assert items["retail"] == pytest.approx(7233.60, abs=0.01)
    assert items["feed-in"] == pytest.approx(2752.32, abs=0.01)


def test_voltages_and_losses_are_those_of_the_exact_branch_flow(idle: tuple[str, Episode]) -> None:
    _, episode = idle
    assert episode.metrics["vm_pu_min"] == pytest.approx(0.9930, abs=5e-5)
    assert 1000 * episode.metrics["loss_mwh"] == pytest.approx(112.97, abs=0.01)
