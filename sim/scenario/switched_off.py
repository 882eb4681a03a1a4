"""What a scenario leaves at a default that switches something off."""

from __future__ import annotations

import numpy as np

from sim.scenario.load import Scenario


def switched_off(scenario: Scenario) -> tuple[str, ...]:
    """Return a sentence for each part of a scenario that is off and that comparisons live by.

    Parameters
    ----------
    scenario
        See `load_scenario`.
    """
    system, uncertainty = scenario.system, scenario.uncertainty
    weights, traffic = system.penalties, uncertainty.traffic
    found = []
    if weights.voltage_usd_per_pu_h == 0 and weights.loading_usd_per_percent_h == 0:
        found.append("violated limits cost nothing ([penalties]): only money counts")
    elif weights.voltage_usd_per_pu_h == 0:
        found.append("violated voltages cost nothing ([penalties] voltage_usd_per_pu_h)")
    elif weights.loading_usd_per_percent_h == 0:
        found.append("overloads cost nothing ([penalties] loading_usd_per_percent_h)")
    empty = not (np.any(traffic.demand) or np.any(uncertainty.delays.mean_h))
    if system.trucks and empty:
        found.append("roads are empty and drives take no longer than planned ([traffic])")
    kinds = dict.fromkeys(uncertainty.record.kind)
    perfect = [kind for kind in kinds if uncertainty.skill[kind].far == 0]
    if perfect:
        which = " and ".join(perfect) + (" is" if len(perfect) == 1 else " are")
        found.append(
            f"{which} forecast perfectly: no [forecast.{perfect[0]}], or uncertainty is off"
        )
    return tuple(found)
