"""Shortest paths on the roads."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numba import njit

from sim.system.roads import Roads
from sim.units import FloatArray, IntArray

MANY_LINKS = 1000  # from here on, Dijkstra's algorithm is faster than Bellman and Ford's


@njit(cache=True)
def _dijkstra_towards(
    goal: int, n_nodes: int, from_node: IntArray, to_node: IntArray, link_h: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return what `links_towards` returns, by Dijkstra's algorithm with a heap."""
    # The links that lead to each node, by counting.
    begin = np.zeros(n_nodes + 2, dtype=np.int64)
    for link in range(len(link_h)):
        begin[to_node[link] + 2] += 1
    for node in range(n_nodes):
        begin[node + 2] += begin[node + 1]
    into = np.empty(len(link_h), dtype=np.int64)
    for link in range(len(link_h)):
        into[begin[to_node[link] + 1]] = link
        begin[to_node[link] + 1] += 1
    first = np.full(n_nodes, -1, dtype=np.int64)
    time_h = np.full(n_nodes, np.inf)
    time_h[goal] = 0.0
    waiting = [(0.0, goal)]
    while waiting:
        left_h, node = heappop(waiting)
        if left_h > time_h[node]:
            continue
        for link in into[begin[node] : begin[node + 1]]:
            through = link_h[link] + left_h
            start = from_node[link]
            if through < time_h[start]:
                time_h[start] = through
                first[start] = link
                heappush(waiting, (through, start))
    return first, time_h


@njit(cache=True)
def links_towards(
    goal: int, n_nodes: int, from_node: IntArray, to_node: IntArray, link_h: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return the first link of the fastest path from every node to `goal`, and its time.

    Bellman and Ford's algorithm, Dijkstra's on networks of many links: times are the same. Which of
    equally fast links is taken depends on nothing but the network.

    Parameters
    ----------
    goal
        Node to reach.
    n_nodes
        Number of nodes.
    from_node, to_node
        Ends of the links, ``(link,)``.
    link_h
        Time to cross each link, ``(link,)`` [h]; infinite where it is closed.

    Returns
    -------
    tuple
        Next link, ``(node,)``, -1 at the goal and where no path leads; time to the goal,
        ``(node,)`` [h].
    """
    if len(link_h) >= MANY_LINKS:
        return _dijkstra_towards(goal, n_nodes, from_node, to_node, link_h)
    first = np.full(n_nodes, -1, dtype=np.int64)
    time_h = np.full(n_nodes, np.inf)
    time_h[goal] = 0.0
    changed = True
    while changed:
        changed = False
        for link in range(len(link_h)):
            through = link_h[link] + time_h[to_node[link]]
            if through < time_h[from_node[link]]:
                time_h[from_node[link]] = through
                first[from_node[link]] = link
                changed = True
    return first, time_h


@njit(cache=True)
def distance_towards(
    goal: int,
    n_nodes: int,
    from_node: IntArray,
    to_node: IntArray,
    link_h: FloatArray,
    length_km: FloatArray,
) -> FloatArray:
    """Return the length of the fastest path from every node to `goal`, ``(node,)`` [km].

    Infinite where no path leads. For the parameters see `links_towards`; `length_km` is the length
    of the links, ``(link,)`` [km].
    """
    first, time_h = links_towards(goal, n_nodes, from_node, to_node, link_h)
    distance_km = np.full(n_nodes, np.inf)
    for start in range(n_nodes):
        if not np.isfinite(time_h[start]):
            continue
        total_km, node = 0.0, start
        while node != goal:
            total_km += length_km[first[node]]
            node = to_node[first[node]]
        distance_km[start] = total_km
    return distance_km


def path_links(
    roads: Roads, start: int | None, goal: int | None, link_h: FloatArray
) -> list[int] | None:
    """Return the links of the fastest path from `start` to `goal`, None where no path leads."""
    if start is None or goal is None:  # stations that no road reaches
        return None
    first, time_h = links_towards(goal, roads.n_nodes, roads.from_node, roads.to_node, link_h)
    if not np.isfinite(time_h[start]):
        return None
    links = []
    node = start
    while node != goal:
        link = int(first[node])
        links.append(link)
        node = int(roads.to_node[link])
    return links
