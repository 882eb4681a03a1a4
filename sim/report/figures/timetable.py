"""Time-space diagrams of trains: time to the right, stations along the line upwards."""

from __future__ import annotations

import heapq
import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from sim.report.figures.drawing import (
    CLOCK,
    DASHES,
    PALETTE,
    VIOLATION,
    faint,
    panels,
    timestamps,
    with_common_layout,
)
from sim.report.figures.timeline import Bar

ROW_PX = 46
LEAST_APART = 0.14  # of the length of the line: rows of the names of nodes
PLUGGED = ("charging", "discharging", "connected, idle")
CONNECTED, WAITING = "connected to the grid", "waiting for track"

DiagramPoint = tuple[float, float]  # hour, place on the line


def places(rails: Mapping[str, Any]) -> list[float]:
    """Return where each node stands on the vertical axis, ``(node,)`` [h of running time].

    It is as far up as it is away from the node at one end of the line, by running time. Nodes that
    are as far away as another one are moved up, so that their names can be read.

    Parameters
    ----------
    rails
        Nodes, links and running times; see `sim.study.store.geography`.
    """
    n = len(rails["nodes"])
    away = _running_time_from(0, rails)
    end = max((node for node in range(n) if away[node] < float("inf")), key=lambda k: away[k])
    away = _running_time_from(end, rails)
    longest = max(own for own in away if own < float("inf")) or 1.0
    found = [0.0] * n
    last = -LEAST_APART * longest
    for node in sorted(range(n), key=lambda k: (away[k], k)):
        wanted = min(away[node], longest * (1 + LEAST_APART))
        last = found[node] = max(wanted, last + LEAST_APART * longest)
    return found


def figure(
    spans: Mapping[str, pd.DataFrame],
    bars: Mapping[str, Sequence[Bar]],
    rails: Mapping[str, Any],
    stations: Mapping[str, int],
    start: pd.Timestamp,
    end_h: float,
) -> go.Figure:
    """Return a time-space diagram per controller.

    Parameters
    ----------
    spans
        Segments run over, by controller; see `Episode`.
    bars
        What vehicles did, by controller.
    rails
        Nodes, links and running times; see `sim.study.store.geography`.
    stations
        Rail node by name of the station, of those that have one.
    start
        Time stamp of hour 0.
    end_h
        End of the episode [h].
    """
    at = places(rails)
    drawn = panels(list(spans))
    node_at = dict(zip(rails["nodes"], at, strict=True))
    station_at = {name: at[node] for name, node in stations.items()}
    trains = list(dict.fromkeys(rails["trains"]))
    for row, (name, table) in enumerate(spans.items(), start=1):
        for i, train in enumerate(trains):
            own_bars = [bar for bar in bars[name] if bar.vehicle == train]
            own = table[table["vehicle"] == train]
            colour = PALETTE[i % len(PALETTE)]
            plugged = [
                ([bar.start_h, bar.end_h], station_at[bar.station])
                for bar in own_bars
                if bar.activity in PLUGGED
            ]
            waits = [
                ([ask_h, enter_h], node_at[node])
                for ask_h, enter_h, node in own[["ask_h", "enter_h", "from_node"]].to_numpy()
                if enter_h > ask_h
            ]
            style = {"color": faint(colour, 0.35), "width": 10}
            drawn.add_trace(_stays(plugged, style, start), row=row, col=1)
            line = {"color": colour, "dash": DASHES[i % len(DASHES)], "width": 2.5}
            path = list(_path(own, own_bars, node_at, station_at, end_h))
            drawn.add_trace(
                _train_line(train, path, line, start, at, rails, row == 1), row=row, col=1
            )
            style = {"color": VIOLATION, "width": 4, "dash": "dot"}
            drawn.add_trace(_stays(waits, style, start), row=row, col=1)
    for what, style in (
        (CONNECTED, {"color": faint("#8c8c8c", 0.6), "width": 10}),
        (WAITING, {"color": VIOLATION, "width": 4, "dash": "dot"}),
    ):
        drawn.add_trace(
            go.Scatter(x=[None], y=[None], mode="lines", line=style, name=what), row=1, col=1
        )
    plugs = set(stations.values())
    names = [html.escape(str(node)) for node in rails["nodes"]]
    # Slanted: nodes where nothing can be connected.
    labels = [name if k in plugs else f"<i>{name}</i>" for k, name in enumerate(names)]
    margin = LEAST_APART * max(at)
    drawn.update_yaxes(tickmode="array", tickvals=at, ticktext=labels, zeroline=False)
    drawn.update_yaxes(range=[min(at) - margin, max(at) + margin])
    drawn.update_xaxes(type="date", tickformat=CLOCK, showticklabels=False)
    drawn.update_xaxes(range=timestamps(start, [0.0, end_h]))
    drawn.update_xaxes(showticklabels=True, row=len(spans))
    drawn.update_layout(height=150 + max(ROW_PX * len(at), 150) * len(spans))
    return with_common_layout(drawn, top_px=70)


def alternative(spans: Mapping[str, pd.DataFrame]) -> str:
    """Return in words what the figure shows."""
    return " ".join(_in_words(name, table) for name, table in spans.items())


def _in_words(name: str, spans: pd.DataFrame) -> str:
    if spans.empty:
        return f"{name}: no train leaves its station (0 spans)."
    wait_h = spans["enter_h"] - spans["ask_h"]
    late_h = spans["arrive_h"] - spans["enter_h"] - spans["running_h"]
    return (
        f"{name}: trains run over {len(spans)} spans, find the track taken {(wait_h > 0).sum()} "
        f"times, wait {wait_h.sum():.1f} h for it and lose {late_h.sum():.1f} h on the line."
    )


def _path(
    spans: pd.DataFrame,
    bars: Sequence[Bar],
    node_at: Mapping[str, float],
    station_at: Mapping[str, float],
    end_h: float,
) -> Iterator[DiagramPoint]:
    """Yield the corners of a train's line, from hour 0 to where it was seen last."""
    last: DiagramPoint | None = None
    if bars and bars[0].activity != "driving" and bars[0].station in station_at:
        last = (0.0, station_at[bars[0].station])
        yield last
    columns = ["enter_h", "from_node", "arrive_h", "to_node"]
    for enter_h, from_node, arrive_h, to_node in spans[columns].to_numpy():
        yield float(enter_h), node_at[from_node]
        last = (float(arrive_h), node_at[to_node])
        yield last
    if last is not None and bars and bars[-1].activity != "driving":
        yield end_h, last[1]


def _train_line(
    train: str,
    path: Sequence[DiagramPoint],
    line: Mapping[str, object],
    start: pd.Timestamp,
    at: Sequence[float],
    rails: Mapping[str, Any],
    is_first: bool,
) -> go.Scatter:
    name_at = {place: str(name) for place, name in zip(at, rails["nodes"], strict=True)}
    return go.Scatter(
        x=timestamps(start, [hour for hour, _ in path]),
        y=[place for _, place in path],
        mode="lines",
        line=dict(line),
        name=html.escape(train),
        legendgroup=train,
        showlegend=is_first,
        customdata=[html.escape(name_at[place]) for _, place in path],
        hovertemplate="%{customdata}, %{x|%H:%M}",
    )


def _stays(
    stays: Sequence[tuple[Sequence[float], float]], style: Mapping[str, object], start: pd.Timestamp
) -> go.Scatter:
    """Return level pieces of a line, one for each stay."""
    x: list[str | None] = []
    y: list[float | None] = []
    for hours, place in stays:
        x += [*timestamps(start, hours), None]
        y += [place, place, None]
    return go.Scatter(x=x, y=y, mode="lines", line=dict(style), showlegend=False, hoverinfo="skip")


def _running_time_from(node: int, rails: Mapping[str, Any]) -> list[float]:
    """Return the running time from a node to all others [h]."""
    neighbours: dict[int, list[tuple[int, float]]] = {}
    for (a, b), hours in zip(rails["links"], rails["running_h"], strict=True):
        neighbours.setdefault(a, []).append((b, hours))
        neighbours.setdefault(b, []).append((a, hours))
    away = [float("inf")] * len(rails["nodes"])
    queue = [(0.0, node)]
    while queue:
        hours, here = heapq.heappop(queue)
        if hours < away[here]:
            away[here] = hours
            for other, more in neighbours.get(here, []):
                heapq.heappush(queue, (hours + more, other))
    return away
