"""A battery: limits, losses, and the exact integration of its stored energy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """A battery behind an inverter.

    Attributes
    ----------
    energy_mwh
        Capacity [MWh].
    p_charge_max_mw, p_discharge_max_mw
        Largest charging and discharging power at the grid side, both positive [MW].
    s_mva
        Apparent-power rating of the inverter [MVA]; active power has priority.
    efficiency_charge, efficiency_discharge
        Stored over drawn, delivered over released, each in (0, 1].
    soc_min, soc_max
        Limits of the state of charge [-].
    soc_initial, soc_terminal
        State of charge at the start, and the target at the end of the episode [-].
    self_discharge_per_h
        Share of the stored energy lost per hour [1/h].
    auxiliary_mw
        Standing load (cooling, control) fed from the battery [MW]. Standing losses stop at
        `soc_min`.
    wear_usd_per_mwh
        Cost of ageing per MWh that passes the grid connection, charging and discharging alike
        [USD/MWh].
    charging_usd_per_mwh
        Cost of running the charger, per MWh drawn from the grid, beside the energy [USD/MWh].
    cycles_per_day
        Equivalent full cycles, ``(charged + discharged) / (2 * energy_mwh)`` at the grid side, that
        it may do between two midnights [-]; None for as many as it likes.
    """

    energy_mwh: float
    p_charge_max_mw: float
    p_discharge_max_mw: float
    s_mva: float
    efficiency_charge: float = 1.0
    efficiency_discharge: float = 1.0
    soc_min: float = 0.0
    soc_max: float = 1.0
    soc_initial: float = 0.5
    soc_terminal: float = 0.5
    self_discharge_per_h: float = 0.0
    auxiliary_mw: float = 0.0
    wear_usd_per_mwh: float = 0.0
    charging_usd_per_mwh: float = 0.0
    cycles_per_day: float | None = None

    def __post_init__(self) -> None:
        positive = ("energy_mwh", "p_charge_max_mw", "p_discharge_max_mw", "s_mva")
        for name in positive:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}(={value}) must be a finite number > 0.")
        for name in ("efficiency_charge", "efficiency_discharge"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise ValueError(f"{name}(={value}) must be in (0, 1].")
        if not 0 <= self.soc_min < self.soc_max <= 1:
            raise ValueError(
                f"soc_min(={self.soc_min}) and soc_max(={self.soc_max}) must satisfy "
                "0 <= soc_min < soc_max <= 1."
            )
        for name in ("soc_initial", "soc_terminal"):
            value = getattr(self, name)
            if not self.soc_min <= value <= self.soc_max:
                raise ValueError(f"{name}(={value}) must lie in [soc_min, soc_max].")
        for name in (
            "self_discharge_per_h", "auxiliary_mw", "wear_usd_per_mwh", "charging_usd_per_mwh",
        ):  # fmt: skip
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}(={value}) must be a finite number >= 0.")
        if self.cycles_per_day is not None and not self.cycles_per_day >= 0:
            raise ValueError(f"cycles_per_day(={self.cycles_per_day}) must be >= 0, or not given.")
        if max(self.p_charge_max_mw, self.p_discharge_max_mw) > self.s_mva:
            raise ValueError(f"s_mva(={self.s_mva}) must be at least the active power limits.")

    def times(self, count: int) -> Battery:
        """Return so many of these batteries as one."""
        sizes = ("energy_mwh", "p_charge_max_mw", "p_discharge_max_mw", "s_mva", "auxiliary_mw")
        return replace(self, **{name: count * getattr(self, name) for name in sizes})

    @property
    def energy_min_mwh(self) -> float:
        """Lowest stored energy [MWh]."""
        return self.soc_min * self.energy_mwh

    @property
    def energy_max_mwh(self) -> float:
        """Highest stored energy [MWh]."""
        return self.soc_max * self.energy_mwh

    @property
    def energy_initial_mwh(self) -> float:
        """Stored energy at the start of an episode [MWh]."""
        return self.soc_initial * self.energy_mwh

    @property
    def energy_terminal_mwh(self) -> float:
        """Stored energy aimed at for the end of an episode [MWh]."""
        return self.soc_terminal * self.energy_mwh

    @property
    def throughput_per_day_mwh(self) -> float:
        """Energy that may pass the grid connection between two midnights [MWh]."""
        return (
            math.inf if self.cycles_per_day is None else 2 * self.energy_mwh * self.cycles_per_day
        )

    def internal_mw(self, p_mw: float) -> float:
        """Return the rate at which grid power `p_mw` (positive injecting) empties cells [MW]."""
        return p_mw / self.efficiency_discharge if p_mw > 0 else p_mw * self.efficiency_charge

    def q_max_mvar(self, p_mw: float) -> float:
        """Return the reactive power left beside `p_mw` in the inverter's circle [Mvar]."""
        return math.sqrt(max(self.s_mva**2 - p_mw**2, 0.0))

    def after(self, energy_mwh: float, p_mw: float, duration_h: float) -> float:
        """Return the stored energy after `duration_h` at constant grid power `p_mw` [MWh].

        Solves ``dE/dt = -internal(p) - self_discharge * E - auxiliary`` exactly, without limits.
        """
        drain_mw = self.internal_mw(p_mw) + self.auxiliary_mw
        rate = self.self_discharge_per_h
        if rate == 0.0:
            return energy_mwh - drain_mw * duration_h
        return energy_mwh * math.exp(-rate * duration_h) + drain_mw / rate * math.expm1(
            -rate * duration_h
        )

    def hours_until(self, energy_mwh: float, p_mw: float, limit_mwh: float) -> float:
        """Return the time until the stored energy reaches `limit_mwh` at constant `p_mw` [h].

        Infinite where it never does, zero where it has been reached and power pushes beyond it.
        """
        drain_mw = self.internal_mw(p_mw) + self.auxiliary_mw
        rate = self.self_discharge_per_h
        slope = -drain_mw - rate * energy_mwh
        distance = limit_mwh - energy_mwh
        if slope == 0.0 or distance * slope < 0:
            return math.inf
        if rate == 0.0:
            return distance / slope
        # E(t) = (E0 + drain/rate) exp(-rate t) - drain/rate
        start, goal = energy_mwh + drain_mw / rate, limit_mwh + drain_mw / rate
        if goal == 0.0 or start / goal <= 0:
            return math.inf
        return max(math.log(start / goal) / rate, 0.0)

    def advance(self, energy_mwh: float, p_mw: float, duration_h: float) -> tuple[float, float]:
        """Run at constant grid power `p_mw` until `duration_h` is over or a limit is reached.

        Parameters
        ----------
        energy_mwh
            Stored energy at the start [MWh].
        p_mw
            Grid power, positive injecting [MW].
        duration_h
            Time to run [h].

        Returns
        -------
        tuple
            Stored energy at the end [MWh], and the time for which the power flowed [h]. From the
            moment a limit is reached the battery only idles.
        """
        powered_h = 0.0
        if p_mw > 0.0 and energy_mwh > self.energy_min_mwh:
            powered_h = self.hours_until(energy_mwh, p_mw, self.energy_min_mwh)
        elif p_mw < 0.0 and energy_mwh < self.energy_max_mwh:
            powered_h = self.hours_until(energy_mwh, p_mw, self.energy_max_mwh)
        powered_h = min(powered_h, duration_h)
        floor = min(energy_mwh, self.energy_min_mwh)
        if powered_h > 0.0:
            energy_mwh = max(self.after(energy_mwh, p_mw, powered_h), floor)
            if p_mw < 0.0:
                energy_mwh = min(energy_mwh, self.energy_max_mwh)
        if powered_h < duration_h:
            energy_mwh = max(self.after(energy_mwh, 0.0, duration_h - powered_h), floor)
        return energy_mwh, powered_h

    def rated(self, p_mw: float, q_mvar: float) -> tuple[float, float]:
        """Return the power nearest to `p_mw`, `q_mvar` within the ratings [MW, Mvar].

        Active power has priority in the inverter's circle.
        """
        p_mw = min(max(p_mw, -self.p_charge_max_mw), self.p_discharge_max_mw)
        q_max = self.q_max_mvar(p_mw)
        return p_mw, min(max(q_mvar, -q_max), q_max)

    def feasible(
        self, energy_mwh: float, p_mw: float, q_mvar: float, duration_h: float
    ) -> tuple[float, float]:
        """Return the power nearest to `p_mw`, `q_mvar` that can be held for `duration_h`.

        Respects the ratings, and the energy limits over the whole duration [MW, Mvar].
        """
        p_mw, _ = self.rated(p_mw, q_mvar)
        if p_mw != 0.0 and duration_h > 0.0:
            rate = self.self_discharge_per_h
            kept = energy_mwh * math.exp(-rate * duration_h)
            span_h = duration_h if rate == 0.0 else -math.expm1(-rate * duration_h) / rate
            if p_mw > 0.0:
                internal = (kept - self.energy_min_mwh) / span_h - self.auxiliary_mw
                p_mw = min(p_mw, max(internal, 0.0) * self.efficiency_discharge)
            else:
                internal = (self.energy_max_mwh - kept) / span_h + self.auxiliary_mw
                p_mw = max(p_mw, -max(internal, 0.0) / self.efficiency_charge)
        return self.rated(p_mw, q_mvar)
