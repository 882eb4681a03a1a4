"""The owner's model: routes, service and prices; a relaxation of the bilevel programme.

Trucks flow through a time-space network, identical ones together, and energy flows with them, by
origin, because who discharges it pays what it has cost. Trucks of one kind at one place pool their
energy. What is rented in a period at a price is at most the demand there, and what is paid for all
of it at most what it is worth. Budgets are what is used.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.model import LinearModel
from controllers.shared_rental.case import Case
from controllers.shared_rental.market_view import MarketView
from controllers.shared_rental.rows_of_prices import add_costs, add_prices

Drive: TypeAlias = tuple[int, int, int]
"""Period, station and goal; the goal is the station itself for a stay."""


@dataclass(frozen=True, slots=True)
class Arc:
    """Trucks of a group that stay at a station for a period, or drive to another one.

    Attributes
    ----------
    group, period, station, goal
        Whose, when and from where; the goal is the station itself for a stay.
    """

    group: int
    period: int
    station: int
    goal: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeaderModel:
    """The model and where its variables are.

    Attributes
    ----------
    model
        What is minimised: the owner's cost less rent, or the cost of all.
    groups
        Trucks that are alike.
    flow
        Number of trucks on each arc.
    charge_mw, discharge_mw
        Power on stays, and by origin.
    level
        Binary variables of price levels, by area, period, direction and level.
    """

    model: LinearModel
    groups: tuple[tuple[int, ...], ...]
    flow: dict[Arc, int]
    charge_mw: dict[Arc, int]
    discharge_mw: dict[Arc, list[int]]
    level: dict[tuple[int, int, int, int], int]


def alike(case: Case) -> tuple[tuple[int, ...], ...]:
    """Return the trucks that differ at most in where they start and what they hold."""
    batteries, space = case.batteries, case.space
    kinds: dict[bytes, list[int]] = {}
    for k in range(case.n_vehicles):
        own = [
            batteries.lower_mwh[k, -1:], batteries.upper_mwh[k, -1:], batteries.keep[k],
            batteries.efficiency_charge[k], batteries.efficiency_discharge[k],
            batteries.auxiliary_mw[k], batteries.p_charge_max_mw[k],
            batteries.p_discharge_max_mw[k], batteries.wear_usd_per_mwh[k],
            batteries.charging_usd_per_mwh[k], space.cost_usd[k], space.energy_mwh[k],
            case.end.target_mwh[k], case.end.missing_usd_per_mwh[k],
        ]  # fmt: skip
        key = b"".join(np.ascontiguousarray(part).tobytes() for part in own)
        kinds.setdefault(key, []).append(k)
    return tuple(tuple(kind) for kind in kinds.values())


def leader_model(
    case: Case,
    view: MarketView,
    groups: tuple[tuple[int, ...], ...],
    *,
    owner: bool,
    tied: bool,
    within: Set[Drive] | None = None,
) -> LeaderModel:
    """Return the model.

    Parameters
    ----------
    case
        The case.
    view
        What operators demand.
    groups
        Trucks that are alike.
    owner
        Whether the owner's profit counts; otherwise the cost of owner and operators together, as
        if one decided for all.
    tied
        Whether each truck goes to one station, at once, and stays.
    within
        Stays and drives to choose from; None for all.
    """
    model = Assembly()
    flow = _add_flows(model, case, groups, tied=tied, within=within)
    charge, discharge = _add_energy(model, case, view, groups, flow, owner=owner)
    served: dict[tuple[int, int], tuple[list[int], list[list[int]]]] = {}
    for arc in charge:
        key = (int(case.area[arc.station]), arc.period)
        charged, discharged = served.setdefault(key, ([], []))
        charged.append(charge[arc])
        discharged.append(discharge[arc])
    if owner:
        level = add_prices(model, case, view, served)
    else:
        level = {}
        add_costs(model, view, served)
    return LeaderModel(
        model=model.build(),
        groups=groups,
        flow=flow,
        charge_mw=charge,
        discharge_mw=discharge,
        level=level,
    )


def _add_flows(
    model: Assembly,
    case: Case,
    groups: tuple[tuple[int, ...], ...],
    *,
    tied: bool,
    within: Set[Drive] | None,
) -> dict[Arc, int]:
    """Add the number of trucks on each arc; who comes to a node goes on, and plugs suffice."""
    space, n = case.space, case.n_periods
    flow: dict[Arc, int] = {}
    held: dict[tuple[int, int], list[int]] = {}
    for g, trucks in enumerate(groups):
        starts = [(int(space.start_period[k]), int(space.start_station[k])) for k in trucks]
        reached = {start for start in starts if start[0] < n}
        into: dict[tuple[int, int], list[int]] = {}
        out: dict[tuple[int, int], list[int]] = {}
        for t in range(n):
            for s in sorted(station for period, station in reached if period == t):
                for goal in range(space.n_stations):
                    stay = goal == s
                    duration = 1 if stay else int(space.duration[t, s, goal])
                    if not duration or (tied and not stay and (t, s) not in starts):
                        continue
                    if within is not None and (t, s, goal) not in within:
                        continue
                    usd = 0.0 if stay else float(space.cost_usd[trucks[0], t, s, goal])
                    (v,) = model.variables(1, upper=len(trucks), cost=usd, integer=True)
                    flow[Arc(g, t, s, goal)] = int(v)
                    out.setdefault((t, s), []).append(int(v))
                    into.setdefault((t + duration, goal), []).append(int(v))
                    reached.add((t + duration, goal))
                    first = t if stay else t + int(space.arrival[t, s, goal])
                    for period in range(first, t + duration):
                        held.setdefault((period, goal), []).append(int(v))
        for node in sorted(reached):
            if node[0] >= n:
                continue
            begin = float(starts.count(node))
            row = model.rows(1, lower=begin, upper=begin)
            model.entries(row, np.array(out.get(node, []), dtype=np.int64), 1.0)
            model.entries(row, np.array(into.get(node, []), dtype=np.int64), -1.0)
    spare = space.spare_plugs()
    for (t, s), users in held.items():
        if case.n_vehicles > spare[t, s]:
            model.entries(model.rows(1, upper=float(spare[t, s])), np.array(users), 1.0)
    return flow


def _add_energy(
    model: Assembly,
    case: Case,
    view: MarketView,
    groups: tuple[tuple[int, ...], ...],
    flow: dict[Arc, int],
    *,
    owner: bool,
) -> tuple[dict[Arc, int], dict[Arc, list[int]]]:
    """Add stored energy on the arcs, by origin, and power on the stays."""
    batteries, space, hours = case.batteries, case.space, case.period_h
    # Only what the owner pays for depends on origins.
    n_origins = len(view.origin_usd_per_mwh) if owner else 1
    charge: dict[Arc, int] = {}
    discharge: dict[Arc, list[int]] = {}
    rows: dict[tuple[int, int, int], np.ndarray] = {}

    def node(g: int, t: int, s: int) -> np.ndarray:
        if (g, t, s) not in rows:
            start = np.zeros(n_origins)
            for k in groups[g]:
                if (space.start_period[k], space.start_station[k]) == (t, s):
                    start[-1] += batteries.energy_mwh[k]
            rows[g, t, s] = model.rows(n_origins, lower=start, upper=start)
        return rows[g, t, s]

    for arc, f in flow.items():
        k, t, s = groups[arc.group][0], arc.period, arc.station
        size, stay = len(groups[arc.group]), arc.goal == arc.station
        duration = 1 if stay else int(space.duration[t, s, arc.goal])
        most = float(batteries.upper_mwh[k, t]) * size
        energy = model.variables(n_origins, upper=most)
        model.entries(node(arc.group, t, s), energy, 1.0)
        within = model.rows(2, lower=[0.0, -np.inf], upper=[np.inf, 0.0])
        model.entries(within[:, None], energy[None, :], 1.0)
        model.entries(within, np.array([f]), -batteries.lower_mwh[[k, k], [t, t]] * [1, 0]
                      - batteries.upper_mwh[[k, k], [t, t]] * [0, 1])  # fmt: skip
        after = node(arc.group, t + duration, arc.goal)
        model.entries(after, energy, -float(batteries.keep[k] ** duration))
        lost = float(batteries.auxiliary_mw[k] * batteries.hours[k]) * duration
        lost += 0.0 if stay else float(space.energy_mwh[k, s, arc.goal])
        if lost > 0:
            losses = model.variables(n_origins)
            model.entries(after, losses, 1.0)
            whole = model.rows(1, lower=0.0, upper=0.0)
            model.entries(whole, losses, 1.0)
            model.entries(whole, np.array([f]), -lost)
        if not stay or case.operators[case.area[s]] is None:
            continue
        wear = float(batteries.wear_usd_per_mwh[k]) * hours
        charging = wear + float(batteries.charging_usd_per_mwh[k]) * hours
        p_in, p_out = batteries.p_charge_max_mw[k], batteries.p_discharge_max_mw[k]
        (c,) = model.variables(1, upper=p_in * size, cost=charging)
        d = model.variables(n_origins, upper=p_out * size, cost=wear)
        within = model.rows(1, upper=0.0)
        model.entries(within, np.array([c]), 1 / p_in)
        model.entries(within, d, 1 / p_out)
        model.entries(within, np.array([f]), -1.0)
        gained = int(view.origin[t, case.area[s]]) if owner else 0
        inside = float(batteries.hours[k])
        model.entries(after[[gained]], np.array([c]), -inside * batteries.efficiency_charge[k])
        model.entries(after, d, inside / batteries.efficiency_discharge[k])
        charge[arc], discharge[arc] = int(c), d.tolist()
    _add_ends(model, case, view, groups, rows, owner=owner)
    return charge, discharge


def _add_ends(
    model: Assembly,
    case: Case,
    view: MarketView,
    groups: tuple[tuple[int, ...], ...],
    rows: dict[tuple[int, int, int], np.ndarray],
    *,
    owner: bool,
) -> None:
    """Let the owner take over what is left, at its cost, and pay for what is missing."""
    for g, trucks in enumerate(groups):
        k = trucks[0]
        target = float(case.end.target_mwh[k]) * len(trucks)
        (short,) = model.variables(1, cost=float(case.end.missing_usd_per_mwh[k]))
        enough = model.rows(1, lower=target)
        model.entries(enough, np.array([short]), 1.0)
        for (group, t, _), own in rows.items():
            if group != g or t < case.n_periods:
                continue
            cost = view.origin_usd_per_mwh.copy() if owner else np.zeros(len(own))
            cost[-1] = 0.0  # what he owned at the beginning
            left = model.variables(len(own), cost=np.maximum(cost, 0.0))
            model.entries(own, left, 1.0)
            model.entries(enough, left, 1.0)
