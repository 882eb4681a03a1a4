"""Rent: what operators pay owners of vehicles, and whom they pay for the energy in the batteries.

The terms are those of `sim.system.rent.RentContract`. What one pays another gets: nothing here
crosses the border of the system, so cost, profit and welfare of the whole do not change.
"""

from __future__ import annotations

import numpy as np

from sim.episode.book import Book
from sim.system.rent import RentBasis, StoredEnergyOwner
from sim.system.system import System
from sim.units import FloatArray
from sim.world.recorder import Readings, RentReadings

RENT, STORED = "rent", "stored energy"

# What is left of less than this goes with the rest [MWh].
_LEAST_MWH = 1e-9


def add_rent(book: Book, system: System, readings: Readings, uses: RentReadings) -> None:
    """Book rent and what the contract says of stored energy, for all steps there are."""
    contract = system.rent
    assert contract is not None  # there are no readings without a contract
    n_steps = len(readings["energy_mwh"])
    price = uses.price[:n_steps]
    for index, vehicle in enumerate(system.vehicles):
        charged = uses.charged_mwh[:n_steps, index]
        discharged = uses.discharged_mwh[:n_steps, index]
        amount = charged + discharged
        if contract.basis is RentBasis.PRESENCE:
            amount = uses.connected_h[:n_steps, index]
        for a, area in enumerate(system.areas):
            book.add(area.operator, vehicle.owner, RENT, amount[:, a] * price[:, a])
        if contract.stored_energy is StoredEnergyOwner.OWNER:
            _add_at_tariff(book, system, vehicle.owner, charged - discharged)
        else:
            _add_at_cost(book, system, index, charged, discharged, readings["energy_mwh"][:, index])


def _bought_usd_per_mwh(system: System, n_steps: int) -> FloatArray:
    """Return the prices of import, ``(step, area)`` [USD/MWh]."""
    of_day = np.arange(n_steps) % system.timing.steps_per_day
    return np.column_stack([area.tariff.import_usd_per_mwh[of_day] for area in system.areas])


def _add_at_tariff(book: Book, system: System, owner: str, drawn_mwh: FloatArray) -> None:
    """Let the owner buy what is drawn, ``(step, area)``, and sell what is fed in."""
    usd = drawn_mwh * _bought_usd_per_mwh(system, len(drawn_mwh))
    for a, area in enumerate(system.areas):
        book.add(owner, area.operator, STORED, usd[:, a])


def _add_at_cost(
    book: Book,
    system: System,
    index: int,
    charged: FloatArray,
    discharged: FloatArray,
    energy_mwh: FloatArray,
) -> None:
    """Let who discharges pay those to whom the energy belongs what it cost them.

    Parameters
    ----------
    book, system
        Where to book, and what exists.
    index
        The vehicle.
    charged, discharged
        At the grid connection, ``(step, area)`` [MWh].
    energy_mwh
        Stored at the end of each step, ``(step,)`` [MWh].
    """
    vehicle, price = system.vehicles[index], _bought_usd_per_mwh(system, len(charged))
    battery = vehicle.battery
    names = list(dict.fromkeys([vehicle.owner, *(area.operator for area in system.areas)]))
    value = dict.fromkeys(names, 0.0)  # what the energy in the battery has cost each of them
    value[vehicle.owner] = battery.energy_initial_mwh * system.tariff.stored_usd_per_mwh
    paid = {(payer, payee): np.zeros(len(charged)) for payer in names for payee in names}
    for step in np.flatnonzero((charged + discharged).sum(axis=1) > 0).tolist():
        before_mwh = float(energy_mwh[step - 1]) if step else battery.energy_initial_mwh
        stored_mwh = before_mwh + float(charged[step].sum()) * battery.efficiency_charge
        for a, area in enumerate(system.areas):
            value[area.operator] += float(charged[step, a] * price[step, a])
        for a, area in enumerate(system.areas):
            taken_mwh = float(discharged[step, a]) / battery.efficiency_discharge
            if taken_mwh <= 0:
                continue
            share = taken_mwh / stored_mwh if taken_mwh < stored_mwh - _LEAST_MWH else 1.0
            stored_mwh -= taken_mwh
            for name in names:
                paid[area.operator, name][step] += share * value[name]
                value[name] *= 1.0 - share
    if len(charged) == system.timing.n_steps:
        for name in names:
            paid[vehicle.owner, name][-1] += value[name]
    for (payer, payee), usd in paid.items():
        book.add(payer, payee, STORED, usd)
