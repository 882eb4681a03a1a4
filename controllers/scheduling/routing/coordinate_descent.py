"""Cyclic coordinate descent over reactive power and curtailment, with line searches by bisection.

The cost of one period is piecewise quadratic and, where energy has a price, convex: import or
export at their prices, wear, and for every violated limit its highest row. One coordinate at a time
moves to its best value (Wright, *Coordinate descent algorithms*, Mathematical Programming 151,
2015).
"""

from __future__ import annotations

from typing import NamedTuple

from numba import njit

from sim.units import BoolArray, FloatArray, IntArray

# Halvings of the interval in which a coordinate's best value is sought.
_HALVINGS = 10


class LimitState(NamedTuple):
    """The limits' rows that count at one station in one period, arrays ``(row,)``.

    Attributes
    ----------
    position
        Position of the row among those of the period.
    value
        Where the row stands, positive where violated [pu or %].
    slope
        How fast it rises along the coordinate that is moved [pu or % per MW or Mvar].
    usd
        What a unit of violation costs [USD].
    limit
        The limit it belongs to; rows of one limit are neighbours.
    """

    position: IntArray
    value: FloatArray
    slope: FloatArray
    usd: FloatArray
    limit: IntArray


class Price(NamedTuple):
    """Price of a MW of import and of export over a period [USD/MW]."""

    bought_usd: float
    sold_usd: float


class Curtailment(NamedTuple):
    """The generators in one period.

    Attributes
    ----------
    curtailed_mw
        Curtailment, which is moved, ``(generator,)`` [MW].
    available_mw, import_c, row_c
        This period's part of `Network`.
    curtailable, curtailed_usd
        This period's part of `PeriodPrices`.
    violated
        Room for the highest row of each violated limit, ``(row,)``.
    """

    curtailed_mw: FloatArray
    available_mw: FloatArray
    import_c: FloatArray
    row_c: FloatArray
    curtailable: BoolArray
    curtailed_usd: float
    violated: IntArray


class ImportChange(NamedTuple):
    """An import and how one coordinate changes it: ``slope * a + curvature * a**2`` [MW]."""

    import_mw: float
    slope: float
    curvature: float


@njit(cache=True)
def best_step(
    lower: float,
    upper: float,
    linear_usd: float,
    change: ImportChange,
    price: Price,
    rows: LimitState,
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
        usd_per_mw = price.bought_usd if level > 0 else price.sold_usd
        derivative = linear_usd + usd_per_mw * (slope + 2 * curvature * place)
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
def _find_violated(x: FloatArray, limit: IntArray, violated: IntArray) -> int:
    """Write the highest row of each violated limit to `violated`; return how many there are."""
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
def best_curtailment(
    import_mw: float, price: Price, curtailment: Curtailment, rows: LimitState
) -> tuple[bool, float]:
    """Move one generator's curtailment after the other; return whether any moved, and the import.

    Curtailment and rows are changed in place.
    """
    value, slope, row_c = rows.value, rows.slope, curtailment.row_c
    curtailed_mw, violated = curtailment.curtailed_mw, curtailment.violated
    moved = False
    n_violated = _find_violated(value, rows.limit, violated)
    usd_per_mw = price.bought_usd if import_mw > 0 else price.sold_usd
    for g in range(len(curtailed_mw)):
        if not curtailment.curtailable[g]:
            continue
        now, import_c = curtailed_mw[g], curtailment.import_c[g]
        if now == 0.0:
            rise = curtailment.curtailed_usd + usd_per_mw * import_c
            for i in range(n_violated):
                r = violated[i]
                rise += rows.usd[r] * row_c[rows.position[r], g]
            if rise >= 0:
                continue
        for r in range(len(value)):
            slope[r] = row_c[rows.position[r], g]
        change = ImportChange(import_mw, import_c, 0.0)
        step = best_step(
            -now, curtailment.available_mw[g] - now, curtailment.curtailed_usd, change, price, rows
        )
        if step != 0.0:
            moved = True
            curtailed_mw[g] = now + step
            import_mw += import_c * step
            for r in range(len(value)):
                value[r] += slope[r] * step
            n_violated = _find_violated(value, rows.limit, violated)
            usd_per_mw = price.bought_usd if import_mw > 0 else price.sold_usd
    return moved, import_mw


@njit(cache=True)
def energy_and_violations_usd(import_mw: float, price: Price, rows: LimitState) -> float:
    """Return what import and violations cost over a period [USD]."""
    total = import_mw * (price.bought_usd if import_mw > 0 else price.sold_usd)
    x, usd, limit = rows.value, rows.usd, rows.limit
    worst = 0.0
    for r in range(len(x)):
        worst = max(worst, x[r])
        if r + 1 == len(x) or limit[r + 1] != limit[r]:
            total += usd[r] * worst
            worst = 0.0
    return total
