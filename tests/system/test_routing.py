"""Ways over roads and rails are the fastest of all that there are."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np
import pytest

from sim.system.rails import Rails
from sim.system.roads import Roads
from sim.system.routing import links_towards, path_links


def network(seed: int, n_nodes: int = 5, n_links: int = 9) -> tuple[np.ndarray, ...]:
    """Return the ends of random links, none from a node to itself, and times of whole seconds."""
    rng = np.random.default_rng(seed)
    start = rng.integers(n_nodes, size=n_links)
    end = (start + rng.integers(1, n_nodes, size=n_links)) % n_nodes
    return start, end, rng.integers(1, 50, size=n_links) / 64


def fastest_h(start: int, goal: int, ends: list[tuple[int, int]], hours: np.ndarray) -> float:
    """Return the time of the fastest of all ways that visit no node twice, by trying all."""
    if start == goal:
        return 0.0
    others = [node for node in range(5) if node not in (start, goal)]
    best = math.inf
    for n in range(len(others) + 1):
        for between in permutations(others, n):
            took = 0.0
            for pair in pairwise((start, *between, goal)):
                took += min(
                    (hours[i] for i, own in enumerate(ends) if own == pair), default=math.inf
                )
            best = min(best, took)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_times_and_ways_on_roads(seed: int) -> None:
    start, end, hours = network(seed)
    ends = list(zip(start.tolist(), end.tolist(), strict=True))
    ones = np.ones(len(start))
    roads = Roads(
        node_name=tuple("abcde"), x_km=np.zeros(5), y_km=np.zeros(5), from_node=start, to_node=end,
        length_km=ones, free_speed_kmh=ones, capacity_veh_h=ones,
    )  # fmt: skip
    assert (roads.n_nodes, roads.n_links) == (5, 9)
    for goal in range(5):
        first, time_h = links_towards(goal, 5, start, end, hours)
        assert first[goal] == -1
        for node in range(5):
            expected = fastest_h(node, goal, ends, hours)
            assert time_h[node] == pytest.approx(expected)
            links = path_links(roads, node, goal, hours)
            if math.isinf(expected):
                assert links is None
                assert first[node] == -1
                continue
            assert links is not None
            assert sum(hours[links]) == pytest.approx(expected)
            visited = [node, *(int(end[link]) for link in links)]
            assert visited[-1] == goal
            assert [int(start[link]) for link in links] == visited[:-1]
            assert links == [] or first[node] == links[0]


def test_of_equally_fast_links_the_first_is_taken_and_closed_ones_never() -> None:
    start, end = np.array([0, 0, 0]), np.array([1, 1, 1])
    first, _ = links_towards(1, 2, start, end, np.array([2.0, 1.0, 1.0]))
    assert first.tolist() == [1, -1]
    first, time_h = links_towards(1, 2, start, end, np.full(3, np.inf))
    assert first.tolist() == [-1, -1]
    assert math.isinf(time_h[0])


def test_a_station_that_no_road_reaches_has_no_way() -> None:
    start, end, hours = network(0)
    ones = np.ones(len(start))
    roads = Roads(
        node_name=tuple("abcde"), x_km=np.zeros(5), y_km=np.zeros(5), from_node=start, to_node=end,
        length_km=ones, free_speed_kmh=ones, capacity_veh_h=ones,
    )  # fmt: skip
    assert path_links(roads, None, 1, hours) is None
    assert path_links(roads, 1, None, hours) is None


def railway(seed: int = 3, slot_h: float = 0.5) -> Rails:
    start, end, hours = network(seed, n_links=7)
    return Rails(
        node_name=tuple("abcde"), x_km=np.zeros(5), y_km=np.zeros(5), from_node=start, to_node=end,
        running_h=hours, tracks=np.ones(7, dtype=np.int64), slot_h=slot_h,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(12))
def test_ways_on_rails_lead_both_directions(seed: int) -> None:
    rails = railway(seed)
    there = list(zip(rails.from_node.tolist(), rails.to_node.tolist(), strict=True))
    ends = there + [(b, a) for a, b in there]
    hours = np.concatenate([rails.running_h, rails.running_h])
    for start in range(5):
        for goal in range(5):
            expected, way = fastest_h(start, goal, ends, hours), rails.way(start, goal)
            if math.isinf(expected):
                assert way is None
                continue
            assert way is not None
            assert sum(rails.running_h[list(way)]) == pytest.approx(expected)
            node = start
            for segment in way:
                assert node in there[segment]
                node = sum(there[segment]) - node
                assert rails.other_end(segment, sum(there[segment]) - node) == node
            assert node == goal


@pytest.mark.parametrize("slot_min", [1, 7, 10, 15, 20, 60])
def test_the_next_slot_is_the_first_that_is_not_over(slot_min: int) -> None:
    rails, slot = railway(slot_h=slot_min / 60), Fraction(slot_min, 60)
    for quarter_minute in range(0, 2 * 24 * 240, 37):
        time = Fraction(quarter_minute, 240)
        expected = next(k for k in range(3000) if k * slot >= time) * slot
        assert rails.next_slot(float(time)) == pytest.approx(float(expected), abs=1e-9)
    # Floats a little late, as sums of steps are, have not missed their slot.
    assert rails.next_slot(sum([slot_min / 60] * 30)) == pytest.approx(slot_min / 2)


def test_a_railway_that_cannot_be_is_refused() -> None:
    fine = railway()
    for field, value in [
        ("slot_h", 0.0), ("slot_h", math.inf), ("running_h", np.zeros(7)),
        ("running_h", np.full(7, np.inf)), ("tracks", np.zeros(7, dtype=np.int64)),
    ]:  # fmt: skip
        own = {name: getattr(fine, name) for name in Rails.__dataclass_fields__} | {field: value}
        with pytest.raises(ValueError, match=field):
            Rails(**own)
    assert Rails.none().n_nodes == Rails.none().n_segments == 0
    assert fine.segment_name(0) == f"{'abcde'[fine.from_node[0]]}--{'abcde'[fine.to_node[0]]}"
