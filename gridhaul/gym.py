"""Gymnasium environments: ``gymnasium.make("gridhaul.gym:gridhaul/ieee33-v0")``.

Importing this registers one for each installed scenario. Needs the extra ``gridhaul[gym]``.
"""

from __future__ import annotations

import gymnasium

from sim.adapters.learning.environment import GridhaulEnvironment
from sim.adapters.learning.make import ENTRY_POINT, name_of
from sim.plugins import SCENARIOS, registered

__all__ = ("GridhaulEnvironment",)

for _point in registered(SCENARIOS):
    gymnasium.register(
        id=name_of(_point.name), entry_point=ENTRY_POINT, kwargs={"scenario": _point.name}
    )
