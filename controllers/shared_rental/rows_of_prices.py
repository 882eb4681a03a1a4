"""What operators accept, as rows of the owner's model; or what they pay, where one decides for all.

`served` holds, for each area and period, the variables of power: charged, and discharged by origin.
"""

from __future__ import annotations

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.shared_rental.case import Case
from controllers.shared_rental.market_view import MarketView, useful_levels
from controllers.shared_rental.offers import CHARGE, DISCHARGE

Served = dict[tuple[int, int], tuple[list[int], list[list[int]]]]


def add_prices(
    model: Assembly, case: Case, view: MarketView, served: Served
) -> dict[tuple[int, int, int, int], int]:
    """Add price levels, and rent at the level chosen for what is used within the demand there."""
    chosen: dict[tuple[int, int, int, int], int] = {}
    for (area, t), (charged, discharged) in served.items():
        demands = {
            CHARGE: (view.charge_mw[area, t][None], np.array(charged)[:, None]),
            DISCHARGE: (view.discharge_mw[area, t], np.array(discharged)),
        }
        one_of = model.rows(1, upper=1.0)
        for direction, (demand, used) in demands.items():
            kept = useful_levels(demand, view.levels)
            origins = [o for o in range(used.shape[1]) if demand[o].max() > 1e-6]
            total = model.rows(used.shape[1], lower=0.0, upper=0.0)
            model.entries(total[None, :], used, -1.0)
            for i in kept:
                (z,) = model.variables(1, upper=1.0, integer=True)
                usd = -float(view.levels[i]) * case.period_h
                part = model.variables(len(origins), cost=usd)
                model.entries(total[origins], part, 1.0)
                # Energy of each origin is sold only at a price that it is worth.
                most = np.append(demand[origins, i], demand[:, i].max())
                rows = model.rows(len(most), upper=0.0)
                model.entries(rows[:-1], part, 1.0)
                model.entries(rows[-1], part, 1.0)
                model.entries(rows, np.array([z]), -most)
                model.entries(one_of, np.array([z]), 1.0)
                chosen[area, t, direction, i] = int(z)
    return chosen


def add_costs(model: Assembly, view: MarketView, served: Served) -> None:
    """Add what operators pay beyond a day without trucks, exactly."""
    for (area, t), (charged, discharged) in served.items():
        for direction, used in (
            (CHARGE, charged),
            (DISCHARGE, [v for own in discharged for v in own]),
        ):
            cost = view.costs[area, t, direction]
            (extra,) = model.variables(1, lower=-np.inf, cost=1.0)
            slope = cost.slope_usd_per_mw
            rows = model.rows(
                len(slope), lower=cost.usd[:-1] - cost.usd[0] - slope * cost.power_mw[:-1]
            )
            model.entries(rows, np.array([extra]), 1.0)
            model.entries(rows[:, None], np.array(used)[None, :], -slope[:, None])
