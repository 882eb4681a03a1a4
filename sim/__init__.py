"""gridhaul: a discrete-event, rolling-horizon simulator for mobile battery storage.

Battery trucks drive on roads and serve a power grid; once a period a controller plans, and AC power
flow checks every step. This is the table of contents; each name is imported when it is first used.

Scenarios
    `load_scenario`, `Scenario`
Running
    `run`, `compare`, `stress`, `replay`, `ControllerSpec`, `Episode`, `Study`, `StressStudy`,
    `Replay`
Reports
    `write_report`
Writing a controller
    `Controller`, `Observation`, `Forecast`, `Plan`, `FleetPlan`, `GridPlan`, `Visit`, `Outcome`,
    `SolveStatus`, `VehicleStatus`, `System`
Errors
    `GridhaulError`, `InputError`, `EpisodeError`, `ReplayError`
"""

from __future__ import annotations

import importlib

_HOME = {
    "load_scenario": "sim.scenario",
    "Scenario": "sim.scenario",
    "run": "sim.study.run",
    "compare": "sim.study.compare",
    "stress": "sim.study.stress.run",
    "replay": "sim.study.replay.replay",
    "ControllerSpec": "sim.episode.specification",
    "Episode": "sim.episode.episode",
    "Study": "sim.study.study",
    "StressStudy": "sim.study.stress.curves",
    "Replay": "sim.study.replay.replay",
    "write_report": "sim.report.html.page",
    "Controller": "sim.control",
    "Observation": "sim.control",
    "Forecast": "sim.control",
    "Plan": "sim.control",
    "FleetPlan": "sim.control",
    "GridPlan": "sim.control",
    "Visit": "sim.control",
    "Outcome": "sim.control",
    "SolveStatus": "sim.control",
    "VehicleStatus": "sim.control",
    "System": "sim.system.system",
    "GridhaulError": "sim.errors",
    "InputError": "sim.errors",
    "EpisodeError": "sim.errors",
    "ReplayError": "sim.errors",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
