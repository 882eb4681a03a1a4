"""The battery on board of a vehicle: what it exchanges, and what is left in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sim.control import Visit
from sim.system.battery import Battery
from sim.world.guard import Guard
from sim.world.vehicle_meter import Exchange, Metering


@dataclass(slots=True)
class EnergyBudget:
    """What a visit may still charge and discharge at the grid connection, both [MWh]."""

    charge_mwh: float = math.inf
    discharge_mwh: float = math.inf

    @classmethod
    def of(cls, visit: Visit) -> EnergyBudget:
        """Return the whole budget of a visit."""
        given = (visit.charge_mwh, visit.discharge_mwh)
        return cls(*(math.inf if mwh is None else mwh for mwh in given))

    def limit(self, p_mw: float, duration_h: float) -> float:
        """Return what of a power held for `duration_h` it leaves, positive injecting [MW]."""
        left_mwh = max(self.discharge_mwh if p_mw > 0 else self.charge_mwh, 0.0)
        if abs(p_mw) * duration_h <= left_mwh:
            return p_mw
        return math.copysign(left_mwh / duration_h, p_mw)

    def book(self, p_mw: float, duration_h: float) -> None:
        """Take what flowed."""
        if p_mw > 0:
            self.discharge_mwh -= p_mw * duration_h
        else:
            self.charge_mwh += p_mw * duration_h


@dataclass(slots=True, kw_only=True)
class OnboardBattery:
    """A battery with its meter. Its energy is exact whenever `advance` has been called.

    Attributes
    ----------
    battery
        What it is.
    energy_mwh
        Stored energy [MWh].
    p_mw, q_mvar
        Power exchanged at this moment [MW, Mvar].
    withheld_mw, clipped_mwh
        Power ordered but withheld by the guard at this moment [MW], and its energy since
        `reset_clipped` [MWh].
    throughput_today_mwh
        Energy exchanged since midnight [MWh].
    budget
        What the visit leaves.
    meter
        What happened since the last reading.
    """

    battery: Battery
    energy_mwh: float
    p_mw: float = 0.0
    q_mvar: float = 0.0
    withheld_mw: float = 0.0
    clipped_mwh: float = 0.0
    throughput_today_mwh: float = 0.0
    budget: EnergyBudget = field(default_factory=EnergyBudget)
    meter: Metering = field(default_factory=Metering)

    def order(self, guard: Guard, p_mw: float, q_mvar: float, duration_h: float) -> str:
        """Exchange power from now on; return what is refused of what the guard lets through."""
        p, q = guard(self.battery, self.energy_mwh, p_mw, q_mvar, duration_h)
        p = self.budget.limit(self._within_cycles(p, duration_h), duration_h)
        self.withheld_mw = abs(p_mw - p) if abs(p_mw - p) > 1e-9 else 0.0
        # The inverter obeys its ratings whatever the guard lets through.
        self.p_mw, self.q_mvar = self.battery.rated(p, q)
        return f"{p:.6g} MW is beyond the rating" if abs(self.p_mw - p) > 1e-9 else ""

    def reset_clipped(self) -> None:
        """Count what the guard withholds from zero."""
        self.clipped_mwh = 0.0

    def cut_off(self) -> None:
        """Exchange nothing from now on."""
        self.p_mw = self.q_mvar = self.withheld_mw = 0.0

    def advance(self, duration_h: float) -> float:
        """Let `duration_h` pass at the power of now; return for how long it flowed [h]."""
        before = self.energy_mwh
        self.energy_mwh, powered_h = self.battery.advance(before, self.p_mw, duration_h)
        standing_mwh = before - self.energy_mwh - self.battery.internal_mw(self.p_mw) * powered_h
        self.meter.standing_mwh += standing_mwh
        return powered_h

    def book(self, station: int, powered_h: float, duration_h: float) -> str:
        """Book the exchange at `station` that `advance` let flow; return what was refused."""
        connected_h = self.meter.connected_h
        connected_h[station] = connected_h.get(station, 0.0) + duration_h
        if self.p_mw > 0.0:
            self.meter.discharged_mwh += self.p_mw * powered_h
        elif self.p_mw < 0.0:
            self.meter.charged_mwh -= self.p_mw * powered_h
        self.throughput_today_mwh += abs(self.p_mw) * powered_h
        self.budget.book(self.p_mw, powered_h)
        self.clipped_mwh += self.withheld_mw * duration_h
        if self.p_mw == 0.0 == self.q_mvar and not self.meter.exchanges:
            return ""  # nothing flows, as for most of a vehicle's life
        exchange = self.meter.exchanges.setdefault(station, Exchange())
        if self.p_mw == 0.0 or powered_h > 0.0:
            exchange.add(self.p_mw, self.q_mvar, powered_h if self.p_mw else duration_h)
        if self.p_mw == 0.0 or powered_h >= duration_h:
            return ""
        full = "full" if self.p_mw < 0.0 else "empty"
        refused = f"{self.p_mw:.6g} MW: the battery is {full}"
        self.p_mw = 0.0  # the battery's limit, whatever was ordered
        exchange.add(0.0, self.q_mvar, duration_h - powered_h)
        return refused if duration_h - powered_h > 1e-6 else ""

    def draw(self, energy_mwh: float) -> None:
        """Feed the tractor, with what there is; `soc_min` limits only the exchange with a grid."""
        traction = min(energy_mwh, self.energy_mwh)
        self.meter.traction_mwh += traction
        self.energy_mwh -= traction

    def read_meter(self) -> Metering:
        """Return what happened since the last reading."""
        reading, self.meter = self.meter, Metering()
        return reading

    def _within_cycles(self, p_mw: float, duration_h: float) -> float:
        """Return what of a power held for `duration_h` the day's cycles leave [MW]."""
        left_mwh = max(self.battery.throughput_per_day_mwh - self.throughput_today_mwh, 0.0)
        if abs(p_mw) * duration_h <= left_mwh:
            return p_mw
        return math.copysign(left_mwh / duration_h, p_mw)
