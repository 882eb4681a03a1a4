"""`ieee33` is the published feeder, and has voltages that storage can improve."""

from __future__ import annotations

import numpy as np
import pytest

from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import load_scenario


def test_ieee33_is_case33bw():
    networks = pytest.importorskip("pandapower.networks")
    net = networks.case33bw()
    grid, loads = load_scenario("ieee33").system.grid, load_scenario("ieee33").system.loads
    assert grid.bus_name == tuple(str(bus) for bus in net.bus.index)
    assert (grid.bus_vn_kv == net.bus.vn_kv).all()
    for ours, theirs in (
        (grid.lines.from_bus, net.line.from_bus),
        (grid.lines.to_bus, net.line.to_bus),
        (grid.lines.r_ohm, net.line.r_ohm_per_km * net.line.length_km),
        (grid.lines.x_ohm, net.line.x_ohm_per_km * net.line.length_km),
        (grid.lines.c_nf, net.line.c_nf_per_km),
        (grid.lines.from_closed, net.line.in_service),
        (grid.lines.to_closed, net.line.in_service),
    ):
        assert ours == pytest.approx(theirs.to_numpy())
    p_mw, q_mvar = np.zeros(33), np.zeros(33)
    np.add.at(p_mw, loads.bus, loads.p_mw)
    np.add.at(q_mvar, loads.bus, loads.q_mvar)
    assert p_mw[net.load.bus] == pytest.approx(net.load.p_mw.to_numpy())
    assert q_mvar[net.load.bus] == pytest.approx(net.load.q_mvar.to_numpy())
    assert p_mw.sum() == pytest.approx(3.715)


def test_ieee33_has_the_losses_of_the_paper_at_nominal_load():
    system = load_scenario("ieee33", {"grid.source.0.vm_pu": 1.0}).system
    p_mw, q_mvar = np.zeros((1, 33)), np.zeros((1, 33))
    np.add.at(p_mw[0], system.loads.bus, -system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -system.loads.q_mvar)
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert 1000 * result.loss_mw[0] == pytest.approx(202.68, abs=0.01)
    assert result.vm_pu[0].min() == pytest.approx(0.9131, abs=1e-4)


def voltages_without_storage(months):
    scenario = load_scenario("ieee33", {"profiles.months": months})
    system, record = scenario.system, scenario.uncertainty.record
    stamps = record.start + np.arange(len(record.values)) * np.timedelta64(record.step_s, "s")
    chosen = np.isin(stamps.astype("datetime64[M]").astype(int) % 12 + 1, months)
    values = record.values[chosen]
    p_mw, q_mvar = np.zeros((2, len(values), 33))
    np.add.at(
        p_mw.T,
        system.generators.bus,
        (values[:, system.generators.profile] * system.generators.p_mw).T,
    )
    np.add.at(p_mw.T, system.loads.bus, -(values[:, system.loads.profile] * system.loads.p_mw).T)
    np.add.at(
        q_mvar.T, system.loads.bus, -(values[:, system.loads.profile] * system.loads.q_mvar).T
    )
    result = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    assert result.converged.all()
    return result.vm_pu.reshape(-1, 96, 33)


def test_without_storage_summer_noons_are_too_high_and_winter_evenings_too_low():
    noon, evening = slice(40, 56), slice(68, 88)
    summer = voltages_without_storage([6, 7, 8])[:, noon].max(axis=(1, 2))
    winter = voltages_without_storage([12, 1, 2])[:, evening].min(axis=(1, 2))
    assert (summer > 1.05).mean() > 0.7
    assert (winter < 0.95).mean() > 0.9
    # Not hopeless either.
    assert np.median(summer) < 1.08
    assert np.median(winter) > 0.91


def test_trips_in_ieee33_take_minutes_not_hours():
    system = load_scenario("ieee33").system
    roads = system.roads
    hours = np.full((roads.n_nodes, roads.n_nodes), np.inf)
    np.fill_diagonal(hours, 0.0)
    hours[roads.from_node, roads.to_node] = roads.length_km / roads.free_speed_kmh
    for k in range(roads.n_nodes):
        hours = np.minimum(hours, hours[:, [k]] + hours[[k], :])
    nodes = [station.road_node for station in system.stations]
    minutes = 60 * hours[np.ix_(nodes, nodes)][~np.eye(len(nodes), dtype=bool)]
    assert minutes.min() > 5
    assert minutes.max() < 40
    straight = np.hypot(
        roads.x_km[roads.from_node] - roads.x_km[roads.to_node],
        roads.y_km[roads.from_node] - roads.y_km[roads.to_node],
    )
    assert (roads.length_km > straight).all()
