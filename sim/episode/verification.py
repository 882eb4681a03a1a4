"""Verification: a second engine computes steps of an episode again."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

from sim.electrical.electrics import Electrics
from sim.errors import EpisodeError
from sim.powerflow.engines import verifying_engine
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.units import BoolArray, IntArray

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
class Verification:
    """What a second engine has found.

    Attributes
    ----------
    steps
        Steps that it has computed again, ``(n,)``.
    difference_pu
        Largest difference of a voltage between the engines [pu]; 0 where nothing was verified.
    """

    steps: IntArray
    difference_pu: float


def verify(
    system: System, solved: Electrics, line_out: BoolArray, how: Verify, rng: np.random.Generator
) -> Verification:
    """Compute steps again with pandapower.

    Parameters
    ----------
    system
        What exists.
    solved
        Injections and power flow of all steps.
    line_out
        Lines that have tripped, ``(step, line)``.
    how
        Which steps are verified.
    rng
        Chooses the steps of an audit.

    Raises
    ------
    EpisodeError
        If a voltage differs by more than 1e-5 pu, or only one engine converges.
    """
    grid, flow = system.grid, solved.flow
    outside: BoolArray = (flow.vm_pu > grid.v_max_pu) | (flow.vm_pu < grid.v_min_pu)
    steps = _steps_to_verify(how, np.any(outside, axis=1), rng)
    if how is Verify.OFF:
        return Verification(steps=steps, difference_pu=0.0)
    difference_pu = _largest_difference_pu(solved, steps, line_out, verifying_engine(grid))
    return Verification(steps=steps, difference_pu=difference_pu)


def _largest_difference_pu(
    solved: Electrics, steps: IntArray, line_out: BoolArray, second: SwitchedFlow
) -> float:
    """Return the largest difference to a second engine over `steps` [pu]."""
    found, flow = solved.injections, solved.flow
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
