"""Cyclic coordinate descent over reactive power and curtailment, for every power of one vehicle.

The tables say what each power costs the grid while the powers of the other vehicles are given.
They are the stage costs of the dynamic programme of `itinerary`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from controllers.scheduling.grid.network import Network
from sim.units import BoolArray, FloatArray, IntArray

# Halvings of the interval in which a coordinate's best value is sought.
_HALVINGS = 10
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
    """The fields of `Network` that the tables depend on, with its shapes and units."""

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
    def of(cls, network: Network) -> NetworkArrays:
        """Return the arrays of a network in one memory layout, so that one compilation serves."""
        return cls(*(np.ascontiguousarray(getattr(network, name)) for name in cls._fields))


class _Rows(NamedTuple):
    """The limits' rows that count at one station in one period, arrays ``(row,)``.

    Attributes
    ----------
    position
        Position of the row among those of the period.
    start, value
        Where the row stands without the vehicle, and now, positive where violated [pu or %].
    usd
        What a unit of violation costs [USD].
    limit
        The limit it belongs to; rows of one limit are neighbours.
    slope
        How fast it rises along the coordinate that is moved [pu or % per MW or Mvar].
    violated
        The highest row of each violated limit, as far as there are any.
    """

    position: IntArray
    start: FloatArray
    value: FloatArray
    usd: FloatArray
    limit: IntArray
    slope: FloatArray
    violated: IntArray


class _Period(NamedTuple):
    """One period with the injections of the other vehicles.

    Attributes
    ----------
    import_mw
        Import [MW].
    slope_p, slope_q
        Half of what losses add to the slope of the import, ``(station,)`` [MW/MW, MW/Mvar].
    import_p, import_q, import_c, loss, row_p, row_q, row_c, available_mw
        This period's part of `Network`.
    bought_usd, sold_usd, curtailed_usd, curtailable
        This period's part of `PeriodPrices`.
    """

    import_mw: float
    slope_p: FloatArray
    slope_q: FloatArray
    import_p: FloatArray
    import_q: FloatArray
    import_c: FloatArray
    loss: FloatArray
    row_p: FloatArray
    row_q: FloatArray
    row_c: FloatArray
    available_mw: FloatArray
    bought_usd: float
    sold_usd: float
    curtailed_usd: float
    curtailable: BoolArray


class _ImportChange(NamedTuple):
    """An import and how one coordinate changes it: ``slope * a + curvature * a**2`` [MW]."""

    import_mw: float
    slope: float
    curvature: float
    bought_usd: float
    sold_usd: float


@njit(cache=True)
def _energy_and_violations_usd(
    import_mw: float, bought_usd: float, sold_usd: float, rows: _Rows
) -> float:
    """Return what import and violations cost, prices being for one period [USD]."""
    total = import_mw * (bought_usd if import_mw > 0 else sold_usd)
    x, usd, limit = rows.value, rows.usd, rows.limit
    worst = 0.0
    for r in range(len(x)):
        worst = max(worst, x[r])
        if r + 1 == len(x) or limit[r + 1] != limit[r]:
            total += usd[r] * worst
            worst = 0.0
    return total


@njit(cache=True)
def _best_step(
    lower: float, upper: float, linear_usd: float, change: _ImportChange, rows: _Rows
) -> float:
    """Return the step in [lower, upper] that minimises a convex function of one coordinate.

    The rows change by ``slope * a``; bisection on the sign of the derivative, after a look at both
    ends.
    """
    x, dx, usd, limit = rows.value, rows.slope, rows.usd, rows.limit
    slope, curvature = change.slope, change.curvature
    for turn in range(_HALVINGS + 2):
        if turn == 0:
            place = lower
        elif turn == 1:
            place = upper
        else:
            place = 0.5 * (lower + upper)
        level = change.import_mw + (slope + curvature * place) * place
        price = change.bought_usd if level > 0 else change.sold_usd
        derivative = linear_usd + price * (slope + 2 * curvature * place)
        worst, rise = 0.0, 0.0
        for r in range(len(x)):
            value = x[r] + dx[r] * place
            if value > worst:
                worst, rise = value, dx[r]
            if r + 1 == len(x) or limit[r + 1] != limit[r]:
                derivative += usd[r] * rise
                worst, rise = 0.0, 0.0
        if turn == 0:
            if derivative >= 0:
                return lower
        elif turn == 1:
            if derivative <= 0:
                return upper
        elif derivative > 0:
            upper = place
        else:
            lower = place
    return 0.5 * (lower + upper)


@njit(cache=True)
def _find_violated(rows: _Rows) -> int:
    """Write the highest row of each violated limit to `violated`; return how many there are."""
    x, limit, violated = rows.value, rows.limit, rows.violated
    n = 0
    worst = 0.0
    for r in range(len(x)):
        if x[r] > worst:
            if worst > 0.0:
                violated[n - 1] = r
            else:
                violated[n] = r
                n += 1
            worst = x[r]
        if r + 1 == len(x) or limit[r + 1] != limit[r]:
            worst = 0.0
    return n


@njit(cache=True)
def _period_of(t: int, others: Injections, prices: PeriodPrices, network: NetworkArrays) -> _Period:
    """Return a period with the injections of the other vehicles."""
    first, last = network.row_start[t], network.row_start[t + 1]
    loss, import_p, import_q = network.loss[t], network.import_p[t], network.import_q[t]
    others_p, others_q = others.p_mw[t], others.q_mvar[t]
    import_mw = network.import_mw[t]
    slope_p, slope_q = loss @ others_p, loss @ others_q
    for i in range(len(others_p)):
        import_mw += (import_p[i] + slope_p[i]) * others_p[i]
        import_mw += (import_q[i] + slope_q[i]) * others_q[i]
    return _Period(
        import_mw,
        slope_p,
        slope_q,
        import_p,
        import_q,
        network.import_c[t],
        loss,
        network.row_p[first:last],
        network.row_q[first:last],
        network.row_c[first:last],
        network.available_mw[t],
        prices.bought_usd[t],
        prices.sold_usd[t],
        prices.curtailed_usd,
        prices.curtailable[t],
    )


@njit(cache=True)
def _values_beside(
    base: FloatArray, others_p: FloatArray, others_q: FloatArray, period: _Period
) -> FloatArray:
    """Return where the period's rows stand with the other vehicles, ``(row,)`` [pu or %]."""
    value = base.copy()
    for i in range(len(others_p)):
        if others_p[i] != 0.0 or others_q[i] != 0.0:
            for r in range(len(value)):
                value[r] += period.row_p[r, i] * others_p[i]
                value[r] += period.row_q[r, i] * others_q[i]
    return value


@njit(cache=True)
def _rise_by_curtailment(period: _Period) -> FloatArray:
    """Return by how much curtailment can raise the period's rows, ``(row,)`` [pu or %]."""
    n_rows, n_generators = period.row_c.shape
    rise = np.zeros(n_rows)
    for r in range(n_rows):
        for g in range(n_generators):
            if period.curtailable[g]:
                rise[r] += max(period.row_c[r, g], 0.0) * period.available_mw[g]
    return rise


@njit(cache=True)
def _select_rows(
    s: int, s_mva: float, value: FloatArray, rise: FloatArray, period: _Period, rows: _Rows
) -> int:
    """Write the rows that this vehicle at station `s` or curtailment can violate to `rows`.

    Station ``len(import_p)`` stands for no station. Returns how many rows there are.
    """
    n_stations = len(period.import_p)
    n = 0
    for r in range(len(value)):
        need = -value[r] - rise[r]
        counts = need < 0
        if not counts and s < n_stations:
            by_p, by_q = period.row_p[r, s] * s_mva, period.row_q[r, s] * s_mva
            counts = by_p * by_p + by_q * by_q > need * need
        if counts:
            rows.position[n] = r
            rows.start[n] = value[r]
            n += 1
    return n


@njit(cache=True)
def _best_reactive(
    s: int, room_mvar: float, q_mvar: float, import_mw: float, period: _Period, rows: _Rows
) -> tuple[float, float]:
    """Move the vehicle's reactive power to its best value; return it and the import."""
    value, slope_of_row = rows.value, rows.slope
    for r in range(len(value)):
        slope_of_row[r] = period.row_q[rows.position[r], s]
    curvature = period.loss[s, s]
    slope = period.import_q[s] + 2 * period.slope_q[s] + 2 * curvature * q_mvar
    change = _ImportChange(import_mw, slope, curvature, period.bought_usd, period.sold_usd)
    step = _best_step(-room_mvar - q_mvar, room_mvar - q_mvar, 0.0, change, rows)
    for r in range(len(value)):
        value[r] += slope_of_row[r] * step
    return q_mvar + step, import_mw + (slope + curvature * step) * step


@njit(cache=True)
def _best_curtailment(
    curtailed_mw: FloatArray, import_mw: float, period: _Period, rows: _Rows
) -> tuple[bool, float]:
    """Move one generator's curtailment after the other; return whether any moved, and the import.

    `curtailed_mw` is ``(generator,)`` and changed in place.
    """
    value, slope = rows.value, rows.slope
    moved = False
    n_violated = _find_violated(rows)
    price = period.bought_usd if import_mw > 0 else period.sold_usd
    for g in range(len(curtailed_mw)):
        if not period.curtailable[g]:
            continue
        now = curtailed_mw[g]
        if now == 0.0:
            rise = period.curtailed_usd + price * period.import_c[g]
            for i in range(n_violated):
                r = rows.violated[i]
                rise += rows.usd[r] * period.row_c[rows.position[r], g]
            if rise >= 0:
                continue
        for r in range(len(value)):
            slope[r] = period.row_c[rows.position[r], g]
        change = _ImportChange(
            import_mw, period.import_c[g], 0.0, period.bought_usd, period.sold_usd
        )
        step = _best_step(-now, period.available_mw[g] - now, period.curtailed_usd, change, rows)
        if step != 0.0:
            moved = True
            curtailed_mw[g] = now + step
            import_mw += period.import_c[g] * step
            for r in range(len(value)):
                value[r] += slope[r] * step
            n_violated = _find_violated(rows)
            price = period.bought_usd if import_mw > 0 else period.sold_usd
    return moved, import_mw


@njit(cache=True)
def _level_cost(
    s: int,
    p_mw: float,
    vehicle: VehiclePower,
    period: _Period,
    rows: _Rows,
    curtailed_mw: FloatArray,
) -> tuple[float, float]:
    """Return what one power at one station costs [USD], and its best reactive power [Mvar]."""
    import_mw, room_mvar, usd = period.import_mw, 0.0, 0.0
    rows.value[:] = rows.start
    if s < len(period.import_p):
        room_mvar = np.sqrt(max(vehicle.s_mva * vehicle.s_mva - p_mw * p_mw, 0.0))
        import_mw += (period.import_p[s] + 2 * period.slope_p[s] + period.loss[s, s] * p_mw) * p_mw
        for r in range(len(rows.value)):
            rows.value[r] += period.row_p[rows.position[r], s] * p_mw
        usd = vehicle.discharge_usd * p_mw if p_mw > 0 else -vehicle.charge_usd * p_mw
    q_mvar = 0.0
    curtailed_mw[:] = 0.0
    for _ in range(_PASSES):
        if room_mvar > 0:
            q_mvar, import_mw = _best_reactive(s, room_mvar, q_mvar, import_mw, period, rows)
        moved, import_mw = _best_curtailment(curtailed_mw, import_mw, period, rows)
        if not moved:
            break
    for g in range(len(curtailed_mw)):
        usd += period.curtailed_usd * curtailed_mw[g]
    usd += _energy_and_violations_usd(import_mw, period.bought_usd, period.sold_usd, rows)
    return usd, q_mvar


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
    room = _Rows(
        np.empty(most, dtype=np.int64),
        np.empty(most),
        np.empty(most),
        np.empty(most),
        np.empty(most, dtype=np.int64),
        np.empty(most),
        np.empty(most, dtype=np.int64),
    )
    for t in range(n_periods):
        first, last = network.row_start[t], network.row_start[t + 1]
        period = _period_of(t, others, prices, network)
        base = network.row_base[first:last]
        value = _values_beside(base, others.p_mw[t], others.q_mvar[t], period)
        rise = _rise_by_curtailment(period)
        for s in range(n_stations + 1):
            n = _select_rows(s, vehicle.s_mva, value, rise, period, room)
            rows = _Rows(
                room.position[:n],
                room.start[:n],
                room.value[:n],
                room.usd[:n],
                room.limit[:n],
                room.slope[:n],
                room.violated,
            )
            for r in range(n):
                rows.usd[r] = network.row_usd[first + rows.position[r]]
                rows.limit[r] = network.row_limit[first + rows.position[r]]
            if s == n_stations:
                cost[t, s, 0], _ = _level_cost(s, 0.0, vehicle, period, rows, curtailed_mw)
            elif network.live[s]:
                for level in range(n_levels):
                    cost[t, s, level], reactive[t, s, level] = _level_cost(
                        s, vehicle.levels_mw[level], vehicle, period, rows, curtailed_mw
                    )
            else:
                cost[t, s, :] = np.inf
        for s in range(n_stations):
            if not network.live[s]:
                # No power can flow there; rest costs what it costs on the road.
                for level in range(n_levels):
                    if vehicle.levels_mw[level] == 0.0:
                        cost[t, s, level] = cost[t, n_stations, 0]
    return cost, reactive
