"""From injections to voltages: power flow on every step, and its verification."""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields

import numpy as np

from sim.electrical.balancing import balanced, settled
from sim.electrical.injections import Injections
from sim.errors import EpisodeError
from sim.powerflow.protocol import PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

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
        Injections of all steps, as ordered.
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
    found = balanced(system, found, line_out, engine)
    # One batch: the means of all steps, then the largest moments of those with a change inside.
    result = engine.solve(
        np.vstack([found.p_mw, found.changed_p_mw]),
        np.vstack([found.q_mvar, found.q_mvar[found.changed_step]]),
        np.vstack([line_out, line_out[found.changed_step]]),
        np.vstack([found.held, found.held[found.changed_step]]),
    )
    flow = PowerFlowResult(
        **{each.name: getattr(result, each.name)[:n_steps] for each in fields(PowerFlowResult)}
    )
    grid = system.grid
    outside: BoolArray = (flow.vm_pu > grid.v_max_pu) | (flow.vm_pu < grid.v_min_pu)
    steps = _steps_to_verify(how, np.any(outside, axis=1), rng)
    return Electrics(
        injections=settled(system, found, flow),
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
    other = second.solve(found.p_mw[steps], found.q_mvar[steps], line_out[steps], found.held[steps])
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
