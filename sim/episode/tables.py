"""From what was recorded to the tables of an episode."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np
import pandas as pd

from sim.control import VehicleStatus
from sim.electrical.electrics import Electrics
from sim.electrical.meters import StationExchange, as_floats
from sim.episode.episode import SLOW, Episode
from sim.episode.metrics import beyond_ramp_mw, voltage_violation_pu
from sim.episode.record import EpisodeRecord
from sim.powerflow.import_meter import import_mw
from sim.powerflow.protocol import PowerFlowResult
from sim.system.rent import RentBasis
from sim.system.system import System
from sim.uncertainty.ev_envelopes import drawn_limits_mwh
from sim.uncertainty.realisation import Realisation
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray
from sim.world.rail import Span
from sim.world.recorder import Decision, Event, Readings, Recorder
from sim.world.thermal_units import Refusal
from sim.world.vehicle_meter import Trip


def episode_of(
    record: EpisodeRecord, payments: pd.DataFrame, figures: Mapping[str, float]
) -> Episode:
    """Return an episode with its tables, its ledger and its metrics."""
    system, recorder, solved = record.system, record.recorder, record.electrics
    branches = system.grid.lines.name + system.grid.transformers.name
    return Episode(
        scenario=record.key.scenario,
        controller=record.key.controller,
        seed=record.key.seed,
        replication=record.key.replication,
        start=pd.Timestamp(record.realisation.start),
        metrics=dict(figures),
        steps=_steps(system, solved, record.readings),
        vm_pu=_wide(system, solved.flow.vm_pu, system.grid.bus_name),
        va_degree=_wide(system, solved.flow.va_degree, system.grid.bus_name),
        loading_percent=_wide(system, solved.flow.loading_percent, branches),
        p_from_mw=_wide(system, solved.flow.branch_mw, branches),
        q_from_mvar=_wide(system, solved.flow.branch_mvar, branches),
        vehicles=_vehicles(system, solved, record.readings),
        exchanges=_exchanges(system, recorder),
        loads=_loads(system, solved),
        generators=_generators(system, solved),
        ev_groups=_ev_groups(system, record.realisation, solved),
        events=pd.DataFrame(recorder.events, columns=Event._fields),
        units=_units(system, solved, record.refused),
        prices=_prices(system, record.lmp_usd_per_mwh),
        trips=_trips(system, record.trips),
        spans=_spans(system, tuple(recorder.spans)),
        outages=_outages(system, record.realisation),
        congestion=_congestion(system, record.realisation),
        decisions=pd.DataFrame(recorder.decisions, columns=Decision._fields),
        ledger=payments,
        timings=_timings(recorder, record.seconds),
    )


def _start_h(system: System) -> np.ndarray:
    return np.arange(system.timing.n_steps) * system.timing.step_h


def _steps(system: System, solved: Electrics, readings: Readings) -> pd.DataFrame:
    found, flow, timing = solved.injections, solved.flow, system.timing
    prices = system.tariff.import_usd_per_mwh
    return pd.DataFrame(
        {
            "time_h": _start_h(system),
            "import_usd_per_mwh": prices[np.arange(timing.n_steps) % len(prices)],
            "load_mw": solved.served_mw,
            "ev_mw": found.ev_mw.sum(axis=1),
            "unserved_mw": solved.unserved_mw,
            "available_mw": found.available_mw.sum(axis=1),
            "generation_mw": found.generation_mw.sum(axis=1),
            "curtailed_mw": (found.available_mw - found.generation_mw).sum(axis=1),
            "storage_mw": found.storage_mw.sum(axis=1),
            "unit_mw": found.unit_mw.sum(axis=1),
            "shift_mw": found.shift_mw.sum(axis=1),
            "imbalance_mw": found.imbalance_mw,
            "import_mw": import_mw(system, flow).sum(axis=1),
            "import_mvar": flow.source_mvar.sum(axis=1),
            "loss_mw": flow.loss_mw,
            "vm_pu_min": np.fmin.reduce(flow.vm_pu, axis=1),
            "vm_pu_max": np.fmax.reduce(flow.vm_pu, axis=1),
            "voltage_violation_pu": voltage_violation_pu(system, flow.vm_pu).sum(axis=1),
            "loading_percent_max": np.fmax.reduce(flow.loading_percent, axis=1),
            "converged": flow.converged,
            **_area_columns(system, flow),
            **_rent_columns(system, readings),
        }
    )


def _area_columns(system: System, flow: PowerFlowResult) -> dict[str, FloatArray]:
    """Return import and its price by area, none where there is one area."""
    if len(system.areas) == 1:
        return {}
    imported = import_mw(system, flow)
    found = {}
    for index, area in enumerate(system.areas):
        found[f"import_mw.{area.name}"] = imported[:, index]
        prices = area.tariff.import_usd_per_mwh
        priced = np.arange(system.timing.n_steps) % len(prices)
        found[f"import_usd_per_mwh.{area.name}"] = prices[priced]
    return found


def _rent_columns(system: System, readings: Readings) -> dict[str, FloatArray]:
    """Return the prices of rent by area, none where there is no contract."""
    if system.rent is None or readings.rent is None:
        return {}
    unit = "mwh" if system.rent.basis is RentBasis.ENERGY else "h"
    return {
        f"rent_usd_per_{unit}.{area.name}": readings.rent.price[:, index]
        for index, area in enumerate(system.areas)
    }


def _wide(system: System, values: np.ndarray, names: tuple[str, ...]) -> pd.DataFrame:
    index = pd.Index(_start_h(system), name="time_h")
    return pd.DataFrame(values, index=index, columns=list(names))


def _vehicles(system: System, solved: Electrics, readings: Readings) -> pd.DataFrame:
    n_steps, n_vehicles = solved.injections.storage_mw.shape
    end_h = _start_h(system) + system.timing.step_h
    statuses = np.array([status.name.lower() for status in VehicleStatus])
    stations = np.array([station.name for station in system.stations])
    return pd.DataFrame(
        {
            "time_h": np.repeat(end_h, n_vehicles),
            "vehicle": np.tile([vehicle.name for vehicle in system.vehicles], n_steps),
            "status": statuses[readings["status"].astype(np.int64)].ravel(),
            "station": stations[readings["station"].astype(np.int64)].ravel(),
            "energy_mwh": readings["energy_mwh"].ravel(),
            "p_mw": solved.injections.storage_mw.ravel(),
            "q_mvar": solved.injections.storage_mvar.ravel(),
            "charged_mwh": readings["charged_mwh"].ravel(),
            "discharged_mwh": readings["discharged_mwh"].ravel(),
            "standing_mwh": readings["standing_mwh"].ravel(),
            "traction_mwh": readings["traction_mwh"].ravel(),
            "distance_km": readings["distance_km"].ravel(),
            "travel_h": readings["travel_h"].ravel(),
            "queue_h": readings["queue_h"].ravel(),
            "repair_h": readings["repair_h"].ravel(),
            "x_km": readings["x_km"].ravel(),
            "y_km": readings["y_km"].ravel(),
        }
    )


def _exchanges(system: System, recorder: Recorder) -> pd.DataFrame:
    rows = list(chain.from_iterable(recorder.exchanges))
    step, vehicle, station, *powers, _ = as_floats(rows, len(StationExchange._fields)).T
    vehicles = np.array([each.name for each in system.vehicles], dtype=object)
    stations = np.array([each.name for each in system.stations], dtype=object)
    return pd.DataFrame(
        {
            "time_h": step * system.timing.step_h,
            "vehicle": vehicles[vehicle.astype(np.int64)],
            "station": stations[station.astype(np.int64)],
            **dict(zip(("p_mw", "q_mvar", "highest_mw", "lowest_mw"), powers, strict=True)),
        }
    )


def _loads(system: System, solved: Electrics) -> pd.DataFrame:
    """A step without a power flow serves nobody."""
    found, served = solved.injections, solved.flow.converged[:, None]
    return _long(
        system,
        "load",
        system.loads.name,
        p_mw=found.load_mw * served,
        q_mvar=found.load_mvar * served,
        shift_mw=found.shift_mw,
        unserved_mw=found.unserved_mw + found.load_mw * ~served,
    )


def _generators(system: System, solved: Electrics) -> pd.DataFrame:
    found = solved.injections
    return _long(
        system,
        "generator",
        system.generators.name,
        available_mw=found.available_mw,
        p_mw=found.generation_mw,
    )


def _ev_groups(system: System, realisation: Realisation, solved: Electrics) -> pd.DataFrame:
    names, stays = tuple(group.name for group in system.evs), realisation.ev_sessions
    capacity_mwh = np.array([group.energy_mwh for group in system.evs], dtype=np.float64)
    step_h, p_mw = system.timing.step_h, solved.injections.ev_mw
    least_mwh, most_mwh = drawn_limits_mwh(
        system.evs,
        stays.group,
        stays.arrival_h,
        stays.departure_h,
        capacity_mwh[stays.group] - stays.owed_mwh,
        stays.next_trip_mwh,
        step_h,
        system.timing.n_steps,
    )
    return _long(
        system,
        "group",
        names,
        p_mw=p_mw,
        drawn_mwh=p_mw.cumsum(axis=0) * step_h,
        least_mwh=least_mwh,
        most_mwh=most_mwh,
    )


def _congestion(system: System, realisation: Realisation) -> pd.DataFrame:
    roads, times_h = system.roads, _start_h(system)
    conditions = realisation.conditions(system)
    speed_kmh = np.array([conditions.speed_now(own * SECONDS_PER_HOUR) for own in times_h])
    share = speed_kmh.reshape(len(times_h), roads.n_links) / roads.free_speed_kmh
    step, link = np.nonzero(share < SLOW)
    node = np.array(roads.node_name, dtype=object)
    return pd.DataFrame(
        {
            "time_h": times_h[step],
            "from_node": node[roads.from_node[link]],
            "to_node": node[roads.to_node[link]],
            "speed_share": share[step, link],
        }
    )


def _long(system: System, what: str, names: tuple[str, ...], **values: FloatArray) -> pd.DataFrame:
    """Return one row per step and thing from arrays ``(step, thing)``."""
    columns = {"time_h": np.repeat(_start_h(system), len(names))}
    things = np.tile(np.array(names, dtype=object), system.timing.n_steps)
    arrays = {name: each.ravel() for name, each in values.items()}
    return pd.DataFrame({**columns, what: things, **arrays})


def _units(system: System, solved: Electrics, refused: IntArray) -> pd.DataFrame:
    found, n_units = solved.injections, len(system.units)
    reasons = np.array(["" if why is Refusal.NONE else why.name.lower() for why in Refusal])
    return pd.DataFrame(
        {
            "time_h": np.repeat(_start_h(system), n_units),
            "unit": np.tile([unit.name for unit in system.units], len(refused)),
            "on": found.unit_on.ravel(),
            "p_mw": found.unit_mw.ravel(),
            "beyond_ramp_mw": beyond_ramp_mw(system, solved).ravel(),
            "refused": reasons[refused].ravel(),
        }
    )


def _prices(system: System, lmp_usd_per_mwh: FloatArray) -> pd.DataFrame:
    periods = np.flatnonzero(np.isfinite(lmp_usd_per_mwh).any(axis=1))
    n_buses = system.grid.n_buses
    return pd.DataFrame(
        {
            "time_h": np.repeat(periods * system.timing.period_h, n_buses),
            "bus": np.tile(system.grid.bus_name, len(periods)),
            "lmp_usd_per_mwh": lmp_usd_per_mwh[periods].ravel(),
        }
    )


def _trips(system: System, trips: tuple[Trip, ...]) -> pd.DataFrame:
    names = [station.name for station in system.stations]
    rows = [
        (
            system.vehicles[trip.vehicle].name,
            names[trip.origin],
            names[trip.destination],
            trip.depart_s / SECONDS_PER_HOUR,
            trip.arrive_s / SECONDS_PER_HOUR,
            trip.free_s / SECONDS_PER_HOUR,
            (trip.arrive_s - trip.depart_s - trip.free_s) / SECONDS_PER_HOUR,
        )
        for trip in trips
    ]
    columns = ["vehicle", "origin", "destination", "depart_h", "arrive_h", "free_h", "delay_h"]
    return pd.DataFrame(rows, columns=columns)


def _spans(system: System, spans: tuple[Span, ...]) -> pd.DataFrame:
    names = system.rails.node_name
    rows = [
        (
            system.vehicles[span.vehicle].name,
            names[span.from_node],
            names[span.to_node],
            span.ask_s / SECONDS_PER_HOUR,
            span.enter_s / SECONDS_PER_HOUR,
            span.arrive_s / SECONDS_PER_HOUR,
            span.running_s / SECONDS_PER_HOUR,
        )
        for span in spans
    ]
    columns = ["vehicle", "from_node", "to_node", "ask_h", "enter_h", "arrive_h", "running_h"]
    return pd.DataFrame(rows, columns=columns)


def _outages(system: System, realisation: Realisation) -> pd.DataFrame:
    timing = system.timing
    rows = [
        (
            system.grid.lines.name[own.line],
            own.first * timing.step_h,
            min(own.last, timing.n_steps) * timing.step_h,
        )
        for own in realisation.outages
        if own.first < timing.n_steps
    ]
    return pd.DataFrame(rows, columns=["line", "from_h", "to_h"])


def _timings(recorder: Recorder, seconds: Mapping[str, float]) -> pd.DataFrame:
    decisions = recorder.decision_s
    return pd.DataFrame(
        {
            "name": ["decision"] * len(decisions) + list(seconds),
            "seconds": [*decisions, *seconds.values()],
        }
    )
