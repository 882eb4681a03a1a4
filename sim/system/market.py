"""The rules by which a market is cleared."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What is asked of a clearing beside balance and limits.

    Attributes
    ----------
    emission_cap_lb_per_day
        Largest emission of all units in a day [lb]; infinite for none.
    """

    emission_cap_lb_per_day: float = math.inf

    def __post_init__(self) -> None:
        if not self.emission_cap_lb_per_day >= 0:
            raise ValueError(
                f"emission_cap_lb_per_day(={self.emission_cap_lb_per_day}) must be >= 0."
            )
