"""Roads from distance matrices and from TNTP files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from sim.importers.distances import write_roads_from_distances
from sim.importers.tntp import write_roads_from_tntp

# In the manner of Sioux Falls: lengths equal to free-flow times, tabs, a tilde, semicolons.
NET = """<NUMBER OF ZONES> 4
<NUMBER OF NODES> 4
<FIRST THRU NODE> 1
<NUMBER OF LINKS> 5
<ORIGINAL HEADER>~ \tInit node \tTerm node ;
<END OF METADATA>


~ \tinit_node\tterm_node\tcapacity\tlength\tfree_flow_time\tb\tpower\tspeed\ttoll\tlink_type\t;
\t1\t2\t25900.20064\t6\t6\t0.15\t4\t0\t0\t1\t;
\t1\t3\t23403.47319\t4\t4\t0.15\t4\t0\t0\t1\t;
\t2\t1\t25900.20064\t6\t6\t0.15\t4\t0\t0\t1\t;
\t3\t1\t20000\t4\t4\t0.15\t4\t0\t0\t1\t;
\t3\t4\t17110.52372\t4\t5\t0.15\t4\t0\t0\t1\t;
"""
NODES = "Node\tX\tY\t;\n1\t50000\t510000\t;\n2\t320000\t510000\t;\n3\t50000\t440000\t;\n4\t1\t2 ;\n"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def tntp(folder: Path, net: str = NET, nodes: str = NODES, **units: float) -> dict[str, object]:
    (folder / "a_net.tntp").write_text(net)
    (folder / "a_node.tntp").write_text(nodes)
    return write_roads_from_tntp(folder / "a_net.tntp", folder / "a_node.tntp", folder, **units)


# ---- distance matrices --------------------------------------------------------------------------


def matrix(folder: Path, text: str, **how: float) -> list[dict[str, str]]:
    (folder / "km.csv").write_text(text)
    write_roads_from_distances(folder / "km.csv", folder, **how)
    return table(folder / "road_links.csv")


def test_every_pair_of_a_symmetric_matrix_is_one_two_way_road(tmp_path: Path) -> None:
    links = matrix(tmp_path, "km,A,B,C\nA,0,3,4\nB,3,0,5\nC,4,5,0\n", speed_kmh=40)
    assert [(row["from_node"], row["to_node"], float(row["length_km"])) for row in links] == [
        ("A", "B", 3.0), ("A", "C", 4.0), ("B", "C", 5.0),
    ]  # fmt: skip
    assert {float(row["free_speed_kmh"]) for row in links} == {40.0}
    assert "two_way" not in links[0]  # the default


def test_different_ways_there_and_back_are_two_roads_and_a_gap_is_none(tmp_path: Path) -> None:
    links = matrix(tmp_path, "km,A,B,C\nA,0,3,-\nB,3.5,0,\nC,inf,5,0\n")
    assert {(row["from_node"], row["to_node"], row["two_way"]) for row in links} == {
        ("A", "B", "false"), ("B", "A", "false"), ("C", "B", "false"),
    }  # fmt: skip


def test_positions_reproduce_distances_that_a_plane_can_have(tmp_path: Path) -> None:
    matrix(tmp_path, "km,A,B,C\nA,0,3,4\nB,3,0,5\nC,4,5,0\n")
    nodes = table(tmp_path / "road_nodes.csv")
    xy = np.array([[float(row["x_km"]), float(row["y_km"])] for row in nodes])
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.testing.assert_allclose(apart, [[0, 3, 4], [3, 0, 5], [4, 5, 0]], atol=0.01)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("km,A,B\nA,0,x\nB,1,0\n", "line 2, B", "no distance"),
        ("km,A,B\nA,0,-3\nB,1,0\n", "line 2, B", "no distance"),
        ("km,A,B\nA,0,0\nB,1,0\n", "line 2, B", "no distance"),
        ("km,A,B\nA,0\nB,1,0\n", "line 2", "1 distances for 2 columns"),
        ("km,A,B\nB,0,1\nA,1,0\n", "first column", "not the names of the header"),
        ("km,A,A\nA,0,1\nA,1,0\n", "header", "different names"),
        ("", "header", "different names"),
    ],
)
def test_a_matrix_that_is_none_is_refused(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        matrix(tmp_path, text)
    assert place in str(caught.value)
    assert not (tmp_path / "road_links.csv").exists()


def test_all_wrong_cells_of_a_matrix_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        matrix(tmp_path, "km,A,B\nA,0,x\nB,-1,0\n")
    assert [problem.key for problem in caught.value.problems] == ["line 2, B", "line 3, A"]


@pytest.mark.parametrize("how", [{"speed_kmh": 0.0}, {"capacity_veh_h": -1.0}])
def test_speeds_and_capacities_must_be_positive(tmp_path: Path, how: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(how))):
        matrix(tmp_path, "km,A,B\nA,0,1\nB,1,0\n", **how)


def test_a_missing_matrix_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        write_roads_from_distances(tmp_path / "no.csv", tmp_path)


# ---- TNTP ---------------------------------------------------------------------------------------


def test_tntp_units_are_those_the_user_says(tmp_path: Path) -> None:
    """6 units of 0.8 km in 6 minutes are 48 km/h; 25,900 vehicles a day are 1,079 an hour."""
    piece = tntp(
        tmp_path, length_unit_km=0.8, time_unit_h=1 / 60, capacity_unit_veh_h=1 / 24,
        coordinate_unit_km=0.001,
    )  # fmt: skip
    first = table(tmp_path / "road_links.csv")[0]
    assert float(first["length_km"]) == pytest.approx(4.8)
    assert float(first["free_speed_kmh"]) == pytest.approx(48.0)
    assert float(first["capacity_veh_h"]) == pytest.approx(1079.175, abs=1e-3)
    node = table(tmp_path / "road_nodes.csv")[1]
    assert (node["name"], float(node["x_km"]), float(node["y_km"])) == ("2", 320.0, 510.0)
    assert piece == {"traffic": {"alpha": 0.15, "beta": 4.0}}


def test_links_that_differ_only_in_direction_become_one_row(tmp_path: Path) -> None:
    tntp(tmp_path)
    rows = {
        (row["from_node"], row["to_node"]): row["two_way"]
        for row in table(tmp_path / "road_links.csv")
    }
    assert rows == {
        ("1", "2"): "true", ("1", "3"): "false", ("3", "1"): "false", ("3", "4"): "false",
    }  # fmt: skip


def test_zones_and_their_connectors_are_no_roads(tmp_path: Path) -> None:
    """A connector may have neither length nor time: nobody drives on it."""
    net = NET.replace("<FIRST THRU NODE> 1", "<FIRST THRU NODE> 2").replace(
        "\t1\t3\t23403.47319\t4\t4\t", "\t1\t3\t999999\t0\t0\t"
    )
    tntp(tmp_path, net)
    assert [row["from_node"] for row in table(tmp_path / "road_links.csv")] == ["3"]
    assert [row["name"] for row in table(tmp_path / "road_nodes.csv")] == ["2", "3", "4"]


def test_links_of_different_volume_delay_functions_set_none(tmp_path: Path) -> None:
    assert tntp(tmp_path, NET.replace("\t5\t0.15\t4", "\t5\t0.2\t4")) == {}


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("LINKS> 5", "LINKS> 6", "<NUMBER OF LINKS>", "but the file has 5 links"),
        ("LINKS> 5", "LINKS> many", "<NUMBER OF LINKS>", "no whole number"),
        ("\tcapacity", "\tkapazitaet", "header", "lacks capacity"),
        ("\t4\t5\t0.15", "\t4\tquick\t0.15", "line 14, free_flow_time", "is no number"),
        ("\t4\t5\t0.15", "\t4\t-1\t0.15", "line 14, free_flow_time", "is below 0"),
        ("\t4\t5\t0.15", "\t4\t0.01\t0.15", "line 14, speed", "makes 2.4e\\+04 km/h, not within"),
        ("\t3\t4\t17110", "\t3\t4.5\t17110", "line 14, term_node", "is no number of a node"),
        ("\t17110.52372", "\t-5", "line 14, capacity", "not above 0"),
        ("\t3\t4\t17110", "\t3\t9\t17110", "line 14, node", "is no node of a_node.tntp"),
    ],
)
def test_what_is_wrong_in_a_net_file_is_named_by_line(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        tntp(tmp_path, NET.replace(old, new))
    assert place in str(caught.value)
    assert not (tmp_path / "road_links.csv").exists()


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ("", "holds no rows"),
        ("Knoten X Y ;\n1 0 0 ;\n", "lacks node"),
        (NODES + "4 1 2 ;\n", "stands there twice"),
        (NODES.replace("\t510000", "\tnan"), "is no number"),
    ],
)
def test_what_is_wrong_in_a_node_file_is_named(tmp_path: Path, nodes: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tntp(tmp_path, NET, nodes)


def test_a_unit_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="time_unit_h"):
        tntp(tmp_path, time_unit_h=0.0)
