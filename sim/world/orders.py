"""Orders in force: what plans have ordered, period by period, and no later plan has changed."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sim.control import Plan
from sim.system.system import System

Scalar = TypeVar("Scalar", bound=np.generic)


class OrderInForce(Generic[Scalar]):
    """Orders of one kind, one row per period.

    Parameters
    ----------
    n_periods, width
        Periods of the episode, and things that are ordered.
    default
        What holds where nothing was ordered.

    Attributes
    ----------
    rows
        ``(period, thing)``; changed in place.
    """

    def __init__(
        self, n_periods: int, width: int, default: object, dtype: DTypeLike = np.float64
    ) -> None:
        self.rows: NDArray[Any] = np.full((n_periods, width), default, dtype=dtype)

    def apply(self, rows: NDArray[Scalar] | None, period: int) -> None:
        """Take the rows of a plan whose row 0 is `period`; None keeps what is in force."""
        if rows is not None:
            self.rows[period : period + len(rows)] = rows

    def row(self, period: int) -> NDArray[Scalar]:
        """Return what is in force in a period, ``(thing,)``."""
        row: NDArray[Scalar] = self.rows[period]
        return row


class Orders:
    """Orders in force to vehicles and generators, and the prices that were found.

    Thermal units and loads keep theirs themselves: what they do depends on what they did before.

    Attributes
    ----------
    p_mw, q_mvar
        Power of each vehicle while connected, ``(period, vehicle)`` [MW, Mvar].
    generation_limit_mw
        Caps, ``(period, generator)`` [MW].
    lmp_usd_per_mwh
        Prices, ``(period, bus)``; NaN where none were found.
    rent
        Prices of rent, ``(period, area)`` [USD/MWh or USD/h, as the contract says].
    response
        Participation factors, ``(period, vehicle)``.
    """

    def __init__(self, system: System) -> None:
        n_periods, n_vehicles = system.timing.n_periods, len(system.vehicles)
        self.p_mw: OrderInForce[np.float64] = OrderInForce(n_periods, n_vehicles, 0.0)
        self.q_mvar: OrderInForce[np.float64] = OrderInForce(n_periods, n_vehicles, 0.0)
        self.generation_limit_mw: OrderInForce[np.float64] = OrderInForce(
            n_periods, len(system.generators.name), np.inf
        )
        self.lmp_usd_per_mwh: OrderInForce[np.float64] = OrderInForce(
            n_periods, system.grid.n_buses, np.nan
        )
        self.rent: OrderInForce[np.float64] = OrderInForce(n_periods, len(system.areas), 0.0)
        self.response: OrderInForce[np.float64] = OrderInForce(n_periods, n_vehicles, 0.0)

    def apply(self, plan: Plan, period: int) -> None:
        """Take what a plan orders whose row 0 is `period`."""
        if plan.fleet is not None:
            self.p_mw.apply(plan.fleet.p_mw, period)
            self.q_mvar.apply(plan.fleet.q_mvar, period)
        if plan.grid is not None:
            self.generation_limit_mw.apply(plan.grid.generation_limit_mw, period)
        if plan.market is not None:
            self.lmp_usd_per_mwh.apply(plan.market.lmp_usd_per_mwh, period)
        if plan.rent is not None:
            self.rent.apply(plan.rent.usd_per_mwh, period)
            self.rent.apply(plan.rent.usd_per_h, period)
