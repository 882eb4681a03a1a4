"""Time-space network of trains: one arc per span, through stations and virtual stations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from controllers.market.case import Rail
from controllers.optimisation.assembly import Assembly
from controllers.scheduling.problem.problem import PlanningError
from sim.control import SolveStatus
from sim.units import BoolArray, FloatArray, IntArray

NOWHERE = -1

Departures: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
"""Period and goal of the departures of each train, in order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpanArcs:
    """The time-space network of all trains, arrays ``(arc,)``.

    Nodes are stations, then virtual stations: a leg of n spans from one station to another passes
    n - 1 virtual stations that lead nowhere else.

    Attributes
    ----------
    train, span
        Whose arc it is, and which span it covers.
    tail, head
        Nodes at the start and the end of the span.
    station
        Station at which the train stands, connected to the grid, through the span; `NOWHERE` on
        the move.
    origin, goal
        Stations between which the train moves; `NOWHERE` at a station.
    """

    train: IntArray
    span: IntArray
    tail: IntArray
    head: IntArray
    station: IntArray
    origin: IntArray
    goal: IntArray

    @property
    def moving(self) -> BoolArray:
        """Return which arcs are not at a station."""
        moving: BoolArray = self.station == NOWHERE
        return moving

    @property
    def leaving(self) -> BoolArray:
        """Return which arcs begin a leg."""
        leaving: BoolArray = self.moving & (self.tail == self.origin)
        return leaving


def first_span(rail: Rail) -> IntArray:
    """Return the first span that each train is ready for, ``(train,)``.

    The number of spans where it never gets ready. It stays where it is until then.
    """
    return np.searchsorted(rail.boundary[:-1], rail.ready).astype(np.int64)


def span_arcs(rail: Rail) -> SpanArcs:
    """Return the arcs that lie on a way from a train's start to its end.

    A train that cannot get home any more may end anywhere.
    """
    n_spans = len(rail.boundary) - 1
    table: list[tuple[int, ...]] = []
    for train, first in enumerate(first_span(rail).tolist()):
        arcs = np.array(list(_arcs(rail.leg_spans[train])), dtype=np.int64).reshape(-1, 5)
        start, home = int(rail.station[train]), int(rail.home[train])
        ahead = _reached(arcs[:, 0], arcs[:, 1], {start}, n_spans - first)
        stations = set(range(len(rail.station_bus)))
        ends = ahead[-1] & ({home} if home >= 0 else stations) or ahead[-1] & stations
        back = _reached(arcs[:, 1], arcs[:, 0], ends, n_spans - first)[::-1]
        for step, span in enumerate(range(first, n_spans)):
            here = ahead[step] & back[step]
            there = ahead[step + 1] & back[step + 1]
            table += [
                (train, span, *arc) for arc in arcs.tolist() if arc[0] in here and arc[1] in there
            ]
    columns = np.array(table, dtype=np.int64).reshape(-1, 7).T
    train_, span_, tail, head, station, origin, goal = columns
    return SpanArcs(
        train=train_, span=span_, tail=tail, head=head, station=station, origin=origin, goal=goal
    )


def _arcs(leg_spans: IntArray) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield tail, head, station, origin and goal of each arc of one span."""
    n_stations = len(leg_spans)
    for station in range(n_stations):
        yield station, station, station, NOWHERE, NOWHERE
    virtual = n_stations
    for origin, goal in np.argwhere(leg_spans > 0).tolist():
        between = range(virtual, virtual + int(leg_spans[origin, goal]) - 1)
        virtual += len(between)
        passed = [origin, *between, goal]
        for tail, head in pairwise(passed):
            yield tail, head, NOWHERE, origin, goal


def _reached(tail: IntArray, head: IntArray, start: set[int], n_spans: int) -> list[set[int]]:
    """Return the nodes reached after 0 to `n_spans` arcs."""
    found = [start]
    for _ in range(n_spans):
        found.append(set(head[np.isin(tail, list(found[-1]))].tolist()))
    return found


def add_routes(
    assembly: Assembly, rail: Rail, arcs: SpanArcs, kept: Departures | None = None
) -> IntArray:
    """Add one binary per arc, conservation of flow, and capacity 1 of every leg, ``(arc,)``.

    Only one train moves between two stations in one span, whichever way, as on a single track.
    Where departures are kept there are no others.
    """
    n_arcs = len(arcs.train)
    leaving = arcs.leaving
    cost = np.zeros(n_arcs)
    cost[leaving] = rail.leg_usd[arcs.train[leaving], arcs.origin[leaving], arcs.goal[leaving]]
    ending = (arcs.span == len(rail.boundary) - 2) & (arcs.head < len(rail.station_bus))
    cost[ending] += rail.return_usd[arcs.train[ending], arcs.head[ending]]
    upper = np.ones(n_arcs)
    as_planned = [] if kept is None else list(_planned(rail, arcs, kept))
    if kept is not None:
        upper[leaving] = 0.0
        for matching in as_planned:
            upper[matching] = 1.0
    taken = assembly.variables(n_arcs, upper=upper, cost=cost, integer=True)
    for matching in as_planned:
        assembly.entries(assembly.rows(1, lower=1.0), taken[matching], 1.0)
    first = first_span(rail)
    n_nodes = 1 + max(int(arcs.tail.max(initial=0)), int(arcs.head.max(initial=0)))
    n_spans = len(rail.boundary) - 1

    def key(span: IntArray, node: IntArray) -> IntArray:
        code: IntArray = (arcs.train * (n_spans + 1) + span) * n_nodes + node
        return code

    leaves, enters = key(arcs.span, arcs.tail), key(arcs.span + 1, arcs.head)
    starts = arcs.span == first[arcs.train]
    nodes = np.unique(leaves)
    supply = np.isin(nodes, leaves[starts]).astype(np.float64)
    rows = assembly.rows(len(nodes), lower=supply, upper=supply)
    assembly.entries(rows[np.searchsorted(nodes, leaves)], taken, 1.0)
    inner = arcs.span + 1 < n_spans
    assembly.entries(rows[np.searchsorted(nodes, enters[inner])], taken[inner], -1.0)
    limited = np.isfinite(rail.departures)[arcs.train] & leaving
    rows = assembly.rows(len(first), upper=rail.departures)
    assembly.entries(rows[arcs.train[limited]], taken[limited], 1.0)
    if len(first) > 1:
        _single_track(assembly, arcs, taken, len(rail.station_bus))
    return taken


def _planned(rail: Rail, arcs: SpanArcs, kept: Departures) -> Iterator[IntArray]:
    """Yield the arcs, one of which a train takes, for each departure that is kept.

    Raises
    ------
    PlanningError
        If there is none: the train is not ready in time, or would not get home.
    """
    for train, own in enumerate(kept):
        for period, goal in own:
            here = arcs.leaving & (arcs.train == train) & (arcs.goal == goal)
            matching = np.flatnonzero(here & (rail.boundary[arcs.span] == period))
            if not len(matching):
                reason = f"Train {train} cannot leave for station {goal} as planned."
                raise PlanningError(reason, SolveStatus.INFEASIBLE)
            yield matching


def _single_track(assembly: Assembly, arcs: SpanArcs, taken: IntArray, n_stations: int) -> None:
    """Keep two trains from one leg in one span."""
    moving = np.flatnonzero(arcs.moving)
    pair = np.sort(np.column_stack([arcs.origin[moving], arcs.goal[moving]]), axis=1)
    code = (arcs.span[moving] * n_stations + pair[:, 0]) * n_stations + pair[:, 1]
    _, row_of, counts = np.unique(code, return_inverse=True, return_counts=True)
    rows = assembly.rows(len(counts), upper=1.0)
    assembly.entries(rows[row_of], taken[moving], 1.0)


def presence(rail: Rail, arcs: SpanArcs) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return where and when trains are connected: arc, train, period and station, one per period.

    An arc of `NOWHERE` stands for a train that has not left yet.
    """
    at_station = np.flatnonzero(~arcs.moving)
    span = arcs.span[at_station]
    lengths = np.diff(rail.boundary)[span]
    arc = np.repeat(at_station, lengths)
    ordinal = np.arange(len(arc)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    period = np.repeat(rail.boundary[:-1][span], lengths) + ordinal
    leaves = rail.boundary[first_span(rail)]
    waits = np.maximum(leaves - rail.ready, 0)
    waiting = np.repeat(np.arange(len(waits)), waits)
    waited = np.arange(len(waiting)) - np.repeat(np.cumsum(waits) - waits, waits)
    return (
        np.concatenate([arc, np.full(len(waiting), NOWHERE)]),
        np.concatenate([arcs.train[arc], waiting]),
        np.concatenate([period, rail.ready[waiting] + waited]),
        np.concatenate([arcs.station[arc], rail.station[waiting]]),
    )


def departures(rail: Rail, arcs: SpanArcs, taken: FloatArray) -> Departures:
    """Return the departures on the arcs that are taken."""
    leaving = arcs.leaving & (taken > 0.5)
    order = np.flatnonzero(leaving)[np.argsort(arcs.span[leaving], kind="stable")]
    return tuple(
        tuple(
            (int(rail.boundary[arcs.span[arc]]), int(arcs.goal[arc]))
            for arc in order
            if arcs.train[arc] == train
        )
        for train in range(len(rail.station))
    )
