"""Of a large road network, keep the ways between stations.

Vehicles drive between stations only. A city has tens of thousands of links, and each of them would
have a traffic of its own in every episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.system.roads import Roads
from sim.system.routing import links_towards
from sim.system.stations import Station
from sim.units import frozen

MOST_LINKS = 5000  # networks up to here are kept whole
WAYS = 4
DETOUR = 1.5


def ways_between(roads: Roads, stations: Sequence[Station]) -> tuple[Roads, tuple[Station, ...]]:
    """Return the roads that drives between stations use, and the stations on them.

    Networks of up to `MOST_LINKS` links are returned as they are. Of larger ones the fastest ways
    on empty roads stay, and `WAYS` - 1 alternatives: the fastest ways where links of those before
    take `DETOUR` times as long (link penalty; de la Barra, Perez and Anez, *Multidimensional path
    search and assignment*, PTRC 1993). So distances and times on empty roads are exact; in traffic
    drivers choose among what stays.

    Parameters
    ----------
    roads
        The whole network.
    stations
        Where vehicles drive to and from.
    """
    places = list(dict.fromkeys(own.road_node for own in stations if own.road_node is not None))
    if roads.n_links <= MOST_LINKS:
        return roads, tuple(stations)
    used = np.zeros(roads.n_links, dtype=np.bool_)
    for goal in places:
        link_h = roads.length_km / roads.free_speed_kmh
        for _ in range(WAYS):
            first, _ = links_towards(goal, roads.n_nodes, roads.from_node, roads.to_node, link_h)
            mine = np.zeros_like(used)
            for start in places:
                node = start
                while node != goal and first[node] >= 0 and not mine[first[node]]:
                    mine[first[node]] = True
                    node = int(roads.to_node[first[node]])
            link_h[mine] *= DETOUR
            used |= mine
    links = np.flatnonzero(used)
    nodes = np.unique(np.concatenate([roads.from_node[links], roads.to_node[links], places]))
    number = np.full(roads.n_nodes, -1, dtype=np.int64)
    number[nodes] = np.arange(len(nodes))
    kept = Roads(
        node_name=tuple(roads.node_name[node] for node in nodes),
        x_km=frozen(roads.x_km[nodes]),
        y_km=frozen(roads.y_km[nodes]),
        from_node=frozen(number[roads.from_node[links]], np.int64),
        to_node=frozen(number[roads.to_node[links]], np.int64),
        length_km=frozen(roads.length_km[links]),
        free_speed_kmh=frozen(roads.free_speed_kmh[links]),
        capacity_veh_h=frozen(roads.capacity_veh_h[links]),
        alpha=None if roads.alpha is None else frozen(roads.alpha[links]),
        beta=None if roads.beta is None else frozen(roads.beta[links]),
        left_out_km=float(roads.length_km[~used].sum()),
    )
    return kept, tuple(
        own if own.road_node is None else replace(own, road_node=int(number[own.road_node]))
        for own in stations
    )
