"""Routes, modes, power and energy of battery trains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.market.case import Case
from controllers.market.spans import (
    NOWHERE,
    Departures,
    SpanArcs,
    add_routes,
    presence,
    span_arcs,
)
from controllers.optimisation.assembly import Assembly
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routes:
    """What is decided about trains before anything is known.

    Attributes
    ----------
    arcs
        The time-space network.
    taken
        Binary of each arc, ``(arc,)``.
    discharging
        Binary of each train and period, 0 while it may charge, ``(period, train)``.
    """

    arcs: SpanArcs
    taken: IntArray
    discharging: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainPower:
    """Power and energy of trains.

    Attributes
    ----------
    arc, train, period, station
        Arc that lets a train exchange power in a period and where, ``(presence,)``; the arc is -1
        where it stands there whatever is decided.
    charge, discharge
        Powers, both positive, ``(scenario, presence)``.
    energy
        Stored energy at the end of each period, ``(scenario, period, train)``.
    energy_row
        Rows of the energy balances, same shape.
    """

    arc: IntArray
    train: IntArray
    period: IntArray
    station: IntArray
    charge: IntArray
    discharge: IntArray
    energy: IntArray
    energy_row: IntArray


def add_trains(assembly: Assembly, case: Case, kept: Departures | None = None) -> Routes:
    """Add what is decided about trains in the first stage; some departures may be kept."""
    arcs = span_arcs(case.rail)
    taken = add_routes(assembly, case.rail, arcs, kept)
    shape = (case.n_periods, case.batteries.n_trains)
    discharging = assembly.variables(shape[0] * shape[1], upper=1.0, integer=True)
    return Routes(arcs=arcs, taken=taken, discharging=discharging.reshape(shape))


def add_train_power(
    assembly: Assembly, case: Case, routes: Routes, probability: FloatArray
) -> TrainPower:
    """Add power and energy of the trains, in every scenario.

    ``E[t] = E[t-1] + dt (eta p_charge - p_discharge / eta)``; no power on the move, and never both
    ways in one period.
    """
    batteries, n_scenarios = case.batteries, len(probability)
    n_periods, n_trains = routes.discharging.shape
    arc, train, period, station = presence(case.rail, routes.arcs)
    n = len(arc)
    shape = (n_scenarios, n)
    weight = probability[:, None] * case.period_h
    charge, discharge = (
        assembly.variables(
            n_scenarios * n,
            upper=np.broadcast_to(largest[train], shape).ravel(),
            cost=(weight * usd[train]).ravel(),
        ).reshape(shape)
        for largest, usd in (
            (batteries.p_charge_mw, batteries.usd_per_mwh_charged),
            (batteries.p_discharge_mw, batteries.usd_per_mwh_discharged),
        )
    )
    for power, largest in (
        (charge, batteries.p_charge_mw),
        (discharge, batteries.p_discharge_mw),
    ):
        # Only where the train stands.
        chosen = arc != NOWHERE
        rows = assembly.rows(n_scenarios * int(chosen.sum()), upper=0.0)
        rows = rows.reshape(n_scenarios, -1)
        assembly.entries(rows, power[:, chosen], 1.0)
        assembly.entries(rows, routes.taken[arc[chosen]], -largest[train[chosen]])
        # Only one way: charge <= P (1 - mode), discharge <= P mode.
        way = 0.0 if power is discharge else 1.0
        full = np.broadcast_to(largest, (n_scenarios, n_periods, n_trains))
        rows = assembly.rows(full.size, upper=way * full.ravel()).reshape(full.shape)
        assembly.entries(rows[:, period, train], power, 1.0)
        assembly.entries(rows, routes.discharging, (2 * way - 1) * full)
    energy, energy_row = _add_energy(assembly, case, probability, train, period, charge, discharge)
    return TrainPower(
        arc=arc,
        train=train,
        period=period,
        station=station,
        charge=charge,
        discharge=discharge,
        energy=energy,
        energy_row=energy_row,
    )


def _add_energy(
    assembly: Assembly,
    case: Case,
    probability: FloatArray,
    train: IntArray,
    period: IntArray,
    charge: IntArray,
    discharge: IntArray,
) -> tuple[IntArray, IntArray]:
    """Add stored energy at the end of each period; variables and rows, as in `TrainPower`."""
    batteries = case.batteries
    shape = (len(charge), case.n_periods, batteries.n_trains)
    lower = np.broadcast_to(batteries.energy_min_mwh, shape).copy()
    upper = np.broadcast_to(batteries.energy_max_mwh, shape).copy()
    size = lower.size
    energy = assembly.variables(size, lower=lower.ravel(), upper=upper.ravel()).reshape(shape)
    before = np.zeros(shape)
    before[:, 0] = batteries.energy_mwh
    rows = assembly.rows(size, lower=before.ravel(), upper=before.ravel()).reshape(shape)
    assembly.entries(rows, energy, 1.0)
    assembly.entries(rows[:, 1:], energy[:, :-1], -1.0)
    # What is missing at the end.
    last = (len(charge), batteries.n_trains)
    usd = probability[:, None] * batteries.missing_usd_per_mwh
    missing = assembly.variables(
        last[0] * last[1], cost=np.broadcast_to(usd, last).ravel()
    ).reshape(last)
    least = np.broadcast_to(batteries.terminal_mwh, last).ravel()
    at_end = assembly.rows(len(least), lower=least).reshape(last)
    assembly.entries(at_end, energy[:, -1], 1.0)
    assembly.entries(at_end, missing, 1.0)
    hours = case.period_h
    assembly.entries(rows[:, period, train], charge, -hours * batteries.efficiency_charge[train])
    assembly.entries(
        rows[:, period, train], discharge, hours / batteries.efficiency_discharge[train]
    )
    return energy, rows
