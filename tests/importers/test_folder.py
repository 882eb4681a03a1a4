"""A net that was imported into a folder is, once loaded, the net that it was."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks
import pytest

from sim.errors import InputError
from sim.importers.folder import write_settings
from sim.importers.pandapower import write_network
from sim.powerflow.pgm import PowerGridModelFlow
from sim.scenario import Scenario, load_scenario

SETTINGS = {
    "title": "imported",
    "battery": {
        "trailer": {
            "energy_mwh": 1.0,
            "p_charge_max_mw": 0.5,
            "p_discharge_max_mw": 0.5,
            "s_mva": 0.5,
        }
    },
    "tariff": {"block": [{"from_h": 0, "import_usd_per_mwh": 1.0, "export_usd_per_mwh": 0.0}]},
    "profiles": {"file": "simbench_2016"},
}


def cigre() -> pp.pandapowerNet:
    return pandapower.networks.create_cigre_network_mv(with_der="pv_wind")


def load(net: object, folder: Path, **how: object) -> Scenario:
    """Import a net, add the least that a scenario needs, and load it."""
    options = {"load_profiles": "H0-A", "generator_profiles": {"pv": "PV3", "wind": "WP4"}}
    piece = write_network(net, folder, **(options | how))  # type: ignore[arg-type]
    buses = (folder / "buses.csv").read_text().splitlines()
    bus = buses[-1].partition(",")[0]
    (folder / "stations.csv").write_text(f"name,bus,road_node\nhere,{bus},here\n")
    (folder / "vehicles.csv").write_text("name,battery,initial_station\ntruck,trailer,here\n")
    (folder / "road_nodes.csv").write_text("name,x_km,y_km\nhere,0,0\n")
    (folder / "scenario.toml").unlink(missing_ok=True)
    write_settings(folder, piece, SETTINGS)
    return load_scenario(folder)


def nominal(scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Return net injections with every profile at 1, ``(1, bus)``."""
    system = scenario.system
    p_mw, q_mvar = np.zeros((1, system.grid.n_buses)), np.zeros((1, system.grid.n_buses))
    np.add.at(p_mw[0], system.loads.bus, -system.loads.p_mw)
    np.add.at(q_mvar[0], system.loads.bus, -system.loads.q_mvar)
    np.add.at(p_mw[0], system.generators.bus, system.generators.p_mw)
    return p_mw, q_mvar


def test_power_flow_of_the_folder_is_that_of_the_net(tmp_path: Path) -> None:
    """To 1e-6 pu at every bus of the CIGRE grid, transformers and open switches included."""
    net = cigre()
    scenario = load(net, tmp_path / "cigre")
    pp.runpp(net, trafo_model="pi", trafo_loading="power", tolerance_mva=1e-9)
    result = PowerGridModelFlow(scenario.system.grid).solve(*nominal(scenario))
    np.testing.assert_allclose(result.vm_pu[0], net.res_bus["vm_pu"], rtol=0, atol=1e-6)
    loading = [*net.res_line["loading_percent"], *net.res_trafo["loading_percent"]]
    np.testing.assert_allclose(result.loading_percent[0], loading, rtol=0, atol=1e-4)


def test_a_json_file_gives_the_folder_that_its_net_gives(tmp_path: Path) -> None:
    pp.to_json(cigre(), str(tmp_path / "net.json"))
    first = load(cigre(), tmp_path / "a" / "cigre").system
    second = load(tmp_path / "net.json", tmp_path / "b" / "cigre").system
    assert first.grid.bus_name == second.grid.bus_name
    assert first.generators.kind == second.generators.kind
    # pandapower rounds to ten digits when it saves.
    np.testing.assert_allclose(first.grid.lines.x_ohm, second.grid.lines.x_ohm, rtol=1e-8)
    np.testing.assert_allclose(first.loads.q_mvar, second.loads.q_mvar, rtol=1e-8)


def test_generators_get_their_kind_from_type_or_name(tmp_path: Path) -> None:
    net = cigre()
    net.sgen["type"] = None
    net.sgen.loc[0, "name"] = "Solar roof"
    generators = load(net, tmp_path / "cigre").system.generators
    assert generators.kind.count("pv") == 8
    assert generators.kind.count("wind") == 1


def test_scaling_and_service_of_loads_and_generators_are_applied(tmp_path: Path) -> None:
    net = cigre()
    net.load["scaling"] = 0.5
    net.load.loc[0, "in_service"] = False
    net.sgen.loc[8, "in_service"] = False
    system = load(net, tmp_path / "cigre").system
    assert system.loads.p_mw.sum() == pytest.approx(net.load["p_mw"].iloc[1:].sum() / 2)
    assert "wind" not in system.generators.kind


def test_profiles_may_be_named_load_by_load(tmp_path: Path) -> None:
    system = load(cigre(), tmp_path / "a", load_profiles={"Load R1": "L0-A", "*": "G0-A"}).system
    profile = [system.profiles[k] for k in system.loads.profile]
    assert profile[0] == "L0-A"
    assert set(profile[1:]) == {"G0-A"}


def test_limits_that_the_net_leaves_open_stay_open(tmp_path: Path) -> None:
    net = pandapower.networks.case33bw()
    net.bus["max_vm_pu"] = np.nan
    scenario = load(net, tmp_path / "case33bw")
    assert (scenario.system.grid.v_max_pu == 1.05).all()
    assert (scenario.system.grid.v_min_pu[1:] == 0.9).all()


def test_longitude_and_latitude_become_kilometres(tmp_path: Path) -> None:
    """A degree of latitude is 111 km; at 60 degrees north one of longitude is half of that."""
    net = pp.create_empty_network()
    points = [(10.0, 59.5), (11.0, 60.5)]
    buses = [pp.create_bus(net, 20.0, geodata=point) for point in points]
    pp.create_ext_grid(net, buses[0])
    pp.create_line_from_parameters(net, *buses, 1.0, 0.1, 0.1, 0.0, 0.3)
    pp.create_load(net, buses[1], 0.1)
    grid = load(net, tmp_path / "north", positions_in_degrees=True).system.grid
    assert grid.y[1] == pytest.approx(111.2, abs=0.1)
    assert grid.x[1] == pytest.approx(55.6, abs=0.1)


def test_everything_that_does_not_fit_is_named_at_once(tmp_path: Path) -> None:
    net = cigre()
    net.load.loc[1, "p_mw"] = -1.0
    net.sgen.loc[0, ["name", "type"]] = ["Plant", "CHP"]
    net.sgen.loc[1, "q_mvar"] = 0.1
    net.line.loc[2, "max_i_ka"] = np.nan
    net.line.loc[3, "length_km"] = 0.0
    pp.create_storage(net, 3, p_mw=0.1, max_e_mwh=1.0)
    with pytest.raises(InputError) as caught:
        write_network(
            net,
            tmp_path / "cigre",
            load_profiles={"*": "H0-A"},
            generator_profiles={"pv": "PV3"},
        )
    text = str(caught.value)
    for part in (
        "net.load 1", "neither pv nor wind", "unity power factor", "WKA 7: has no profile",
        "by 'WKA 7' or its kind 'wind'",
        "max_i_ka nan", "length_km", "net.storage",
    ):  # fmt: skip
        assert part in text
    assert all(problem.remedy for problem in caught.value.problems)
    assert not (tmp_path / "cigre").exists()


def test_a_load_without_profile_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Load R3: has no profile"):
        write_network(cigre(), tmp_path, load_profiles={"Load R1": "H0-A"}, generator_profiles="x")


def test_a_file_that_is_no_net_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text("[1, 2")
    with pytest.raises(InputError, match=r"cannot be read as a pandapower net"):
        write_network(tmp_path / "net.json", tmp_path / "out", load_profiles="H0-A")


def test_names_are_unique_even_where_an_index_makes_them_equal(tmp_path: Path) -> None:
    net = cigre()
    net.load.loc[[0, 1], "name"] = "farm"
    net.load.loc[2, "name"] = "farm 1"
    names = load(net, tmp_path / "cigre").system.loads.name
    assert names[:3] == ("farm 0", "farm 1 1", "farm 1")


# ---- pieces of scenario.toml --------------------------------------------------------------------


def test_pieces_of_settings_are_joined(tmp_path: Path) -> None:
    pieces = ({"grid": {"source": [{"bus": "a"}]}}, {"title": "t", "grid": {"v_min_pu": 0.9}})
    path = write_settings(tmp_path / "new", *pieces)
    assert tomllib.loads(path.read_text()) == {
        "title": "t",
        "grid": {"source": [{"bus": "a"}], "v_min_pu": 0.9},
    }


def test_pieces_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"traffic.alpha = 0.2: another piece says 0.1"):
        write_settings(tmp_path, {"traffic": {"alpha": 0.1}}, {"traffic": {"alpha": 0.2}})
    with pytest.raises(InputError, match="another piece says 1"):
        write_settings(tmp_path, {"traffic": 1}, {"traffic": {"alpha": 0.2}})


def test_settings_that_somebody_has_edited_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text("# mine\n")
    with pytest.raises(InputError, match="exists already"):
        write_settings(tmp_path, {"title": "t"})
    assert (tmp_path / "scenario.toml").read_text() == "# mine\n"
