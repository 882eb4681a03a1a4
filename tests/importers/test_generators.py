"""Cases with generators, costs and shunts become scenarios that run."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from sim.errors import InputError
from sim.importers.folder import write_settings
from sim.importers.pandapower import write_network
from sim.inspect.check import check
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import Scenario, load_scenario
from sim.scenario.export import export_scenario
from sim.study.run import run

pytestmark = pytest.mark.filterwarnings("ignore:tap_dependency_table:DeprecationWarning")

SETTINGS = {
    "title": "imported",
    "timing": {"hours": 6},
    "battery": {
        "trailer": {
            "energy_mwh": 1.0, "p_charge_max_mw": 0.5, "p_discharge_max_mw": 0.5, "s_mva": 0.5,
        }
    },
    "tariff": {"block": [{"from_h": 0, "import_usd_per_mwh": 1.0, "export_usd_per_mwh": 0.0}]},
    "profiles": {"file": "simbench_2016"},
}  # fmt: skip


def load(net: pp.pandapowerNet, folder: Path) -> Scenario:
    piece = write_network(net, folder, load_profiles="H0-A")
    bus = (folder / "buses.csv").read_text().splitlines()[-1].partition(",")[0]
    (folder / "stations.csv").write_text(f"name,bus,road_node\nhere,{bus},here\n")
    (folder / "vehicles.csv").write_text("name,battery,initial_station\ntruck,trailer,here\n")
    (folder / "road_nodes.csv").write_text("name,x_km,y_km\nhere,0,0\n")
    write_settings(folder, piece, SETTINGS)
    return load_scenario(folder)


@pytest.mark.parametrize(
    ("case", "units", "shunts"), [("case9", 3, 0), ("case14", 5, 1), ("case118", 54, 14)]
)
def test_a_case_runs_and_each_element_is_told_of(
    case: str, units: int, shunts: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The folder's power flow is pandapower's to 1e-6 pu; check and a run go through."""
    net = getattr(pandapower.networks, case)()
    pp.runpp(net, trafo_model="pi", tolerance_mva=1e-9)
    with caplog.at_level(logging.WARNING, "gridhaul"):
        scenario = load(net, tmp_path / case)
    assert caplog.text.count("holds") == units
    assert caplog.text.count("whatever the voltage") == shunts
    assert caplog.text.count("balances the grid") == 1
    system = scenario.system
    assert sum(unit.quadratic_usd_per_mw2h > 0 for unit in system.units) >= 2

    p_mw, q_mvar = np.zeros((1, system.grid.n_buses)), np.zeros((1, system.grid.n_buses))
    np.add.at(p_mw[0], system.loads.bus, -system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -system.loads.q_mvar)
    for unit in system.units:
        p_mw[0, unit.bus] += 0.0 if unit.slack else unit.initial_mw or 0.0
    found = PowerGridModelFlow(system.grid).solve(p_mw, q_mvar)
    np.testing.assert_allclose(found.vm_pu[0], net.res_bus.vm_pu, rtol=0, atol=1e-6)
    assert found.source_mw[0, 0] == pytest.approx(float(net.res_ext_grid.p_mw.iloc[0]), abs=1e-5)

    check(scenario)
    episode = run(scenario, "idle", verify="full")
    assert episode.steps["converged"].all()
    assert episode.metrics["verify_max_diff_pu"] < 1e-6


def test_a_shunt_does_not_follow_the_day(tmp_path: Path) -> None:
    """Its profile, flat, is no column of the record, and survives an export."""
    scenario = load(pandapower.networks.case14(), tmp_path / "case14")
    episode = run(scenario, "idle", verify="off")
    shunt = episode.loads[episode.loads["load"] == "shunt 0"]
    assert shunt["q_mvar"].to_numpy() == pytest.approx(-19.0)  # at 1 pu: no power flow before
    export_scenario(tmp_path / "case14", tmp_path / "out")
    assert load_scenario(tmp_path / "out").digest == scenario.digest


def test_what_costs_and_limits_cannot_say_is_refused(tmp_path: Path) -> None:
    net = pandapower.networks.case9()
    net.gen["max_p_mw"] = [np.nan, 270.0]
    net.poly_cost = net.poly_cost.drop(index=1)
    pp.create_pwl_cost(net, 0, "gen", [[0, 10, 1.0]])
    with pytest.raises(InputError) as caught:
        write_network(net, tmp_path / "case9", load_profiles="H0-A")
    assert "net.gen 0: max_p_mw: is missing" in str(caught.value).replace(
        " = max_p_mw", ": max_p_mw"
    )
    net.gen["max_p_mw"] = 300.0
    with pytest.raises(InputError, match="piecewise linear costs are not read"):
        write_network(net, tmp_path / "case9", load_profiles="H0-A")


def test_the_upstream_grid_of_a_feeder_is_a_source_even_if_it_has_a_cost(tmp_path: Path) -> None:
    settings = write_network(pandapower.networks.case33bw(), tmp_path, load_profiles="homes")
    assert settings["grid"]["source"]
    assert not (tmp_path / "units.csv").exists()


def test_condensers_outputs_beyond_limits_and_fixed_voltages_are_carried_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Generator 0 is a condenser, generator 1 is above its limit, and bus 0 is fixed at 1 pu."""
    net = pandapower.networks.case9()
    net.gen["p_mw"], net.gen["max_p_mw"] = [0.0, 85.0], [0.0, 60.0]
    net.gen["min_p_mw"] = 0.0
    net.bus.loc[0, ["min_vm_pu", "max_vm_pu"]] = 1.0
    scenario = load(net, tmp_path / "case9")
    units = {unit.name: unit for unit in scenario.system.units}
    found = {
        name: (unit.p_max_mw, unit.initial_mw) for name, unit in units.items() if not unit.slack
    }
    assert list(found.values()) == [(0.001, 0.0), (85.0, 85.0)]
    assert "equal voltage limits of 1 buses are left out" in caplog.text
    net.gen.loc[1, "p_mw"] = -5.0
    with pytest.raises(InputError, match="produces less than 0 MW"):
        write_network(net, tmp_path / "out", load_profiles="H0-A")
