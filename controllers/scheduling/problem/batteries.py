"""Linear battery model: energy balance, limits, and the inverter's circle as a polygon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.scheduling.problem.end_cost import EndCost
from sim.control import Observation
from sim.system.system import System
from sim.units import HOURS_PER_DAY, FloatArray, IntArray

# Edges of the polygon inside a quarter of the inverter's circle; with three, at most 3.4 % of the
# apparent power is given away.
EDGES = 3

# Reactive power without any use stays at zero; far below the money that counts.
REACTIVE_USD_PER_MVARH = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batteries:
    """Batteries of the fleet, arrays ``(vehicle,)`` unless said otherwise.

    The stored energy follows ``E[t+1] = keep * E[t] - hours * (internal power + auxiliary)``, the
    exact solution of the battery's equation at constant power, with ``keep = exp(-r * dt)`` and
    ``hours = (1 - keep) / r``.

    Attributes
    ----------
    energy_mwh
        Stored energy now [MWh].
    lower_mwh, upper_mwh
        Limits at period boundaries, ``(vehicle, period + 1)`` [MWh]. Where a battery is outside
        its limits, or standing losses take it there, they follow the battery at rest, so that
        rest is always allowed.
    keep
        Share of the energy left after a period without power [-].
    hours
        Effective hours of a period [h].
    efficiency_charge, efficiency_discharge, auxiliary_mw
        As in `Battery`.
    p_charge_max_mw, p_discharge_max_mw, s_mva
        As in `Battery`.
    wear_usd_per_mwh, charging_usd_per_mwh
        As in `Battery`.
    day
        Day of the look-ahead in which each period begins, ``(period,)``.
    left_mwh
        What may flow to and from the grid on it, charging and discharging together,
        ``(vehicle, day)`` [MWh]; infinite where cycles are not limited.
    """

    energy_mwh: FloatArray
    lower_mwh: FloatArray
    upper_mwh: FloatArray
    keep: FloatArray
    hours: FloatArray
    efficiency_charge: FloatArray
    efficiency_discharge: FloatArray
    auxiliary_mw: FloatArray
    p_charge_max_mw: FloatArray
    p_discharge_max_mw: FloatArray
    s_mva: FloatArray
    wear_usd_per_mwh: FloatArray
    charging_usd_per_mwh: FloatArray
    day: IntArray
    left_mwh: FloatArray


def batteries_of(system: System, observation: Observation) -> Batteries:
    """Return the batteries as they are now, for the periods of the forecast."""
    batteries = [truck.battery for truck in system.vehicles]
    period_h, n_periods = system.timing.period_h, observation.forecast.n_periods
    now_mwh = observation.vehicles.energy_mwh.astype(np.float64)
    rate = np.array([battery.self_discharge_per_h for battery in batteries])
    auxiliary = np.array([battery.auxiliary_mw for battery in batteries])
    keep = np.exp(-rate * period_h)
    leaking = rate > 0
    hours = np.where(leaking, -np.expm1(-rate * period_h) / np.where(leaking, rate, 1.0), period_h)
    rest = np.empty((len(batteries), n_periods + 1))
    rest[:, 0] = now_mwh
    for t in range(n_periods):
        rest[:, t + 1] = keep * rest[:, t] - hours * auxiliary
    lowest = np.array([battery.energy_min_mwh for battery in batteries])
    highest = np.array([battery.energy_max_mwh for battery in batteries])
    start_h = (observation.period + np.arange(n_periods)) * period_h
    day = np.floor(start_h / HOURS_PER_DAY + 1e-9).astype(np.int64)
    day -= day[:1]
    allowed = np.array([battery.throughput_per_day_mwh for battery in batteries])
    left = np.repeat(allowed[:, None], day.max(initial=0) + 1, axis=1)
    left[:, 0] -= observation.vehicles.throughput_today_mwh
    return Batteries(
        energy_mwh=now_mwh,
        lower_mwh=np.minimum(lowest[:, None], rest),
        upper_mwh=np.maximum(highest[:, None], rest),
        keep=keep,
        hours=hours,
        efficiency_charge=np.array([battery.efficiency_charge for battery in batteries]),
        efficiency_discharge=np.array([battery.efficiency_discharge for battery in batteries]),
        auxiliary_mw=auxiliary,
        p_charge_max_mw=np.array([battery.p_charge_max_mw for battery in batteries]),
        p_discharge_max_mw=np.array([battery.p_discharge_max_mw for battery in batteries]),
        s_mva=np.array([battery.s_mva for battery in batteries]),
        wear_usd_per_mwh=np.array([battery.wear_usd_per_mwh for battery in batteries]),
        charging_usd_per_mwh=np.array([battery.charging_usd_per_mwh for battery in batteries]),
        day=day,
        left_mwh=np.maximum(left, 0.0),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slots:
    """Where power can flow: one entry per vehicle, station and period.

    Attributes
    ----------
    vehicle, station, period
        Indices, ``(slot,)``.
    """

    vehicle: IntArray
    station: IntArray
    period: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatteryVariables:
    """Indices of the batteries' variables.

    Attributes
    ----------
    charge_mw, discharge_mw
        ``(slot,)``, both non-negative.
    inject_mvar, absorb_mvar
        Reactive power, ``(slot,)``, both non-negative.
    energy_mwh
        Stored energy at the end of each period, ``(vehicle, period)``; at the end of the last one
        only up to the target where the cost of the end has a kink.
    surplus_mwh
        Stored energy above that at the end, ``(vehicle,)``.
    energy_row
        Row of each energy balance, ``(vehicle, period)``.
    polygon_row
        Rows of the inverter's polygon, ``(edge, slot)``.
    """

    charge_mw: IntArray
    discharge_mw: IntArray
    inject_mvar: IntArray
    absorb_mvar: IntArray
    energy_mwh: IntArray
    surplus_mwh: IntArray
    energy_row: IntArray
    polygon_row: IntArray

    def stored_mwh(self, values: FloatArray) -> FloatArray:
        """Return the stored energy of a solution, ``(vehicle, period)`` [MWh]."""
        stored = values[self.energy_mwh]
        stored[:, -1] += values[self.surplus_mwh]
        return stored


def add_batteries(
    assembly: Assembly,
    batteries: Batteries,
    slots: Slots,
    *,
    trips_mwh: FloatArray,
    end: EndCost,
    period_h: float,
    present: IntArray | None = None,
) -> BatteryVariables:
    """Add power, energy and the rows that tie them together.

    Parameters
    ----------
    assembly
        The model.
    batteries
        The fleet.
    slots
        Where power can flow.
    trips_mwh
        Energy used by trips, ``(vehicle, period)`` [MWh].
    end
        What stored energy costs at the end; places are not in the model of batteries.
    period_h
        Length of a period [h].
    present
        Variables in [0, 1] that say whether the vehicle is there, ``(slot,)``; None where it is.

    Returns
    -------
    BatteryVariables
        Where the variables are.
    """
    n_slots, (n_vehicles, n_periods) = len(slots.vehicle), trips_mwh.shape
    k = slots.vehicle
    wear = batteries.wear_usd_per_mwh[k] * period_h
    charging = wear + batteries.charging_usd_per_mwh[k] * period_h
    charge = assembly.variables(n_slots, upper=batteries.p_charge_max_mw[k], cost=charging)
    discharge = assembly.variables(n_slots, upper=batteries.p_discharge_max_mw[k], cost=wear)
    friction = REACTIVE_USD_PER_MVARH * period_h
    inject = assembly.variables(n_slots, upper=batteries.s_mva[k], cost=friction)
    absorb = assembly.variables(n_slots, upper=batteries.s_mva[k], cost=friction)
    energy, surplus = add_energy(assembly, batteries, end)
    fixed = -(batteries.hours * batteries.auxiliary_mw)[:, None] - trips_mwh
    fixed[:, :1] += (batteries.keep * batteries.energy_mwh)[:, None]
    rows = assembly.rows(energy.size, lower=fixed.ravel(), upper=fixed.ravel())
    rows = rows.reshape(n_vehicles, n_periods)
    assembly.entries(rows, energy, 1.0)
    assembly.entries(rows[:, -1], surplus, 1.0)
    assembly.entries(rows[:, 1:], energy[:, :-1], -batteries.keep[:, None])
    row = rows[k, slots.period]
    hours = batteries.hours[k]
    assembly.entries(row, charge, -hours * batteries.efficiency_charge[k])
    assembly.entries(row, discharge, hours / batteries.efficiency_discharge[k])
    limited = np.isfinite(batteries.left_mwh)
    cycles = np.full(limited.shape, -1, dtype=np.int64)
    cycles[limited] = assembly.rows(int(limited.sum()), upper=batteries.left_mwh[limited])
    of_day = cycles[k, batteries.day[slots.period]]
    for part in (charge, discharge):
        assembly.entries(of_day[of_day >= 0], part[of_day >= 0], period_h)
    polygon = _add_polygon(
        assembly, batteries.s_mva[k], (charge, discharge), (inject, absorb), present
    )
    if present is not None:
        largest = np.maximum(batteries.p_charge_max_mw, batteries.p_discharge_max_mw)[k]
        tie = assembly.rows(n_slots, upper=0.0)
        for part in (charge, discharge):
            assembly.entries(tie, part, 1.0)
        assembly.entries(tie, present, -largest)
    return BatteryVariables(
        charge_mw=charge,
        discharge_mw=discharge,
        inject_mvar=inject,
        absorb_mvar=absorb,
        energy_mwh=energy,
        surplus_mwh=surplus,
        energy_row=rows,
        polygon_row=polygon,
    )


def add_energy(assembly: Assembly, batteries: Batteries, end: EndCost) -> tuple[IntArray, IntArray]:
    """Add stored energy within its limits, and what it costs at the end.

    The last energy is the sum of two variables, up to the target and above it. The first is worth
    more, so that it is filled first.

    Returns
    -------
    tuple
        Stored energy at the end of each period, ``(vehicle, period)``, the last one up to the
        target only; the energy above it, ``(vehicle,)``.
    """
    lower, upper = batteries.lower_mwh[:, 1:].copy(), batteries.upper_mwh[:, 1:].copy()
    least, most = lower[:, -1].copy(), upper[:, -1].copy()
    kink = np.where(end.bent, np.clip(end.target_mwh, least, most), most)
    upper[:, -1] = kink
    cost = np.zeros(lower.shape)
    cost[:, -1] = -end.missing_usd_per_mwh
    energy = assembly.variables(
        lower.size, lower=lower.ravel(), upper=upper.ravel(), cost=cost.ravel()
    ).reshape(lower.shape)
    surplus = assembly.variables(len(kink), upper=most - kink, cost=-end.surplus_usd_per_mwh)
    # What the energy up to the kink earns above is taken from a battery that is full up to there.
    assembly.offset += float((end.fixed_usd + end.missing_usd_per_mwh * kink).sum())
    assembly.offset += sum(float(end.energy_usd(k, kink[k])) for k in range(len(kink)))
    return energy, surplus


def _add_polygon(
    assembly: Assembly,
    s_mva: FloatArray,
    active: tuple[IntArray, IntArray],
    reactive: tuple[IntArray, IntArray],
    present: IntArray | None,
) -> IntArray:
    """Keep ``(|p|, |q|)`` under the chords of a quarter circle; returns the rows, ``(edge, slot)``.

    The sum of the two non-negative parts is the magnitude, because no plan does both at once.
    """
    edges = []
    for of_active, of_reactive, reach in polygon_edges():
        rows = assembly.rows(len(s_mva), upper=reach * s_mva if present is None else 0.0)
        edges.append(rows)
        if present is not None:
            assembly.entries(rows, present, -reach * s_mva)
        for part in active:
            assembly.entries(rows, part, of_active)
        for part in reactive:
            assembly.entries(rows, part, of_reactive)
    return np.array(edges)


def polygon_edges() -> list[tuple[float, float, float]]:
    """Return edges ``a |p| + b |q| <= c s`` of the polygon inside the inverter's circle."""
    angles, reach = _chords()
    return [(float(np.cos(angle)), float(np.sin(angle)), reach) for angle in angles.tolist()]


def _chords() -> tuple[FloatArray, float]:
    """Return the chords' directions [rad] and their distance from the centre of a unit circle."""
    angles = np.linspace(0, np.pi / 2, EDGES + 1)
    return (angles[1:] + angles[:-1]) / 2, float(np.cos(np.pi / 4 / EDGES))


def most_reactive(s_mva: float, p_mw: float) -> tuple[FloatArray, FloatArray]:
    """Return the reactive power that the polygon leaves beside an active one.

    Parameters
    ----------
    s_mva
        Apparent power of the inverter [MVA].
    p_mw
        Largest active power that matters [MW].

    Returns
    -------
    tuple
        Corners of the polygon, active power from 0 up to the largest possible [MW], and the
        reactive power there [Mvar]; between corners it is linear and falls ever faster.
    """
    angles, reach = _chords()
    corners = np.linspace(0, np.pi / 2, EDGES + 1)
    active = s_mva * np.sin(corners)
    last = min(p_mw, s_mva)
    active = np.append(active[active < last - 1e-12], last)
    left = reach * s_mva - np.multiply.outer(active, np.cos(angles))
    return active, np.maximum((left / np.sin(angles)).min(axis=1), 0.0)
