"""Figures of one episode."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from sim.control import SolveStatus
from sim.electrical.electrics import Electrics
from sim.episode.ledger import open_shift_mwh, totals, unit_changes
from sim.episode.record import EpisodeRecord
from sim.episode.shares import shares
from sim.errors import EpisodeError
from sim.powerflow.import_meter import import_mw
from sim.system.system import System
from sim.units import SECONDS_PER_HOUR, FloatArray, IntArray
from sim.world.recorder import Readings, Recorder

COLUMNS = ("controller", "replication", "start", "log_sha256")  # beside metrics in the tables


def voltage_violation_pu(system: System, vm_pu: FloatArray) -> FloatArray:
    """Return how far each voltage lies beyond its limits, ``(step, bus)`` [pu]; 0 where unknown."""
    grid = system.grid
    beyond = np.maximum(vm_pu - grid.v_max_pu, grid.v_min_pu - vm_pu)
    violation: FloatArray = np.maximum(np.nan_to_num(beyond, nan=0.0), 0.0)
    return violation


def beyond_ramp_mw(system: System, electrics: Electrics) -> FloatArray:
    """Return how far units leave what their ramps allow, ``(step, unit)`` [MW].

    As for all units, the ramp counts from the output at the end of the period before. It does not
    bind the slack unit; the others keep theirs, and are zero. Where an output is not known (before
    the first period unless the scenario says so, and without a power flow) nothing counts.
    """
    found, timing = electrics.injections, system.timing
    beyond = np.zeros_like(found.unit_mw)
    if system.slack_unit is None:
        return beyond
    unit = system.units[system.slack_unit]
    p_mw = np.where(electrics.flow.converged, found.unit_mw[:, system.slack_unit], np.nan)
    initial_mw = np.nan if unit.initial_mw is None else unit.initial_mw
    ends_mw = p_mw[timing.steps_per_period - 1 : -1 : timing.steps_per_period]
    before_mw = np.concatenate([[initial_mw], ends_mw]).repeat(timing.steps_per_period)
    moved_mw = np.abs(p_mw - before_mw[: len(p_mw)])
    beyond_mw = np.nan_to_num(moved_mw - unit.ramp_mw_per_h * timing.period_h, nan=0.0, neginf=0.0)
    beyond[:, system.slack_unit] = np.maximum(beyond_mw, 0.0)
    return beyond


def penalties_usd(
    system: System, electrics: Electrics, steps: slice = slice(None)
) -> tuple[float, float]:
    """Return the penalties for voltages and for loadings beyond limits, step means [USD].

    Every pu (percentage point of loading above 100) beyond a limit counts by its hours. `steps`
    are those that count, all by default.
    """
    weights, hours = system.penalties, system.timing.step_h
    voltage = voltage_violation_pu(system, electrics.flow.vm_pu[steps]).sum() * hours
    loading = np.nan_to_num(electrics.flow.loading_percent[steps], nan=0.0)
    overload = np.maximum(loading - 100.0, 0.0).sum() * hours
    return (
        float(weights.voltage_usd_per_pu_h * voltage),
        float(weights.loading_usd_per_percent_h * overload),
    )


def metrics(record: EpisodeRecord, ledger: pd.DataFrame) -> dict[str, float]:
    """Return the figures of an episode by name; names carry units.

    ``voltage_violation_steps`` counts steps with a violation by the mean or, where storage power
    changed inside the step, at its largest or lowest injection; ``peak_violation_steps`` are those
    of them in which the mean keeps the limits, and ``peak_violation_pu`` is how far the worst such
    peak of all steps lies beyond them. ``voltage_violation_pu_h`` and the extremes are of means;
    the former sums over buses. Without any gap ``gap_max`` is NaN, and ``verify_max_diff_pu`` is
    where nothing was verified.
    Where ``deadline_decisions`` is not 0, the wall clock ended a search, and another run of the
    same episode may give other figures. ``shift_open_mwh`` is moved demand that its day has not
    given back, ``imbalance_mwh`` what the slack unit's limits left over when nothing could be
    spilled or shed any more, ``slack_ramp_mwh`` (only where there is a slack unit) what its output
    was away from all that its ramp allows, ``refusals`` counts starts and stops that were ordered
    in a period and refused. ``ordered_mwh`` is what was ordered of vehicles, cars, units and loads:
    what they moved under orders, and ``clipped_mwh``. ``ev_mwh`` is what cars charged less what
    they fed in; ``evs_short`` counts cars that left short although their stay, as stated, sufficed,
    ``evs_impossible`` those that nothing could have helped. Figures that the controller declares
    are those of the first decision that gives them.

    Where there is more than one area, or parties of its own, the scenario gets the shares of each
    as well: ``profit_usd_by_party.NAME`` and the like; see `sim.episode.shares`.
    """
    system, electrics = record.system, record.electrics
    readings, recorder = record.readings, record.recorder
    hours = system.timing.step_h
    flow, found = electrics.flow, electrics.injections
    money = totals(ledger, system.parties)
    penalty_voltage, penalty_loading = penalties_usd(system, electrics)
    violation = voltage_violation_pu(system, flow.vm_pu)
    violated = violation.max(axis=1) > 0
    peaks = voltage_violation_pu(system, electrics.changed_vm_pu).max(axis=1, initial=0)
    at_peaks = np.zeros_like(violated)
    at_peaks[found.changed_step[peaks > 0]] = True
    stored = readings["energy_mwh"][-1].sum() if len(system.vehicles) else 0.0
    initial = sum(vehicle.battery.energy_initial_mwh for vehicle in system.vehicles)
    clipped_mwh = float(sum(decision.clipped_mwh for decision in recorder.decisions))
    gaps = [decision.gap for decision in recorder.decisions if np.isfinite(decision.gap)]
    own = {
        "objective_usd": money.cost_usd + (penalty_voltage + penalty_loading),
        "cost_usd": money.cost_usd,
        "penalty_usd": penalty_voltage + penalty_loading,
        "penalty_voltage_usd": penalty_voltage,
        "penalty_loading_usd": penalty_loading,
        "profit_usd": money.profit_usd,
        "welfare_usd": money.welfare_usd,
        "import_mwh": float(np.nansum(import_mw(system, flow).sum(axis=1)) * hours),
        "loss_mwh": float(np.nansum(flow.loss_mw) * hours),
        "curtailed_mwh": float((found.available_mw - found.generation_mw).sum() * hours),
        "unserved_mwh": float(electrics.unserved_mw.sum() * hours),
        "imbalance_mwh": float(np.abs(found.imbalance_mw).sum() * hours),
        "shift_open_mwh": float(np.abs(open_shift_mwh(system, found.shift_mw)).sum()),
        "emission_lb": _emission_lb(system, electrics),
        "refusals": _refusals(system, record.refused),
        "evs_short": record.evs_short,
        "evs_impossible": record.evs_impossible,
        "ev_mwh": float(found.ev_mw.sum() * hours),
        "throughput_mwh": float(readings["charged_mwh"].sum() + readings["discharged_mwh"].sum()),
        "cycles": _cycles(system, readings),
        "stored_change_mwh": float(stored - initial),
        "voltage_violation_steps": int((violated | at_peaks).sum()),
        "peak_violation_steps": int((at_peaks & ~violated).sum()),
        "peak_violation_pu": float(peaks.max(initial=0.0)),
        "voltage_violation_pu_h": float(violation.sum() * hours),
        "vm_pu_min": _extreme(np.fmin, flow.vm_pu),
        "vm_pu_max": _extreme(np.fmax, flow.vm_pu),
        "loading_percent_max": _extreme(np.fmax, flow.loading_percent),
        "trips": sum(event.event == "departed" for event in recorder.events),
        "delay_h": sum(trip.arrive_s - trip.depart_s - trip.free_s for trip in record.trips)
        / SECONDS_PER_HOUR,
        "travel_h": float(readings["travel_h"].sum()),
        "queue_h": float(readings["queue_h"].sum()),
        "repair_h": float(readings["repair_h"].sum()),
        "track_waits": int(readings["track_waits"].sum()),
        "track_wait_h": float(readings["track_wait_h"].sum()),
        "decisions": len(recorder.decisions),
        "called_decisions": sum(bool(decision.trigger) for decision in recorder.decisions),
        "fallbacks": sum(bool(decision.fallback) for decision in recorder.decisions),
        "failed_decisions": sum(
            decision.status == SolveStatus.FAILED for decision in recorder.decisions
        ),
        "deadline_decisions": sum(
            decision.status == SolveStatus.DEADLINE for decision in recorder.decisions
        ),
        "clipped_mwh": clipped_mwh,
        "ordered_mwh": clipped_mwh + _obeyed_mwh(record),
        "gap_max": max(gaps, default=float("nan")),
        "steps": system.timing.n_steps,
        "unconverged_steps": int((~flow.converged).sum()),
        "verified_steps": len(record.verification.steps),
        "verify_max_diff_pu": (
            record.verification.difference_pu if len(record.verification.steps) else float("nan")
        ),
        **_slack(system, electrics),
        **shares(record, ledger),
    }
    clashing = sorted({*own, *COLUMNS}.intersection(record.figures))
    if clashing:
        raise EpisodeError(f"no figure of a controller may be called {', '.join(clashing)}")
    return own | {name: _first_said(recorder, name) for name in record.figures}


def _obeyed_mwh(record: EpisodeRecord) -> float:
    """Return the energy that vehicles, ordered cars, units and loads moved under orders [MWh]."""
    found, readings = record.electrics.injections, record.readings
    ordered_groups = readings.evs.moved_mwh != 0
    follows = [k for k in range(len(record.system.units)) if k != record.system.slack_unit]
    moved_mw = (
        np.abs(found.ev_mw[:, ordered_groups]).sum()
        + found.unit_mw[:, follows].sum()
        + np.abs(found.shift_mw).sum()
    )
    of_vehicles_mwh = readings["charged_mwh"].sum() + readings["discharged_mwh"].sum()
    return float(of_vehicles_mwh + moved_mw * record.system.timing.step_h)


def _slack(system: System, electrics: Electrics) -> dict[str, float]:
    """Return the figures of a slack unit, none where there is no such unit."""
    if system.slack_unit is None:
        return {}
    beyond = beyond_ramp_mw(system, electrics)
    return {"slack_ramp_mwh": float(beyond.sum() * system.timing.step_h)}


def _first_said(recorder: Recorder, name: str) -> float:
    """Return a figure of the first decision that gives it, NaN where none does."""
    for decision in recorder.decisions:
        figures = json.loads(decision.figures) if decision.figures else {}
        if name in figures:
            return float(figures[name])
    return float("nan")


def _emission_lb(system: System, electrics: Electrics) -> float:
    """Return what thermal units emit [lb]; in a step without a power flow they burn nothing."""
    found = electrics.injections
    started, _ = unit_changes(system, found.unit_on)
    energy_mwh = (found.unit_mw * electrics.flow.converged[:, None]).sum(axis=0)
    energy_mwh *= system.timing.step_h
    per_mwh = np.array([unit.emission_lb_per_mwh for unit in system.units])
    per_start = np.array([unit.emission_lb_per_start for unit in system.units])
    return float(energy_mwh @ per_mwh + started.sum(axis=0) @ per_start)


def _refusals(system: System, refused: IntArray) -> int:
    """Return in how many periods each unit refused an order, summed over units."""
    timing = system.timing
    shape = (timing.n_periods, timing.steps_per_period, len(system.units))
    return int((refused > 0).reshape(shape).any(axis=1).sum())


def _cycles(system: System, readings: Readings) -> float:
    """Return equivalent full cycles, ``(charged + discharged) / (2 energy)``, all vehicles [-]."""
    energy_mwh = np.array([vehicle.battery.energy_mwh for vehicle in system.vehicles])
    exchanged = (readings["charged_mwh"] + readings["discharged_mwh"]).sum(axis=0)
    return float((exchanged / (2 * energy_mwh)).sum())


def _extreme(which: np.ufunc, values: FloatArray) -> float:
    """Return the extreme of the known values, NaN if none is known."""
    return float(which.reduce(values, axis=None)) if values.size else float("nan")
