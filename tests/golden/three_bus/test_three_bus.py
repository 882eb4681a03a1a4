"""The published accounts of the three-bus day without storage."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import scenarios
from sim.episode.episode import Episode
from sim.scenario import load_scenario
from sim.study.run import run

PUBLISHED = "published"
FOLDER = Path(scenarios.__file__).parent / "three_bus"


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


def test_the_tables_follow_from_the_published_ones(tmp_path: Path) -> None:
    runpy.run_path(str(FOLDER / "make.py"))["make"](tmp_path)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {
        "profiles.parquet", "tariff.csv", "delays.csv", "road_nodes.csv", "road_links.csv",
    }  # fmt: skip
    for name in made - {"profiles.parquet"}:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
    ours, again = (pq.read_table(path / "profiles.parquet") for path in (FOLDER, tmp_path))
    assert ours.equals(again)


def test_the_day_that_is_lived_is_the_published_one() -> None:
    with (FOLDER / "published.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))

    def published(column: str) -> np.ndarray:
        return np.array([float(row[column]) for row in rows])

    scenario = load_scenario("three_bus")
    system, record = scenario.system, scenario.uncertainty.record
    load = record.values[:, system.loads.profile]
    for index, bus in enumerate(("bus2", "bus3")):
        for unit, rated in (("mw", system.loads.p_mw), ("mvar", system.loads.q_mvar)):
            expected = published(f"load_{bus}_{unit}")
            np.testing.assert_allclose(load[:, index] * rated[index], expected, atol=2e-6)
    generation = record.values[:, system.generators.profile] * system.generators.p_mw
    np.testing.assert_allclose(generation[:, 0], published("pv_bus2_mw"), atol=1e-7)
    np.testing.assert_allclose(generation[:, 1], published("wind_bus3_mw"), atol=1e-7)
    tariff = system.tariff
    np.testing.assert_array_equal(tariff.import_usd_per_mwh, published("buy_price_usd_per_mwh"))
    np.testing.assert_array_equal(2 * tariff.export_usd_per_mwh, tariff.import_usd_per_mwh)
    np.testing.assert_array_equal(tariff.retail_usd_per_mwh, published("sell_price_usd_per_mwh"))
    delays = scenario.uncertainty.delays.mean_h
    np.testing.assert_allclose(60 * delays, published("traffic_delay_min"), rtol=1e-12)
