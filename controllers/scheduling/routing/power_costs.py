"""Stage costs of one vehicle's dynamic programme: what each of its powers costs the grid.

The powers of the other vehicles are given; reactive power and curtailment follow by
`coordinate_descent`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from controllers.scheduling.grid.network import Network
from controllers.scheduling.routing.coordinate_descent import (
    Curtailment,
    ImportChange,
    LimitState,
    Price,
    best_curtailment,
    best_step,
    energy_and_violations_usd,
)
from sim.units import BoolArray, FloatArray, IntArray

# Passes over the coordinates; the tables only guide a search whose result is dispatched exactly.
_PASSES = 2


class VehiclePower(NamedTuple):
    """Powers of one vehicle.

    Attributes
    ----------
    levels_mw
        Powers to choose from, positive injecting, ascending, ``(level,)`` [MW].
    s_mva
        Apparent power of its inverter [MVA].
    charge_usd, discharge_usd
        Wear per MW and period [USD/MW].
    """

    levels_mw: FloatArray
    s_mva: float
    charge_usd: float
    discharge_usd: float


class Injections(NamedTuple):
    """Injections of the other vehicles, both ``(period, station)`` [MW, Mvar]."""

    p_mw: FloatArray
    q_mvar: FloatArray


class PeriodPrices(NamedTuple):
    """Prices of a MW over one period.

    Attributes
    ----------
    bought_usd, sold_usd
        Of import and export, ``(period,)`` [USD/MW].
    curtailed_usd
        Of curtailment [USD/MW].
    curtailable
        Where curtailment can pay, ``(period, generator)``.
    """

    bought_usd: FloatArray
    sold_usd: FloatArray
    curtailed_usd: float
    curtailable: BoolArray


class NetworkArrays(NamedTuple):
    """The fields of `Network` that the tables depend on, with its units, of one area.

    `import_mw` is ``(period,)``; sites, generators and rows are those of the area.
    """

    import_mw: FloatArray
    import_p: FloatArray
    import_q: FloatArray
    import_c: FloatArray
    loss: FloatArray
    live: BoolArray
    row_start: IntArray
    row_limit: IntArray
    row_base: FloatArray
    row_p: FloatArray
    row_q: FloatArray
    row_c: FloatArray
    row_usd: FloatArray
    available_mw: FloatArray

    @classmethod
    def of(cls, network: Network, area: int) -> NetworkArrays:
        """Return the arrays of an area in one memory layout, so that one compilation serves."""
        site, plant = network.site_area == area, network.generator_area == area
        row = network.row_area == area
        n_rows = np.bincount(network.row_period[row], minlength=len(network.import_mw))
        own: tuple[Any, ...] = cls(
            import_mw=network.import_mw[:, area],
            import_p=network.import_p[:, site],
            import_q=network.import_q[:, site],
            import_c=network.import_c[:, plant],
            loss=network.loss[:, site][:, :, site],
            live=network.live[site],
            row_start=np.concatenate([[0], np.cumsum(n_rows)]),
            row_limit=network.row_limit[row],
            row_base=network.row_base[row],
            row_p=network.row_p[row][:, site],
            row_q=network.row_q[row][:, site],
            row_c=network.row_c[row][:, plant],
            row_usd=network.row_usd[row],
            available_mw=network.available_mw[:, plant],
        )
        return cls(*(np.ascontiguousarray(array) for array in own))


class _Period(NamedTuple):
    """One period with the injections of the other vehicles.

    Attributes
    ----------
    import_mw
        Import [MW].
    slope_p, slope_q
        Half of what losses add to the slope of the import, ``(station,)`` [MW/MW, MW/Mvar].
    row
        Where the rows stand, ``(row,)`` [pu or %].
    import_p, import_q, loss, row_p, row_q
        This period's part of `Network`.
    """

    import_mw: float
    slope_p: FloatArray
    slope_q: FloatArray
    row: FloatArray
    import_p: FloatArray
    import_q: FloatArray
    loss: FloatArray
    row_p: FloatArray
    row_q: FloatArray


@njit(cache=True)
def _period_of(t: int, others: Injections, network: NetworkArrays) -> _Period:
    """Return a period with the injections of the other vehicles."""
    first, last = network.row_start[t], network.row_start[t + 1]
    loss, import_p, import_q = network.loss[t], network.import_p[t], network.import_q[t]
    row_p, row_q = network.row_p[first:last], network.row_q[first:last]
    p_mw, q_mvar = others.p_mw[t], others.q_mvar[t]
    import_mw = network.import_mw[t]
    slope_p, slope_q = loss @ p_mw, loss @ q_mvar
    row = network.row_base[first:last].copy()
    for i in range(len(p_mw)):
        import_mw += (import_p[i] + slope_p[i]) * p_mw[i]
        import_mw += (import_q[i] + slope_q[i]) * q_mvar[i]
        if p_mw[i] != 0.0 or q_mvar[i] != 0.0:
            for r in range(len(row)):
                row[r] += row_p[r, i] * p_mw[i]
                row[r] += row_q[r, i] * q_mvar[i]
    return _Period(import_mw, slope_p, slope_q, row, import_p, import_q, loss, row_p, row_q)


@njit(cache=True)
def _rise_by_curtailment(curtailment: Curtailment) -> FloatArray:
    """Return by how much curtailment can raise the period's rows, ``(row,)`` [pu or %]."""
    row_c = curtailment.row_c
    n_rows, n_generators = row_c.shape
    rise = np.zeros(n_rows)
    for r in range(n_rows):
        for g in range(n_generators):
            if curtailment.curtailable[g]:
                rise[r] += max(row_c[r, g], 0.0) * curtailment.available_mw[g]
    return rise


@njit(cache=True)
def _select_rows(
    s: int, s_mva: float, rise: FloatArray, period: _Period, position: IntArray
) -> int:
    """Write the rows that this vehicle at station `s` or curtailment can violate to `position`.

    Station ``len(import_p)`` stands for no station. Returns how many rows there are.
    """
    n_stations = len(period.import_p)
    n = 0
    for r in range(len(rise)):
        need = -period.row[r] - rise[r]
        counts = need < 0
        if not counts and s < n_stations:
            by_p, by_q = period.row_p[r, s] * s_mva, period.row_q[r, s] * s_mva
            counts = by_p * by_p + by_q * by_q > need * need
        if counts:
            position[n] = r
            n += 1
    return n


@njit(cache=True)
def _station_costs(
    s: int,
    vehicle: VehiclePower,
    price: Price,
    period: _Period,
    curtailment: Curtailment,
    rows: LimitState,
    cost: FloatArray,
    reactive: FloatArray,
) -> None:
    """Set the cost of each power at one station and its best reactive power, ``(level,)``.

    Station ``len(import_p)`` stands for no station; there only the first level is set.
    """
    connected = s < len(period.import_p)
    value, slope_of_row, curtailed_mw = rows.value, rows.slope, curtailment.curtailed_mw
    for n in range(len(vehicle.levels_mw) if connected else 1):
        import_mw, room_mvar, usd = period.import_mw, 0.0, 0.0
        for r in range(len(value)):
            value[r] = period.row[rows.position[r]]
        if connected:
            p = vehicle.levels_mw[n]
            room_mvar = np.sqrt(max(vehicle.s_mva * vehicle.s_mva - p * p, 0.0))
            import_mw += (period.import_p[s] + 2 * period.slope_p[s] + period.loss[s, s] * p) * p
            for r in range(len(value)):
                value[r] += period.row_p[rows.position[r], s] * p
            usd = vehicle.discharge_usd * p if p > 0 else -vehicle.charge_usd * p
        q = 0.0
        curtailed_mw[:] = 0.0
        for _ in range(_PASSES):
            if room_mvar > 0:
                for r in range(len(value)):
                    slope_of_row[r] = period.row_q[rows.position[r], s]
                curvature = period.loss[s, s]
                slope = period.import_q[s] + 2 * period.slope_q[s] + 2 * curvature * q
                change = ImportChange(import_mw, slope, curvature)
                step = best_step(-room_mvar - q, room_mvar - q, 0.0, change, price, rows)
                q += step
                import_mw += (slope + curvature * step) * step
                for r in range(len(value)):
                    value[r] += slope_of_row[r] * step
            moved, import_mw = best_curtailment(import_mw, price, curtailment, rows)
            if not moved:
                break
        for g in range(len(curtailed_mw)):
            usd += curtailment.curtailed_usd * curtailed_mw[g]
        cost[n] = usd + energy_and_violations_usd(import_mw, price, rows)
        reactive[n] = q


@njit(cache=True)
def power_costs(
    vehicle: VehiclePower, others: Injections, prices: PeriodPrices, network: NetworkArrays
) -> tuple[FloatArray, FloatArray]:
    """Return cost and best reactive power of each power level.

    Reactive power and curtailment are chosen by coordinate descent, which is exact where no
    limit is violated and an upper bound where several coordinates would have to move at once.

    Parameters
    ----------
    vehicle
        Powers to choose from and what they wear.
    others
        Injections of the other vehicles.
    prices
        What energy and curtailment cost.
    network
        How the grid responds.

    Returns
    -------
    tuple
        Cost ``(period, station + 1, level)`` [USD] and reactive power of the same shape [Mvar].
        The last station stands for a vehicle that is not connected; only its first level is filled.
    """
    n_periods, n_stations = network.import_p.shape
    n_levels = len(vehicle.levels_mw)
    cost = np.zeros((n_periods, n_stations + 1, n_levels))
    reactive = np.zeros((n_periods, n_stations + 1, n_levels))
    curtailed_mw = np.zeros(network.available_mw.shape[1])
    counts = network.row_start[1:] - network.row_start[:-1]
    most = int(counts.max()) if n_periods else 0
    position, violated = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    limit = np.empty(most, dtype=np.int64)
    value, slope, usd = np.empty(most), np.empty(most), np.empty(most)
    for t in range(n_periods):
        first, last = network.row_start[t], network.row_start[t + 1]
        period = _period_of(t, others, network)
        price = Price(prices.bought_usd[t], prices.sold_usd[t])
        curtailment = Curtailment(
            curtailed_mw,
            network.available_mw[t],
            network.import_c[t],
            network.row_c[first:last],
            prices.curtailable[t],
            prices.curtailed_usd,
            violated,
        )
        rise = _rise_by_curtailment(curtailment)
        for s in range(n_stations + 1):
            if s < n_stations and not network.live[s]:
                cost[t, s, :] = np.inf
                continue
            n = _select_rows(s, vehicle.s_mva, rise, period, position)
            for r in range(n):
                usd[r] = network.row_usd[first + position[r]]
                limit[r] = network.row_limit[first + position[r]]
            rows = LimitState(position[:n], value[:n], slope[:n], usd[:n], limit[:n])
            _station_costs(s, vehicle, price, period, curtailment, rows, cost[t, s], reactive[t, s])
        for s in range(n_stations):
            if not network.live[s]:
                # No power can flow there; rest costs what it costs on the road.
                for level in range(n_levels):
                    if vehicle.levels_mw[level] == 0.0:
                        cost[t, s, level] = cost[t, n_stations, 0]
    return cost, reactive
