"""Open-loop control: plan once a day, then follow the plan whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from controllers.rolling.rolling import Rolling, RollingPlanning
from sim.control import Capabilities, Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadPlanning(RollingPlanning):
    """As `RollingPlanning`; by default routes and powers are chosen once a day."""

    routes: Literal["parked", "day_ahead", "rolling"] = "day_ahead"
    dispatch: Literal["day_ahead", "rolling"] = "day_ahead"


class DayAhead(Rolling):
    """Schedules the look-ahead at the first decision and follows it open loop.

    Where an episode is longer than a day (or than the look-ahead), it plans again when a day (or
    the look-ahead) has passed.
    """

    Parameters: ClassVar[type[RollingPlanning]] = DayAheadPlanning
    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        orders_evs=True,
        rung=Rung(above="stationary", adds="driving, but all is planned once a day only"),
    )
