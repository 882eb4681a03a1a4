"""The guard: what of a plan may be executed."""

from __future__ import annotations

import dataclasses
import math
from numbers import Integral
from typing import Any, Protocol

import numpy as np

from sim.control import (
    EvPlan,
    FleetPlan,
    GridPlan,
    MarketPlan,
    Plan,
    RentPlan,
    ResponsePlan,
    Visit,
)
from sim.errors import PlanError, shown
from sim.system.battery import Battery
from sim.system.rent import RentBasis
from sim.system.system import System
from sim.world.outcomes import check_outcome, is_number

PARTS = {
    "fleet": FleetPlan,
    "grid": GridPlan,
    "market": MarketPlan,
    "ev": EvPlan,
    "response": ResponsePlan,
    "rent": RentPlan,
}


class Guard(Protocol):
    """Limits the power ordered from one battery to what it can hold until the period ends."""

    def __call__(
        self, battery: Battery, energy_mwh: float, p_mw: float, q_mvar: float, duration_h: float
    ) -> tuple[float, float]:
        """Return the power to execute [MW, Mvar]."""


def limit_power(
    battery: Battery, energy_mwh: float, p_mw: float, q_mvar: float, duration_h: float
) -> tuple[float, float]:
    """Return the nearest power that the battery can hold for `duration_h` [MW, Mvar]."""
    return battery.feasible(energy_mwh, p_mw, q_mvar, duration_h)


def checked_plan(plan: object, system: System, n_periods: int) -> Plan:
    """Return a plan without the rows beyond the look-ahead; refuse one that has no meaning.

    Parameters
    ----------
    plan
        What the controller returned.
    system
        What exists.
    n_periods
        Periods until the end of the look-ahead; rows beyond it are cut.

    Raises
    ------
    PlanError
        Naming the part, the value and what it should be.
    """
    if not isinstance(plan, Plan):
        raise PlanError(f"decide() must return a Plan, not {type(plan).__name__}")
    for name, kind in PARTS.items():
        part = getattr(plan, name)
        if part is not None and not isinstance(part, kind):
            raise PlanError(f"{name} must be {kind.__name__} or None, not {type(part).__name__}")
    check_outcome(plan.outcome)
    if plan.fleet is not None:
        _check_fleet(plan.fleet, system, n_periods)
    if plan.grid is not None:
        _check_grid(plan.grid, system, n_periods)
    if plan.market is not None:
        _check_market(plan.market, system, n_periods)
    if plan.ev is not None:
        _check_ev(plan.ev, system, n_periods)
    if plan.response is not None:
        factor = plan.response.factor
        _check_rows("response.factor", factor, len(system.vehicles), n_periods)
        _check_finite("response.factor", factor)
    if plan.rent is not None:
        _check_rent(plan.rent, system, n_periods)
    parts: dict[str, Any] = {}
    for name, kind in PARTS.items():
        part = getattr(plan, name)
        rows = {} if part is None else _cut(part, kind, n_periods)
        if rows:
            parts[name] = dataclasses.replace(part, **rows)
    return dataclasses.replace(plan, **parts) if parts else plan


def _cut(part: object, kind: type[Any], n_periods: int) -> dict[str, Any]:
    """Return the first `n_periods` rows of those arrays of a part that have more."""
    found = {}
    for name in kind.__slots__:
        array = getattr(part, name)
        if isinstance(array, np.ndarray) and len(array) > n_periods:
            found[name] = array[:n_periods]
    return found


def _check_rows(name: str, array: object, width: int, n_periods: int) -> None:
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[1] != width:
        shape = getattr(array, "shape", type(array).__name__)
        raise PlanError(f"{name} must be an array of shape (periods, {width}), not {shape}")
    if not len(array):
        raise PlanError(f"{name} has 0 rows; it takes 1 to {n_periods}, one per period from now on")
    if array.dtype.kind not in "fiub" or isinstance(array, np.ma.MaskedArray):
        kind = "masked values" if isinstance(array, np.ma.MaskedArray) else array.dtype
        raise PlanError(f"{name} must hold real numbers, not {kind}")


def _check_fleet(fleet: FleetPlan, system: System, n_periods: int) -> None:
    width = len(system.vehicles)
    for name, array in (("fleet.p_mw", fleet.p_mw), ("fleet.q_mvar", fleet.q_mvar)):
        if array is None:
            continue
        _check_rows(name, array, width, n_periods)
        if not np.isfinite(array).all():
            row, vehicle = np.argwhere(~np.isfinite(array))[0]
            raise PlanError(
                f"{name}[{row}, {vehicle}] = {array[row, vehicle]} for "
                f"{system.vehicles[vehicle].name} must be finite"
            )
    if fleet.visits is None:
        return
    _check_sequence("fleet.visits", fleet.visits)
    if len(fleet.visits) != width:
        raise PlanError(f"fleet.visits has {len(fleet.visits)} entries for {width} vehicles")
    for vehicle, visits in zip(system.vehicles, fleet.visits, strict=True):
        if visits is None:
            continue
        _check_sequence(f"fleet.visits of {vehicle.name}", visits)
        last = -math.inf
        for visit in visits:
            if not isinstance(visit, Visit):
                raise PlanError(
                    f"fleet.visits of {vehicle.name} must hold Visit, not {type(visit).__name__}"
                )
            if not is_number(visit.station, Integral):
                name = shown(visit.station)
                raise PlanError(
                    f"fleet.visits of {vehicle.name}: station = {name} must be an index; "
                    f"system.station({name}) returns the index of a name"
                )
            if not 0 <= visit.station < len(system.stations):
                raise PlanError(
                    f"fleet.visits of {vehicle.name}: unknown station {visit.station}; there are "
                    f"{len(system.stations)}"
                )
            depart_h = visit.depart_h
            if not (is_number(depart_h) and math.isfinite(depart_h) and depart_h >= last):
                raise PlanError(
                    f"fleet.visits of {vehicle.name}: depart_h = {shown(depart_h)} must be finite "
                    "and in order"
                )
            last = visit.depart_h
            for name in ("charge_mwh", "discharge_mwh"):
                budget = getattr(visit, name)
                if budget is not None and not (is_number(budget) and budget >= 0):
                    raise PlanError(
                        f"fleet.visits of {vehicle.name}: {name} = {shown(budget)} must be a "
                        "number >= 0, or None for no limit"
                    )


def _check_sequence(name: str, value: object) -> None:
    # What can be walked once only would be empty when it is carried out.
    if not isinstance(value, tuple | list):
        raise PlanError(f"{name} must be a tuple, not {type(value).__name__}")


def _check_grid(grid: GridPlan, system: System, n_periods: int) -> None:
    limit = grid.generation_limit_mw
    _check_rows("grid.generation_limit_mw", limit, len(system.generators.name), n_periods)
    if np.isnan(limit).any() or (limit < 0).any():
        raise PlanError("grid.generation_limit_mw must be >= 0 (infinity means free)")


def _check_ev(ev: EvPlan, system: System, n_periods: int) -> None:
    if not system.evs:
        raise PlanError("ev.p_mw orders electric cars; the scenario has none")
    _check_rows("ev.p_mw", ev.p_mw, len(system.evs), n_periods)
    if np.isinf(ev.p_mw).any():
        row, index = np.argwhere(np.isinf(ev.p_mw))[0]
        raise PlanError(
            f"ev.p_mw[{row}, {index}] = {ev.p_mw[row, index]} for {system.evs[index].name} must be "
            "finite, or NaN for no order"
        )
    for index, group in enumerate(system.evs):
        if not group.orderable and np.isfinite(ev.p_mw[:, index]).any():
            raise PlanError(
                f"ev.p_mw orders {group.name}, whose cars take no orders (orderable = false); NaN "
                "is no order"
            )


def _check_rent(rent: RentPlan, system: System, n_periods: int) -> None:
    contract = system.rent
    if contract is None:
        raise PlanError("rent gives prices; the scenario has no contract of rent ([rent])")
    kinds = {"usd_per_mwh": RentBasis.ENERGY, "usd_per_h": RentBasis.PRESENCE}
    for name, basis in kinds.items():
        price = getattr(rent, name)
        if price is None:
            continue
        if basis is not contract.basis:
            raise PlanError(f"rent.{name} is no price of a contract for {contract.basis}")
        _check_rows(f"rent.{name}", price, len(system.areas), n_periods)
        _check_finite(f"rent.{name}", price)
        if (price < 0).any():
            raise PlanError(f"rent.{name} must be >= 0")


def _check_finite(name: str, array: np.ndarray) -> None:
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise PlanError(f"{name}[{row}, {column}] = {array[row, column]} must be finite")


def _check_market(market: MarketPlan, system: System, n_periods: int) -> None:
    widths = {
        "commitment": len(system.units),
        "unit_p_mw": len(system.units),
        "shift_mw": len(system.loads.name),
        "lmp_usd_per_mwh": system.grid.n_buses,
    }
    for name, width in widths.items():
        array = getattr(market, name)
        if array is None:
            continue
        _check_rows(f"market.{name}", array, width, n_periods)
        if name == "commitment":
            if array.dtype != np.bool_:
                raise PlanError(f"market.commitment must hold truth values, not {array.dtype}")
        else:
            _check_finite(f"market.{name}", array)
