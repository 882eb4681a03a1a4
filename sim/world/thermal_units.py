"""Thermal units: what the market orders, and what they do of it."""

from __future__ import annotations

import enum

import numpy as np

from sim.control import MarketPlan, UnitStates
from sim.system.thermal_units import ThermalUnit
from sim.system.timing import Timing
from sim.units import FloatArray
from sim.world.orders import OrderInForce

HOLD = -1  # in the programme of commitments: stay as you are
_JUST_H = 1e-9
_JUST_MW = 1e-9


class Refusal(enum.IntEnum):
    """Why a unit was not started or stopped as ordered.

    Attributes
    ----------
    NONE
        It was, or nothing was ordered.
    MIN_UP, MIN_DOWN
        It has not been on, or off, for long enough.
    RAMP
        Its output is too large to stop from.
    SLACK
        It balances the grid.
    """

    NONE = 0
    MIN_UP = 1
    MIN_DOWN = 2
    RAMP = 3
    SLACK = 4


class ThermalUnits:
    """The thermal units of one episode.

    Parameters
    ----------
    units, timing
        What exists.

    Attributes
    ----------
    on, p_mw, refused
        What each unit did, ``(step, unit)``, rows of later steps are empty: whether it was on, its
        output [MW] (for the slack unit its `p_min_mw`: what it has to balance is known later), and
        why an order to start or stop was refused, `Refusal`, in all steps of the period.
    clipped_mwh
        Ordered energy that was not delivered since `reset_clipped` [MWh].
    """

    def __init__(self, units: tuple[ThermalUnit, ...], timing: Timing) -> None:
        self._units = units
        self._timing = timing
        n = len(units)
        self._now_on = np.array([unit.initially_on for unit in units], dtype=np.bool_)
        self._since_h = np.array([-unit.initial_h for unit in units])
        # Output at the end of the period before, NaN where nobody knows; and in this period.
        self._before_mw = np.array(
            [np.nan if unit.initial_mw is None else unit.initial_mw for unit in units]
        )
        self._before_mw[~self._now_on] = 0.0
        self._now_mw = self._before_mw.copy()
        self._wanted_on = self._now_on.copy()
        self._now_refused = np.full(n, Refusal.NONE, dtype=np.int64)
        self._commitment: OrderInForce[np.int64] = OrderInForce(
            timing.n_periods, n, HOLD, dtype=np.int64
        )
        self._unit_p_mw: OrderInForce[np.float64] = OrderInForce(timing.n_periods, n, np.nan)
        self.on = np.zeros((timing.n_steps, n), dtype=np.bool_)
        self.p_mw = np.zeros((timing.n_steps, n))
        self.refused = np.zeros((timing.n_steps, n), dtype=np.int64)
        self.clipped_mwh = 0.0

    def order(self, market: MarketPlan, period: int) -> None:
        """Take the orders of a plan whose row 0 is `period`."""
        if market.commitment is not None:
            self._commitment.apply(market.commitment.astype(np.int64), period)
        self._unit_p_mw.apply(market.unit_p_mw, period)

    def reset_clipped(self) -> None:
        """Count what is not delivered from zero."""
        self.clipped_mwh = 0.0

    def states(self, now_h: float, delivered_mw: FloatArray | None) -> UnitStates:
        """Return what a controller may know.

        Parameters
        ----------
        now_h
            Hours since the start.
        delivered_mw
            What units delivered in the last step, ``(unit,)`` [MW], None before the first one.
        """
        p_mw = self._now_mw if delivered_mw is None else delivered_mw
        return UnitStates(
            on=self._now_on.copy(), hours_in_state=now_h - self._since_h, p_mw=p_mw.copy()
        )

    def follow(self, step: int) -> None:
        """Do in `step`, which starts now, what is in force; steps come in order."""
        period, later = divmod(step, self._timing.steps_per_period)
        if not later:
            self._before_mw = self._now_mw.copy()
            self._switch(period)
        unit_p_mw = self._unit_p_mw.row(period)
        for k, unit in enumerate(self._units):
            ordered_mw = float(unit_p_mw[k]) if self._wanted_on[k] else 0.0
            self._now_mw[k] = self._output(k, unit, ordered_mw)
        self.on[step] = self._now_on
        self.p_mw[step] = self._now_mw
        self.refused[step] = self._now_refused

    def _switch(self, period: int) -> None:
        """Start and stop units at the start of a period, as far as that may be."""
        now_h = period * self._timing.period_h
        ordered = self._commitment.row(period)
        self._wanted_on = np.where(ordered == HOLD, self._now_on, ordered == 1)
        self._now_refused[:] = Refusal.NONE
        for k in np.flatnonzero(self._wanted_on != self._now_on).tolist():
            refusal = self._refusal(k, self._units[k], now_h)
            self._now_refused[k] = refusal
            if refusal is Refusal.NONE:
                self._now_on[k] = self._wanted_on[k]
                self._since_h[k] = now_h

    def _refusal(self, k: int, unit: ThermalUnit, now_h: float) -> Refusal:
        """Return why a unit may not change its state now."""
        hours = now_h - self._since_h[k] + _JUST_H
        if not self._now_on[k]:
            return Refusal.NONE if hours >= unit.min_down_h else Refusal.MIN_DOWN
        if unit.slack:
            return Refusal.SLACK
        if hours < unit.min_up_h:
            return Refusal.MIN_UP
        # An output that nobody knows may have been small enough.
        too_large = self._before_mw[k] > unit.edge_mw(self._timing.period_h) + _JUST_MW
        return Refusal.RAMP if too_large else Refusal.NONE

    def _output(self, k: int, unit: ThermalUnit, ordered_mw: float) -> float:
        """Return the output nearest to what is ordered, and note what is lacking."""
        if unit.slack:
            return unit.p_min_mw
        low, high = self._reach(k, unit) if self._now_on[k] else (0.0, 0.0)
        if np.isnan(ordered_mw):
            held = self._now_mw[k]
            return low if np.isnan(held) else min(max(held, low), high)
        p_mw = min(max(ordered_mw, low), high)
        self.clipped_mwh += abs(p_mw - ordered_mw) * self._timing.step_h
        return p_mw

    def _reach(self, k: int, unit: ThermalUnit) -> tuple[float, float]:
        """Return the least and the largest output of a unit that is on [MW]."""
        before, period_h = self._before_mw[k], self._timing.period_h
        if np.isnan(before):
            return unit.p_min_mw, unit.p_max_mw
        ramp = unit.ramp_mw_per_h * period_h
        # Before a start the output is 0, and the edge what the ramp leads to.
        high = min(max(before + ramp, unit.edge_mw(period_h)), unit.p_max_mw)
        return max(before - ramp, unit.p_min_mw), high
