"""`gridhaul import`, as typed: a folder, a summary, a drawing, and what is still missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandapower.networks
import pandas as pd
import pytest

from sim.scenario import scenario_folder

Command = Callable[..., tuple[int, str, str]]
NET = (
    "<FIRST THRU NODE> 1\n<NUMBER OF LINKS> 2\n<END OF METADATA>\n"
    "~ init_node term_node capacity length free_flow_time b power ;\n"
    "1 2 1000 {length} 6 0.15 4 ;\n2 3 1000 5 5 0.15 4 ;\n"
)


@pytest.fixture
def net_file(tmp_path: Path) -> Path:
    path = tmp_path / "town_net.tntp"
    path.write_text(NET.format(length=6))
    (tmp_path / "town_node.tntp").write_text("1 0 0\n2 6 0\n3 6 5\n")
    return path


def test_roads_are_summed_up_drawn_and_what_is_missing_is_listed(
    gridhaul: Command, net_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "town"
    code, output, errors = gridhaul("import", "tntp", net_file, folder)
    assert (code, errors) == (0, "")
    assert "positions:" in output
    assert "road_links.csv: 2 roads, 11.0 km, 60 km/h" in output
    for part in ("buses.csv", "stations.csv", "tariff"):
        assert part in output.partition("still needs")[2]
    page = (folder / "imported.html").read_text()
    assert page.count("<path") == 1
    assert "from 50 km/h</span>" not in page
    assert "(2)" in page
    assert "http" not in page
    assert (folder / "scenario.toml").read_text().count("alpha = 0.15") == 1


def test_all_that_is_wrong_is_named_and_nothing_is_written(
    gridhaul: Command, net_file: Path, tmp_path: Path
) -> None:
    net_file.write_text(NET.format(length=6000).replace("1000 5 5", "-1 5 5"))
    code, _, errors = gridhaul("import", "tntp", net_file, tmp_path / "town")
    assert code == 2
    assert "line 6, capacity" in errors
    assert "line 5, speed" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "town").exists()


def test_a_complete_scenario_is_checked_and_its_settings_stay(
    gridhaul: Command, net_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(scenario_folder("tiny"), folder)
    before = (folder / "scenario.toml").read_bytes()
    stations = (folder / "stations.csv").read_text()
    for number, name in enumerate(["village", "substation"], start=1):
        stations = stations.replace(f"{name},{name},{name},", f"{name},{name},{number},")
    (folder / "stations.csv").write_text(stations)
    net_file.write_text(NET.format(length=6) + "2 1 1000 6 6 0.15 4 ;\n")
    net_file.write_text(net_file.read_text().replace("LINKS> 2", "LINKS> 3"))
    code, output, _ = gridhaul("import", "tntp", net_file, folder)
    assert code == 0
    assert "which is left as it is:\n[traffic]" in output
    assert "No errors" in output
    assert (folder / "scenario.toml").read_bytes() == before


def test_a_grid_and_profiles_come_into_one_folder(gridhaul: Command, tmp_path: Path) -> None:
    net = pandapower.networks.create_cigre_network_mv()
    pandapower.to_json(net, str(tmp_path / "cigre.json"))
    time = pd.date_range("2023-01-01", periods=96, freq="30min")
    meters = pd.DataFrame({"time": time, "town": 0.5, "sun": 0.1})
    meters.to_csv(tmp_path / "meters.csv", index=False)
    folder = tmp_path / "cigre"
    assert gridhaul("import", "pandapower", tmp_path / "cigre.json", folder)[0] == 0
    code, output, _ = gridhaul(
        "import", "profiles", tmp_path / "meters.csv", folder, "--columns", "town"
    )
    assert code == 0
    assert "buses.csv: 15 buses, 20 to 110 kV" in output
    assert "profiles.parquet: 1 columns: town" in output
    assert 'file = "profiles.parquet"' in output
    page = (folder / "imported.html").read_text()
    assert "Profiles" in page
    assert "20 kV</span>" not in page
    assert "transformers (2)" in page


def test_a_file_that_is_missing_is_named(gridhaul: Command, tmp_path: Path) -> None:
    for command in ("tntp", "pandapower", "matpower", "profiles"):
        code, _, errors = gridhaul("import", command, tmp_path / "no.csv", tmp_path / "out")
        assert code == 2
        assert "no.csv" in errors
        assert "Traceback" not in errors


def test_roads_of_openstreetmap_are_summed_up_and_drawn(gridhaul: Command, tmp_path: Path) -> None:
    pytest.importorskip("osmnx", reason="pip install 'gridhaul[osm]'")
    tags = '<tag k="highway" v="primary"/><tag k="maxspeed" v="60"/>'
    (tmp_path / "town.osm").write_text(
        '<osm><node id="1" lon="10" lat="0"/><node id="2" lon="10.01" lat="0"/>'
        f'<way id="1"><nd ref="1"/><nd ref="2"/>{tags}</way></osm>'
    )
    places = tmp_path / "places.csv"
    places.write_text("name,bus,longitude,latitude\nMill,b,10,0\n")
    code, output, errors = gridhaul(
        "import", "osm", tmp_path / "town.osm", tmp_path / "town", "--stations", places
    )
    assert code == 0, errors
    assert "road_links.csv: 1 roads, 1.1 km, 60 km/h" in output
    assert "stations.csv: 1 stations" in output
    assert (tmp_path / "town" / "imported.html").exists()
    (tmp_path / "town.osm.pbf").write_text("x")
    code, _, errors = gridhaul("import", "osm", tmp_path / "town.osm.pbf", tmp_path / "out")
    assert code == 2
    assert "osmium cat" in errors
