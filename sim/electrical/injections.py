"""From meters to buses: who injects what in each step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from sim.electrical.meters import Metered, StationExchange, as_floats
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injections:
    """Who injects what, means of steps.

    Attributes
    ----------
    load_mw, load_mvar
        Served load, ``(step, load)``.
    unserved_mw
        Load at dead buses, and load that was shed, ``(step, load)``.
    shift_mw
        What of the served load was moved here from another time, ``(step, load)``; negative where
        it was moved away.
    ev_mw
        What electric cars draw, ``(step, group)``; negative where they feed in.
    available_mw, generation_mw
        Renewable power there was and that was taken, ``(step, generator)``.
    unit_on, unit_mw
        Whether each thermal unit was on, and its output, ``(step, unit)``. Until the power flow is
        known, the slack unit stands at its `p_min_mw`.
    imbalance_mw
        What the slack unit's bus took from nowhere (positive) or dumped (negative) because the unit
        was at its limit and nothing was left to shed or spill, ``(step,)``.
    storage_mw, storage_mvar
        ``(step, vehicle)``, positive injecting.
    p_mw, q_mvar
        Net injection of each bus, sources and the slack unit aside, ``(step, bus)``.
    held
        Which of `Grid.held_bus` a unit that is on holds at its voltage, ``(step, held bus)``.
    changed_step
        Rows inside which storage power changed, ``(2 n,)``: all of them, and then all again.
    changed_p_mw
        Net injections in them, with every vehicle at its largest injection in the first half and at
        its lowest in the second, ``(2 n, bus)``.
    """

    load_mw: FloatArray
    load_mvar: FloatArray
    unserved_mw: FloatArray
    shift_mw: FloatArray
    ev_mw: FloatArray
    available_mw: FloatArray
    generation_mw: FloatArray
    unit_on: BoolArray
    unit_mw: FloatArray
    imbalance_mw: FloatArray
    storage_mw: FloatArray
    storage_mvar: FloatArray
    p_mw: FloatArray
    q_mvar: FloatArray
    held: BoolArray
    changed_step: IntArray
    changed_p_mw: FloatArray


def served_load(
    system: System, realisation: Realisation, metered: Metered, steps: slice
) -> tuple[FloatArray, FloatArray]:
    """Return the load of some steps at live buses, ``(step, load)`` each [MW, Mvar].

    Load that is moved keeps its power factor.
    """
    loads, profile = system.loads, realisation.profile[steps]
    alive = metered.topology.supplied[steps][:, loads.bus]
    shift_mw = metered.shift_mw[steps]
    load_mw = loads.power_mw(profile) * alive + shift_mw
    load_mvar = loads.power_mvar(profile) * alive
    if shift_mw.any():
        load_mvar = load_mvar + shift_mw * np.divide(
            loads.q_mvar, loads.p_mw, out=np.zeros_like(loads.p_mw), where=loads.p_mw > 0
        )
    return load_mw, load_mvar


def injections(
    system: System, realisation: Realisation, metered: Metered, steps: slice
) -> Injections:
    """Return the injections of some steps of the episode.

    Loads at dead buses are not served, and generators and units there deliver nothing.
    """
    timing, loads, generators = system.timing, system.loads, system.generators
    rows = np.arange(timing.n_steps)[steps]
    first, n_steps = int(rows[0]), len(rows)
    profile = realisation.profile[steps]
    alive = metered.topology.supplied[steps]
    load_mw, load_mvar = served_load(system, realisation, metered, steps)
    shift_mw, ev_mw = metered.shift_mw[steps], metered.ev_mw[steps]
    available_mw = generators.available_mw(profile)
    limit_mw = metered.generation_limit_mw[rows // timing.steps_per_period]
    generation_mw = np.minimum(available_mw, limit_mw) * alive[:, generators.bus]
    unit_bus = np.array([unit.bus for unit in system.units], dtype=np.int64)
    unit_on = metered.unit_on[steps] & alive[:, unit_bus]
    unit_mw = metered.unit_mw[steps] * unit_on

    p_mw = np.zeros((n_steps, system.grid.n_buses))
    q_mvar = np.zeros_like(p_mw)
    add_at(p_mw, loads.bus, -load_mw)
    add_at(q_mvar, loads.bus, -load_mvar)
    add_at(p_mw, generators.bus, generation_mw)
    add_at(p_mw, unit_bus, unit_mw * [not unit.slack for unit in system.units])
    add_at(p_mw, np.array([group.bus for group in system.evs], dtype=np.int64), -ev_mw)

    exchanges = list(chain.from_iterable(metered.exchanges[steps]))
    flows = as_floats(exchanges, len(StationExchange._fields))
    row, vehicle, station = (flows[:, :3].astype(np.int64) - [first, 0, 0]).T
    bus = np.array([station.bus for station in system.stations], dtype=np.int64)[station]
    mean_mw, mean_mvar, highest_mw, lowest_mw, changed = flows[:, 3:].T
    changed_step = np.unique(row[changed > 0])
    highest_p_mw, lowest_p_mw = p_mw.copy(), p_mw.copy()
    np.add.at(highest_p_mw, (row, bus), highest_mw)
    np.add.at(lowest_p_mw, (row, bus), lowest_mw)
    np.add.at(p_mw, (row, bus), mean_mw)
    np.add.at(q_mvar, (row, bus), mean_mvar)
    storage_mw = np.zeros((n_steps, len(system.vehicles)))
    storage_mvar = np.zeros_like(storage_mw)
    np.add.at(storage_mw, (row, vehicle), mean_mw)
    np.add.at(storage_mvar, (row, vehicle), mean_mvar)
    return Injections(
        load_mw=load_mw,
        unserved_mw=loads.power_mw(profile) * ~alive[:, loads.bus],
        shift_mw=shift_mw,
        ev_mw=ev_mw,
        load_mvar=load_mvar,
        available_mw=available_mw,
        generation_mw=generation_mw,
        unit_on=unit_on,
        unit_mw=unit_mw,
        imbalance_mw=np.zeros(n_steps),
        storage_mw=storage_mw,
        storage_mvar=storage_mvar,
        p_mw=p_mw,
        q_mvar=q_mvar,
        held=_held(system.grid.held_bus, unit_bus, unit_on),
        changed_step=np.tile(changed_step, 2),
        changed_p_mw=np.vstack([highest_p_mw[changed_step], lowest_p_mw[changed_step]]),
    )


def _held(held_bus: IntArray, unit_bus: IntArray, unit_on: BoolArray) -> BoolArray:
    """Return at which buses a unit is on, ``(step, held bus)``."""
    held = np.zeros((len(unit_on), len(held_bus)), dtype=np.bool_)
    for column, bus in enumerate(held_bus):
        held[:, column] = unit_on[:, unit_bus == bus].any(axis=1)
    return held


def add_at(target: FloatArray, bus: IntArray, values: FloatArray) -> None:
    """Add ``(step, thing)`` values at the things' buses."""
    for column, at in enumerate(bus):
        target[:, at] += values[:, column]
