"""Every entry of the ledger against plain loops over steps, on a system made up for it."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from sim.control import VehicleStatus
from sim.electrical.electrics import Electrics
from sim.episode.ledger import ledger, totals
from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.system.system import System
from sim.system.tariff import StoredEnergy, Tariff
from sim.system.thermal_units import ThermalUnit
from sim.system.timing import Timing
from sim.system.vehicles import Train
from sim.world.recorder import EvReadings, Reading, Readings

HOURS, N, DAY = 6.0, 6, 4  # steps of six hours, one day and a half
SHARES = ["energy bought", "energy sold", "retail", "feed-in", "curtailment", "unserved load"]


def system(stored: StoredEnergy = StoredEnergy.TARGET) -> System:
    """Return two loads, two plants, two units, three vehicles and three groups of cars."""
    tiny = load_scenario("tiny").system
    truck = dataclasses.replace(
        tiny.vehicles[0],
        usd_per_km=2.0,
        usd_per_trip=7.0,
        labour_usd_per_h=30.0,
        battery=dataclasses.replace(
            tiny.vehicles[0].battery,
            soc_terminal=0.4,
            wear_usd_per_mwh=5.0,
            charging_usd_per_mwh=3.0,
        ),
    )
    by_shift = dataclasses.replace(truck, name="by shift", shift_h=8.0)
    train = Train(name="train", battery=truck.battery, initial_station=0, usd_per_span=11.0)
    car = EvGroup(
        name="of customers",
        bus=1,
        count=3,
        p_mw=0.01,
        energy_mwh=0.05,
        mwh_per_km=0.0002,
        wear_usd_per_mwh=4.0,
    )
    unit = ThermalUnit(
        name="coal",
        bus=0,
        p_min_mw=1.0,
        p_max_mw=9.0,
        no_load_usd_per_h=13.0,
        linear_usd_per_mwh=17.0,
        quadratic_usd_per_mw2h=0.5,
        start_up_usd=101.0,
        shut_down_usd=53.0,
    )
    return dataclasses.replace(
        tiny,
        timing=Timing(step_s=21600, period_s=21600, horizon=4, n_periods=N),
        vehicles=(truck, by_shift, train),
        evs=(
            car,
            dataclasses.replace(car, name="of the fleet", owner="fleet"),
            dataclasses.replace(car, name="of a club", owner="club"),
        ),
        units=(unit, dataclasses.replace(unit, name="gas", initially_on=False)),
        loads=cast("Any", SimpleNamespace(bus=[1, 1], benefit_usd_per_mwh=np.array([70.0, 90.0]))),
        tariff=Tariff(
            import_usd_per_mwh=np.array([20.0, 30.0, -10.0, 40.0]),
            export_usd_per_mwh=np.array([15.0, 25.0, -5.0, 35.0]),
            retail_usd_per_mwh=np.array([100.0, 110.0, 120.0, 130.0]),
            feed_in_usd_per_mwh=8.0,
            curtailment_usd_per_mwh=6.0,
            lost_load_usd_per_mwh=900.0,
            stored_usd_per_mwh=45.0,
            stored_energy=stored,
        ),
    )


def lived() -> tuple[Any, Readings]:
    """Return what was metered: numbers drawn once, with zeros and both signs among them."""
    rng = np.random.default_rng(3)

    def some(width: int, low: float = 0.0) -> np.ndarray:
        drawn = rng.uniform(low, 1.0, (N, width))
        return np.where(rng.uniform(size=(N, width)) < 0.3, 0.0, drawn)

    converged = np.array([True, True, True, True, False, True])
    load, shift = some(2) + 1.0, some(2, -1.0)
    shift[:DAY, 0], shift[:DAY, 1] = [-0.5, 0.2, 0.1, 0.0], [0.3, -0.1, 0.0, 0.0]
    shift[DAY:] = [[-0.25, 0.0], [0.0, -0.5]]
    available = some(2) + 0.2
    found = SimpleNamespace(
        p_mw=np.zeros((N, 3)),
        load_mw=load,
        shift_mw=shift,
        ev_mw=np.zeros((N, 3)),
        unserved_mw=some(2),
        available_mw=available,
        generation_mw=available * some(2),
        unit_on=np.array([[1, 0], [0, 0], [0, 1], [1, 1], [1, 1], [0, 1]], dtype=bool),
        unit_mw=some(2) * 5,
        imbalance_mw=np.array([0.0, 0.25, -0.5, 0.0, 0.0, 0.0]),
        storage_mvar=np.zeros((N, 3)),
    )
    found.storage_mvar[1, 1] = -0.1  # the driver by shift supports the voltage, no more
    flow = SimpleNamespace(
        converged=converged,
        source_mw=np.where(converged, [0.5, -0.75, 0.25, -0.5, 9.0, 0.125], np.nan)[:, None],
    )
    solved = Electrics(injections=cast("Any", found), flow=cast("Any", flow), changed_vm_pu=load)

    rows = np.zeros((N, 3, len(Reading._fields)))
    readings = Readings(rows, EvReadings(some(3), some(3), np.array([0.5, -0.25, -0.75])))
    for name in ("charged_mwh", "discharged_mwh", "distance_km", "travel_h", "repair_h", "spans"):
        readings[name][:] = some(3)
    readings["departures"][:] = rng.integers(0, 3, (N, 3))
    for name in ("charged_mwh", "discharged_mwh", "travel_h"):
        readings[name][:2, 1] = 0.0  # what moves on the first day begins with the third step,
    readings["travel_h"][2, 1] = 0.5
    readings["energy_mwh"][:] = 0.5
    readings["energy_mwh"][-1] = [0.3, 0.7, 0.4]
    return solved, readings


def by_loops(system: System, solved: Any, readings: Readings) -> list[tuple[Any, ...]]:
    """Return ``(step, payer, payee, item, usd)`` in the order of booking, by step."""
    found, tariff, entries = solved.injections, system.tariff, []
    peak = max([*tariff.import_usd_per_mwh, *tariff.export_usd_per_mwh])
    for t in range(N):
        ok, hour = bool(solved.flow.converged[t]), t % DAY

        def pay(payer: str, payee: str, item: str, usd: float, t: int = t) -> None:
            if usd > 0:
                entries.append((t, payer, payee, item, usd))
            elif usd < 0:
                entries.append((t, payee, payer, item, -usd))

        drawn = solved.flow.source_mw[t, 0] * HOURS if ok else 0.0
        pay("operator", "market", "energy bought", max(drawn, 0) * tariff.import_usd_per_mwh[hour])
        pay("market", "operator", "energy sold", max(-drawn, 0) * tariff.export_usd_per_mwh[hour])
        load = found.load_mw[t].sum() * HOURS
        pay("customers", "operator", "retail", ok * load * tariff.retail_usd_per_mwh[hour])
        made, there = (x[t].sum() * HOURS * ok for x in (found.generation_mw, found.available_mw))
        pay("operator", "generators", "feed-in", made * 8.0)
        pay("operator", "generators", "curtailment", (there - made) * 6.0)
        lost = found.unserved_mw[t].sum() * HOURS + (0 if ok else load)
        pay("operator", "customers", "unserved load", lost * 900.0)
        for k in range(2):
            on, p_mw = found.unit_on[t, k], found.unit_mw[t, k]
            was_on = found.unit_on[t - 1, k] if t else k == 0
            fuel = (13.0 + 17.0 * p_mw + 0.5 * p_mw**2) * HOURS
            pay("operator", "suppliers", "fuel", fuel if on and ok else 0.0)
            pay("operator", "suppliers", "start-up", 101.0 if on and not was_on else 0.0)
            pay("operator", "suppliers", "shut-down", 53.0 if was_on and not on else 0.0)
        imbalance = abs(found.imbalance_mw[t]) * HOURS * 900.0
        pay("operator", "suppliers", "imbalance", imbalance)
        own = np.maximum(found.load_mw[t] - found.shift_mw[t], 0)
        worth = (own[0] * 70.0 + own[1] * 90.0) * HOURS
        pay("benefit", "customers", "demand benefit", worth if ok else 0.0)
        if t in (DAY - 1, N - 1):
            left = found.shift_mw[DAY * (t // DAY) : t + 1].sum(axis=0) * HOURS
            owed = max(-left[0], 0) * 70.0 + max(-left[1], 0) * 90.0
            pay("operator", "customers", "shift settlement", owed)
        for v in range(3):
            read = {name: readings[name][t, v] for name in Reading._fields}
            through = read["charged_mwh"] + read["discharged_mwh"]
            pay("fleet", "suppliers", "wear", through * 5.0)
            pay("fleet", "suppliers", "charging", read["charged_mwh"] * 3.0)
            if v == 2:
                pay("fleet", "suppliers", "travel", read["spans"] * 11.0)
                continue
            travel = read["distance_km"] * 2.0 + read["departures"] * 7.0
            pay("fleet", "suppliers", "travel", travel)
            paid_h = read["travel_h"] + read["repair_h"]
            if v == 1:
                paid_h = 8.0 if t in (1, DAY) else 0.0
            pay("fleet", "suppliers", "labour", paid_h * 30.0)
        if t == N - 1:
            for v, vehicle in enumerate(system.vehicles):
                start, end = vehicle.battery.soc_initial, readings["energy_mwh"][-1, v]
                if tariff.stored_energy is StoredEnergy.CHANGE:
                    usd = (start - end) * 45.0
                else:
                    missing = max(0.4 - end, 0.0) * (peak + 5.0 + 3.0) / 0.9
                    usd = (start - 0.4) * 45.0 + missing
                pay("fleet", "inventory", "stored_energy_change", usd)
        through, moved = readings.evs.exchanged_mwh[t], readings.evs.moved_mwh
        for g, (payer, worn, kept) in enumerate(
            (
                ("operator", "customers", "customers"),
                ("fleet", "suppliers", "inventory"),
                ("operator", "club", "club"),
            )
        ):
            pay(payer, worn, "wear", through[g] * 4.0)
            if t == N - 1:
                pay(payer, kept, "stored_energy_change", -moved[g] * 45.0)
    return entries


@pytest.mark.parametrize("stored", StoredEnergy)
def test_the_ledger_holds_what_plain_loops_book(stored: StoredEnergy) -> None:
    own, (solved, readings) = system(stored), lived()
    wanted = by_loops(own, solved, readings)
    booked = ledger(own, solved, readings)
    assert list(booked.columns) == ["step", "payer", "payee", "item", "usd"]
    rows = booked[["step", "payer", "payee", "item"]].itertuples(index=False, name=None)
    assert list(rows) == [entry[:4] for entry in wanted]
    assert booked["usd"].to_numpy() == pytest.approx([entry[4] for entry in wanted])
    items = {entry[3] for entry in wanted}
    assert items >= {*SHARES, "start-up", "shut-down", "imbalance", "shift settlement", "labour"}


def test_the_end_is_booked_when_it_has_come() -> None:
    own, (solved, readings) = system(), lived()
    for end in (1, DAY, N - 1):
        parts = {
            name: SimpleNamespace(**{key: value[:end] for key, value in vars(part).items()})
            for name, part in (("injections", solved.injections), ("flow", solved.flow))
        }
        early = Electrics(**cast("Any", parts), changed_vm_pu=solved.changed_vm_pu)
        booked = ledger(own, early, Readings(readings.rows[:end], readings.evs))
        wanted = [entry for entry in by_loops(own, solved, readings) if entry[0] < end]
        assert booked["usd"].to_numpy() == pytest.approx([entry[4] for entry in wanted])


def test_an_empty_range_of_steps_has_an_empty_ledger_of_the_same_columns() -> None:
    own, (solved, readings) = system(), lived()
    booked = ledger(own, solved, readings, slice(2, 2))
    assert list(booked.columns) == ["step", "payer", "payee", "item", "usd"]
    assert len(booked) == 0
    assert booked["step"].dtype == np.int64
    assert booked["usd"].dtype == np.float64


def test_totals_are_sums_of_what_crosses_the_border_of_operator_and_fleet() -> None:
    rows = [
        ("customers", "operator", "retail", 100.0),
        ("operator", "market", "energy bought", 30.0),
        ("fleet", "suppliers", "wear", 5.0),
        ("inventory", "fleet", "stored_energy_change", 2.0),
        ("operator", "fleet", "rent", 50.0),
        ("generators", "customers", "between others", 70.0),
    ]
    book = pd.DataFrame(rows, columns=["payer", "payee", "item", "usd"])
    found = totals(book, ("operator", "fleet"))
    assert (found.cost_usd, found.profit_usd, found.welfare_usd) == (33.0, 67.0, 67.0)
    worth = pd.DataFrame([("benefit", "customers", "demand benefit", 400.0)], columns=book.columns)
    found = totals(pd.concat([book, worth]), ("operator", "fleet"))
    assert (found.cost_usd, found.profit_usd, found.welfare_usd) == (33.0, 67.0, 367.0)


ON, OFF, SET_UP, QUEUE = (
    VehicleStatus.CONNECTED,
    VehicleStatus.DRIVING,
    VehicleStatus.SETTING_UP,
    VehicleStatus.QUEUEING,
)


@pytest.mark.parametrize(
    ("status", "station", "told", "share"),
    [
        ([ON] * 6, [0] * 6, {}, 0.0),  # it never left
        ([ON] * 6, [1] * 6, {}, 1.0),  # it stands elsewhere
        ([OFF] * 6, [0] * 5 + [1], {}, 1.0),  # it goes elsewhere
        ([OFF] * 6, [1] * 6, {}, 1.0),
        ([OFF] * 6, [0] * 6, {"travel_h": 0.0}, 0.0),  # at home from the start, under way home
        ([ON, ON, OFF, OFF, OFF, OFF], [1, 1, 0, 0, 0, 0], {"travel_h": 2.0}, 0.0),
        ([ON, OFF, ON, OFF, OFF, OFF], [1, 0, 1, 0, 0, 0], {"travel_h": 1.0}, 0.5),
        ([ON, OFF, OFF, OFF, OFF, OFF], [1, 0, 0, 0, 0, 0], {"travel_h": 0.6}, 0.5),
        ([ON, ON, ON, ON, ON, OFF], [1, 1, 1, 1, 1, 0], {"travel_h": 1.5}, 0.75),
        ([ON, ON, ON, ON, ON, QUEUE], [1, 1, 1, 1, 1, 0], {"queue_h": 3.0}, 0.5),
        ([ON, ON, ON, ON, OFF, OFF], [1, 1, 1, 1, 0, 0], {"repair_h": 1.5}, 0.5),
        ([ON, ON, ON, ON, ON, SET_UP], [1, 1, 1, 1, 1, 0], {"travel_h": 3.0}, 0.5 - 0.25 / 6),
        ([ON, ON, ON, ON, ON, SET_UP], [1, 1, 1, 1, 1, 0], {"travel_h": 5.9}, 0.0),
    ],
)
def test_who_is_not_home_at_the_end_owes_what_he_left_too_late(
    status: list[int], station: list[int], told: dict[str, float], share: float
) -> None:
    """The way takes a whole period of six hours; what is told is told of every step."""
    own, (solved, readings) = system(), lived()
    home = dataclasses.replace(own.vehicles[0], terminal_station=0, initial_station=0)
    own = dataclasses.replace(
        own,
        vehicles=(home, *own.vehicles[1:]),
        stations=tuple(dataclasses.replace(each, set_up_h=0.25) for each in own.stations),
    )
    readings["status"][:, 0], readings["station"][:, 0] = status, station
    for name in ("travel_h", "queue_h", "repair_h"):
        readings[name][:, 0] = told.get(name, 0.0)
    booked = ledger(own, solved, readings)
    due = booked[booked["item"] == "return trip"]
    km = float(own.roads.length_km[0])
    driving_h = km / float(own.roads.free_speed_kmh[0])
    whole = 7.0 + 2.0 * km + 30.0 * driving_h + HOURS * 0.5 * 40.0
    assert due["usd"].sum() == pytest.approx(share * whole)
    assert set(due["step"]) <= {N - 1}
    assert set(zip(due["payer"], due["payee"], strict=True)) <= {("fleet", "suppliers")}
