"""Recourse, the second stage: dispatch, shifts, shedding, flows and train power of each scenario.

Every scenario has variables of its own; commitment, routes and modes are shared by all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.market.case import Case, DcGrid, Scenarios
from controllers.market.commitment import Commitment
from controllers.market.loops import loops_of
from controllers.market.trains import Routes, TrainPower, add_train_power
from controllers.optimisation.assembly import Assembly
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recourse:
    """Variables and rows of the second stage.

    Attributes
    ----------
    above_min
        Output above the minimum, ``(scenario, period, unit, segment)``.
    renewable
        Renewable power used, ``(scenario, period, generator)``.
    shift, shed
        Load added by shifting, and load not served, ``(scenario, period, load)``.
    flow
        ``(scenario, period, line)``.
    trains
        Power and energy of the trains.
    balance
        Rows that balance the buses, ``(scenario, period, bus)``; their right-hand side is the load
        at the bus.
    """

    above_min: IntArray
    renewable: IntArray
    shift: IntArray
    shed: IntArray
    flow: IntArray
    trains: TrainPower
    balance: IntArray


def add_recourse(
    assembly: Assembly, case: Case, scenarios: Scenarios, commitment: Commitment, routes: Routes
) -> Recourse:
    """Add the second stage of all scenarios; what it costs counts by its probability."""
    above_min = _add_dispatch(assembly, case, scenarios.probability, commitment)
    renewable = assembly.variables(
        scenarios.available_mw.size, upper=scenarios.available_mw.ravel()
    ).reshape(scenarios.available_mw.shape)
    shift, shed = _add_demand(assembly, case, scenarios)
    trains = add_train_power(assembly, case, routes, scenarios.probability)
    load_mw = _load_at_bus(case, scenarios)
    flow, balance = _add_grid(assembly, case.grid, load_mw, case.limit_mw)
    units, demand = case.units, case.demand
    of_unit = balance[:, :, units.bus]
    assembly.entries(of_unit, commitment.on, units.p_min_mw)
    assembly.entries(of_unit[..., None], above_min, 1.0)
    assembly.entries(balance[:, :, case.renewables.bus], renewable, 1.0)
    assembly.entries(balance[:, :, demand.bus], shift, -1.0)
    assembly.entries(balance[:, :, demand.bus], shed, 1.0)
    here = balance[:, trains.period, case.rail.station_bus[trains.station]]
    assembly.entries(here, trains.charge, -1.0)
    assembly.entries(here, trains.discharge, 1.0)
    return Recourse(
        above_min=above_min,
        renewable=renewable,
        shift=shift,
        shed=shed,
        flow=flow,
        trains=trains,
        balance=balance,
    )


def _load_at_bus(case: Case, scenarios: Scenarios) -> FloatArray:
    """Return load before shifts and losses at each bus, ``(scenario, period, bus)`` [MW]."""
    shape = (scenarios.n_scenarios, case.n_periods, case.grid.n_buses)
    load = np.zeros(shape)
    if case.security is not None:
        load[:, :, case.security.loss_bus] = case.security.loss_mw
    for ordinal, bus in enumerate(case.demand.bus):
        load[:, :, bus] += scenarios.load_mw[:, :, ordinal]
    return load


def _add_dispatch(
    assembly: Assembly, case: Case, probability: FloatArray, commitment: Commitment
) -> IntArray:
    """Add output by cost segments, ramps and the cap on emissions."""
    units, hours = case.units, case.period_h
    shape = (len(probability), case.n_periods, *units.segment_mw.shape)
    size = int(np.prod(shape))
    weight = probability[:, None, None, None] * hours
    above_min = assembly.variables(
        size,
        upper=np.broadcast_to(units.segment_mw, shape).ravel(),
        cost=np.broadcast_to(weight * units.segment_usd_per_mwh, shape).ravel(),
    ).reshape(shape)
    rows = assembly.rows(size, upper=0.0).reshape(shape)
    assembly.entries(rows, above_min, 1.0)
    assembly.entries(rows, commitment.on[:, :, None], -units.segment_mw)
    _add_ramps(assembly, case, commitment, above_min)
    if np.isfinite(case.emission_cap_lb):
        row = assembly.rows(1, upper=case.emission_cap_lb)
        rate = units.emission_lb_per_mwh
        assembly.entries(row, commitment.on, hours * rate * units.p_min_mw)
        assembly.entries(row, above_min, weight * rate[:, None])
        assembly.entries(row, commitment.start, units.emission_lb_per_start)
    return above_min


def _add_ramps(assembly: Assembly, case: Case, commitment: Commitment, above_min: IntArray) -> None:
    """Limit the change of output between periods, wide enough to start and to stop.

    ``p[t] - p[t-1] <= R u[t-1] + max(P_min, R) v[t]``, and likewise downwards.
    """
    units = case.units
    ramp = units.ramp_mw_per_h * case.period_h
    jump = np.maximum(ramp, units.p_min_mw)
    n_scenarios, n_periods, n_units, _ = above_min.shape
    shape = (n_scenarios, n_periods, n_units)
    # Before the first period output is known, or it does not restrict.
    known = np.isfinite(units.p_mw)
    for up in (True, False):
        sign = 1.0 if up else -1.0
        upper = np.zeros(shape)
        upper[:, 0] = np.where(
            known, sign * np.nan_to_num(units.p_mw) + (ramp * units.on if up else 0.0), np.inf
        )
        rows = assembly.rows(upper.size, upper=upper.ravel()).reshape(shape)
        assembly.entries(rows, commitment.on, sign * units.p_min_mw)
        assembly.entries(rows[..., None], above_min, sign)
        assembly.entries(rows[:, 1:], commitment.on[:-1], -sign * units.p_min_mw)
        assembly.entries(rows[:, 1:, :, None], above_min[:, :-1], -sign)
        if up:
            assembly.entries(rows[:, 1:], commitment.on[:-1], -ramp)
            assembly.entries(rows, commitment.start, -jump)
        else:
            assembly.entries(rows, commitment.on, -ramp)
            assembly.entries(rows, commitment.stop, -jump)


def _add_demand(assembly: Assembly, case: Case, scenarios: Scenarios) -> tuple[IntArray, IntArray]:
    """Add shifted load, which is given back by the end, and load that is not served.

    What has been shifted to a period is consumed there, with that period's benefit.
    """
    demand, load, hours = case.demand, scenarios.load_mw, case.period_h
    weight = scenarios.probability[:, None, None] * hours
    benefit = np.broadcast_to(weight * demand.benefit_usd_per_mwh, load.shape)
    assembly.offset -= float((benefit * load).sum())
    most = demand.shiftable * load
    size, shape = load.size, load.shape
    shift: IntArray = assembly.variables(
        size, lower=-most.ravel(), upper=most.ravel(), cost=-benefit.ravel()
    ).reshape(shape)
    missed = benefit + weight * demand.lost_load_usd_per_mwh
    shed = assembly.variables(load.size, upper=(load + most).ravel(), cost=missed.ravel()).reshape(
        load.shape
    )
    if not demand.shiftable.any():
        return shift, shed
    rows: IntArray = assembly.rows(size, upper=load.ravel()).reshape(shape)
    assembly.entries(rows, shed, 1.0)
    assembly.entries(rows, shift, -1.0)
    owed = np.broadcast_to(-demand.shifted_mwh, (len(load), 1, len(demand.bus)))
    paid_back = assembly.rows(owed.size, lower=owed.ravel(), upper=owed.ravel())
    assembly.entries(paid_back.reshape(owed.shape), shift, hours)
    usd = scenarios.probability[:, None, None] * demand.lost_load_usd_per_mwh
    for sign in (1.0, -1.0):
        left = assembly.variables(owed.size, cost=np.broadcast_to(usd, owed.shape).ravel())
        assembly.entries(paid_back, left, sign)
    steepest = demand.ramp_per_h * hours * load
    centre = np.zeros(load.shape)
    centre[:, 0] = demand.before_mw
    rows = assembly.rows(
        size, lower=(centre - steepest).ravel(), upper=(centre + steepest).ravel()
    ).reshape(shape)
    assembly.entries(rows, shift, 1.0)
    assembly.entries(rows[:, 1:], shift[:, :-1], -1.0)
    return shift, shed


def _add_grid(
    assembly: Assembly, grid: DcGrid, load_mw: FloatArray, limit_mw: FloatArray
) -> tuple[IntArray, IntArray]:
    """Add flows; return them, ``(scenario, period, line)``, and the rows that balance buses.

    Flows balance at every bus, and around every loop the angle differences ``f / b`` add up to
    nothing: Kirchhoff's laws without angles, as in Hoersch et al., Electric Power Systems Research
    158, 2018. Buses without a line to the others must balance by themselves.
    """
    n_scenarios, n_periods, _ = load_mw.shape
    balance = assembly.rows(load_mw.size, lower=load_mw.ravel(), upper=load_mw.ravel())
    balance = balance.reshape(load_mw.shape)
    shape = (n_scenarios, n_periods, len(grid.from_bus))
    limit = np.broadcast_to(limit_mw, shape).ravel()
    flow = assembly.variables(limit.size, lower=-limit, upper=limit).reshape(shape)
    assembly.entries(balance[:, :, grid.from_bus], flow, -1.0)
    assembly.entries(balance[:, :, grid.to_bus], flow, 1.0)
    loops = loops_of(grid)
    rows = assembly.rows(n_scenarios * n_periods * len(loops), lower=0.0, upper=0.0)
    rows = rows.reshape(n_scenarios, n_periods, len(loops))
    loop, line = np.nonzero(loops)
    # Scaled to coefficients near 1.
    drop = loops / grid.mw_per_rad
    drop /= np.abs(drop).max(axis=1, initial=0.0, keepdims=True)
    assembly.entries(rows[:, :, loop], flow[:, :, line], drop[loop, line])
    return flow, balance
