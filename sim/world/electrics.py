"""From meters to the grid: injections, power flow on every step, verification."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from sim.errors import EpisodeError
from sim.powerflow.protocol import PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.units import BoolArray, FloatArray, IntArray
from sim.world.recorder import StationExchange, as_floats
from sim.world.topology import Topology

VERIFY_TOLERANCE_PU = 1e-5
AUDIT_SHARE = 0.01
AUDIT_VIOLATIONS = 2


class Verify(enum.StrEnum):
    """Which steps the second engine computes again.

    Attributes
    ----------
    FULL
        All.
    AUDIT
        A random 1 %, and up to two with a voltage violation.
    OFF
        None.
    """

    FULL = "full"
    AUDIT = "audit"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Injections:
    """Who injects what, means of steps.

    Attributes
    ----------
    load_mw, load_mvar
        Served load, ``(step, load)``.
    unserved_mw
        Load at dead buses, ``(step,)``.
    ev_mw
        Charging of electric cars, ``(step, group)``.
    available_mw, generation_mw
        Renewable power there was and that was taken, ``(step, generator)``.
    storage_mw, storage_mvar
        ``(step, vehicle)``, positive injecting.
    p_mw, q_mvar
        Net injection of each bus, ``(step, bus)``.
    changed_step
        Rows inside which storage power changed, ``(n,)``.
    changed_p_mw
        Net injections in them with every vehicle at its largest injection, ``(n, bus)``.
    """

    load_mw: FloatArray
    load_mvar: FloatArray
    unserved_mw: FloatArray
    ev_mw: FloatArray
    available_mw: FloatArray
    generation_mw: FloatArray
    storage_mw: FloatArray
    storage_mvar: FloatArray
    p_mw: FloatArray
    q_mvar: FloatArray
    changed_step: IntArray
    changed_p_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metered:
    """What the world has metered and ordered.

    Attributes
    ----------
    exchanges
        What flowed at stations in the steps asked for.
    ev_mw
        Charging power of electric cars in these steps, ``(step, group)`` [MW].
    generation_limit_mw
        Caps in force, ``(period, generator)`` [MW].
    topology
        Who was supplied, all steps of the episode.
    """

    exchanges: Sequence[StationExchange]
    ev_mw: FloatArray
    generation_limit_mw: FloatArray
    topology: Topology


def injections(
    system: System, realisation: Realisation, metered: Metered, steps: slice
) -> Injections:
    """Return the injections of some steps of the episode.

    Loads at dead buses are not served, and generators there deliver nothing.
    """
    timing, loads, generators = system.timing, system.loads, system.generators
    rows = np.arange(timing.n_steps)[steps]
    first, n_steps = int(rows[0]), len(rows)
    profile = realisation.profile[steps]
    alive = metered.topology.supplied[steps]
    load_pu = profile[:, loads.profile]
    served = load_pu * alive[:, loads.bus]
    wanted_mw, load_mw, load_mvar = load_pu * loads.p_mw, served * loads.p_mw, served * loads.q_mvar
    available_mw = profile[:, generators.profile] * generators.p_mw
    limit_mw = metered.generation_limit_mw[rows // timing.steps_per_period]
    generation_mw = np.minimum(available_mw, limit_mw) * alive[:, generators.bus]

    p_mw = np.zeros((n_steps, system.grid.n_buses))
    q_mvar = np.zeros_like(p_mw)
    _add(p_mw, loads.bus, -load_mw)
    _add(q_mvar, loads.bus, -load_mvar)
    _add(p_mw, generators.bus, generation_mw)
    _add(p_mw, np.array([group.bus for group in system.evs], dtype=np.int64), -metered.ev_mw)

    flows = as_floats(metered.exchanges, len(StationExchange._fields))
    row, vehicle, station = (flows[:, :3].astype(np.int64) - [first, 0, 0]).T
    bus = np.array([station.bus for station in system.stations], dtype=np.int64)[station]
    mean_mw, mean_mvar, peak_mw, changed = flows[:, 3:].T
    changed_step = np.unique(row[changed > 0])
    changed_p_mw = p_mw.copy()
    np.add.at(changed_p_mw, (row, bus), peak_mw)
    np.add.at(p_mw, (row, bus), mean_mw)
    np.add.at(q_mvar, (row, bus), mean_mvar)
    storage_mw = np.zeros((n_steps, len(system.vehicles)))
    storage_mvar = np.zeros_like(storage_mw)
    np.add.at(storage_mw, (row, vehicle), mean_mw)
    np.add.at(storage_mvar, (row, vehicle), mean_mvar)
    return Injections(
        load_mw=load_mw,
        unserved_mw=(wanted_mw - load_mw).sum(axis=1),
        ev_mw=metered.ev_mw,
        load_mvar=load_mvar,
        available_mw=available_mw,
        generation_mw=generation_mw,
        storage_mw=storage_mw,
        storage_mvar=storage_mvar,
        p_mw=p_mw,
        q_mvar=q_mvar,
        changed_step=changed_step,
        changed_p_mw=changed_p_mw[changed_step],
    )


def _add(target: FloatArray, bus: IntArray, values: FloatArray) -> None:
    """Add ``(step, thing)`` values at the things' buses."""
    for column, at in enumerate(bus):
        target[:, at] += values[:, column]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Electrics:
    """The electrical side of an episode.

    Attributes
    ----------
    injections
        Who injected what.
    flow
        Power flow at the means of all steps.
    changed_vm_pu
        Voltages at the largest injection of the steps inside which power changed, ``(n, bus)``.
    verified
        Steps that the second engine has computed again, ``(n,)``.
    difference_pu
        Largest difference of a voltage between the engines [pu]; 0 where nothing was verified.
    """

    injections: Injections
    flow: PowerFlowResult
    changed_vm_pu: FloatArray
    verified: IntArray
    difference_pu: float

    @property
    def served_mw(self) -> FloatArray:
        """Load and charging that were served, ``(step,)`` [MW].

        A step without a power flow serves nobody: no operating point exists, the grid collapses.
        """
        found = self.injections
        wanted_mw = found.load_mw.sum(axis=1) + found.ev_mw.sum(axis=1)
        return np.where(self.flow.converged, wanted_mw, 0.0)

    @property
    def unserved_mw(self) -> FloatArray:
        """Load that was not, at dead buses and in steps without a power flow, ``(step,)`` [MW]."""
        found = self.injections
        wanted_mw = found.unserved_mw + found.load_mw.sum(axis=1) + found.ev_mw.sum(axis=1)
        return np.where(self.flow.converged, found.unserved_mw, wanted_mw)


def electrics(
    system: System,
    found: Injections,
    line_out: BoolArray,
    engine: SwitchedFlow,
    second: SwitchedFlow | None,
    how: Verify,
    rng: np.random.Generator,
) -> Electrics:
    """Compute the power flow of an episode and verify it.

    Parameters
    ----------
    found
        Injections of all steps.
    line_out
        Lines that have tripped, ``(step, line)``.
    engine, second
        Who computes, and who verifies; None where nothing is verified.
    how
        Which steps are verified.
    rng
        Chooses the steps of an audit.

    Raises
    ------
    EpisodeError
        If the engines disagree; see `verify`.
    """
    n_steps = len(found.p_mw)
    # One batch: the means of all steps, then the largest moments of those with a change inside.
    result = engine.solve(
        np.vstack([found.p_mw, found.changed_p_mw]),
        np.vstack([found.q_mvar, found.q_mvar[found.changed_step]]),
        np.vstack([line_out, line_out[found.changed_step]]),
    )
    flow = PowerFlowResult(
        **{each.name: getattr(result, each.name)[:n_steps] for each in fields(PowerFlowResult)}
    )
    grid = system.grid
    outside: BoolArray = (flow.vm_pu > grid.v_max_pu) | (flow.vm_pu < grid.v_min_pu)
    steps = _steps_to_verify(how, np.any(outside, axis=1), rng)
    return Electrics(
        injections=found,
        flow=flow,
        changed_vm_pu=result.vm_pu[n_steps:],
        verified=steps,
        difference_pu=0.0 if second is None else verify(found, flow, steps, line_out, second),
    )


def verify(
    found: Injections,
    flow: PowerFlowResult,
    steps: IntArray,
    line_out: BoolArray,
    second: SwitchedFlow,
) -> float:
    """Return the largest difference to a second engine over `steps` [pu].

    Raises
    ------
    EpisodeError
        If a voltage differs by more than 1e-5 pu, or only one engine converges.
    """
    other = second.solve(found.p_mw[steps], found.q_mvar[steps], line_out[steps])
    disagree = steps[other.converged != flow.converged[steps]]
    if len(disagree):
        raise EpisodeError(f"step {disagree[0]}: one power-flow engine converges, the other not")
    difference = np.abs(other.vm_pu - flow.vm_pu[steps])
    largest = float(np.nanmax(difference)) if np.isfinite(difference).any() else 0.0
    if largest > VERIFY_TOLERANCE_PU:
        row, bus = np.unravel_index(np.nanargmax(difference), difference.shape)
        raise EpisodeError(
            f"step {steps[row]}, bus {bus}: power-flow engines differ by {largest:.2e} pu, more "
            f"than {VERIFY_TOLERANCE_PU} pu"
        )
    return largest


def _steps_to_verify(how: Verify, violating: BoolArray, rng: np.random.Generator) -> IntArray:
    n_steps = len(violating)
    if how is Verify.OFF:
        return np.empty(0, dtype=np.int64)
    if how is Verify.FULL:
        return np.arange(n_steps)
    some = rng.choice(n_steps, size=max(round(n_steps * AUDIT_SHARE), 1), replace=False)
    worst = np.flatnonzero(violating)
    worst = rng.choice(worst, size=min(AUDIT_VIOLATIONS, len(worst)), replace=False)
    return np.union1d(some, worst)
