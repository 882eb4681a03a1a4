"""`ieee123` is the published feeder; its south has too much at noon, its north too little later."""

from __future__ import annotations

import csv
import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import scenarios
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import Scenario, load_scenario
from sim.system.system import System

FOLDER = Path(scenarios.__file__).parent / "ieee123"
SOUTH, NORTH = "13-18", "160r-67"


@cache
def ieee123() -> Scenario:
    return load_scenario("ieee123")


def test_the_script_makes_the_tables_again(tmp_path: Path) -> None:
    runpy.run_path(str(FOLDER / "make.py"))["make"](tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["buses.csv", "lines.csv", "loads.csv", "transformers.csv"]
    for name in made:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_the_plain_feeder_has_the_power_losses_and_voltages_of_the_reference() -> None:
    system = load_scenario("ieee123", {"grid.source.0.vm_pu": 1.0}).system
    p_mw, q_mvar = np.zeros((2, 1, system.grid.n_buses))
    np.add.at(p_mw[0], system.loads.bus, -system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -system.loads.q_mvar)
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert result.source_mw.sum() == pytest.approx(3.5789, abs=1e-3)
    assert result.source_mvar.sum() == pytest.approx(1.2902, abs=1e-3)
    assert result.loss_mw[0] == pytest.approx(0.0889, abs=1e-4)
    assert result.vm_pu[0].min() == pytest.approx(1.0, abs=1e-6)
    assert result.vm_pu[0].max() == pytest.approx(1.0435, abs=5e-5)


def test_load_is_that_of_the_feeder_at_every_bus() -> None:
    loads, names = ieee123().system.loads, ieee123().system.grid.bus_name
    with (FOLDER / "feeder" / "buses.csv").open(encoding="utf-8", newline="") as stream:
        published = {
            row["bus"]: float(row["load_mw"])
            for row in csv.DictReader(stream)
            if float(row["load_mw"])
        }
    ours = {
        names[bus]: p_mw
        for bus, p_mw in zip(loads.bus.tolist(), loads.p_mw.tolist(), strict=True)
        if p_mw
    }
    assert ours == published
    assert sum(ours.values()) == pytest.approx(3.49)


def test_stations_and_plants_are_at_buses_with_three_phases() -> None:
    system = ieee123().system
    with (FOLDER / "feeder" / "branches.csv").open(encoding="utf-8", newline="") as stream:
        three = {
            row[end]
            for row in csv.DictReader(stream)
            if row["phases"] == "3"
            for end in ("from_bus", "to_bus")
        }
    used = [each.bus for each in system.stations] + system.generators.bus.tolist()
    assert {system.grid.bus_name[bus] for bus in used} <= three
    assert (len(system.stations), len(system.vehicles)) == (7, 4)
    assert system.generators.kind.count("pv") == 4


def test_the_south_exports_too_much_at_noon_and_the_north_imports_too_much_in_the_evening() -> None:
    scenario = ieee123()
    system, record = scenario.system, scenario.uncertainty.record
    stamps = record.start + np.arange(len(record.values)) * np.timedelta64(record.step_s, "s")
    summer = np.isin(stamps.astype("datetime64[M]").astype(int) % 12 + 1, [6, 7, 8])
    values = record.values[summer][::4]
    loading, vm_pu = _without_storage(system, values)
    over = np.maximum(loading - 100.0, 0.0).reshape(-1, 24, loading.shape[1])
    line = {name: k for k, name in enumerate(system.grid.lines.name)}
    # In percent times hours; one percent is 10 kVA, and the fleet holds 5.4 MWh.
    noon, evening = slice(9, 15), slice(16, 22)
    assert np.median(over[:, noon, line[SOUTH]].sum(axis=1)) > 400
    assert np.median(over[:, evening, line[NORTH]].sum(axis=1)) > 250
    # Not both at once, and nothing else is too high.
    assert over[:, evening, line[SOUTH]].sum() < 0.02 * over[:, noon, line[SOUTH]].sum()
    assert over[:, noon, line[NORTH]].sum() < 0.2 * over[:, evening, line[NORTH]].sum()
    others = np.setdiff1d(np.arange(over.shape[2]), [line[SOUTH], line[NORTH]])
    assert over[:, :, others].max() == 0
    assert 0.95 < vm_pu.min() < vm_pu.max() < 1.07


def _without_storage(system: System, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return loadings [%] and voltages [pu] without storage and curtailment, ``(row, -)``."""
    generators, loads = system.generators, system.loads
    p_mw, q_mvar = np.zeros((2, len(values), system.grid.n_buses))
    np.add.at(p_mw.T, generators.bus, (values[:, generators.profile] * generators.p_mw).T)
    np.subtract.at(p_mw.T, loads.bus, (values[:, loads.profile] * loads.p_mw).T)
    np.subtract.at(q_mvar.T, loads.bus, (values[:, loads.profile] * loads.q_mvar).T)
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert result.converged.all()
    return result.loading_percent, result.vm_pu
