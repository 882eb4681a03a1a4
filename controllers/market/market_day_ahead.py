"""The market without redispatch: what was cleared day-ahead stays in force for the whole day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from controllers.market.market import Market, MarketParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class DayAheadMarketParameters(MarketParameters):
    """How the market is cleared once a day; see `MarketParameters`."""

    redispatch: bool = False


class DayAheadMarket(Market):
    """Clears once a day."""

    Parameters: ClassVar[type[MarketParameters]] = DayAheadMarketParameters
