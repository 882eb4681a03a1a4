"""Whatever a controller follows from an observation, it meets nothing of the day to come."""

from __future__ import annotations

import gc
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np
import pytest
import simpy

from sim.control import Observation, Plan
from sim.scenario import load_scenario
from sim.uncertainty.calibrated import CalibratedForecaster
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.realisation import Nature, Realisation
from sim.world.world import World
from tests.world.build import Scripted, ScriptedWorld

HIDDEN = (World, Realisation, RoadConditions, CalibratedForecaster, simpy.Environment)
ELSEWHERE = (type, ModuleType, FunctionType, BuiltinFunctionType)


def reached(*starts: object) -> dict[int, object]:
    """Return all objects that attributes, items and bases of arrays lead to, by identity."""
    found: dict[int, object] = {}
    left = list(starts)
    while left:
        each = left.pop()
        if id(each) in found or isinstance(each, ELSEWHERE):
            continue
        found[id(each)] = each
        left += gc.get_referents(each)
        if isinstance(each, np.ndarray) and each.base is not None:
            left.append(each.base)
    return found


@pytest.mark.parametrize("incidents", [0, 40])
def test_no_observation_leads_to_the_world_or_to_the_realisation(incidents: int) -> None:
    """Neither before a forecast is read nor after; what is hidden can be found by this search."""
    scenario = load_scenario("ieee33", {"incidents.per_day": incidents, "timing.horizon_h": 6})
    nature = Nature.build(scenario.system, scenario.uncertainty)
    day = nature.draw(scenario.seed, 0)
    forecaster = CalibratedForecaster.build(nature, day)
    told = reached(nature, forecaster.laws, forecaster.together)
    hidden = {
        key: each
        for key, each in reached(day, forecaster).items()
        if isinstance(each, np.ndarray | bytes) and key not in told
    }
    assert {id(day.profile), id(forecaster.score_mean)} <= hidden.keys()
    own = Scripted(Plan())
    world = ScriptedWorld(scenario.system, day, forecaster, own)
    world.run()
    assert any(isinstance(each, Realisation) for each in reached(world).values())

    def check(observation: Observation) -> None:
        for key, each in reached(observation).items():
            assert not isinstance(each, HIDDEN), type(each)
            assert key not in hidden, each

    for observation in own.seen[::6]:
        check(observation)
        for name in type(observation.forecast).__slots__:
            getattr(observation.forecast, name)
        observation.forecast.travel.everywhere()
        check(observation)
