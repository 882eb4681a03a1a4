"""Routes, powers and network of a look-ahead as one mixed-integer second-order cone model.

After Abdeltawab & Mohamed, *Mobile Energy Storage Scheduling and Operation in Active Distribution
Systems*, IEEE Trans. Industrial Electronics 64, 2017: branch flow, time-space routes with travel,
delay and installation, limits on trips and cycles a day, the inverter's circle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.model import LinearModel
from controllers.scheduling.grid.linearise import injections
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import add_energy
from controllers.scheduling.problem.time_space import Route, TimeSpace
from controllers.two_stage.branch_flow import BranchFlow, add_branch_flow
from controllers.two_stage.cone import Discs, RotatedCones, with_planes
from controllers.two_stage.daily_fleet import DailyFleet
from controllers.two_stage.radial import RadialGrid
from controllers.two_stage.trips import TripVariables, add_trips
from sim.control import Observation
from sim.system.system import System
from sim.units import FloatArray, IntArray

# What it costs to queue, so that it happens only where nothing else is possible [USD/h]. No money
# of the ledger.
_QUEUE_USD_PER_H = 1e3

# Tangents that a disc starts with, and levels of storage power at which a cone does.
_DIRECTIONS = 12
_LEVELS = (-1.0, -0.5, 0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Misocp:
    """The model with its first tangents, and where its parts are.

    Attributes
    ----------
    linear
        A relaxation: cones are replaced by tangents.
    cones, discs
        The cones.
    trips
        Routes.
    slot
        ``(vehicle, period, station)`` of each slot, ``(slot, 3)``: where power can flow.
    p_mw, q_mvar
        Net power, variables, ``(slot,)``.
    mode
        Whether a vehicle discharges, ``(vehicle, period)``; continuous until `integer` says
        otherwise.
    curtailed_mw
        ``(period, generator)``.
    flow
        The network.
    """

    linear: LinearModel
    cones: RotatedCones
    discs: Discs
    trips: TripVariables
    slot: IntArray
    charge_mw: IntArray
    discharge_mw: IntArray
    p_mw: IntArray
    q_mvar: IntArray
    mode: IntArray
    curtailed_mw: IntArray
    flow: BranchFlow

    def fixed(self, space: TimeSpace, routes: tuple[Route, ...]) -> tuple[FloatArray, FloatArray]:
        """Return bounds of all variables that leave only these routes, ``(variable,)``."""
        lower, upper = self.linear.lower.copy(), self.linear.upper.copy()
        lower[self.trips.taken] = upper[self.trips.taken] = self.trips.along(space, routes)
        return lower, upper

    def powers(self, values: FloatArray, routes: tuple[Route, ...]) -> tuple[FloatArray, ...]:
        """Return active and reactive power of a solution, ``(period, vehicle)`` [MW, Mvar]."""
        n_periods, n_vehicles = len(self.flow.p), len(routes)
        k, t, _ = self.slot.T
        result = []
        for power in (self.p_mw, self.q_mvar):
            total = np.zeros((n_periods, n_vehicles))
            np.add.at(total, (t, k), values[power])
            result.append(total)
        return tuple(result)

    def both_ways(self, values: FloatArray) -> IntArray:
        """Return the modes of vehicles that charge and discharge at once, variables."""
        amount = np.zeros((2, *self.mode.shape))
        k, t, _ = self.slot.T
        for which, power in enumerate((self.charge_mw, self.discharge_mw)):
            np.add.at(amount[which], (k, t), values[power])
        both: IntArray = self.mode[np.minimum(*amount) > _BURNING_MW]
        return both


# Charging and discharging at once below this is rounding [MW].
_BURNING_MW = 1e-6


def misocp(system: System, observation: Observation, tree: RadialGrid, fleet: DailyFleet) -> Misocp:
    """Return the model of a look-ahead.

    Parameters
    ----------
    system
        What exists.
    observation
        What is known now.
    tree
        The grid as it is switched now, taken to stay so.
    fleet
        The vehicles.
    """
    assembly = Assembly()
    forecast, tariff = observation.forecast, system.tariff
    n_periods, period_h = forecast.n_periods, system.timing.period_h
    rest = OperatingPoint.at_rest(system, n_periods)
    fixed_mw, fixed_mvar = injections(system, forecast, rest)
    flow = add_branch_flow(
        assembly, system, tree, fixed_mw, fixed_mvar,
        forecast.import_usd_per_mwh[:, 0], forecast.export_usd_per_mwh[:, 0],
    )  # fmt: skip

    bus = system.generators.bus
    supplied = tree.live[bus]
    cost = (tariff.curtailment_usd_per_mwh - tariff.feed_in_usd_per_mwh) * period_h
    available = np.where(supplied, forecast.available_mw, 0.0)
    curtailed = assembly.variables(available.size, upper=available.ravel(), cost=cost)
    curtailed = curtailed.reshape(available.shape)
    assembly.entries(flow.balance_p[:, bus[supplied]], curtailed[:, supplied], -1.0)
    delivered = forecast.available_mw.sum() * period_h
    assembly.offset += tariff.feed_in_usd_per_mwh * float(delivered)

    stations = np.array([station.bus for station in system.stations], dtype=np.int64)
    live = tree.live[stations]
    trips = add_trips(assembly, fleet.space, live, _QUEUE_USD_PER_H * period_h)
    slot = np.argwhere((trips.present >= 0) & live)
    _, t, s = slot.T
    charge, discharge, p, q, discs = _add_inverters(assembly, fleet, trips, slot, period_h)
    assembly.entries(flow.balance_p[t, stations[s]], p, 1.0)
    assembly.entries(flow.balance_q[t, stations[s]], q, 1.0)
    mode = _add_batteries(assembly, fleet, trips, slot, charge, discharge)
    _add_days(assembly, fleet, trips, slot, (charge, discharge, q), period_h)

    model = assembly.build()
    discs = Discs(
        **{
            name: np.concatenate([getattr(discs, name), getattr(flow.discs, name)])
            for name in ("p", "q", "radius", "factor")
        }
    )
    model = _first_planes(
        model, flow, discs, tree, fixed_mw, fixed_mvar, _reach(tree, fleet, stations)
    )
    return Misocp(
        linear=model, cones=flow.cones, discs=discs, trips=trips, slot=slot,
        charge_mw=charge, discharge_mw=discharge, p_mw=p, q_mvar=q,
        mode=mode, curtailed_mw=curtailed, flow=flow,
    )  # fmt: skip


def _add_inverters(
    assembly: Assembly, fleet: DailyFleet, trips: TripVariables, slot: IntArray, period_h: float
) -> tuple[IntArray, IntArray, IntArray, IntArray, Discs]:
    """Add the powers of each slot; none where the vehicle is not."""
    batteries = fleet.batteries
    k, t, s = slot.T
    n = len(slot)
    wear = batteries.wear_usd_per_mwh[k] * period_h
    charging = wear + batteries.charging_usd_per_mwh[k] * period_h
    largest = batteries.p_charge_max_mw[k], batteries.p_discharge_max_mw[k]
    charge = assembly.variables(n, upper=largest[0], cost=charging)
    discharge = assembly.variables(n, upper=largest[1], cost=wear)
    p = assembly.variables(n, lower=-largest[0], upper=largest[1])
    s_mva = batteries.s_mva[k]
    q = assembly.variables(n, lower=-s_mva, upper=s_mva)
    present = trips.present[k, t, s]
    net = assembly.rows(n, lower=0.0, upper=0.0)
    assembly.entries(net, p, 1.0)
    assembly.entries(net, discharge, -1.0)
    assembly.entries(net, charge, 1.0)
    tie = assembly.rows(n, upper=0.0)
    assembly.entries(tie, charge, 1 / largest[0])
    assembly.entries(tie, discharge, 1 / largest[1])
    assembly.entries(tie, present, -1.0)
    return charge, discharge, p, q, Discs(p=p, q=q, radius=s_mva, factor=present)


def _add_batteries(
    assembly: Assembly,
    fleet: DailyFleet,
    trips: TripVariables,
    slot: IntArray,
    charge: IntArray,
    discharge: IntArray,
) -> IntArray:
    """Add stored energy and its limits; returns the modes."""
    batteries = fleet.batteries
    shape = (fleet.space.n_vehicles, fleet.space.n_periods)
    energy, surplus = add_energy(assembly, batteries, fleet.end)
    at_rest = np.repeat(-(batteries.hours * batteries.auxiliary_mw)[:, None], shape[1], axis=1)
    at_rest[:, 0] += batteries.keep * batteries.energy_mwh
    rows = assembly.rows(energy.size, lower=at_rest.ravel(), upper=at_rest.ravel()).reshape(shape)
    assembly.entries(rows, energy, 1.0)
    assembly.entries(rows[:, -1], surplus, 1.0)
    assembly.entries(rows[:, 1:], energy[:, :-1], -batteries.keep[:, None])
    k, t, _ = slot.T
    hours = batteries.hours[k]
    assembly.entries(rows[k, t], charge, -hours * batteries.efficiency_charge[k])
    assembly.entries(rows[k, t], discharge, hours / batteries.efficiency_discharge[k])
    used = fleet.space.energy_mwh[trips.vehicle, trips.start, trips.goal]
    assembly.entries(rows[trips.vehicle, trips.period], trips.taken, used)

    mode = assembly.variables(energy.size, upper=1.0).reshape(shape)
    for power, largest, sign in (
        (charge, batteries.p_charge_max_mw, 1.0),
        (discharge, batteries.p_discharge_max_mw, -1.0),
    ):
        ceiling = np.repeat(largest if sign > 0 else np.zeros(len(largest)), shape[1])
        rows = assembly.rows(energy.size, upper=ceiling).reshape(shape)
        assembly.entries(rows[k, t], power, 1.0)
        assembly.entries(rows, mode, sign * largest[:, None])
    return mode


def _add_days(
    assembly: Assembly,
    fleet: DailyFleet,
    trips: TripVariables,
    slot: IntArray,
    powers: tuple[IntArray, IntArray, IntArray],
    period_h: float,
) -> None:
    """Limit trips and throughput of each day, and pay the shift of a day with any work."""
    shape = fleet.shift_usd.shape
    paid = fleet.shift_usd > 0
    used = np.full(shape, -1, dtype=np.int64)
    used[paid] = assembly.variables(
        int(paid.sum()), upper=1.0, cost=fleet.shift_usd[paid], integer=True
    )
    k, t, _ = slot.T
    day = fleet.day[t]
    charge, discharge, q = powers
    batteries = fleet.batteries
    for limit, entries in (
        (fleet.trips_left, [(trips.vehicle, fleet.day[trips.period], trips.taken, 1.0)]),
        (
            fleet.throughput_left_mwh,
            [(k, day, charge, period_h), (k, day, discharge, period_h)],
        ),
    ):
        bounded = np.isfinite(limit)
        row = np.full(shape, -1, dtype=np.int64)
        upper = np.where(paid, 0.0, limit)[bounded]
        row[bounded] = assembly.rows(int(bounded.sum()), upper=upper)
        for vehicle, of_day, variables, factor in entries:
            here = bounded[vehicle, of_day]
            assembly.entries(row[vehicle[here], of_day[here]], variables[here], factor)
        both = bounded & paid
        assembly.entries(row[both], used[both], -limit[both])
    # No power without a shift.
    here = paid[k, day]
    n_periods = fleet.space.n_periods
    for variables, largest, sign in (
        (charge, batteries.p_charge_max_mw, 1.0),
        (discharge, batteries.p_discharge_max_mw, 1.0),
        (q, batteries.s_mva, 1.0),
        (q, batteries.s_mva, -1.0),
    ):
        if not here.any():
            break
        cell, row_of = np.unique(k[here] * n_periods + t[here], return_inverse=True)
        rows = assembly.rows(len(cell), upper=0.0)
        vehicle, period = cell // n_periods, cell % n_periods
        assembly.entries(rows[row_of], variables[here], sign)
        assembly.entries(rows, used[vehicle, fleet.day[period]], -largest[vehicle])
    here = paid[trips.vehicle, fleet.day[trips.period]]
    rows = assembly.rows(int(here.sum()), upper=0.0)
    assembly.entries(rows, trips.taken[here], 1.0)
    of = used[trips.vehicle[here], fleet.day[trips.period[here]]]
    assembly.entries(rows, of, -1.0)


def _reach(tree: RadialGrid, fleet: DailyFleet, stations: IntArray) -> FloatArray:
    """Return the storage power that can lie behind each branch, ``(branch,)`` [MW]."""
    power = np.zeros((1, len(tree.live)))
    power[0, stations] = 1.0
    served: FloatArray = np.minimum(tree.downstream(power)[0], 1.0)
    return served * float(fleet.batteries.p_discharge_max_mw.sum())


def _first_planes(
    model: LinearModel,
    flow: BranchFlow,
    discs: Discs,
    tree: RadialGrid,
    fixed_mw: FloatArray,
    fixed_mvar: FloatArray,
    reach_mw: FloatArray,
) -> LinearModel:
    """Return the model with tangents around the flows that storage can cause."""
    n = len(model.cost)
    p, q = -tree.downstream(fixed_mw), -tree.downstream(fixed_mvar)
    every = np.arange(p.size)
    u = np.full(p.size, float(np.mean(tree.root_v)))
    for level in _LEVELS:
        changed = reach_mw > 0 if level else np.ones(len(reach_mw), dtype=np.bool_)
        at = np.broadcast_to(changed, p.shape).ravel()
        flow_p = (p + level * reach_mw).ravel()[at]
        planes = flow.cones.tangents(every[at], flow_p, q.ravel()[at], u[at], n)
        model = with_planes(model, planes)
    turn = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    every = np.repeat(np.arange(len(discs.p)), _DIRECTIONS)
    angle = np.tile(turn, len(discs.p))
    return with_planes(model, discs.tangents(every, np.cos(angle), np.sin(angle), n))
