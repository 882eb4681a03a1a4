"""What vehicles pay at the end of a look-ahead for the energy they hold and the place they are at.

At the end of the episode these are the ledger's prices (`sim.system.terminal`): convex and
piecewise linear in the energy, with a kink at the target. A look-ahead that ends before the episode
values stored energy at the fixed price of the tariff.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.control import Observation
from sim.system.system import System
from sim.system.tariff import StoredEnergy
from sim.system.terminal import missing_usd_per_mwh, return_usd
from sim.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EndCost:
    """Cost of holding an energy E at the end, one function per vehicle, arrays ``(vehicle,)``.

    ``fixed + missing * max(target - E, 0) - surplus * max(E - target, 0)``.

    Attributes
    ----------
    target_mwh
        Where the kink is [MWh].
    missing_usd_per_mwh, surplus_usd_per_mwh
        Price of energy below and above the target [USD/MWh]; the first is at least the second.
    fixed_usd
        Whatever the vehicle holds, if it stays where it is [USD]. What another place costs more or
        less is in the cost of the trips there (`TimeSpace.cost_usd`).
    """

    target_mwh: FloatArray
    missing_usd_per_mwh: FloatArray
    surplus_usd_per_mwh: FloatArray
    fixed_usd: FloatArray

    def energy_usd(self, vehicle: int, energy_mwh: FloatArray | float) -> FloatArray:
        """Return what energies cost beside what is fixed, same shape [USD]."""
        above = np.asarray(energy_mwh, dtype=np.float64) - self.target_mwh[vehicle]
        usd: FloatArray = (
            self.missing_usd_per_mwh[vehicle] * np.maximum(-above, 0.0)
            - self.surplus_usd_per_mwh[vehicle] * np.maximum(above, 0.0)
        )  # fmt: skip
        return usd

    @property
    def bent(self) -> BoolArray:
        """Return whose functions have a kink, ``(vehicle,)``."""
        bent: BoolArray = self.missing_usd_per_mwh > self.surplus_usd_per_mwh
        return bent


def end_cost(system: System, observation: Observation) -> EndCost:
    """Return what the end of the look-ahead costs."""
    vehicles, now_mwh = system.vehicles, observation.vehicles.energy_mwh.astype(np.float64)
    n, station = len(vehicles), observation.vehicles.station
    here_usd = places_usd(system, observation)[np.arange(n), station]
    price = np.full(n, system.tariff.stored_usd_per_mwh)
    if not _at_end(observation) or system.tariff.stored_energy is StoredEnergy.CHANGE:
        return EndCost(
            target_mwh=np.zeros(n),
            missing_usd_per_mwh=price,
            surplus_usd_per_mwh=price,
            fixed_usd=price * now_mwh + here_usd,
        )
    target = observation.terminal_energy_mwh.astype(np.float64)
    start = np.array([vehicle.battery.energy_initial_mwh for vehicle in vehicles])
    return EndCost(
        target_mwh=target,
        missing_usd_per_mwh=missing_usd_per_mwh(system),
        surplus_usd_per_mwh=np.zeros(n),
        fixed_usd=(start - target) * price + here_usd,
    )


def places_usd(system: System, observation: Observation) -> FloatArray:
    """Return what it costs to end at each station, ``(vehicle, station)`` [USD].

    Zero for a look-ahead that ends before the episode.
    """
    if _at_end(observation):
        return return_usd(system)
    return np.zeros((len(system.vehicles), len(system.stations)))


def _at_end(observation: Observation) -> bool:
    return observation.forecast.n_periods >= observation.periods_left
