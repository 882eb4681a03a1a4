"""Scenarios: a folder of TOML and CSV in, frozen dataclasses out.

Only this package speaks pydantic; what leaves it is the `System` that exists and the `Uncertainty`
about what may happen to it.
"""

from __future__ import annotations

from sim.scenario.load import Scenario, as_scenario, load_scenario, load_varied, scenario_folder

__all__ = ["Scenario", "as_scenario", "load_scenario", "load_varied", "scenario_folder"]
