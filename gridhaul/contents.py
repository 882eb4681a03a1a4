"""The public names of gridhaul, where each one lives, and what they are for.

``plot`` is a module with names of its own.

This is the only list: ``__all__``, the docstring of the package and its type stub are made of it.
``python gridhaul/contents.py`` writes the stub anew.
"""

from __future__ import annotations

from pathlib import Path

# Section -> {module: names}; order is the order of the documentation.
CONTENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Scenarios": {
        "sim.scenario": ("load_scenario", "Scenario"),
    },
    "Running": {
        "sim.study.run": ("run",),
        "sim.study.compare": ("compare",),
        "sim.study.stress.run": ("stress",),
        "sim.study.pareto": ("pareto", "Front"),
        "sim.study.replay.replay": ("replay", "Replay"),
        "sim.episode.specification": ("ControllerSpec",),
        "sim.episode.episode": ("Episode",),
        "sim.study.study": ("Study",),
        "sim.study.stress.curves": ("StressStudy",),
        "sim.adapters.stepping": ("begin", "OpenEpisode"),
    },
    "Reports": {
        "gridhaul": ("plot",),
        "sim.report.html.result_page": ("report", "Report"),
        "sim.report.html.page": ("write_report",),
        "sim.report.html.front_page": ("write_front",),
    },
    "Writing a controller": {
        "sim.control": (
            "Controller",
            "ManyObjectives",
            "Capabilities",
            "Contrast",
            "Rung",
            "Trigger",
            "Observation",
            "VehicleStates",
            "VehicleStatus",
            "EvStates",
            "UnitStates",
            "Forecast",
            "EvEnvelope",
            "Plan",
            "FleetPlan",
            "Visit",
            "GridPlan",
            "MarketPlan",
            "EvPlan",
            "ResponsePlan",
            "RentPlan",
            "Outcome",
            "SolveStatus",
        ),
        "sim.system.system": ("System",),
        "sim.inspect.laws.check_controller": ("check_controller", "LawReport"),
    },
    "Learning": {
        "sim.adapters.learning.make": ("make_env",),
        "sim.adapters.learning.features": ("Features",),
        "sim.adapters.learning.continuous": ("ContinuousActions",),
        "sim.adapters.learning.menu": ("MenuActions",),
    },
    "Errors": {
        "sim.errors": ("GridhaulError", "InputError", "EpisodeError", "ReplayError"),
    },
}
HOME = {
    name: module
    for modules in CONTENTS.values()
    for module, names in modules.items()
    for name in names
}


def docstring() -> str:
    """Return the table of contents in words."""
    lines = []
    for section, modules in CONTENTS.items():
        names = ", ".join(f"`{name}`" for own in modules.values() for name in own)
        lines.append(f"{section}\n    {names}")
    return "\n".join(lines)


def stub() -> str:
    """Return the type stub of the package."""
    lines = [f"from {module} import {name} as {name}" for name, module in HOME.items()]
    return "\n".join([*sorted(lines), "", "__all__: list[str]", "__version__: str", ""])


if __name__ == "__main__":
    Path(__file__).with_name("__init__.pyi").write_text(stub(), encoding="utf-8")
