"""What the slack unit cannot balance is spilled or shed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.electrical.injections import Injections, add_at
from sim.powerflow.protocol import PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.units import BoolArray, FloatArray

# What is taken from the slack's bus takes its losses along: each round leaves some 5 % of the error
# of the one before.
MAX_ROUNDS = 30
TOLERANCE_MW = 1e-8
ROUNDING_MW = 1e-6  # closer to a limit than this is at it


def balanced(
    system: System, found: Injections, line_out: BoolArray, engine: SwitchedFlow
) -> Injections:
    """Return injections that leave the slack unit within its limits, if there is a way.

    A surplus is spilled by all renewable generators, a deficit shed by all loads, each in
    proportion to what it does in that step. Loads keep their power factors. What moved demand has
    moved counts as done; what is shed is missing in the load that was asked for.

    Parameters
    ----------
    found
        Injections as ordered.
    line_out
        Lines that have tripped, ``(step, line)``.
    engine
        Who computes the losses.
    """
    if system.slack_unit is None:
        return found
    unit = system.units[system.slack_unit]
    most_shed = found.load_mw.sum(axis=1)
    most_spilled = found.generation_mw.sum(axis=1)
    shed_mw = np.zeros(len(most_shed))  # negative: spilled
    rows = np.arange(len(most_shed))
    for _ in range(MAX_ROUNDS):
        tried = regulated(system, found, shed_mw)
        flow = engine.solve(tried.p_mw[rows], tried.q_mvar[rows], line_out[rows], tried.held[rows])
        slack_mw, now = flow.source_mw[:, 0], shed_mw[rows]
        short = (now > 0) | ((now == 0) & (slack_mw > unit.p_max_mw))
        over = (now < 0) | ((now == 0) & (slack_mw < unit.p_min_mw))
        after = now.copy()
        after[short] = np.clip(now + slack_mw - unit.p_max_mw, 0.0, most_shed[rows])[short]
        after[over] = np.clip(now + slack_mw - unit.p_min_mw, -most_spilled[rows], 0.0)[over]
        # A row that diverges is NaN, and left as it is.
        moved = np.abs(after - now) > TOLERANCE_MW
        shed_mw[rows[moved]] = after[moved]
        rows = rows[moved]
        if not len(rows):
            break
    return regulated(system, found, shed_mw)


def regulated(system: System, found: Injections, shed_mw: FloatArray) -> Injections:
    """Return injections with some load shed, or generation spilled where `shed_mw` is negative."""
    loads, generators = system.loads, system.generators
    served = 1 - _share(np.maximum(shed_mw, 0.0), found.load_mw.sum(axis=1))[:, None]
    taken = 1 - _share(np.maximum(-shed_mw, 0.0), found.generation_mw.sum(axis=1))[:, None]
    load_mw, load_mvar = found.load_mw * served, found.load_mvar * served
    generation_mw = found.generation_mw * taken
    p_mw, q_mvar = found.p_mw.copy(), found.q_mvar.copy()
    add_at(p_mw, loads.bus, found.load_mw - load_mw)
    add_at(q_mvar, loads.bus, found.load_mvar - load_mvar)
    add_at(p_mw, generators.bus, generation_mw - found.generation_mw)
    return replace(
        found,
        load_mw=load_mw,
        load_mvar=load_mvar,
        unserved_mw=found.unserved_mw + found.load_mw - load_mw,
        generation_mw=generation_mw,
        p_mw=p_mw,
        q_mvar=q_mvar,
        changed_p_mw=found.changed_p_mw + (p_mw - found.p_mw)[found.changed_step],
    )


def settled(system: System, found: Injections, flow: PowerFlowResult) -> Injections:
    """Return injections with what the slack unit turned out to deliver, and what it could not.

    In a step without a power flow it delivers nothing.
    """
    if system.slack_unit is None:
        return found
    unit = system.units[system.slack_unit]
    slack_mw = flow.source_mw[:, 0]
    unit_mw = found.unit_mw.copy()
    delivered_mw = np.clip(slack_mw, unit.p_min_mw, unit.p_max_mw)
    rounded = np.abs(slack_mw - delivered_mw) <= ROUNDING_MW
    delivered_mw = np.where(flow.converged, np.where(rounded, slack_mw, delivered_mw), 0.0)
    unit_mw[:, system.slack_unit] = delivered_mw
    imbalance_mw = np.where(flow.converged, slack_mw - delivered_mw, 0.0)
    return replace(found, unit_mw=unit_mw, imbalance_mw=imbalance_mw)


def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
