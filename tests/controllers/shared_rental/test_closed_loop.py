"""In the world: rent is paid as published, budgets hold, and no decision fails."""

from __future__ import annotations

import numpy as np
import pytest

from controllers.shared_rental.shared_rental import SharedRental, SharedRentalPlanning
from sim.inspect.laws.witness import live
from tests.controllers.shared_rental.morning import LEVELS, scenario


@pytest.fixture(scope="module")
def lived():
    own = SharedRentalPlanning(price_levels=LEVELS, nodes=200)
    return live(scenario(), SharedRental(own))


def test_no_decision_fails_and_the_gap_is_told(lived):
    metrics = lived.episode.metrics
    assert metrics["failed_decisions"] == metrics["fallbacks"] == metrics["deadline_decisions"] == 0
    assert metrics["gap_max"] < 0.02
    assert metrics["trips"] >= 2


def test_operators_pay_the_owner_the_published_prices(lived):
    episode = lived.episode
    rent = episode.ledger[episode.ledger["item"] == "rent"]
    assert set(rent["payee"]) == {"rental"}
    assert rent["usd"].sum() > 20
    prices = episode.steps[[f"rent_usd_per_mwh.{area}" for area in "ABC"]].to_numpy()
    assert set(np.unique(prices)) <= set(LEVELS)


def test_plans_are_carried_out(lived):
    metrics = lived.episode.metrics
    assert metrics["clipped_mwh"] == pytest.approx(0.0, abs=1e-6)
    assert metrics["throughput_mwh"] > 3
