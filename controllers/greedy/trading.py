"""When to buy and when to sell, from a row of prices, without a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sim.system.battery import Battery


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What to do now.

    Attributes
    ----------
    sign
        1 to discharge, -1 to charge; means nothing where `energy_mwh` is 0.
    energy_mwh
        Stored energy to exchange [MWh].
    profit_usd_per_mwh
        What its other half, at the best later hour, leaves [USD/MWh inside the battery].
    """

    sign: int
    energy_mwh: float
    profit_usd_per_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPrice:
    """What stored energy is worth at the end.

    Attributes
    ----------
    target_mwh
        Energy aimed at [MWh].
    missing_usd_per_mwh, surplus_usd_per_mwh
        Price of energy below and above the target [USD/MWh inside the battery].
    """

    target_mwh: float
    missing_usd_per_mwh: float
    surplus_usd_per_mwh: float


# A trade of less is rounding [MWh].
_LEAST_MWH = 1e-9

_NOTHING = Trade(sign=1, energy_mwh=0.0, profit_usd_per_mwh=0.0)


class Quote(NamedTuple):
    """What trading in one direction gains in each period, and what undoing it costs.

    Lists by period [USD/MWh inside the battery]; a gain of buying is the negative price.
    """

    gain: list[float]
    cost: list[float]


def quotes(battery: Battery, prices: list[float]) -> tuple[Quote, Quote]:
    """Return what charging and what discharging gain at these prices [USD/MWh]."""
    wear = battery.wear_usd_per_mwh
    charging = wear + battery.charging_usd_per_mwh
    bought = [(price + charging) / battery.efficiency_charge for price in prices]
    sold = [(price - wear) * battery.efficiency_discharge for price in prices]
    return Quote([-usd for usd in bought], [-usd for usd in sold]), Quote(sold, bought)


def best_trade(
    battery: Battery,
    energy_mwh: float,
    quoted: tuple[Quote, Quote],
    end: EndPrice,
    least_profit: float,
    period_h: float,
) -> Trade:
    """Return the trade to make now.

    Charge if a later hour sells at a profit and fewer hours before it are cheaper than it takes
    to fill; discharge if a later hour buys back at a profit and fewer hours before it are dearer
    than it takes to empty. The end is one more hour: energy is worth one price there up to the
    target and a lower one above it. A battery trades in full where that pays, else up to its
    target.

    Parameters
    ----------
    battery
        The battery.
    energy_mwh
        Stored energy [MWh].
    quoted
        What trading gains from now on; see `quotes`.
    end
        What stored energy is worth at the end.
    least_profit
        Profit below which nothing is traded [USD/MWh inside the battery].
    period_h
        Length of a period [h].
    """
    charge, discharge = quoted
    target_mwh = min(max(end.target_mwh, battery.energy_min_mwh), battery.energy_max_mwh)
    hourly_mwh = battery.p_charge_max_mw * battery.efficiency_charge * period_h
    for goal, worth in (
        (battery.energy_max_mwh, end.surplus_usd_per_mwh),
        (target_mwh, end.missing_usd_per_mwh),
    ):
        room = goal - energy_mwh
        if room > _LEAST_MWH:
            hours = room / hourly_mwh
            profit = _profit([*charge.gain, -worth], [*charge.cost, -worth], hours, least_profit)
            if profit is not None:
                return Trade(sign=-1, energy_mwh=room, profit_usd_per_mwh=profit)
    hourly_mwh = battery.p_discharge_max_mw / battery.efficiency_discharge * period_h
    for goal, worth in (
        (battery.energy_min_mwh, end.missing_usd_per_mwh),
        (target_mwh, end.surplus_usd_per_mwh),
    ):
        held = energy_mwh - goal
        if held > _LEAST_MWH:
            hours = held / hourly_mwh
            gain, cost = [*discharge.gain, worth], [*discharge.cost, worth]
            profit = _profit(gain, cost, hours, least_profit)
            if profit is not None:
                return Trade(sign=1, energy_mwh=held, profit_usd_per_mwh=profit)
    return _NOTHING


def _profit(
    gain: list[float], cost: list[float], hours: float, least_profit: float
) -> float | None:
    """Return the best profit of gaining now and paying back later, None if it is not the time.

    Parameters
    ----------
    gain
        What the trade gains if made now or later, by period.
    cost
        What undoing it costs, by period.
    hours
        Periods it takes to exchange the energy.
    least_profit
        Profit from which on a later period counts.
    """
    now, better = gain[0], 0
    for later in range(1, len(gain)):
        if now - cost[later] >= least_profit:
            return now - min(cost[later:])
        if gain[later] > now:
            better += 1
            if better >= hours:
                return None
    return None
