"""Household electric cars that charge at a bus."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Parties of the ledger that stand for something else than an owner of cars.
NO_OWNERS = ("market", "generators", "suppliers", "inventory", "benefit")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvGroup:
    """Equal cars behind one bus; each comes home once a day and charges until it is full.

    Attributes
    ----------
    name
        Unique name; it keys the group's random streams.
    bus
        Index of the bus.
    count
        Number of cars.
    p_mw
        Charging power of one car, unit power factor [MW].
    energy_mwh
        Capacity of one battery [MWh].
    mwh_per_km
        Consumption [MWh/km].
    efficiency_charge
        Stored over drawn, in (0, 1].
    p_discharge_max_mw, efficiency_discharge
        Largest power that one car feeds into the grid [MW], 0 where none does, and delivered over
        released, in (0, 1]; the second is needed where the first is positive.
    wear_usd_per_mwh
        Cost of ageing per MWh that passes the grid connection either way [USD/MWh].
    orderable
        Whether plans may order the group; where not, its cars charge on their own.
    owner
        The party to whom the cars belong.
    back_off_h
        Charging starts a uniform random time of at most so long after arrival [h]; 0 charges at
        once.
    charge_from_h
        Nobody charges on his own before this hour, counted from the midnight before he comes home
        [h]: 24 is the midnight after. The back-off counts from then. 0 sets no such hour.
    """

    name: str
    bus: int
    count: int
    p_mw: float
    energy_mwh: float
    mwh_per_km: float
    efficiency_charge: float = 1.0
    back_off_h: float = 0.0
    charge_from_h: float = 0.0
    p_discharge_max_mw: float = 0.0
    efficiency_discharge: float | None = None
    wear_usd_per_mwh: float = 0.0
    orderable: bool = True
    owner: str = "customers"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count(={self.count}) must be >= 1.")
        for name in ("p_mw", "energy_mwh", "mwh_per_km"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}(={value}) must be a finite number > 0.")
        if not 0 < self.efficiency_charge <= 1:
            raise ValueError(f"efficiency_charge(={self.efficiency_charge}) must be in (0, 1].")
        if not 0 <= self.back_off_h <= 24:
            raise ValueError(f"back_off_h(={self.back_off_h}) must be in [0, 24].")
        if not 0 <= self.charge_from_h <= 36:
            raise ValueError(f"charge_from_h(={self.charge_from_h}) must be in [0, 36].")
        for name in ("p_discharge_max_mw", "wear_usd_per_mwh"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}(={value}) must be a finite number >= 0.")
        if self.efficiency_discharge is None:
            if self.p_discharge_max_mw > 0:
                raise ValueError(
                    f"p_discharge_max_mw(={self.p_discharge_max_mw}) needs efficiency_discharge."
                )
        elif not 0 < self.efficiency_discharge <= 1:
            raise ValueError(
                f"efficiency_discharge(={self.efficiency_discharge}) must be in (0, 1]."
            )
        if self.p_discharge_max_mw > 0 and not self.orderable:
            raise ValueError(
                f"p_discharge_max_mw(={self.p_discharge_max_mw}) needs orderable = true: cars feed "
                "in on order only."
            )
        if self.owner in NO_OWNERS:
            raise ValueError(f"owner(={self.owner!r}) must not be one of {', '.join(NO_OWNERS)}.")

    @property
    def range_km(self) -> float:
        """Distance that a full battery can drive [km]."""
        return self.energy_mwh / self.mwh_per_km
