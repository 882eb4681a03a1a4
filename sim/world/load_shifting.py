"""Demand that is moved within a day: what the market orders, and what loads do of it."""

from __future__ import annotations

import numpy as np

from sim.control import MarketPlan
from sim.system.loads import Loads
from sim.system.timing import Timing
from sim.units import FloatArray
from sim.world.orders import OrderInForce


class LoadShifting:
    """Demand that is moved within a day.

    Parameters
    ----------
    loads, timing
        What exists.

    Attributes
    ----------
    shift_mw
        What each load drew beyond what it asked for, ``(step, load)`` [MW]; later steps are zero.
    today_mwh
        Their sum since midnight, ``(load,)`` [MWh].
    ordered
        Whether anything was ever ordered; until then there is nothing to meter.
    clipped_mwh
        Ordered energy that was not moved since `reset_clipped` [MWh].
    """

    def __init__(self, loads: Loads, timing: Timing) -> None:
        self._loads = loads
        self._timing = timing
        n = len(loads.name)
        self._order_mw: OrderInForce[np.float64] = OrderInForce(timing.n_periods, n, 0.0)
        self._before_mw = np.zeros(n)
        self.shift_mw = np.zeros((timing.n_steps, n))
        self.today_mwh = np.zeros(n)
        self.ordered = False
        self.clipped_mwh = 0.0

    def order(self, market: MarketPlan, period: int) -> None:
        """Take the orders of a plan whose row 0 is `period`."""
        self._order_mw.apply(market.shift_mw, period)
        self.ordered = self.ordered or market.shift_mw is not None

    def reset_clipped(self) -> None:
        """Count what is not moved from zero."""
        self.clipped_mwh = 0.0

    def meter(self, step: int, load_mw: FloatArray) -> None:
        """Note what was moved in `step`, which ends now; steps come in order.

        Parameters
        ----------
        step
            Index of the step.
        load_mw
            What was asked for in it and could be served, ``(load,)`` [MW].
        """
        timing, loads = self._timing, self._loads
        period, later = divmod(step, timing.steps_per_period)
        if not later and period:
            self._before_mw = self.shift_mw[step - timing.steps_per_period : step].mean(axis=0)
        ordered = self._order_mw.row(period)
        ramp = loads.shift_ramp_per_h * load_mw * timing.period_h
        share = loads.shiftable * load_mw
        moved = np.clip(ordered, self._before_mw - ramp, self._before_mw + ramp)
        moved = np.clip(moved, -share, share)
        self.clipped_mwh += float(np.abs(moved - ordered).sum()) * timing.step_h
        self.shift_mw[step] = moved
        is_midnight = (step + 1) % timing.steps_per_day == 0
        self.today_mwh = (self.today_mwh + moved * timing.step_h) * (not is_midnight)
