"""What each possible power of one vehicle costs the grid, the others' powers being given."""

from __future__ import annotations

import numpy as np
from numba import njit

from sim.units import BoolArray, FloatArray, IntArray

# Halvings of the interval in which a coordinate's best value is sought.
_HALVINGS = 10
# Passes over the coordinates; the tables only guide a search whose result is dispatched exactly.
_PASSES = 2


@njit(cache=True)
def _money(
    import_mw: float,
    bought_usd: float,
    sold_usd: float,
    x: FloatArray,
    usd: FloatArray,
    limit: IntArray,
) -> float:
    """Return what import and violations cost, prices being for one period [USD]."""
    total = import_mw * (bought_usd if import_mw > 0 else sold_usd)
    worst = 0.0
    for r in range(len(x)):
        worst = max(worst, x[r])
        if r + 1 == len(x) or limit[r + 1] != limit[r]:
            total += usd[r] * worst
            worst = 0.0
    return total


@njit(cache=True)
def _best_step(
    lower: float,
    upper: float,
    linear_usd: float,
    import_mw: float,
    slope: float,
    curvature: float,
    bought_usd: float,
    sold_usd: float,
    x: FloatArray,
    dx: FloatArray,
    usd: FloatArray,
    limit: IntArray,
) -> float:
    """Return the step in [lower, upper] that minimises a convex function of one coordinate.

    The import changes by ``slope * a + curvature * a**2``, the rows by ``dx * a``; bisection on
    the sign of the derivative, after a look at both ends.
    """
    for turn in range(_HALVINGS + 2):
        if turn == 0:
            place = lower
        elif turn == 1:
            place = upper
        else:
            place = 0.5 * (lower + upper)
        level = import_mw + (slope + curvature * place) * place
        price = bought_usd if level > 0 else sold_usd
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
def _violated(x: FloatArray, limit: IntArray, rows: IntArray) -> int:
    """Write the highest row of each violated limit into `rows`, and return how many there are."""
    n = 0
    worst = 0.0
    for r in range(len(x)):
        if x[r] > worst:
            if worst > 0.0:
                rows[n - 1] = r
            else:
                rows[n] = r
                n += 1
            worst = x[r]
        if r + 1 == len(x) or limit[r + 1] != limit[r]:
            worst = 0.0
    return n


@njit(cache=True)
def power_costs(
    levels_mw: FloatArray,
    s_mva: float,
    charge_usd: float,
    discharge_usd: float,
    others_p: FloatArray,
    others_q: FloatArray,
    bought_usd: FloatArray,
    sold_usd: FloatArray,
    curtailed_usd: float,
    curtailable: BoolArray,
    import_mw: FloatArray,
    import_p: FloatArray,
    import_q: FloatArray,
    import_c: FloatArray,
    loss: FloatArray,
    live: BoolArray,
    row_start: IntArray,
    row_limit: IntArray,
    row_base: FloatArray,
    row_p: FloatArray,
    row_q: FloatArray,
    row_c: FloatArray,
    row_usd: FloatArray,
    available_mw: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return cost and best reactive power of each power level.

    Reactive power and curtailment are chosen by coordinate descent, which is exact where no
    limit is violated and an upper bound where several coordinates would have to move at once.

    Parameters
    ----------
    levels_mw
        Powers of the vehicle, ``(level,)`` [MW].
    s_mva
        Apparent power of its inverter [MVA].
    charge_usd, discharge_usd
        Wear per MW and period [USD/MW].
    others_p, others_q
        Injections of the other vehicles, ``(period, station)`` [MW, Mvar].
    bought_usd, sold_usd
        Price of a MW over one period, ``(period,)`` [USD/MW].
    curtailed_usd
        Price of a MW curtailed over one period [USD/MW].
    curtailable
        Where curtailment can pay, ``(period, generator)``.
    import_mw, import_p, import_q, import_c, loss, live, row_start, row_limit, row_base, row_p, \
row_q, row_c, row_usd, available_mw
        Fields of `Network`.

    Returns
    -------
    tuple
        Cost ``(period, station + 1, level)`` [USD] and reactive power of the same shape [Mvar].
        The last station stands for a vehicle that is not connected; only its first level is filled.
    """
    n_periods, n_stations = import_p.shape
    n_levels, n_generators = len(levels_mw), available_mw.shape[1]
    cost = np.zeros((n_periods, n_stations + 1, n_levels))
    reactive = np.zeros((n_periods, n_stations + 1, n_levels))
    curtailed = np.zeros(n_generators)
    most = int((row_start[1:] - row_start[:-1]).max()) if n_periods else 0
    place, limit_all = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    start, x_all = np.empty(most), np.empty(most)
    violated = np.empty(most, dtype=np.int64)
    usd_all, column_all = np.empty(most), np.empty(most)
    for t in range(n_periods):
        first, last = row_start[t], row_start[t + 1]
        x0 = row_base[first:last].copy()
        level0 = import_mw[t]
        drag_p = loss[t] @ others_p[t]
        drag_q = loss[t] @ others_q[t]
        for i in range(n_stations):
            level0 += (import_p[t, i] + drag_p[i]) * others_p[t, i]
            level0 += (import_q[t, i] + drag_q[i]) * others_q[t, i]
            if others_p[t, i] != 0.0 or others_q[t, i] != 0.0:
                for r in range(last - first):
                    x0[r] += row_p[first + r, i] * others_p[t, i]
                    x0[r] += row_q[first + r, i] * others_q[t, i]
        lift = np.zeros(last - first)
        for r in range(last - first):
            for g in range(n_generators):
                if curtailable[t, g]:
                    lift[r] += max(row_c[first + r, g], 0.0) * available_mw[t, g]
        for s in range(n_stations + 1):
            # Rows that neither this vehicle nor curtailment can violate here say nothing.
            n_rows = 0
            for r in range(last - first):
                need = -x0[r] - lift[r]
                counts = need < 0
                if not counts and s < n_stations:
                    by_p, by_q = row_p[first + r, s] * s_mva, row_q[first + r, s] * s_mva
                    counts = by_p * by_p + by_q * by_q > need * need
                if counts:
                    place[n_rows] = first + r
                    start[n_rows] = x0[r]
                    n_rows += 1
            x, usd, limit, column = (
                x_all[:n_rows],
                usd_all[:n_rows],
                limit_all[:n_rows],
                column_all[:n_rows],
            )
            for r in range(n_rows):
                usd[r], limit[r] = row_usd[place[r]], row_limit[place[r]]
            for n in range(n_levels):
                p, room, usd_fixed = 0.0, 0.0, 0.0
                if s < n_stations and not live[s]:
                    cost[t, s, n] = np.inf
                    continue
                level = level0
                x[:] = start[:n_rows]
                if s < n_stations:
                    p = levels_mw[n]
                    room = np.sqrt(max(s_mva * s_mva - p * p, 0.0))
                    level += (import_p[t, s] + 2 * drag_p[s] + loss[t, s, s] * p) * p
                    for r in range(n_rows):
                        x[r] += row_p[place[r], s] * p
                    usd_fixed = discharge_usd * p if p > 0 else -charge_usd * p
                q = 0.0
                curtailed[:] = 0.0
                for _ in range(_PASSES):
                    if room > 0:
                        for r in range(n_rows):
                            column[r] = row_q[place[r], s]
                        slope = import_q[t, s] + 2 * drag_q[s] + 2 * loss[t, s, s] * q
                        step = _best_step(
                            -room - q, room - q, 0.0, level, slope, loss[t, s, s],
                            bought_usd[t], sold_usd[t], x, column, usd, limit,
                        )  # fmt: skip
                        q += step
                        level += (slope + loss[t, s, s] * step) * step
                        for r in range(n_rows):
                            x[r] += column[r] * step
                    moved = False
                    n_violated = _violated(x, limit, violated)
                    price = bought_usd[t] if level > 0 else sold_usd[t]
                    for g in range(n_generators):
                        if not curtailable[t, g]:
                            continue
                        now = curtailed[g]
                        if now == 0.0:
                            rise = curtailed_usd + price * import_c[t, g]
                            for i in range(n_violated):
                                r = violated[i]
                                rise += usd[r] * row_c[place[r], g]
                            if rise >= 0:
                                continue
                        for r in range(n_rows):
                            column[r] = row_c[place[r], g]
                        step = _best_step(
                            -now, available_mw[t, g] - now, curtailed_usd, level,
                            import_c[t, g], 0.0, bought_usd[t], sold_usd[t], x, column, usd, limit,
                        )  # fmt: skip
                        if step != 0.0:
                            moved = True
                            curtailed[g] = now + step
                            level += import_c[t, g] * step
                            for r in range(n_rows):
                                x[r] += column[r] * step
                            n_violated = _violated(x, limit, violated)
                            price = bought_usd[t] if level > 0 else sold_usd[t]
                    if not moved:
                        break
                for g in range(n_generators):
                    usd_fixed += curtailed_usd * curtailed[g]
                cost[t, s, n] = usd_fixed + _money(level, bought_usd[t], sold_usd[t], x, usd, limit)
                reactive[t, s, n] = q
                if s == n_stations:
                    break
        for s in range(n_stations):
            if not live[s]:
                # Nothing can be exchanged; the rest is as if the vehicle were away.
                for n in range(n_levels):
                    if levels_mw[n] == 0.0:
                        cost[t, s, n] = cost[t, n_stations, 0]
    return cost, reactive
