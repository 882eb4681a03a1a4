"""Stormy days, and a controller that orders constant power."""

from __future__ import annotations

STORM = {
    "traffic.intensity": 1.5,
    "incidents.per_day": 100.0,
    "breakdowns.per_1000_km": 100.0,
    "outages.per_line_year": 40.0,
}

CALLED = {"replan_on": ("arrival", "delay", "outage")}

CONSTANT = """
import numpy as np
from gridhaul import Capabilities, FleetPlan, Plan


class Constant:
    capabilities = Capabilities(replan_on=frozenset({"outage"}))

    def start(self, system, rng):
        self.p_mw = np.full((1, len(system.vehicles)), 0.1)

    def decide(self, observation):
        late = observation.period >= 5
        return Plan(fleet=FleetPlan(p_mw=self.p_mw * (POWER if late else 1.0)))
"""
