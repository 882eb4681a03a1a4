"""The rules by which a market is cleared."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class MarketUncertainty(enum.StrEnum):
    """What a day-ahead clearing arms itself against.

    Attributes
    ----------
    NONE
        Nothing: forecasts come true.
    STOCHASTIC
        Errors of the load forecast: expected welfare over scenarios.
    INFO_GAP
        Wind that falls short of its forecast, by as much as the welfare given up allows.
    BOTH
        Both: expected welfare over scenarios of the load, wind that falls short.
    """

    NONE = "none"
    STOCHASTIC = "stochastic"
    INFO_GAP = "info_gap"
    BOTH = "both"

    @property
    def in_load(self) -> bool:
        """Whether scenarios of the load are drawn."""
        return self in (MarketUncertainty.STOCHASTIC, MarketUncertainty.BOTH)

    @property
    def in_wind(self) -> bool:
        """Whether wind may fall short."""
        return self in (MarketUncertainty.INFO_GAP, MarketUncertainty.BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What is asked of a clearing beside balance and limits.

    Attributes
    ----------
    uncertainty
        What it arms itself against.
    info_gap_beta
        Share of the welfare without shortfall that may be given up against it [-].
    emission_cap_lb_per_day
        Largest emission of all units in a day [lb]; infinite for none.
    """

    uncertainty: MarketUncertainty = MarketUncertainty.NONE
    info_gap_beta: float = 0.01
    emission_cap_lb_per_day: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.info_gap_beta <= 1:
            raise ValueError(f"info_gap_beta(={self.info_gap_beta}) must lie in [0, 1].")
        if not self.emission_cap_lb_per_day >= 0:
            raise ValueError(
                f"emission_cap_lb_per_day(={self.emission_cap_lb_per_day}) must be >= 0."
            )
