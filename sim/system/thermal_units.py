"""Thermal units: power plants that burn fuel, start and stop."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalUnit:
    """A power plant at one bus of the grid.

    Attributes
    ----------
    name, bus
        Unique name, and index of the bus it injects into.
    p_min_mw, p_max_mw
        Output while it is on, ``0 <= p_min_mw <= p_max_mw`` [MW].
    no_load_usd_per_h, linear_usd_per_mwh, quadratic_usd_per_mw2h
        Cost of an hour at output ``p`` while it is on:
        ``no_load + linear p + quadratic p^2`` [USD].
    ramp_mw_per_h
        Largest change of the output between periods, per hour of a period [MW/h]. In the period in
        which it starts, and in the last one before it stops, the output is at most `edge_mw`.
    min_up_h, min_down_h
        How long it must stay on after a start, off after a stop [h]; longer than a day is allowed.
    start_up_usd, shut_down_usd
        Cost of one start, of one stop [USD].
    initially_on, initial_h
        State at the start of the episode, and for how long it has lasted [h].
    initial_mw
        Output until then [MW]; None where nobody knows: then it holds `p_min_mw` until it is told
        otherwise, and no ramp leads into the first period.
    emission_lb_per_mwh, emission_lb_per_start
        Emissions [lb/MWh, lb].
    vm_pu
        Voltage it holds at its bus while it is on [pu]. Limits of its reactive power are not
        modelled.
    slack
        Whether it balances the grid: within `p_min_mw` and `p_max_mw` its output is what loads and
        losses leave to it, whatever was planned, and it never stops. Ramps do not bind it;
        what it does beyond its own is counted.
    """

    name: str
    bus: int
    p_min_mw: float
    p_max_mw: float
    no_load_usd_per_h: float = 0.0
    linear_usd_per_mwh: float = 0.0
    quadratic_usd_per_mw2h: float = 0.0
    ramp_mw_per_h: float = math.inf
    min_up_h: float = 0.0
    min_down_h: float = 0.0
    start_up_usd: float = 0.0
    shut_down_usd: float = 0.0
    initially_on: bool = True
    initial_h: float = 0.0
    initial_mw: float | None = None
    emission_lb_per_mwh: float = 0.0
    emission_lb_per_start: float = 0.0
    vm_pu: float = 1.0
    slack: bool = False

    def __post_init__(self) -> None:
        not_negative = (
            "p_min_mw", "no_load_usd_per_h", "linear_usd_per_mwh", "quadratic_usd_per_mw2h",
            "min_up_h", "min_down_h", "start_up_usd", "shut_down_usd", "initial_h",
            "emission_lb_per_mwh", "emission_lb_per_start",
        )  # fmt: skip
        for name in not_negative:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}(={value}) must be a finite number >= 0.")
        if not (math.isfinite(self.p_max_mw) and self.p_max_mw >= self.p_min_mw):
            raise ValueError(f"p_max_mw(={self.p_max_mw}) must be >= p_min_mw(={self.p_min_mw}).")
        if not self.ramp_mw_per_h > 0:
            raise ValueError(f"ramp_mw_per_h(={self.ramp_mw_per_h}) must be > 0.")
        if not (math.isfinite(self.vm_pu) and self.vm_pu > 0):
            raise ValueError(f"vm_pu(={self.vm_pu}) must be a finite number > 0.")
        if self.slack and not self.initially_on:
            raise ValueError("a slack unit must be on from the start: initially_on(=False).")
        if self.initial_mw is None:
            return
        low, high = (self.p_min_mw, self.p_max_mw) if self.initially_on else (0.0, 0.0)
        if not low <= self.initial_mw <= high:
            state = "on" if self.initially_on else "off"
            raise ValueError(
                f"initial_mw(={self.initial_mw}) must lie in [{low}, {high}] for a unit that is "
                f"{state} at the start."
            )

    def edge_mw(self, period_h: float) -> float:
        """Return the largest output in the period of a start and in the last before a stop [MW].

        ``min(p_max, max(p_min, ramp * period))``: a unit can always run at its minimum.
        """
        return min(self.p_max_mw, max(self.p_min_mw, self.ramp_mw_per_h * period_h))
