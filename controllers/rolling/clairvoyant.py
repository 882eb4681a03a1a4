"""Rolling horizon with perfect information: a reference for the others."""

from __future__ import annotations

from controllers.rolling.rolling import Rolling


class Clairvoyant(Rolling):
    """Schedules with exact forecasts of loads, sun, wind, cars and driving times.

    Its cost is a reference, not a bound: the models are linear, the search is a heuristic, and
    periods have only a mean and a ripple inside them.
    """

    clairvoyant = True
