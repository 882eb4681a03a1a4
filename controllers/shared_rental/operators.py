"""The lower level: what an operator does with the trucks that are offered to him.

He buys, sells, curtails, and uses the trucks of his visits, with participation factors; every limit
leaves room for errors of the forecast (`Margin`). Limits can be bought off at their penalty, so
that every offer has an answer. One programme for all periods of an area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.bilevel.decomposition import favourite_answer
from controllers.optimisation.model import LinearModel
from controllers.optimisation.work_limits import WorkLimits
from controllers.shared_rental.case import Case, Operator
from controllers.shared_rental.margins import UncertainRow
from controllers.shared_rental.offers import CHARGE, Answer, Leg
from sim.units import FloatArray, IntArray

# A participation factor without use stays zero [USD per MW/MW and period].
FACTOR_USD = 1e-4

# What the use of an offer is worth to the owner beyond the rent; decides among equal answers only
# [USD/MWh].
WANTED_USD = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Period:
    """Variables of one period: one sum of all trucks of each direction.

    Attributes
    ----------
    injected_mw, factor
        Net power of all trucks, and the sum of their participation factors.
    curtailed_mw
        ``(generator of the area,)``.
    """

    injected_mw: int
    factor: int
    curtailed_mw: IntArray


def add_period(
    model: Assembly, case: Case, operator: Operator, t: int, most_mw: tuple[float, float]
) -> Period:
    """Add energy, curtailment and limits of a period.

    Parameters
    ----------
    model
        The model.
    case
        The case.
    operator
        Whose.
    t
        The period.
    most_mw
        Least and most that the trucks may inject [MW].
    """
    hours = case.period_h
    least, most = most_mw
    (injected,) = model.variables(1, lower=least, upper=most)
    bought = model.variables(1, upper=1e3, cost=operator.import_usd_per_mwh[t] * hours)
    sold = model.variables(1, upper=1e3, cost=-operator.export_usd_per_mwh[t] * hours)
    curtailed = model.variables(
        len(operator.generators),
        upper=operator.available_mw[t],
        cost=operator.curtailment_usd_per_mwh * hours,
    )
    balance = model.rows(1, lower=operator.net_load_mw[t], upper=operator.net_load_mw[t])
    model.entries(balance, bought, 1.0)
    model.entries(balance, sold, -1.0)
    model.entries(balance, curtailed, -1.0)
    model.entries(balance, np.array([injected]), 1.0)
    responds = most_factor(case, operator, t, max(-least, most))
    (factor,) = model.variables(1, upper=responds, cost=FACTOR_USD)
    _add_limits(
        model,
        case,
        operator,
        t,
        most_mw,
        Period(injected_mw=int(injected), factor=int(factor), curtailed_mw=curtailed),
    )
    return Period(injected_mw=int(injected), factor=int(factor), curtailed_mw=curtailed)


def most_factor(case: Case, operator: Operator, t: int, most_mw: float) -> float:
    """Return the largest participation factor that makes sense: half the power either way."""
    reach = case.margin.reach(operator.errors[t], operator.error_mw)
    return min(most_mw / (2 * reach), 1.0) if reach > 1e-9 else 0.0


def _add_limits(
    model: Assembly,
    case: Case,
    operator: Operator,
    t: int,
    most_mw: tuple[float, float],
    period: Period,
) -> None:
    """Add the rows that trucks, curtailment or errors can make bind."""
    rows, error, margin = operator.rows, operator.errors[t], case.margin
    responds = most_factor(case, operator, t, max(-most_mw[0], most_mw[1]))
    with_p = np.maximum(rows.of_p * most_mw[0], rows.of_p * most_mw[1])
    with_c = np.maximum(rows.of_curtailed, 0.0) @ operator.available_mw[t]
    for row in np.flatnonzero(rows.base[t] + with_p + with_c > -2.0).tolist():
        response = -rows.of_p[row] * operator.error_mw
        left = max(
            margin.reach(error, rows.of_error[row]),
            margin.reach(error, rows.of_error[row] + responds * response),
        )
        if rows.base[t, row] + with_p[row] + with_c[row] + left <= 0:
            continue
        (slack,) = model.variables(1, upper=1e3, cost=rows.usd[row] * case.period_h)
        variables = np.array([period.injected_mw, *period.curtailed_mw.tolist(), int(slack)])
        certain = np.array([rows.of_p[row], *rows.of_curtailed[row].tolist(), -1.0])
        margin.add(
            model,
            UncertainRow(
                error=error,
                constant=rows.of_error[row],
                coefficient=response,
                variable=period.factor,
                variables=variables,
                certain=certain,
                limit=-float(rows.base[t, row]),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Programme:
    """The programme of an operator, and where its variables are.

    Attributes
    ----------
    model
        What he minimises.
    rent, stored
        Rent, and what is paid for stored energy, in his cost, ``(variable,)`` [USD].
    use_mw, factor
        ``(leg, period)``; -1 where the leg is not there.
    periods
        By period.
    """

    model: LinearModel
    rent: FloatArray
    stored: FloatArray
    use_mw: IntArray
    factor: IntArray
    periods: tuple[Period, ...]


def programme(
    case: Case, area: int, legs: Sequence[Leg], price_usd_per_mwh: FloatArray
) -> Programme:
    """Return the programme of an operator.

    Parameters
    ----------
    case
        The case.
    area
        Whose.
    legs
        Those in his area.
    price_usd_per_mwh
        Rent in his area, ``(period,)`` [USD/MWh].
    """
    operator = case.operators[area]
    assert operator is not None
    hours, n = case.period_h, case.n_periods
    model = Assembly()
    use = np.full((len(legs), n), -1, dtype=np.int64)
    factor = np.full((len(legs), n), -1, dtype=np.int64)
    periods = []
    priced: list[tuple[int, float, float]] = []
    for t in range(n):
        there = [i for i, leg in enumerate(legs) if leg.first <= t < leg.last]
        powers = [_most_mw(case, legs[i]) for i in there]
        least = -sum(p for i, p in zip(there, powers, strict=True) if legs[i].direction == CHARGE)
        largest = sum(p for i, p in zip(there, powers, strict=True) if legs[i].direction != CHARGE)
        period = add_period(model, case, operator, t, (least, largest))
        periods.append(period)
        together = model.rows(2, lower=0.0, upper=0.0)
        model.entries(together, np.array([period.injected_mw, period.factor]), -1.0)
        reach = case.margin.reach(operator.errors[t], operator.error_mw)
        for i, power in zip(there, powers, strict=True):
            leg = legs[i]
            stored = leg.stored_usd_per_mwh
            if leg.direction == CHARGE:
                stored = -float(operator.import_usd_per_mwh[t])
            price = float(price_usd_per_mwh[t])
            (p,) = model.variables(1, upper=power, cost=(price + stored) * hours)
            most = most_factor(case, operator, t, power) if leg.responds else 0.0
            (a,) = model.variables(1, upper=most)
            model.entries(together[:1], np.array([p]), leg.direction)
            model.entries(together[1:], np.array([a]), 1.0)
            # The response never changes the sign, nor exceeds the power.
            bounds = model.rows(2, lower=[0.0, -np.inf], upper=[np.inf, power])
            model.entries(bounds, np.array([p]), 1.0)
            model.entries(bounds, np.array([a]), [-reach, reach])
            use[i, t], factor[i, t] = p, a
            priced.append((int(p), price * hours, stored * hours))
    for i, leg in enumerate(legs):
        budget = model.rows(1, upper=leg.budget_mwh)
        for t in range(leg.first, leg.last):
            reach = case.margin.reach(operator.errors[t], operator.error_mw)
            model.entries(budget, use[i, t : t + 1], hours)
            model.entries(budget, factor[i, t : t + 1], hours * reach)
    built = model.build()
    rent, paid = np.zeros(len(built.cost)), np.zeros(len(built.cost))
    for variable, rent_usd, stored_usd in priced:
        rent[variable], paid[variable] = rent_usd, stored_usd
    return Programme(
        model=built,
        rent=rent,
        stored=paid,
        use_mw=use,
        factor=factor,
        periods=tuple(periods),
    )


def answer(
    case: Case,
    area: int,
    legs: Sequence[Leg],
    price_usd_per_mwh: FloatArray,
    limits: WorkLimits,
    use_mw: FloatArray | None = None,
) -> Answer:
    """Return the operator's optimal answer, among several the owner's favourite.

    Parameters
    ----------
    case, area, legs, price_usd_per_mwh
        As of `programme`.
    limits
        Work limits.
    use_mw
        What he is told to do, ``(leg, period)`` [MW]; None where he is free.
    """
    own = programme(case, area, legs, price_usd_per_mwh)
    model = own.model
    if use_mw is not None:
        there = own.use_mw >= 0
        model.lower[own.use_mw[there]] = model.upper[own.use_mw[there]] = use_mw[there]
    # The owner offers what he wants to be used, also where it earns nothing here.
    wanted = own.rent.copy()
    wanted[own.use_mw[own.use_mw >= 0]] += WANTED_USD * case.period_h
    values = favourite_answer(model, -wanted, limits)

    def read(index: IntArray) -> FloatArray:
        found: FloatArray = np.where(index >= 0, values[index], 0.0)
        return found

    return Answer(
        use_mw=read(own.use_mw),
        factor=read(own.factor),
        curtailed_mw=np.array([values[period.curtailed_mw] for period in own.periods]),
        cost_usd=float(model.cost @ values) + model.offset,
        rent_usd=float(own.rent @ values),
        stored_usd=float(own.stored @ values),
    )


def _most_mw(case: Case, leg: Leg) -> float:
    batteries, k = case.batteries, leg.vehicle
    limit = batteries.p_charge_max_mw if leg.direction == CHARGE else batteries.p_discharge_max_mw
    return float(limit[k])
