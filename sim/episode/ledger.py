"""The ledger: who pays whom, for what.

The operator of each area buys and sells its energy and answers for it; vehicles have owners. These
are the parties of the scenario, for whom gridhaul plans: by default one *operator* and the *fleet*.
All others stand outside: the energy *market*, *customers*, the owners of renewable *generators*,
*suppliers* of fuel, labour and spare parts, and the *inventory* that books stored energy at the end
of an episode, so that emptying batteries is no profit (`sim.system.terminal`). Thermal units belong
to the operator of their area.

Cars belong to the party that their group names, customers by default. The operator of their area,
who may order them, pays an owner outside for their wear, and owes him the energy that orders have
taken out of their batteries by the end (or is owed what they have put in): what they hold then,
less what they would hold had they charged on their own.

Where the scenario has a contract of rent, operators pay owners of vehicles, and who discharges
energy pays whom it belonged to (`sim.episode.rent`).

What served load is worth to customers is booked as well where loads have a benefit. No money flows:
the *benefit* "pays" the customers, and cost and profit do not count it; welfare does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sim.control.states import VehicleStatus
from sim.electrical.electrics import Electrics, sum_of
from sim.episode.book import Book
from sim.episode.rent import add_rent
from sim.powerflow.import_meter import settled_import_mw
from sim.system.system import System
from sim.system.tariff import StoredEnergy
from sim.system.terminal import missing_usd_per_mwh, return_h, return_usd
from sim.system.vehicles import Train, Truck
from sim.units import BoolArray, FloatArray
from sim.world.recorder import Readings

INCOME = "retail"
BENEFIT = "demand benefit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over a ledger.

    Attributes
    ----------
    cost_usd
        What the system paid to outside parties less what it got from them, retail sales aside.
    profit_usd
        Retail sales less cost.
    welfare_usd
        Value of the load served less cost: its benefit where loads have one, else retail sales.
    """

    cost_usd: float
    profit_usd: float
    welfare_usd: float


def ledger(
    system: System, electrics: Electrics, readings: Readings, steps: slice = slice(None)
) -> pd.DataFrame:
    """Return all payments, ``step, payer, payee, item, usd``; zero amounts are left out.

    See `booked` for amounts and parameters.
    """
    return booked(system, electrics, readings, steps).table()


def booked(
    system: System, electrics: Electrics, readings: Readings, steps: slice = slice(None)
) -> Book:
    """Return the book of all payments.

    Amounts are never negative: a negative price turns payer and payee round. A step whose power
    flow does not converge trades nothing and serves nobody: all its load is unserved.

    Parameters
    ----------
    system
        What exists; prices that are series are those of the day, see `Tariff.on`.
    electrics, readings
        All steps from the start up to now, the last one of the episode or an earlier one.
    steps
        Those that are booked, all by default. What one range after the other books is what all
        steps book at once: moved demand is settled as its day ends, stored energy as the episode
        does.
    """
    timing, found = system.timing, electrics.injections
    n_steps = len(found.p_mw)
    book = Book(np.arange(n_steps)[steps])
    _add_energy(book, system, electrics)
    _add_units(book, system, electrics)
    _add_demand(book, system, electrics)
    for index, vehicle in enumerate(system.vehicles):
        exchanged = readings["charged_mwh"][:, index] + readings["discharged_mwh"][:, index]
        wear = exchanged * vehicle.battery.wear_usd_per_mwh
        book.add(vehicle.owner, "suppliers", "wear", wear)
        charging = readings["charged_mwh"][:, index] * vehicle.battery.charging_usd_per_mwh
        book.add(vehicle.owner, "suppliers", "charging", charging)
        if isinstance(vehicle, Train):
            spans = readings["spans"][:, index]
            book.add(vehicle.owner, "suppliers", "travel", spans * vehicle.usd_per_span)
        else:
            worked = (exchanged > 0) | (found.storage_mvar[:, index] != 0)
            _add_drives(book, vehicle, readings, index, worked, timing.steps_per_day)
    if n_steps == timing.n_steps:
        _add_end(book, system, readings)
    _add_cars(book, system, readings, n_steps)
    if readings.rent is not None:
        add_rent(book, system, readings, readings.rent)
    return book


def unit_changes(system: System, on: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Return in which steps units start and stop, each ``(step, unit)``."""
    before = np.vstack([[unit.initially_on for unit in system.units], on[:-1]]).astype(np.bool_)
    return on & ~before, before & ~on


def open_shift_mwh(system: System, shift_mw: FloatArray) -> FloatArray:
    """Return what each day leaves of moved demand, ``(day, load)`` [MWh].

    Positive was consumed in excess; negative was not given back, and so never served. The last day
    ends with the episode.
    """
    timing = system.timing
    days = np.arange(0, len(shift_mw), timing.steps_per_day)
    left: FloatArray = np.add.reduceat(shift_mw, days, axis=0) * timing.step_h
    return left


def _add_energy(book: Book, system: System, electrics: Electrics) -> None:
    """Book what each area buys, sells, serves, takes from generators and leaves unserved."""
    found, hours, bus_area = electrics.injections, system.timing.step_h, system.bus_area
    step = np.arange(len(found.p_mw))
    of_day = step % system.timing.steps_per_day
    traded = np.nan_to_num(settled_import_mw(system, electrics.flow)) * hours
    delivering = electrics.flow.converged * hours
    cars = np.array([group.bus for group in system.evs], dtype=np.int64)
    for index, area in enumerate(system.areas):
        operator, tariff, trade = area.operator, area.tariff, traded[:, index]
        load, group = bus_area[system.loads.bus] == index, bus_area[cars] == index
        plant = bus_area[system.generators.bus] == index
        generated = sum_of(plant, found.generation_mw) * delivering
        curtailed = sum_of(plant, found.available_mw) * delivering - generated
        served = electrics.served_of(load, group) * hours
        bought, sold = np.maximum(trade, 0), np.maximum(-trade, 0)
        priced = step % len(tariff.import_usd_per_mwh)
        book.add(operator, "market", "energy bought", bought * tariff.import_usd_per_mwh[priced])
        book.add("market", operator, "energy sold", sold * tariff.export_usd_per_mwh[priced])
        book.add("customers", operator, INCOME, served * tariff.retail_usd_per_mwh[of_day])
        book.add(operator, "generators", "feed-in", generated * tariff.feed_in_usd_per_mwh)
        book.add(operator, "generators", "curtailment", curtailed * tariff.curtailment_usd_per_mwh)
        unserved = electrics.unserved_of(load, group) * hours * tariff.lost_load_usd_per_mwh
        book.add(operator, "customers", "unserved load", unserved)


def _add_units(book: Book, system: System, electrics: Electrics) -> None:
    """Book what thermal units cost. In a step without a power flow they burn nothing."""
    found, areas, bus_area = electrics.injections, system.areas, system.bus_area
    hours = system.timing.step_h
    burning = found.unit_on * electrics.flow.converged[:, None] * hours
    started, stopped = unit_changes(system, found.unit_on)
    for k, unit in enumerate(system.units):
        p_mw = found.unit_mw[:, k]
        variable = unit.linear_usd_per_mwh * p_mw + unit.quadratic_usd_per_mw2h * p_mw**2
        fuel = (unit.no_load_usd_per_h + variable) * burning[:, k]
        operator = areas[bus_area[unit.bus]].operator
        book.add(operator, "suppliers", "fuel", fuel)
        for item, often, usd in (
            ("start-up", started, unit.start_up_usd),
            ("shut-down", stopped, unit.shut_down_usd),
        ):
            book.add(operator, "suppliers", item, np.where(often[:, k], usd, 0.0))
    # Only a unit that is the slack leaves an imbalance, and then there is one area.
    lost_load = areas[0].tariff.lost_load_usd_per_mwh
    imbalance = np.abs(found.imbalance_mw) * hours * lost_load
    book.add(areas[0].operator, "suppliers", "imbalance", imbalance)


def _add_demand(book: Book, system: System, electrics: Electrics) -> None:
    """Book what served load is worth, and what moved demand owes at the end of each day."""
    found, timing, benefit = electrics.injections, system.timing, system.loads.benefit_usd_per_mwh
    # What moved demand has moved is consumed at one time and worth something at another.
    served_mw = np.maximum(found.load_mw - found.shift_mw, 0.0) * electrics.flow.converged[:, None]
    book.add("benefit", "customers", BENEFIT, served_mw @ benefit * timing.step_h)
    lacking_mwh = np.maximum(-open_shift_mwh(system, found.shift_mw), 0.0)
    last = np.arange(1, len(lacking_mwh) + 1) * timing.steps_per_day - 1
    last = np.minimum(last, timing.n_steps - 1)
    over = last < len(found.shift_mw)
    for index, area in enumerate(system.areas):
        lacking = lacking_mwh @ np.where(system.bus_area[system.loads.bus] == index, benefit, 0.0)
        owed = np.zeros(len(found.shift_mw))
        owed[last[over]] = lacking[over]
        book.add(area.operator, "customers", "shift settlement", owed)


def _add_cars(book: Book, system: System, readings: Readings, n_steps: int) -> None:
    """Book the wear of cars, and at the end of the episode what orders have moved."""
    for g, group in enumerate(system.evs):
        is_inside = group.owner in system.parties
        payer = group.owner if is_inside else system.areas[system.bus_area[group.bus]].operator
        wear = readings.evs.exchanged_mwh[:n_steps, g] * group.wear_usd_per_mwh
        book.add(payer, "suppliers" if is_inside else group.owner, "wear", wear)
        if n_steps == system.timing.n_steps:
            missing = np.zeros(n_steps)
            missing[-1] = -readings.evs.moved_mwh[g] * system.tariff.stored_usd_per_mwh
            payee = "inventory" if is_inside else group.owner
            book.add(payer, payee, "stored_energy_change", missing)


def _add_drives(
    book: Book,
    truck: Truck,
    readings: Readings,
    index: int,
    worked: BoolArray,
    steps_per_day: int,
) -> None:
    """Book what a truck costs on the road; `worked` says in which steps it used its battery."""
    travel = readings["distance_km"][:, index] * truck.usd_per_km
    travel += readings["departures"][:, index] * truck.usd_per_trip
    book.add(truck.owner, "suppliers", "travel", travel)
    travel_h = readings["travel_h"][:, index]
    paid_h = travel_h + readings["repair_h"][:, index]  # the driver waits with a broken truck
    if truck.shift_h:
        paid_h = truck.shift_h * _first_of_day(worked | (travel_h > 0), steps_per_day)
    book.add(truck.owner, "suppliers", "labour", paid_h * truck.labour_usd_per_h)


def _first_of_day(worked: BoolArray, steps_per_day: int) -> FloatArray:
    """Return 1 in the first step of each day in which something was done, else 0, ``(step,)``."""
    first = np.zeros(len(worked))
    steps = np.flatnonzero(worked)
    first[steps[np.unique(steps // steps_per_day, return_index=True)[1]]] = 1.0
    return first


def _add_end(book: Book, system: System, readings: Readings) -> None:
    """Book at the last step what stored energy and places at the end are worth."""
    energy = readings["energy_mwh"]
    for index, vehicle in enumerate(system.vehicles):
        battery, price = vehicle.battery, system.tariff.stored_usd_per_mwh
        end_mwh, start_mwh = float(energy[-1, index]), battery.energy_initial_mwh
        usd = np.zeros(len(energy))
        if system.tariff.stored_energy is StoredEnergy.CHANGE:
            usd[-1] = (start_mwh - end_mwh) * price
        else:
            target_mwh = battery.energy_terminal_mwh
            missing_mwh = max(target_mwh - end_mwh, 0.0)
            usd[-1] = (start_mwh - target_mwh) * price
            usd[-1] += missing_mwh * missing_usd_per_mwh(system)[index]
        book.add(vehicle.owner, "inventory", "stored_energy_change", usd)
        away = np.zeros(len(energy))
        away[-1] = _return_usd(system, readings, index)
        book.add(vehicle.owner, "suppliers", "return trip", away)


def _return_usd(system: System, readings: Readings, index: int) -> float:
    """Return what a vehicle still owes of the way to its terminal station [USD].

    All of it where it stands elsewhere or goes elsewhere. Where it is on its way there, the part
    of the way's time that it left too late; a way that was begun in time may be late for free.
    """
    goal = system.vehicles[index].terminal_station
    if goal is None:
        return 0.0
    station = readings["station"][:, index].astype(np.int64)
    status = readings["status"][:, index]
    if status[-1] == VehicleStatus.CONNECTED or station[-1] != goal:
        return float(return_usd(system)[index, station[-1]])
    standing = np.flatnonzero(status == VehicleStatus.CONNECTED)
    left = int(standing[-1]) if len(standing) else -1
    origin = int(station[left]) if left >= 0 else system.vehicles[index].initial_station
    whole_h = float(return_h(system)[index, origin])
    if whole_h == 0.0:
        return 0.0
    since = slice(left + 1, None)
    hours = sum(readings[name][since, index].sum() for name in ("travel_h", "queue_h", "repair_h"))
    missing = max(1.0 - float(hours) / whole_h, 0.0)
    # What is set up in time is there in time.
    if status[-1] == VehicleStatus.SETTING_UP:
        missing = max(missing - system.stations[goal].set_up_h / whole_h, 0.0)
    return missing * float(return_usd(system)[index, origin])


def totals(ledger: pd.DataFrame, parties: Sequence[str]) -> Totals:
    """Return cost, profit and welfare of a ledger.

    Payments between `parties`, those of the scenario, cancel.
    """
    payer_inside = ledger["payer"].isin(parties).to_numpy()
    payee_inside = ledger["payee"].isin(parties).to_numpy()
    usd = ledger["usd"].to_numpy()
    item = ledger["item"].to_numpy()
    outflow = np.where(payer_inside, usd, 0.0) - np.where(payee_inside, usd, 0.0)
    income = -float(outflow[item == INCOME].sum())
    cost = float(outflow[item != INCOME].sum())
    benefit = float(usd[item == BENEFIT].sum())
    return Totals(cost_usd=cost, profit_usd=income - cost, welfare_usd=(benefit or income) - cost)


def profit_by_party(ledger: pd.DataFrame, parties: Sequence[str]) -> dict[str, float]:
    """Return what each party got less what it paid [USD]; they sum to `Totals.profit_usd`."""
    usd, found = ledger["usd"], {}
    for party in parties:
        received, paid = usd[ledger["payee"] == party].sum(), usd[ledger["payer"] == party].sum()
        found[party] = float(received - paid)
    return found
