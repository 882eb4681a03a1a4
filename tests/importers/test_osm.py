"""Small OpenStreetMap files of our own, with the oddities of real extracts."""

from __future__ import annotations

import builtins
import csv
from pathlib import Path
from typing import Any

import pytest

from sim.errors import InputError
from sim.importers.osm import write_roads
from sim.importers.osm.classes import lanes, speed_kmh

pytest.importorskip("osmnx", reason="pip install 'gridhaul[osm]'")

KM_PER_DEGREE = 6371.009 * 3.141592653589793 / 180  # on the sphere that OSMnx measures on
# A square 1-2-3-4 with a dead end 3-5, a pair 8-9 apart from it, and bends 11, 12.
NODES = {
    1: (10.00, 0.00),
    2: (10.01, 0.00),
    3: (10.01, 0.01),
    4: (10.00, 0.01),
    5: (10.01, 0.02),
    8: (10.10, 0.10),
    9: (10.11, 0.10),
    11: (10.005, 0.0),
    12: (10.005, 0.01),
}


def way(*nodes: int, **tags: str) -> str:
    refs = "".join(f'<nd ref="{node}"/>' for node in nodes)
    marks = "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())
    return f'<way id="{"0".join(map(str, nodes))}" version="1">{refs}{marks}</way>'


SQUARE = (
    way(1, 11, 2, highway="primary", maxspeed="50", lanes="4", name="A &amp; B"),
    way(2, 3, highway="primary", maxspeed="30 mph"),
    way(3, 12, 4, highway="residential"),
    way(4, 1, highway="secondary", maxspeed="signals"),
)


def osm(*ways: str, nodes: dict[int, tuple[float, float]] = NODES) -> str:
    points = "".join(f'<node id="{k}" lon="{x}" lat="{y}"/>' for k, (x, y) in nodes.items())
    return f'<?xml version="1.0"?><osm version="0.6">{points}{"".join(ways)}</osm>'


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def imported(folder: Path, text: str, **how: Any) -> dict[tuple[str, str], dict[str, str]]:
    """Return the links by their nodes."""
    (folder / "town.osm").write_text(text, encoding="utf-8")
    assert write_roads(folder / "town.osm", folder, **how) == {}
    return {(row["from_node"], row["to_node"]): row for row in rows_of(folder / "road_links.csv")}


def refused(folder: Path, text: str, name: str = "town.osm") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        write_roads(folder / name, folder / "out")
    assert not (folder / "out").exists()
    assert all(problem.remedy for problem in caught.value.problems)
    return str(caught.value)


def test_roads_have_the_speed_and_the_capacity_of_their_tags_or_their_class(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    links = imported(tmp_path, osm(*SQUARE, way(3, 5, highway="residential")))
    # Of the square only node 3 is a junction; a loop from it to itself leads nowhere.
    assert set(links) == {("3", "5")}
    links = imported(
        tmp_path,
        osm(*SQUARE, *(way(k, k + 4, highway="residential") for k in (1, 2, 3, 4)),
            nodes={**NODES, 6: (10.02, 0.0), 5: (9.99, 0.0), 7: (10.02, 0.01), 8: (9.99, 0.01)}),
    )  # fmt: skip
    ways = {frozenset(ends): row for ends, row in links.items()}
    found = {
        "".join(sorted(ends)): (float(row["free_speed_kmh"]), float(row["capacity_veh_h"]))
        for ends, row in ways.items()
    }
    assert found["12"] == (50.0, 2 * 1500.0)  # four lanes are two for each direction
    assert found["23"] == (pytest.approx(48.28, abs=0.01), 1500.0)
    assert found["34"] == (30.0, 600.0)
    assert found["14"] == (60.0, 1000.0)
    assert float(ways[frozenset("12")]["length_km"]) == pytest.approx(
        0.01 * KM_PER_DEGREE, rel=1e-5
    )
    assert {row.get("two_way", "true") for row in links.values()} == {"true"}
    assert len(rows_of(tmp_path / "road_nodes.csv")) == 8  # bends are no nodes
    assert "state no usable maxspeed" in caplog.text


def test_driving_times_add_up_where_the_limit_changes_on_the_way(tmp_path: Path) -> None:
    """As long at 30 as at 60 km/h: 40 km/h in the mean, and the lower capacity."""
    links = imported(
        tmp_path,
        osm(
            way(1, 11, highway="primary", maxspeed="30"),
            way(11, 2, highway="residential", maxspeed="60"),
        ),
    )
    (link,) = links.values()
    assert float(link["free_speed_kmh"]) == pytest.approx(40.0, abs=1e-3)
    assert float(link["capacity_veh_h"]) == 600.0


@pytest.mark.parametrize(
    ("tags", "pairs"),
    [
        ({"oneway": "yes"}, {("1", "2")}),
        ({"oneway": "-1"}, {("2", "1")}),
        ({"junction": "roundabout"}, {("1", "2")}),
        ({"highway": "motorway"}, {("1", "2")}),
        ({"highway": "motorway", "oneway": "no"}, {("1", "2"), ("2", "1")}),
        ({}, {("1", "2"), ("2", "1")}),
    ],
)
def test_one_way_roads_go_one_way(
    tmp_path: Path, tags: dict[str, str], pairs: set[tuple[str, str]]
) -> None:
    """The way back is another road; dead ends at 1 and 2 keep both as nodes."""
    ends = (way(1, 4, highway="residential"), way(2, 3, highway="residential"))
    back = way(1, 12, 2, highway="tertiary", maxspeed="20")
    imported(tmp_path, osm(way(1, 11, 2, **{"highway": "primary", **tags}), back, *ends))
    direct = set()
    for row in rows_of(tmp_path / "road_links.csv"):
        there = row["from_node"], row["to_node"]
        if float(row["free_speed_kmh"]) != 20 and set(there) == {"1", "2"}:
            direct |= {there, there[::-1]} if row.get("two_way", "true") == "true" else {there}
    assert direct == pairs


def test_what_is_no_road_for_trucks_is_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    links = imported(
        tmp_path,
        osm(
            way(1, 2, building="yes"),
            way(2, 5, highway="footway"),
            way(2, 4, highway="residential", access="private"),
            way(1, 4, highway="residential", hgv="no"),
            way(1, 11, 3, highway="residential", access="no", motor_vehicle="yes"),
            way(8, 9, highway="residential"),
        ),
    )
    assert set(links) == {("1", "3")}
    for said in (
        "1 ways are no roads",
        "1 ways are paths",
        "2 ways are closed to trucks",
        "lie outside the largest part",
    ):
        assert said in caplog.text


def test_ways_end_where_their_nodes_are_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    links = imported(tmp_path, osm(way(1, 11, 2, 77, 3, 12, 4, 78, 5, highway="tertiary")))
    assert len(links) == 1
    assert "2 nodes of roads are not in the file" in caplog.text


def test_stations_are_put_at_the_nearest_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The bend 11 would be nearer, but is no node of the simplified roads."""
    places = tmp_path / "places.csv"
    places.write_text("name,bus,longitude,latitude,plugs\nMill,b,10.0049,0,2\nHill,c,10.02,0,1\n")
    imported(tmp_path, osm(way(1, 11, 2, highway="primary")), stations=places)
    rows = rows_of(tmp_path / "stations.csv")
    assert [(row["name"], row["bus"], row["road_node"], row["plugs"]) for row in rows] == [
        ("Mill", "b", "1", "2"),
        ("Hill", "c", "2", "1"),
    ]
    assert "Mill 545 m, Hill 1,112 m away" in caplog.text


def test_stations_far_from_roads_and_bad_rows_are_named_by_line(tmp_path: Path) -> None:
    places = tmp_path / "places.csv"
    places.write_text("name,bus,longitude,latitude\nMill,b,0.0,10.0\nHill,c,east,0\n")
    with pytest.raises(InputError) as caught:
        imported(tmp_path, osm(way(1, 2, highway="primary")), stations=places)
    message = str(caught.value)
    assert "line 2" in message
    assert "km away from the nearest road" in message
    assert "line 3" in message


def test_graphs_saved_by_osmnx_give_the_same_roads(tmp_path: Path) -> None:
    import osmnx

    text = osm(*SQUARE, way(3, 5, highway="residential"), way(1, 8, highway="residential"))
    imported(tmp_path, text)
    plain = {name: (tmp_path / name).read_text() for name in ("road_nodes.csv", "road_links.csv")}
    for simplify in (False, True):
        graph = osmnx.graph_from_xml(tmp_path / "town.osm", simplify=simplify)
        osmnx.save_graphml(graph, tmp_path / "town.graphml")
        write_roads(tmp_path / "town.graphml", tmp_path / "again")
        assert (tmp_path / "again" / "road_nodes.csv").read_text() == plain["road_nodes.csv"]
        if not simplify:
            assert (tmp_path / "again" / "road_links.csv").read_text() == plain["road_links.csv"]
    projected = osmnx.project_graph(graph)
    osmnx.save_graphml(projected, tmp_path / "plane.graphml")
    with pytest.raises(InputError, match="is projected"):
        write_roads(tmp_path / "plane.graphml", tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as XML"),
        ("node,lon\n1,2\n", "cannot be read as XML"),
        ("<html><body/></html>", "begins with <html>"),
        (osm(way(1, 2, highway="primary"))[:-20], "cannot be read as XML"),
        (osm(), "holds no road"),
        (osm(way(1, 2, building="yes")), "holds no road"),
        (osm(way(1, 2, highway="primary", oneway="yes")), "no two places"),
        (osm(way(1, 2, highway="primary"), nodes={1: (10, 95), 2: (999, 0)}), "node 2"),
        (osm(way(1, 2, highway="primary")).replace('ref="2"', 'ref="x"'), "way 102"),
        (osm(way(1, 2, highway="primary")).replace('id="2"', 'id="2.5"'), "no number"),
    ],
)
def test_files_that_are_no_roads_are_refused_with_one_message(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in refused(tmp_path, text)


def test_packed_files_name_the_conversion(tmp_path: Path) -> None:
    packed = refused(tmp_path, "x", "town.osm.pbf")
    assert "osmium cat town.osm.pbf -o town.osm" in packed
    assert "Unpack it" in refused(tmp_path, "x", "town.osm.bz2")
    assert "neither .osm nor .graphml" in refused(tmp_path, "x", "town.txt")
    assert "cannot be read as a graph of OSMnx" in refused(tmp_path, "x", "town.graphml")
    with pytest.raises(InputError, match="is no file"):
        write_roads(tmp_path / "no.graphml", tmp_path / "out")


@pytest.mark.parametrize(
    ("maxspeed", "expected"),
    [
        ("50", 50.0),
        ("30 mph", 30 * 1.609344),
        ("30mph", 30 * 1.609344),
        ("10 knots", 18.52),
        ("60;40", 50.0),
        (["80", "DE:urban"], 80.0),
        ("none", None),
        ("walk", None),
        ("DE:urban", None),
        ("0", None),
        ("5000", None),
        ("9" * 400, None),
        ("-50", None),
        ("", None),
        (None, None),
    ],
)
def test_limits_are_read_as_they_are_written(maxspeed: object, expected: float | None) -> None:
    assert speed_kmh({"maxspeed": maxspeed}) == (
        None if expected is None else pytest.approx(expected)
    )


def test_lanes_count_both_directions_of_a_two_way_road() -> None:
    assert lanes({"lanes": "3", "oneway": True}) == 3
    assert lanes({"lanes": "3", "oneway": False}) == 1.5
    assert lanes({"lanes": ["4", "2"], "oneway": True}) == 2
    assert lanes({"lanes": "many"}) is None
    assert lanes({"lanes": "0"}) is None


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "osmnx":
            raise ImportError(name)
        return plain(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'gridhaul\[osm\]'"):
        imported(tmp_path, osm(*SQUARE))
