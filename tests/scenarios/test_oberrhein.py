"""`oberrhein` is a net of pandapower with roads and trucks, and storage has work to do there."""

from __future__ import annotations

import csv
import dataclasses
import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import load_scenario, scenario_folder
from sim.system.system import System

AS_IN_PANDAPOWER = {"grid.source.0.vm_pu": 1.0, "grid.source.1.vm_pu": 1.0}
PV_GROWTH = 4.5

# The net that pandapower ships was saved by an older version.
pytestmark = pytest.mark.filterwarnings("ignore:tap_dependency_table is missing:DeprecationWarning")


def cells(path: Path) -> list[list[float | str]]:
    """Return a table, numbers as numbers: the last digit may depend on the machine."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [[_value(cell) for cell in row] for row in csv.reader(stream)]


def _value(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def test_the_script_makes_the_tables_again(tmp_path: Path) -> None:
    pytest.importorskip("pandapower")
    folder = scenario_folder("oberrhein")
    runpy.run_path(str(folder / "make.py"))["make"](tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == sorted(path.name for path in folder.glob("*.csv"))
    for name in made:
        ours, again = cells(folder / name), cells(tmp_path / name)
        assert len(ours) == len(again)
        for mine, other in zip(ours, again, strict=True):
            assert mine == [
                pytest.approx(cell, rel=1e-12) if isinstance(cell, float) else cell
                for cell in other
            ], name


@pytest.mark.parametrize(("load", "generation"), [(1.0, 0.0), (0.1 / 0.6, 0.8 / PV_GROWTH)])
def test_voltages_losses_and_loadings_are_those_of_pandapower(
    load: float, generation: float
) -> None:
    """Both worst cases of `mv_oberrhein`, at the tap positions of the first."""
    pandapower = pytest.importorskip("pandapower")
    networks = pytest.importorskip("pandapower.networks")
    net = networks.mv_oberrhein()
    net.load["scaling"] = 0.6 * load
    net.sgen["scaling"] = PV_GROWTH * generation
    pandapower.runpp(net, trafo_model="pi", trafo_loading="power")
    system = load_scenario("oberrhein", AS_IN_PANDAPOWER).system
    p_mw, q_mvar = np.zeros((2, 1, 179))
    np.add.at(p_mw[0], system.loads.bus, -load * system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -load * system.loads.q_mvar)
    np.add.at(p_mw[0], system.generators.bus, generation * system.generators.p_mw)
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    loss_mw = net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum()
    assert result.loss_mw[0] == pytest.approx(loss_mw, abs=1e-6)
    assert result.vm_pu[0].min() == pytest.approx(net.res_bus["vm_pu"].min(), abs=1e-6)
    assert result.vm_pu[0].max() == pytest.approx(net.res_bus["vm_pu"].max(), abs=1e-6)
    assert result.vm_pu[0] == pytest.approx(net.res_bus["vm_pu"].to_numpy(), abs=1e-6)
    loading = [*net.res_line["loading_percent"], *net.res_trafo["loading_percent"]]
    assert result.loading_percent[0] == pytest.approx(np.array(loading), abs=1e-4)


def test_two_substations_feed_two_areas_that_open_switches_keep_apart() -> None:
    networks = pytest.importorskip("pandapower.networks")
    grid = load_scenario("oberrhein").system.grid
    lines = grid.lines
    open_lines = {
        lines.name[k] for k in np.flatnonzero(~(lines.from_closed & lines.to_closed)).tolist()
    }
    net = networks.mv_oberrhein()
    opened = net.switch[~net.switch["closed"]]
    assert open_lines == set(net.line.loc[opened["element"], "name"])
    assert len(open_lines) == 6
    assert lines.max_i_ka == pytest.approx(net.line["max_i_ka"].to_numpy())
    assert grid.supplied().all()
    areas = [
        dataclasses.replace(
            grid, source_bus=grid.source_bus[[k]], source_vm_pu=grid.source_vm_pu[[k]]
        ).supplied()
        for k in (0, 1)
    ]
    assert [area.sum() for area in areas] == [70, 109]
    assert (areas[0] ^ areas[1]).all()


def test_spring_noons_are_too_high_in_the_north_and_evenings_too_low_in_the_south() -> None:
    scenario = load_scenario("oberrhein")
    system, record = scenario.system, scenario.uncertainty.record
    stamps = record.start + np.arange(len(record.values)) * np.timedelta64(record.step_s, "s")
    spring = np.isin(stamps.astype("datetime64[M]").astype(int) % 12 + 1, [3, 4, 5])
    values = record.values[spring].reshape(-1, 96, record.values.shape[1])
    # From 9 to 15 and from 16 to 22 h; every second quarter hour tells enough.
    noon, evening = values[:, 36:60:2], values[:, 64:88:2]
    station = {each.name: each.bus for each in system.stations}
    highest, lowest = _voltages(system, noon), _voltages(system, evening)
    too_high = (highest > 1.05).any(axis=1)
    too_low = (lowest < 0.95).any(axis=1)
    assert 0.5 < too_high.any(axis=1).mean() < 0.75
    assert too_high[:, station["North 4"]].mean() > 0.3
    assert too_high[:, station["Centre 5"]].mean() > 0.4
    assert too_high[:, station["South 5"]].mean() < 0.2
    assert 0.2 < too_low.any(axis=1).mean() < 0.4
    assert too_low[:, station["South 5"]].mean() > 0.2
    assert not too_low[:, station["North 4"]].any()
    # Not hopeless either.
    assert highest.max() < 1.1
    assert lowest.min() > 0.88


def _voltages(system: System, values: np.ndarray) -> np.ndarray:
    """Return voltages without storage and curtailment, ``(day, step, bus)`` [pu]."""
    days, steps, _ = values.shape
    flat = values.reshape(days * steps, -1)
    p_mw, q_mvar = np.zeros((2, len(flat), system.grid.n_buses))
    generators, loads = system.generators, system.loads
    np.add.at(p_mw.T, generators.bus, (flat[:, generators.profile] * generators.p_mw).T)
    np.subtract.at(p_mw.T, loads.bus, (flat[:, loads.profile] * loads.p_mw).T)
    np.subtract.at(q_mvar.T, loads.bus, (flat[:, loads.profile] * loads.q_mvar).T)
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert result.converged.all()
    voltages: np.ndarray = result.vm_pu.reshape(days, steps, -1)
    return voltages


def test_roads_have_the_detours_of_european_cities_and_join_everything_in_minutes() -> None:
    system = load_scenario("oberrhein").system
    roads = system.roads
    nodes = [station.road_node for station in system.stations]
    pairs = ~np.eye(len(nodes), dtype=bool)
    apart_km = np.hypot(roads.x_km[:, None] - roads.x_km, roads.y_km[:, None] - roads.y_km)
    length_km, minutes = np.zeros((2, roads.n_nodes, roads.n_nodes))
    ends = roads.from_node, roads.to_node
    length_km[ends], minutes[ends] = roads.length_km, 60 * roads.length_km / roads.free_speed_kmh
    assert (roads.length_km > apart_km[ends]).all()
    driven_km = shortest_path(length_km)[np.ix_(nodes, nodes)][pairs]
    detour = driven_km / apart_km[np.ix_(nodes, nodes)][pairs]
    assert detour.mean() == pytest.approx(1.343, abs=0.002)
    taken = shortest_path(minutes)[np.ix_(nodes, nodes)][pairs]
    assert taken.max() < 30
    assert [roads.n_nodes, roads.n_links, len(nodes), len(system.vehicles)] == [28, 82, 20, 12]
    # Every bus has a road nearby.
    grid = system.grid
    reach = np.hypot(grid.x[:, None] - roads.x_km, grid.y[:, None] - roads.y_km).min(axis=1)
    assert reach.max() < 1.51
