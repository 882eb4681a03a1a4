"""When to buy and when to sell, from a row of prices, without a network."""

from __future__ import annotations

from dataclasses import dataclass

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


_NOTHING = Trade(sign=1, energy_mwh=0.0, profit_usd_per_mwh=0.0)


def best_trade(
    battery: Battery,
    energy_mwh: float,
    prices: list[float],
    stored_usd_per_mwh: float,
    least_profit: float,
    period_h: float,
) -> Trade:
    """Return the trade to make now.

    Charge if a later hour sells at a profit and fewer hours before it are cheaper than it takes
    to fill; discharge if a later hour buys back at a profit and fewer hours before it are dearer
    than it takes to empty. The price of stored energy at the end is one more hour at which both
    can be done.

    Parameters
    ----------
    battery
        The battery.
    energy_mwh
        Stored energy [MWh].
    prices
        Prices from now on, one per period [USD/MWh].
    stored_usd_per_mwh
        Price of stored energy at the end [USD/MWh inside the battery].
    least_profit
        Profit below which nothing is traded [USD/MWh inside the battery].
    period_h
        Length of a period [h].
    """
    wear = battery.wear_usd_per_mwh
    charging = wear + battery.charging_usd_per_mwh
    bought = [(price + charging) / battery.efficiency_charge for price in prices]
    sold = [(price - wear) * battery.efficiency_discharge for price in prices]
    bought.append(stored_usd_per_mwh)
    sold.append(stored_usd_per_mwh)
    room = battery.energy_max_mwh - energy_mwh
    held = energy_mwh - battery.energy_min_mwh
    if room > 0:
        hours = room / (battery.p_charge_max_mw * battery.efficiency_charge * period_h)
        profit = _profit([-usd for usd in bought], [-usd for usd in sold], hours, least_profit)
        if profit is not None:
            return Trade(sign=-1, energy_mwh=room, profit_usd_per_mwh=profit)
    if held > 0:
        hours = held * battery.efficiency_discharge / (battery.p_discharge_max_mw * period_h)
        profit = _profit(sold, bought, hours, least_profit)
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
