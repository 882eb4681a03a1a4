"""A battery by numerical integration: shares no formula with `sim.system.battery`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from sim.system.battery import Battery

FINE = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14}


@dataclass(frozen=True)
class Run:
    """Where a run ended: energy [MWh], time with power [h], standing losses [MWh]."""

    energy_mwh: float
    powered_h: float
    standing_mwh: float


def emptying_mw(battery: Battery, p_mw: float) -> float:
    """Return what leaves the cells for grid power `p_mw`, negative where it enters [MW]."""
    if p_mw >= 0:
        return p_mw / battery.efficiency_discharge
    return p_mw * battery.efficiency_charge


def integrate(
    battery: Battery, energy_mwh: float, p_mw: float, duration_h: float, stop_mwh: float | None
) -> tuple[float, float, float]:
    """Integrate until `duration_h` or `stop_mwh`; return energy, time, standing losses."""

    def rates(_time_h: float, state: np.ndarray) -> list[float]:
        standing_mw = battery.self_discharge_per_h * state[0] + battery.auxiliary_mw
        return [-emptying_mw(battery, p_mw) - standing_mw, standing_mw]

    events: list[Callable[..., float]] = []
    if stop_mwh is not None:

        def reached(_time_h: float, state: np.ndarray) -> float:
            return float(state[0] - stop_mwh)

        reached.terminal = True  # type: ignore[attr-defined]
        events.append(reached)
    found = solve_ivp(
        rates, (0.0, duration_h), [energy_mwh, 0.0], events=events or None,
        max_step=duration_h / 8, **FINE,
    )  # fmt: skip
    return float(found.y[0, -1]), float(found.t[-1]), float(found.y[1, -1])


def hours_until(
    battery: Battery, energy_mwh: float, p_mw: float, limit_mwh: float, within_h: float
) -> float:
    """Return when the energy reaches a limit, infinite where it does not `within_h`."""
    energy, hours, _ = integrate(battery, energy_mwh, p_mw, within_h, limit_mwh)
    return hours if math.isclose(energy, limit_mwh, abs_tol=1e-9) else math.inf


def advance(battery: Battery, energy_mwh: float, p_mw: float, duration_h: float) -> Run:
    """Run with power until a limit, then without; standing losses stop at `soc_min`."""
    floor = battery.soc_min * battery.energy_mwh
    limit = floor if p_mw > 0 else battery.soc_max * battery.energy_mwh
    powered_h = standing_mwh = 0.0
    beyond = energy_mwh <= floor if p_mw > 0 else energy_mwh >= limit
    if p_mw != 0.0 and not beyond:
        energy_mwh, powered_h, standing_mwh = integrate(
            battery, energy_mwh, p_mw, duration_h, limit
        )
    left_h = duration_h - powered_h
    if left_h > 0.0 and energy_mwh > floor + 1e-12:
        energy_mwh, _, lost_mwh = integrate(battery, energy_mwh, 0.0, left_h, floor)
        standing_mwh += lost_mwh
    return Run(energy_mwh, powered_h, standing_mwh)


def feasible_mw(battery: Battery, energy_mwh: float, p_mw: float, duration_h: float) -> float:
    """Return the power nearest to `p_mw` that keeps the limits to the end, by bisection."""
    most = battery.p_discharge_max_mw if p_mw > 0 else battery.p_charge_max_mw
    p_mw = math.copysign(min(abs(p_mw), most), p_mw)
    limit = (battery.soc_min if p_mw > 0 else battery.soc_max) * battery.energy_mwh

    def beyond(power_mw: float) -> float:
        end_mwh = integrate(battery, energy_mwh, power_mw, duration_h, None)[0]
        return limit - end_mwh if p_mw > 0 else end_mwh - limit

    if beyond(p_mw) <= 0:
        return p_mw
    if beyond(math.copysign(1e-12, p_mw)) >= 0:
        return 0.0
    return float(brentq(beyond, 0.0, p_mw, xtol=1e-13))
