"""Scenarios load fast and resolve to what their files say; overrides reach every value."""

from __future__ import annotations

import dataclasses
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

from sim.scenario import load_scenario, scenario_folder
from tests.scenario.spoil import problems_of, replace


def test_tiny_is_what_its_files_say():
    scenario = load_scenario("tiny")
    system = scenario.system
    assert (scenario.name, scenario.days, scenario.seed) == ("tiny", 1, 1)
    assert (system.timing.n_periods, system.timing.n_steps, system.timing.horizon) == (4, 16, 4)
    assert system.grid.bus_name == ("substation", "village")
    assert system.stations[1].set_up_h == 0.25
    assert system.roads.n_links == 2
    assert system.vehicles[0].battery.energy_mwh == 1.0
    assert system.profiles == ("village", "sun")
    prices = system.tariff.import_usd_per_mwh
    assert prices.shape == (96,)
    assert prices[[0, 3, 4, 8, 12, 95]].tolist() == [20, 20, 30, 100, 60, 60]
    assert scenario.uncertainty.record.kind == ("load", "pv")
    assert scenario.uncertainty.record.values.shape == (3 * 96, 2)


def test_trip_and_set_up_in_tiny_take_exactly_one_period():
    system = load_scenario("tiny").system
    drive_h = system.roads.length_km / system.roads.free_speed_kmh
    assert (drive_h + system.stations[0].set_up_h == system.timing.period_h).all()


def test_arrays_refuse_to_be_written():
    system = load_scenario("tiny").system
    for part in (system.loads.p_mw, system.grid.lines.r_ohm, system.tariff.import_usd_per_mwh):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1.0


def test_the_record_is_not_reachable_from_the_system():
    scenario = load_scenario("ieee33")
    seen: list[object] = []

    def walk(thing):
        seen.append(thing)
        if dataclasses.is_dataclass(thing):
            for field in dataclasses.fields(thing):
                walk(getattr(thing, field.name))
        elif isinstance(thing, tuple):
            for item in thing:
                walk(item)

    walk(scenario.system)
    arrays = [thing for thing in seen if isinstance(thing, np.ndarray)]
    assert len(arrays) > 20
    assert not any(np.shares_memory(a, scenario.uncertainty.record.values) for a in arrays)
    assert max(a.size for a in arrays) < 100 * 33


def test_scenarios_travel_to_worker_processes():
    scenario = load_scenario("tiny")
    assert pickle.loads(pickle.dumps(scenario)).digest == scenario.digest


def test_loading_imports_nothing_heavy():
    code = (
        "import sys; from sim.scenario import load_scenario; load_scenario('ieee33');"
        "print(*(m for m in ('pandas', 'pandapower', 'ortools', 'simbench') if m in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize("step_min", [5, 15, 30, 60])
def test_the_record_follows_the_step(step_min):
    fine = load_scenario("ieee33").uncertainty.record
    record = load_scenario("ieee33", {"timing.step_min": step_min}).uncertainty.record
    assert record.step_s == 60 * step_min
    assert len(record.values) == 366 * 24 * 60 // step_min
    assert record.values.mean(axis=0) == pytest.approx(fine.values.mean(axis=0))
    hour = slice(0, 60 // step_min)
    assert record.values[hour].mean(axis=0) == pytest.approx(fine.values[:4].mean(axis=0))


def test_a_decoy_folder_does_not_stand_in_for_a_registered_name(tmp_path, monkeypatch):
    shutil.copytree(scenario_folder("ieee33"), tmp_path / "tiny")
    (tmp_path / "scenarios").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_scenario("tiny").system.grid.n_buses == 2
    assert load_scenario("./tiny").system.grid.n_buses == 33


def test_an_unknown_scenario_proposes_a_name():
    (problem,) = problems_of("iee33")
    assert "Did you mean 'ieee33'?" in problem.remedy


def test_the_digest_depends_on_content_and_not_on_formatting(folder):
    first = load_scenario(folder).digest
    assert load_scenario(folder).digest == first
    with (folder / "scenario.toml").open("a", encoding="utf-8") as stream:
        stream.write("\n# a comment\n[traffic]\nalpha = 0.15\n")
    replace(folder / "loads.csv", "1.0,0.0", "1.00, 0")
    assert load_scenario(folder).digest == first
    assert load_scenario(folder, {"tariff.stored_usd_per_mwh": 41}).digest != first
    replace(folder / "profiles.csv", "2016-01-02 00:00,0.9", "2016-01-02 00:00,0.8")
    assert load_scenario(folder).digest != first


def test_overrides_reach_tables_lists_and_named_tables():
    scenario = load_scenario(
        "tiny",
        {
            "timing.days": "2",
            "traffic.intensity": "2",
            "tariff.block.0.import_usd_per_mwh": 25,
            "grid.source.0.vm_pu": "1.01",
            "battery.trailer.energy_mwh": "1.5",
            "profiles.months": "[1]",
            "title": "my own",
        },
    )
    assert (scenario.title, scenario.days) == ("my own", 2)
    assert scenario.system.timing.n_periods == 48
    assert scenario.uncertainty.traffic.intensity == 2
    assert scenario.system.tariff.import_usd_per_mwh[0] == 25
    assert scenario.system.grid.source_vm_pu.tolist() == [1.01]
    assert scenario.system.vehicles[0].battery.energy_mwh == 1.5


def test_a_star_reaches_all_entries_of_a_list():
    groups = load_scenario("ieee33", {"ev.*.count": "7", "ev.0.p_kw": 11}).system.evs
    assert [group.count for group in groups] == [7, 7]
    assert [group.p_mw for group in groups] == [0.011, 0.007]
    problems = problems_of("tiny", {"ev.*.count": "7"})
    assert any(p.key == "ev.*.count" and "is no place" in p.message for p in problems)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("timing.dais", "2", "Did you mean 'days'?"),
        ("tarif.stored_usd_per_mwh", "2", "Did you mean 'tariff'?"),
        ("battery.trailer.energy", "2", "Did you mean 'energy_mwh'?"),
        ("tariff.block.9.from_h", "2", "entries of a list by number"),
        ("timing.step_min.hours", "2", "Name a key as in the file"),
        ("timing.days", "many", "Correct the value"),
        ("timing.days", "1\nseed = 7", "Correct the value"),
        ("traffic.sigma", "nan", "Correct the value"),
    ],
)
def test_overrides_that_lead_nowhere_are_named(key, value, message):
    problems = problems_of("tiny", {key: value})
    assert any(p.where == "--set" and message in p.remedy for p in problems)
