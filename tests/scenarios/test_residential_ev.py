"""`residential_ev` has the published numbers, and the published trouble without storage."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import scenarios
from sim.control import EvStates
from sim.episode.episode import Episode
from sim.scenario import load_scenario
from sim.study.run import run
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.realisation import Nature

FOLDER = Path(scenarios.__file__).parent / "residential_ev"
BUS_30 = "29"  # the paper counts from 1
V2G = {"ev.*.p_discharge_kw": 7, "ev.*.efficiency_discharge": 0.9}
VALLEY = {"ev.*.charge_from_h": 24, "ev.*.back_off_h": 4}


@cache
def published_day(controller: str, *overrides: tuple[str, object]) -> Episode:
    scenario = load_scenario("residential_ev", {"uncertainty": "off", **dict(overrides)})
    return run(scenario, controller, verify="off")


def test_it_has_the_published_numbers() -> None:
    system = load_scenario("residential_ev").system
    plants = system.generators
    assert dict(zip(plants.bus.tolist(), plants.p_mw.tolist(), strict=True)) == {
        3: 1.43, 14: 2.25, 21: 3.17, 28: 2.64,
    }  # fmt: skip
    assert system.loads.p_mw.sum() == pytest.approx(3.715)
    assert system.loads.q_mvar.sum() == pytest.approx(2.3)
    price = system.tariff.import_usd_per_mwh.reshape(24, 4)
    assert (price == price[:, :1]).all()
    hours = [8, 2, 4, 4, 2, 2, 2]
    values = [53.2, 72.4, 63.5, 72.4, 81.2, 72.4, 53.2]
    assert price[:, 0].tolist() == np.repeat(values, hours).tolist()
    assert len(system.vehicles) == 6
    assert {(own.battery.energy_mwh, own.battery.p_charge_max_mw) for own in system.vehicles} == {
        (3.0, 1.5)
    }
    assert len(system.evs) >= 8
    assert sum(group.count for group in system.evs) == 300


def test_without_storage_noon_is_too_high_and_bus_30_too_low_at_18_h() -> None:
    episode = published_day("idle")
    volts = episode.vm_pu
    assert volts.to_numpy()[40:56].max() > 1.07
    assert volts[BUS_30].to_numpy()[72:76].min() < 0.94
    assert int(volts[BUS_30].to_numpy().argmin()) // 4 == 18
    assert episode.metrics["evs_short"] == 0


def test_who_only_curtails_keeps_the_noon_and_loses_the_evening() -> None:
    episode = published_day("curtail")
    assert episode.metrics["curtailed_mwh"] > 5
    assert episode.metrics["vm_pu_max"] <= 1.05 + 1e-3
    assert episode.vm_pu[BUS_30].to_numpy()[72:76].min() < 0.94


def test_valley_charging_moves_the_cars_from_the_evening_to_the_night() -> None:
    peak, valley = (published_day("idle", *own.items()) for own in ({}, VALLEY))
    evening, night = slice(4 * 17, 4 * 21), slice(0, 4 * 5)
    load_mw = [own.steps["ev_mw"].to_numpy() for own in (peak, valley)]
    assert load_mw[0][evening].sum() > 4 * load_mw[1][evening].sum()
    assert load_mw[1][night].sum() > 2 * load_mw[0][night].sum()
    assert valley.metrics["evs_short"] == 0


def test_the_cases_of_the_readme_are_what_they_say() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for case in (V2G, VALLEY):
        assert " ".join(f"--set '{key}={value}'" for key, value in case.items()) in text
    assert all(
        (group.p_discharge_max_mw, group.efficiency_discharge) == (0.007, 0.9)
        for group in load_scenario("residential_ev", V2G).system.evs
    )
    for soc in (0.2, 0.8):
        assert f"--set battery.mess.soc_initial={soc}" in text
        scenario = load_scenario("residential_ev", {"battery.mess.soc_initial": soc})
        assert scenario.system.vehicles[0].battery.soc_initial == soc


def test_a_trip_takes_about_an_hour() -> None:
    scenario = load_scenario("residential_ev")
    nature = Nature.build(scenario.system, scenario.uncertainty)
    told = CalibratedForecaster.build(nature, nature.draw(1, 0)).issue(0, 0.0, EvStates.none())
    hours = told.travel_h[:, ~np.eye(len(scenario.system.stations), dtype=bool)]
    assert np.median(hours) == pytest.approx(1.0, abs=0.1)
    assert 0.3 < hours.min() < hours.max() < 2.0


def test_its_tables_follow_from_make(tmp_path: Path) -> None:
    runpy.run_path(str(FOLDER / "make.py"))["make"](tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name
    assert (tmp_path / "lines.csv").exists()
