"""What the owner knows of the operators: demand at each price level, by area, period and origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from controllers.shared_rental.case import Case
from controllers.shared_rental.demand import UseCost, use_cost
from controllers.shared_rental.offers import CHARGE, DISCHARGE
from sim.units import FloatArray

UseCosts: TypeAlias = dict[tuple[int, int, int], UseCost]
"""By area, period and direction."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketView:
    """Demand of the operators.

    Origins say what the energy in a battery has cost: prices of import where it may have been
    charged, and what it had cost at the beginning.

    Attributes
    ----------
    levels
        Prices of rent, ascending [USD/MWh].
    origin_usd_per_mwh
        What energy of each origin has cost inside a battery, ``(origin,)`` [USD/MWh]; the last is
        that of the beginning.
    origin
        Origin of what is charged, ``(period, area)``; -1 where nothing can be charged.
    costs
        By area, period and direction.
    charge_mw
        Demand at each level, ``(area, period, level)`` [MW].
    discharge_mw
        Demand at each level for energy of each origin, ``(area, period, origin, level)`` [MW].
    """

    levels: FloatArray
    origin_usd_per_mwh: FloatArray
    origin: np.ndarray
    costs: UseCosts
    charge_mw: FloatArray
    discharge_mw: FloatArray


def use_costs(case: Case, *, responds: bool) -> UseCosts:
    """Return costs of use by area, period and direction."""
    return {
        (area, t, direction): use_cost(case, operator, t, direction, responds=responds)
        for area, operator in enumerate(case.operators)
        if operator is not None
        for t in range(case.n_periods)
        for direction in (CHARGE, DISCHARGE)
    }


def market_view(case: Case, levels: FloatArray, *costs: UseCosts) -> MarketView:
    """Return what operators demand at price levels.

    Parameters
    ----------
    case
        The case.
    levels
        Ascending [USD/MWh].
    costs
        Of use with a response, without one, or both: the owner may withhold the response, and who
        cannot respond may need more. Demand is the largest of them.
    """
    n, n_areas, hours = case.n_periods, len(case.operators), case.period_h
    stored = 1 / float(case.batteries.efficiency_charge.max())
    price = np.full((n, n_areas), np.nan)
    for area, operator in enumerate(case.operators):
        if operator is not None:
            price[:, area] = operator.import_usd_per_mwh
    paid = np.unique(price[np.isfinite(price)])
    origins = np.append(paid * stored, case.stored_usd_per_mwh)
    charge = np.zeros((n_areas, n, len(levels)))
    discharge = np.zeros((n_areas, n, len(origins), len(levels)))
    out = float(case.batteries.efficiency_discharge.max())
    for area, t, direction in costs[0]:
        kinds = [own[area, t, direction] for own in costs]
        for i, level in enumerate(levels.tolist()):
            if direction == CHARGE:
                charge[area, t, i] = _most(kinds, level - price[t, area], hours)
                continue
            for o, usd in enumerate(origins.tolist()):
                discharge[area, t, o, i] = _most(kinds, level + usd / out, hours)
    origin = np.searchsorted(paid, np.where(np.isfinite(price), price, paid[0]))
    return MarketView(
        levels=levels,
        origin_usd_per_mwh=origins,
        origin=np.where(np.isfinite(price), origin, -1),
        costs=costs[0],
        charge_mw=charge,
        discharge_mw=discharge,
    )


def _most(costs: Sequence[UseCost], usd_per_mwh: float, hours: float) -> float:
    return max(cost.demand_mw(usd_per_mwh, hours) for cost in costs)


def useful_levels(demand_mw: FloatArray, levels: FloatArray) -> list[int]:
    """Return the levels at which something is earned that a higher one does not earn as well.

    Parameters
    ----------
    demand_mw
        ``(..., level)``, not rising with the level.
    levels
        Ascending.
    """
    flat = demand_mw.reshape(-1, len(levels))
    kept = []
    for i in range(len(levels)):
        if flat[:, i].max(initial=0.0) <= 1e-6:
            continue
        if i + 1 < len(levels) and (flat[:, i] <= flat[:, i + 1] + 1e-9).all():
            continue
        kept.append(i)
    return kept
