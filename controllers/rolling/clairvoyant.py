"""Rolling horizon with perfect information: a reference for the others."""

from __future__ import annotations

from controllers.rolling.rolling import Rolling
from sim.control import Capabilities, Contrast, Rung


class Clairvoyant(Rolling):
    """Schedules with exact forecasts of loads, sun, wind, cars and driving times.

    Its cost is a reference, not a bound: the models are linear, the search is a heuristic, and
    periods have only a mean and a ripple inside them.
    """

    capabilities = Capabilities(
        requires=frozenset({"roads"}),
        orders_evs=True,
        clairvoyant=True,
        contrasts=(
            Contrast(
                name="value of information",
                without="rolling",
                meaning="the same model, fed with what will happen",
            ),
        ),
        rung=Rung(above="rolling", adds="exact forecasts"),
    )
