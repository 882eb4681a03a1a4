"""Law 3 from the controller's side: it orders nothing that a battery it sees cannot do.

The guard would withhold such orders and count them as ``clipped_mwh``; here it is taken away, and
the world refuses by itself.
"""

from __future__ import annotations

import numpy as np

from sim.control import Plan
from sim.episode.episode import Episode
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.witness import Diary
from sim.scenario import Scenario

BEYOND_RATING = "beyond the rating"


def law_limits(scenario: Scenario, episode: Episode, diary: Diary) -> None:
    """No order of an episode without guard is refused.

    An order beyond the rating of an inverter counts always. That a battery is full or empty counts
    where the controller decided in that very period, and so could see it: what a plan of the
    morning misses because a truck was late is nobody's fault.

    Raises
    ------
    Broken
        With the first order that counts.
    """
    period_h = scenario.system.timing.period_h
    decided = {
        seen.period
        for seen, plan in zip(diary.observations, diary.plans, strict=False)
        if isinstance(plan, Plan) and plan.fleet and plan.fleet.p_mw is not None
    }
    refused = episode.events[episode.events["event"] == "refused"]
    rating = refused["detail"].str.contains(BEYOND_RATING, regex=False).to_numpy(dtype=bool)
    # A battery that fills up as a period ends was charged in it.
    period = np.ceil(refused["time_h"].to_numpy() / period_h - 1e-9).astype(int) - 1
    seen_then = np.isin(period.clip(0), sorted(decided))
    count = rating | seen_then
    if not count.any():
        return
    first = refused[count].iloc[0]
    raise Broken(
        f"limits: {episode.controller} on {scenario.name} orders what {first['vehicle']} cannot do "
        f"at {first['time_h']:g} h: {first['detail']}; {int(count.sum())} orders are refused "
        "without the guard",
        period=int(first["time_h"] // period_h),
    )
