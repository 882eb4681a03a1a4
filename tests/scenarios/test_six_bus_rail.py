"""The bundled market case: its published figures, and a day on which nobody clears the market."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import gridhaul as gh
import scenarios

FOLDER = Path(scenarios.__file__).parent / "six_bus_rail"


def test_the_published_day_is_the_first_of_the_record() -> None:
    """Load and wind by hour, as the study prints them, and the split of the load."""
    system = gh.load_scenario("six_bus_rail").system
    record = gh.load_scenario("six_bus_rail").uncertainty.record
    of_hour = record.values[::4] * 100
    assert np.isclose(of_hour[:, 0].sum(), 5016.75)
    assert (of_hour[[0, 16, 23], 0] == [175.19, 256.0, 195.6]).all()
    assert (of_hour[[0, 6, 16, 23], 1] == [44, 100, 4, 52]).all()
    np.testing.assert_allclose(system.loads.p_mw / 100, [0.2, 0.4, 0.4])
    power_factor = system.loads.p_mw / np.hypot(system.loads.p_mw, system.loads.q_mvar)
    np.testing.assert_allclose(power_factor, 0.95, atol=1e-6)
    assert [unit.name for unit in system.units if unit.slack] == ["G1"]
    assert system.features == {"rail", "units"}


def test_the_record_is_what_its_script_makes(tmp_path: Path) -> None:
    runpy.run_path(str(FOLDER / "make.py"))["make"](tmp_path)
    made, there = (pq.read_table(folder / "profiles.parquet") for folder in (tmp_path, FOLDER))
    assert made.equals(there)


def test_days_are_off_by_a_tenth_in_load_as_a_whole_and_by_a_fiftieth_from_hour_to_hour() -> None:
    record = gh.load_scenario("six_bus_rail", {"uncertainty": "on"}).uncertainty.record
    load = record.values[::4, 0].reshape(365, 24)
    factor = load[1:] / load[0]
    assert 0.08 < factor.mean(axis=1).std() < 0.12
    assert 0.018 < (factor - factor.mean(axis=1, keepdims=True)).std() < 0.022
    assert abs(factor.mean() - 1) < 0.02


def test_without_a_market_load_is_shed_in_the_evening_and_wind_spilled_in_the_morning() -> None:
    """Every step is verified by pandapower; what is not served is counted, named and paid."""
    episode = gh.run(gh.load_scenario("six_bus_rail"), "idle", verify="full")
    metrics, steps = episode.metrics, episode.steps
    assert metrics["verified_steps"] == metrics["steps"] == 96
    assert metrics["verify_max_diff_pu"] < 1e-6
    assert metrics["unconverged_steps"] == metrics["imbalance_mwh"] == metrics["import_mwh"] == 0
    hour = steps["time_h"] // 1
    assert set(hour[steps["unserved_mw"] > 0]) == set(range(16, 21))
    assert set(hour[steps["curtailed_mw"] > 0]) == set(range(1, 9))
    # 340 MW of units stand beside 100 MW of wind: G2 alone, left at its minimum, is the reason.
    g1 = episode.units[episode.units["unit"] == "G1"]["p_mw"]
    assert g1.min() >= 100 - 1e-6
    assert g1.max() <= 220 + 1e-6
    shed_usd = episode.ledger.loc[episode.ledger["item"] == "unserved load", "usd"].sum()
    assert np.isclose(shed_usd, 1000 * metrics["unserved_mwh"])
    served_usd = 45 * (5016.75 - metrics["unserved_mwh"])
    assert np.isclose(metrics["welfare_usd"], served_usd - metrics["cost_usd"])
    np.testing.assert_allclose(episode.vm_pu[["1", "2"]], 1.02, atol=1e-8)
