"""Large road networks: only the ways between stations are kept, and those are exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from sim.scenario.ways import MOST_LINKS, ways_between
from sim.system.roads import Roads
from sim.system.routing import links_towards
from sim.system.stations import Station
from sim.units import FloatArray, frozen

SIDE = 40


def streets(n_links: int | None = None) -> Roads:
    """Return a city of 40 by 40 crossings, two-way streets of random speed."""
    rng = np.random.default_rng(1)
    at = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    one = np.concatenate([at[:, :-1].ravel(), at[:-1].ravel()])
    other = np.concatenate([at[:, 1:].ravel(), at[1:].ravel()])
    start, end = np.concatenate([one, other])[:n_links], np.concatenate([other, one])[:n_links]
    n = len(start)
    return Roads(
        node_name=tuple(map(str, range(SIDE * SIDE))),
        x_km=frozen(np.arange(SIDE * SIDE) % SIDE),
        y_km=frozen(np.arange(SIDE * SIDE) // SIDE),
        from_node=frozen(start, np.int64),
        to_node=frozen(end, np.int64),
        length_km=frozen(rng.uniform(0.1, 1.0, n)),
        free_speed_kmh=frozen(rng.uniform(20, 100, n)),
        capacity_veh_h=frozen(np.full(n, 900.0)),
        alpha=frozen(np.arange(n)),
    )


def station(node: int) -> Station:
    return Station(name=f"at {node}", bus=0, road_node=node, rail_node=None, plugs=1, set_up_h=0.0)


def oracle_h(roads: Roads) -> FloatArray:
    """Return driving times between all nodes, by another library's algorithm."""
    times_h = roads.length_km / roads.free_speed_kmh
    graph = csr_array((times_h, (roads.from_node, roads.to_node)), shape=(roads.n_nodes,) * 2)
    found: FloatArray = dijkstra(graph)
    return found


def towards(roads: Roads, goal: int) -> FloatArray:
    link_h = roads.length_km / roads.free_speed_kmh
    return links_towards(goal, roads.n_nodes, roads.from_node, roads.to_node, link_h)[1]


@pytest.mark.parametrize("n_links", [900, None])
def test_driving_times_equal_those_of_another_algorithm(n_links: int | None) -> None:
    """Bellman and Ford on few links, Dijkstra on many."""
    roads = streets(n_links)
    whole = oracle_h(roads)
    for goal in (0, 777, SIDE * SIDE - 1):
        assert np.allclose(towards(roads, goal), whole[:, goal], rtol=1e-12)


def test_times_between_stations_are_exact_and_most_links_are_gone() -> None:
    roads = streets()
    assert roads.n_links > MOST_LINKS
    nodes = [0, 777, 777, SIDE * SIDE - 1, 39]
    kept, stations = ways_between(roads, [station(node) for node in nodes])
    assert kept.n_links < roads.n_links / 4
    whole = oracle_h(roads)
    for goal, new_goal in zip(nodes, stations, strict=True):
        assert new_goal.road_node is not None
        found = towards(kept, new_goal.road_node)
        for start, new_start in zip(nodes, stations, strict=True):
            assert found[new_start.road_node] == pytest.approx(whole[start, goal], rel=1e-12)
            assert new_start.road_node is not None
            assert kept.node_name[new_start.road_node] == str(start)
    assert kept.network_km == pytest.approx(roads.network_km)


def test_links_keep_what_they_are() -> None:
    roads = streets()
    kept, _ = ways_between(roads, [station(3), station(900)])
    names = {
        (roads.node_name[a], roads.node_name[b]): k
        for k, (a, b) in enumerate(zip(roads.from_node, roads.to_node, strict=True))
    }
    assert kept.alpha is not None
    assert roads.alpha is not None
    for k in range(kept.n_links):
        old = names[kept.node_name[kept.from_node[k]], kept.node_name[kept.to_node[k]]]
        assert kept.length_km[k] == roads.length_km[old]
        assert kept.free_speed_kmh[k] == roads.free_speed_kmh[old]
        assert kept.alpha[k] == roads.alpha[old]


def test_smaller_networks_stay_whole() -> None:
    roads = streets(MOST_LINKS)
    assert ways_between(roads, [station(0), station(1)])[0] is roads
