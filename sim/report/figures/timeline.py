"""Activities of vehicles with start and end: the bars of the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

# In the order of the legend.
ACTIVITIES = (
    "charging",
    "discharging",
    "connected, idle",
    "driving",
    "queueing",
    "setting up",
    "broken",
)


class Bar(NamedTuple):
    """One activity of one vehicle; `station` is where it stands or drives to."""

    vehicle: str
    activity: str
    station: str
    start_h: float
    end_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    activity: str
    station: str
    since_h: float


def bars(
    events: pd.DataFrame, vehicles: pd.DataFrame, set_up_h: Mapping[str, float], end_h: float
) -> list[Bar]:
    """Return the activities of all vehicles in one episode.

    Parameters
    ----------
    events, vehicles
        Tables of one episode; see `Episode`.
    set_up_h
        Set-up time by station name [h]; tells queueing from setting up.
    end_h
        End of the episode [h].
    """
    found: list[Bar] = []
    for name, steps in vehicles.groupby("vehicle", sort=False):
        own = events[events["vehicle"] == name]
        for bar in _stays_and_trips(str(name), own, set_up_h, end_h):
            if bar.activity == "connected":
                found += _by_power(bar, steps)
            else:
                found.append(bar)
    return [bar for bar in found if bar.end_h - bar.start_h > 1e-9]


def _stays_and_trips(
    vehicle: str, events: pd.DataFrame, set_up_h: Mapping[str, float], end_h: float
) -> Iterator[Bar]:
    state: _State | None = None
    interrupted: _State | None = None
    for row in events.to_dict(orient="records"):
        now_h, event, station = float(row["time_h"]), str(row["event"]), str(row["station"])
        activity = {
            "departed": "driving",
            "arrived": "setting up",
            "queued": "queueing",
            "connected": "connected",
            "disconnected": "setting up",
            "interrupted": "broken",
            "resumed": "setting up",
        }.get(event)
        if activity is None:  # an order that could not be followed changes nothing
            continue
        if event == "resumed" and interrupted and interrupted.activity == "driving":
            activity, station = "driving", interrupted.station
        if state:
            if event == "connected" and state.activity == "queueing":
                plugged_h = max(state.since_h, now_h - set_up_h.get(station, 0.0))
                yield Bar(vehicle, "queueing", state.station, state.since_h, plugged_h)
                state = _State(activity="setting up", station=station, since_h=plugged_h)
            yield Bar(vehicle, state.activity, state.station, state.since_h, now_h)
            if event == "interrupted" and state.activity != "broken":
                interrupted = state
        state = _State(activity=activity, station=station, since_h=now_h)
    if state:
        yield Bar(vehicle, state.activity, state.station, state.since_h, end_h)


def _by_power(stay: Bar, steps: pd.DataFrame) -> Iterator[Bar]:
    """Split a stay at a plug by what was exchanged; a step's power is its mean."""
    ends = steps["time_h"].to_numpy(dtype=float)
    step_h = float(ends[1] - ends[0]) if len(ends) > 1 else stay.end_h
    current: Bar | None = None
    for step_end_h, p_mw in zip(ends, steps["p_mw"].to_numpy(dtype=float), strict=True):
        begin, end = max(step_end_h - step_h, stay.start_h), min(step_end_h, stay.end_h)
        if end - begin <= 1e-9:
            continue
        activity = "connected, idle"
        if abs(p_mw) > 1e-6:
            activity = "discharging" if p_mw > 0 else "charging"
        if current and current.activity == activity:
            current = current._replace(end_h=end)
        else:
            if current:
                yield current
            current = Bar(stay.vehicle, activity, stay.station, begin, end)
    if current:
        yield current
