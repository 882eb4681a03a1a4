"""Cost of energy: import and export, curtailment and violated limits as blocks of a model."""

from __future__ import annotations

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.scheduling.dispatch.losses import loss_axes
from controllers.scheduling.grid.network import by_area
from controllers.scheduling.problem.batteries import BatteryVariables, Slots
from controllers.scheduling.problem.cars import CarVariables
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import BoolArray, FloatArray, IntArray


def add_energy_cost(
    assembly: Assembly,
    problem: SchedulingProblem,
    slots: Slots,
    powers: BatteryVariables,
    cars: CarVariables,
) -> None:
    """Add import and export, curtailment and violations, as functions of the powers.

    Parameters
    ----------
    assembly
        The model.
    problem
        Network and prices.
    slots
        Where power can flow.
    powers
        Variables of the slots.
    cars
        Variables of groups of cars.
    """
    network, period_h = problem.network, problem.period_h
    n_periods, n_sites = network.import_p.shape
    n_slots, n_groups = len(slots.period), problem.cars.n_groups
    of_cars = np.arange(n_periods)[:, None] * n_sites + np.arange(n_sites - n_groups, n_sites)
    key = np.concatenate([slots.period * n_sites + slots.station, of_cars.ravel()])
    used, place = np.unique(key, return_inverse=True)
    t, s = used // n_sites, used % n_sites
    # Sites' injections, so that the many rows of the network stay short.
    p = assembly.variables(len(used), lower=-np.inf)
    q = assembly.variables(len(used), lower=-np.inf)
    for total, parts in (
        (p, ((powers.discharge_mw, 1.0), (powers.charge_mw, -1.0))),
        (q, ((powers.inject_mvar, 1.0), (powers.absorb_mvar, -1.0))),
    ):
        rows = assembly.rows(len(used), lower=0.0, upper=0.0)
        assembly.entries(rows, total, -1.0)
        for part, sign in parts:
            assembly.entries(rows[place[:n_slots]], part, sign)
        if total is p:
            assembly.entries(rows[place[n_slots:]], cars.discharge_mw.ravel(), 1.0)
            assembly.entries(rows[place[n_slots:]], cars.charge_mw.ravel(), -1.0)
    worthwhile = curtailable(problem)
    ct, cg = np.nonzero(worthwhile)
    curtailed = assembly.variables(
        len(ct),
        upper=network.available_mw[ct, cg],
        cost=problem.curtailment_usd_per_mwh[cg] * period_h,
    )
    assembly.offset += problem.feed_in_usd

    bought, sold = add_import(assembly, problem)
    imported = network.import_mw.ravel()
    rows = assembly.rows(len(imported), lower=imported, upper=imported)
    assembly.entries(rows, bought, 1.0)
    assembly.entries(rows, sold, -1.0)
    rows = rows.reshape(network.import_mw.shape)
    assembly.entries(rows[t, network.site_area[s]], p, -network.import_p[t, s])
    assembly.entries(rows[t, network.site_area[s]], q, -network.import_q[t, s])
    of_plant = rows[ct, network.generator_area[cg]]
    assembly.entries(of_plant, curtailed, -network.import_c[ct, cg])

    for total in (p, q):
        power = np.full((n_periods, n_sites), -1, dtype=np.int64)
        power[t, s] = total
        _add_losses(assembly, problem, rows, power)

    n_rows, limit = len(network.row_base), network.row_violation
    first = np.flatnonzero(np.diff(limit, prepend=-1))
    violation = assembly.variables(len(first), cost=network.row_usd[first])
    rows = assembly.rows(n_rows, upper=-network.row_base)
    assembly.entries(rows, violation[limit], -1.0)
    row, column = _pairs(network.row_period, t)
    assembly.entries(rows[row], p[column], network.row_p[row, s[column]])
    assembly.entries(rows[row], q[column], network.row_q[row, s[column]])
    row, column = _pairs(network.row_period, ct)
    assembly.entries(rows[row], curtailed[column], network.row_c[row, cg[column]])


def curtailable(problem: SchedulingProblem) -> BoolArray:
    """Return where curtailment can pay: at a limit, or where energy is worth less than nothing.

    Returns
    -------
    BoolArray
        ``(period, generator)``.
    """
    network, money = problem.network, problem.money
    lowest = np.minimum(money.import_usd_per_mwh, money.export_usd_per_mwh)
    highest = np.maximum(money.import_usd_per_mwh, money.export_usd_per_mwh)
    of = network.generator_area
    lost = np.minimum(network.import_c * lowest[:, of], network.import_c * highest[:, of])
    pays = problem.curtailment_usd_per_mwh + lost < 0
    helps = np.zeros_like(pays)
    row, generator = np.nonzero(network.row_c < 0)
    helps[network.row_period[row], generator] = True
    result: BoolArray = (network.available_mw > 0) & (pays | helps)
    return result


def add_import(assembly: Assembly, problem: SchedulingProblem) -> tuple[IntArray, IntArray]:
    """Add energy bought and sold; a binary keeps them apart where selling pays more.

    Returns
    -------
    tuple
        Their variables, ``(period * area,)``, all areas of a period next to each other.
    """
    money, period_h = problem.money, problem.period_h
    import_usd, export_usd = money.import_usd_per_mwh.ravel(), money.export_usd_per_mwh.ravel()
    bought = assembly.variables(len(import_usd), cost=import_usd * period_h)
    sold = assembly.variables(len(export_usd), cost=-export_usd * period_h)
    inverted = np.flatnonzero(export_usd > import_usd)
    most = largest_import_mw(problem).ravel()[inverted]
    mode = assembly.variables(len(inverted), upper=1.0, integer=True)
    rows = assembly.rows(len(inverted), upper=0.0)
    assembly.entries(rows, bought[inverted], 1.0)
    assembly.entries(rows, mode, -most)
    rows = assembly.rows(len(inverted), upper=most)
    assembly.entries(rows, sold[inverted], 1.0)
    assembly.entries(rows, mode, most)
    return bought, sold


def _add_losses(
    assembly: Assembly, problem: SchedulingProblem, balance: IntArray, power: IntArray
) -> None:
    """Add the quadratic losses of the stations' injections to the import, piecewise linearly.

    The square along each axis becomes segments of rising slope, which a minimisation fills in
    order as long as energy has a price.

    Parameters
    ----------
    assembly
        The model.
    problem
        Network and prices.
    balance
        Rows of the import's balance, ``(period, area)``.
    power
        Variables of the injections, ``(period, site)``; -1 where there is none.
    """
    axes = loss_axes(problem, power >= 0)
    rows = assembly.rows(len(axes.value), lower=0.0, upper=0.0)
    row, station = np.nonzero(power[axes.period] >= 0)
    assembly.entries(rows[row], power[axes.period[row], station], axes.vector[row, station])
    n = axes.segments
    of = np.repeat(np.arange(len(n)), n)
    place = np.arange(len(of)) - np.repeat(np.cumsum(n) - n, n)
    slope = axes.value[of] * axes.width_mw[of] * (2 * place + 1)
    # Segments for either direction along the axis.
    for sign in (1.0, -1.0):
        segment = assembly.variables(len(of), upper=axes.width_mw[of])
        assembly.entries(rows[of], segment, -sign)
        assembly.entries(balance[axes.period[of], axes.area[of]], segment, -slope)


def largest_import_mw(problem: SchedulingProblem) -> FloatArray:
    """Return the largest import or export that is possible, ``(period, area)`` [MW]."""
    network = problem.network
    available_mw = np.abs(network.import_c) * network.available_mw
    response = np.hypot(network.import_p, network.import_q).max(axis=1, initial=0.0)
    largest: FloatArray = np.abs(network.import_mw)
    largest = largest + by_area(available_mw, network.generator_area, network.n_areas)
    largest += (response * problem.most_mva)[:, None]
    return largest


def _pairs(of_rows: IntArray, of_columns: IntArray) -> tuple[IntArray, IntArray]:
    """Return all pairs of a row and a column of the same period."""
    row, column = np.nonzero(of_rows[:, None] == of_columns[None, :])
    return row, column
