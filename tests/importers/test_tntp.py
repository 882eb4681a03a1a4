"""TNTP files as they are published: every oddity of the collection, in networks of our own."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from sim.importers.tntp import compare_costs, write_roads_from_tntp
from sim.importers.tntp.positions import node_file_beside

HEADER = "~\tinit_node\tterm_node\tcapacity\tlength\tfree_flow_time\tb\tpower\tspeed\ttoll\ttype\t;"
# A zone 1 with a connector; 2 - 3 - 4 - 5 in a line, 4 and 5 joined by a link without time.
ROWS = (
    "1 2 99999 0 0 0 4 0 0 1 ;",
    "2 3 1000 6 6 0.15 4 0 0 1 ;",
    "3 2 1000 6 6 0.15 4 0 0 1 ;",
    "3 4 800 3 4 0.5 2 0 5 1 ;",
    "4 5 800 1 0 0.15 4 0 0 1 ;",
    "5 3 800 3 4 0.5 2 0 5 1 ;",
)


def net(*rows: str, header: str = HEADER, first: int = 2) -> str:
    tags = f"<NUMBER OF NODES> 5\n<FIRST THRU NODE> {first}\n<NUMBER OF LINKS> {len(rows)}\n"
    return f"{tags}<ORIGINAL HEADER>~ Tail Head ;\n<END OF METADATA>\n\n{header}\n" + "\n".join(
        rows
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def written(
    folder: Path, text: str, nodes: str | None = None, **units: float | str
) -> tuple[dict[str, object], list[dict[str, str]], dict[str, tuple[float, float]]]:
    """Return the piece of settings, the links, and the positions of the nodes."""
    (folder / "a_net.tntp").write_text(text)
    node_file = None
    if nodes is not None:
        node_file = folder / "a_node.tntp"
        node_file.write_text(nodes)
    piece = write_roads_from_tntp(folder / "a_net.tntp", node_file, folder, **units)  # type: ignore[arg-type]
    places = {
        row["name"]: (float(row["x_km"]), float(row["y_km"]))
        for row in rows_of(folder / "road_nodes.csv")
    }
    return piece, rows_of(folder / "road_links.csv"), places


def test_ends_of_links_without_time_or_length_are_one_node_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, links, places = written(tmp_path, net(*ROWS, "2 9 800 0 3 0.15 4 0 0 1 ;"))
    assert {(row["from_node"], row["to_node"]) for row in links} == {("2", "3"), ("3", "4")}
    assert set(places) == {"2", "3", "4"}
    assert "the ends of 1 links without driving time are one node each" in caplog.text
    assert "1 links without length are one node each; their driving times are lost" in caplog.text


def test_without_a_node_file_positions_are_laid_out_by_length(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nodes in a line are as far apart as the roads between them are long."""
    _, _, places = written(tmp_path, net(*ROWS))
    apart = {
        (a, b): float(np.hypot(*np.subtract(places[a], places[b])))
        for a, b in (("2", "3"), ("3", "4"), ("2", "4"))
    }
    assert apart["2", "3"] / apart["3", "4"] == pytest.approx(2.0, rel=1e-3)
    assert apart["2", "4"] == pytest.approx(apart["2", "3"] + apart["3", "4"], rel=1e-3)
    assert apart["2", "4"] == pytest.approx(9.0, rel=0.3)
    assert "positions are laid out" in caplog.text


@pytest.mark.parametrize(
    "header",
    [
        "~\tFrom node\tTo node\tCapacity (veh/h)\tLength (ft)\tFree Flow Time (min)\tB\tPower\t;",
        "from to cap dist fftt alpha beta ;",
        "~ tail head capacity length iftime B power speed toll type",
        "",
    ],
)
def test_headers_are_spelled_in_many_ways(tmp_path: Path, header: str) -> None:
    _, usual, _ = written(tmp_path, net(*ROWS))
    _, links, _ = written(tmp_path, net(*ROWS, header=header))
    assert links == usual


@pytest.mark.parametrize(
    "nodes",
    [
        "NodeID  Xcoord  Ycoord\n2 0 1\n3 5 1\n4 8 1\n",
        "2 0 1\n3 5 1\n4 8 1\n",
        "node\tX\tY\t;\n2\t0 \t\t1 ;\n3 5 1 ;\n4 8 1 ;\n",
    ],
)
def test_node_files_have_other_headers_or_none(tmp_path: Path, nodes: str) -> None:
    _, _, places = written(tmp_path, net(*ROWS), nodes, coordinate_unit_km=2.0)
    assert places == {"2": (0, 2), "3": (10, 2), "4": (16, 2)}


def test_positions_may_be_longitude_and_latitude(tmp_path: Path) -> None:
    """At 60 degrees north a degree of longitude is half as long as one of latitude."""
    nodes = "node x y\n2 10 60\n3 11 60\n4 10 60\n"
    _, _, places = written(tmp_path, net(*ROWS), nodes, coordinate_unit_km="degrees")
    assert places["3"][0] - places["2"][0] == pytest.approx(55.6, abs=0.1)
    with pytest.raises(InputError, match="no longitude and latitude"):
        written(
            tmp_path, net(*ROWS), "2 690309 1976022\n3 1 1\n4 1 1\n", coordinate_unit_km="degrees"
        )


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("B_Nodes.tntp", True),
        ("b_nodes_2016.tntp", True),
        ("b_trips.tntp", False),
        ("c_node.tntp", False),
    ],
)
def test_a_node_file_beside_is_found_by_its_name(tmp_path: Path, name: str, found: bool) -> None:
    (tmp_path / "b_network_01.tntp").touch()
    (tmp_path / name).touch()
    expected = tmp_path / name if found else None
    assert node_file_beside(tmp_path / "b_network_01.tntp") == expected


def test_links_keep_volume_delay_functions_of_their_own(tmp_path: Path) -> None:
    piece, links, _ = written(tmp_path, net(*ROWS))
    assert piece == {}
    assert [(row["alpha"], row["beta"]) for row in links] == [("0.15", "4.0"), ("0.5", "2.0")]


def test_where_all_capacities_are_1_functions_stay_and_capacities_are_found(tmp_path: Path) -> None:
    """0.15 (v / 500)^4 is written as b v^4; the capacity of 500 comes back."""
    row = f"2 3 1 6 6 {0.15 / 500**4!r} 4 0 0 1 ;"
    piece, (link,), _ = written(tmp_path, net(row))
    assert float(link["capacity_veh_h"]) == pytest.approx(500.0)
    assert piece == {"traffic": {"alpha": 0.15, "beta": 4.0}}


def test_speeds_beyond_1000_km_h_are_named_with_file_and_line(tmp_path: Path) -> None:
    rows = [*ROWS, "3 6 800 100 0.00000001 0.15 4 0 0 1 ;", "6 3 800 100 5.9 0.15 4 0 0 1 ;"]
    with pytest.raises(InputError) as caught:
        written(tmp_path, net(*rows))
    keys = [(problem.where, problem.key) for problem in caught.value.problems]
    assert keys == [("a_net.tntp", "line 14, speed"), ("a_net.tntp", "line 15, speed")]


# ---- costs at published flows -------------------------------------------------------------------

FLOWS = "From To Volume Cost\n1 2 7 0\n2 3 500 {a}\n3 2 1000 6.900\n3 4 400 {b}\n5 3 800 {c}\n"
COSTS = {"a": 6 * (1 + 0.15 / 16), "b": 4 * (1 + 0.5 / 4) + 0.1, "c": 4 * 1.5 + 0.1}


@pytest.mark.parametrize("unit_km", [1.0, 1.609344])
def test_costs_at_published_flows_are_the_published_ones(tmp_path: Path, unit_km: float) -> None:
    """By hand: 6 (1 + 0.15 (500/1000)^4), and a toll of 5 at 0.02 each."""
    (tmp_path / "net.tntp").write_text(net(*ROWS))
    (tmp_path / "flow.tntp").write_text(FLOWS.format(**COSTS))
    found = compare_costs(
        tmp_path / "net.tntp", tmp_path / "flow.tntp", toll_weight=0.02, length_unit_km=unit_km
    )
    assert (found.n_links, found.n_different) == (4, 0)
    assert found.worst < 1e-12


def test_a_cost_that_differs_is_found_and_one_within_half_a_digit_is_not(tmp_path: Path) -> None:
    (tmp_path / "net.tntp").write_text(net(*ROWS))
    text = FLOWS.format(**COSTS).replace("6.900", "6.9").replace(str(COSTS["c"]), "6.1001")
    (tmp_path / "flow.tntp").write_text(text.replace("1000 6.9", "1050 7.1"))
    found = compare_costs(tmp_path / "net.tntp", tmp_path / "flow.tntp", toll_weight=0.02)
    # 6 (1 + 0.15 1.05^4) = 7.094, printed as 7.1; 6.1001 is twice half its last digit away.
    assert (found.n_different, found.worst_line) == (1, 4)


def test_flows_of_another_network_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.tntp").write_text(net(*ROWS))
    (tmp_path / "flow.tntp").write_text("From To Volume Cost\n77 78 1 1\n")
    with pytest.raises(InputError, match=r"has no link of net\.tntp"):
        compare_costs(tmp_path / "net.tntp", tmp_path / "flow.tntp")
