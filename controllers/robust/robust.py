"""Multi-stage robust control in a rolling horizon.

After Lu, Xu, Yan, Shahidehpour, "Multi-stage robust optimization of routing and scheduling of
mobile energy storage in coupled transportation and power distribution networks", IEEE Trans.
Transportation Electrification 8(2), 2022, of which the abstract is public. At every decision the
set is conditioned on what was metered, the engine proposes routes and values the end of the
horizon, and a robust model sets the powers.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from controllers.robust.parameters import RobustPlanning
from controllers.robust.settling import Settler
from controllers.rolling.planner import Planned
from controllers.rolling.rolling import Rolling, RollingPlanning
from sim.control import Capabilities, Contrast, Observation, Rung
from sim.system.system import System


class Robust(Rolling):
    """Keeps limits on every path of a set, not only on the expected one.

    Engine, forecasts and the carrying on of plans are those of `Rolling`; routes and powers of the
    next hours are those of the robust model. With ``dispatch="day_ahead"`` it plans once a day,
    open loop.
    """

    Parameters: ClassVar[type[RollingPlanning]] = RobustPlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        one_area=True,
        contrasts=(
            Contrast(
                name="value of robustness",
                without="rolling",
                meaning="the same engine and forecasts; limits hold on a set of paths, not with "
                "a margin",
            ),
        ),
        rung=Rung(above="rolling", adds="limits that hold on every path of a set, decision rules"),
    )

    def __init__(self, parameters: RobustPlanning | None = None) -> None:
        self._settings = parameters or RobustPlanning()
        super().__init__(self._settings)

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models; samples of forecasts are drawn from `rng`."""
        super().start(system, rng)
        self._settler = Settler(system, self._settings, rng)

    def _settled(self, observation: Observation, found: Planned) -> Planned:
        return self._settler(observation, found)
