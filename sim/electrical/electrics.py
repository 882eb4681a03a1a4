"""From injections to voltages: the power flow of steps, and what the slack delivers in them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from sim.electrical.balancing import balanced, settled
from sim.electrical.injections import Injections, injections
from sim.electrical.meters import Metered
from sim.powerflow.protocol import PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Electrics:
    """The electrical side of an episode.

    Attributes
    ----------
    injections
        Who injected what.
    flow
        Power flow at the means of the steps.
    changed_vm_pu
        Voltages in the rows `Injections.changed_p_mw`: at the largest and at the lowest injection
        of the steps inside which power changed, ``(2 n, bus)``.
    """

    injections: Injections
    flow: PowerFlowResult
    changed_vm_pu: FloatArray

    @property
    def served_mw(self) -> FloatArray:
        """Load and charging that were served, less what cars fed in, ``(step,)`` [MW].

        A step without a power flow serves nobody: no operating point exists, the grid collapses.
        """
        return self.served_of(np.True_, np.True_)

    @property
    def unserved_mw(self) -> FloatArray:
        """Load that was not, at dead buses and in steps without a power flow, ``(step,)`` [MW]."""
        return self.unserved_of(np.True_, np.True_)

    def served_of(self, load: BoolArray | np.bool_, group: BoolArray | np.bool_) -> FloatArray:
        """Return `served_mw` of some loads and groups of cars, ``(load,)`` and ``(group,)``."""
        found = self.injections
        wanted_mw = sum_of(load, found.load_mw) + sum_of(group, found.ev_mw)
        return np.where(self.flow.converged, wanted_mw, 0.0)

    def unserved_of(self, load: BoolArray | np.bool_, group: BoolArray | np.bool_) -> FloatArray:
        """Return `unserved_mw` of some loads and groups of cars; see `served_of`."""
        found = self.injections
        charging_mw = sum_of(group, np.maximum(found.ev_mw, 0.0))
        unserved_mw = sum_of(load, found.unserved_mw)
        wanted_mw = unserved_mw + sum_of(load, found.load_mw) + charging_mw
        return np.where(self.flow.converged, unserved_mw, wanted_mw)


def sum_of(counts: BoolArray | np.bool_, values: FloatArray) -> FloatArray:
    """Return the sum over some things, ``(step,)``, of values ``(step, thing)``."""
    total: FloatArray = np.where(counts, values, 0.0).sum(axis=1)
    return total


def electrics(
    system: System, found: Injections, line_out: BoolArray, engine: SwitchedFlow
) -> Electrics:
    """Compute the power flow of steps in one batch.

    Parameters
    ----------
    system
        What exists.
    found
        Injections of the steps, as ordered.
    line_out
        Lines that have tripped, ``(step, line)``.
    engine
        Who computes.
    """
    n_steps = len(found.p_mw)
    found = balanced(system, found, line_out, engine)
    # One batch: the means of all steps, then the extreme moments of those with a change inside.
    result = engine.solve(
        np.vstack([found.p_mw, found.changed_p_mw]),
        np.vstack([found.q_mvar, found.q_mvar[found.changed_step]]),
        np.vstack([line_out, line_out[found.changed_step]]),
        np.vstack([found.held, found.held[found.changed_step]]),
    )
    flow = PowerFlowResult(
        **{each.name: getattr(result, each.name)[:n_steps] for each in fields(PowerFlowResult)}
    )
    return Electrics(
        injections=settled(system, found, flow), flow=flow, changed_vm_pu=result.vm_pu[n_steps:]
    )


def without_peaks(found: Injections) -> Injections:
    """Return injections whose largest and lowest values inside steps are not looked at."""
    return replace(found, changed_step=found.changed_step[:0], changed_p_mw=found.changed_p_mw[:0])


def joined(before: Electrics, after: Electrics) -> Electrics:
    """Return the electrical side of some steps and of those after them, both without peaks."""
    return Electrics(
        injections=Injections(
            **{
                each.name: np.concatenate(
                    [getattr(before.injections, each.name), getattr(after.injections, each.name)]
                )
                for each in fields(Injections)
            }
        ),
        flow=PowerFlowResult(
            **{
                each.name: np.concatenate(
                    [getattr(before.flow, each.name), getattr(after.flow, each.name)]
                )
                for each in fields(PowerFlowResult)
            }
        ),
        changed_vm_pu=np.concatenate([before.changed_vm_pu, after.changed_vm_pu]),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepFlow:
    """Power flow of one step at a time, while the episode runs.

    Attributes
    ----------
    system, realisation
        What exists, and what happens.
    metered
        What has been metered so far.
    engine
        Who computes.
    """

    system: System
    realisation: Realisation
    metered: Metered
    engine: SwitchedFlow

    def __call__(self, step: int) -> tuple[Injections, PowerFlowResult]:
        """Return what was injected in a step that is over, and its power flow, one row each."""
        steps = slice(step, step + 1)
        line_out = self.metered.topology.line_out[steps]
        ordered = injections(self.system, self.realisation, self.metered, steps)
        found = balanced(self.system, ordered, line_out, self.engine)
        flow = self.engine.solve(found.p_mw, found.q_mvar, line_out, found.held)
        return settled(self.system, found, flow), flow
