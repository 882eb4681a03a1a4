"""Cars at home without a grid around them: orders in, meters out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import simpy

from sim.control import EvPlan, EvStates
from sim.scenario import load_scenario
from sim.system.evs import EvGroup
from sim.system.timing import Timing
from sim.uncertainty.evs import EvHabits, EvSessions, draw_sessions
from sim.units import FloatArray
from sim.world.cars.fleet import EvFleet

HOMES = EvGroup(
    name="homes",
    bus=0,
    count=20,
    p_mw=0.007,
    energy_mwh=0.05,
    mwh_per_km=0.0008,  # needs that bind
    efficiency_charge=0.9,
)
V2G = dataclasses.replace(HOMES, name="v2g", p_discharge_max_mw=0.005, efficiency_discharge=0.85)


def timing(hours: int, period_s: int = 3600) -> Timing:
    n = hours * 3600 // period_s
    return Timing(step_s=900, period_s=period_s, horizon=n, n_periods=n)


def drawn(
    groups: tuple[EvGroup, ...], hours: int, replication: int, habits: EvHabits | None = None
) -> EvSessions:
    system = dataclasses.replace(load_scenario("tiny").system, evs=groups, timing=timing(hours))
    return draw_sessions(system, habits or EvHabits(), 1, replication)


@dataclasses.dataclass
class Lived:
    """What came out, arrays ``(step, group)`` [MWh]; `states` is what is known at each step."""

    fleet: EvFleet
    charged_mwh: FloatArray
    discharged_mwh: FloatArray
    states: list[EvStates]

    @property
    def net_mwh(self) -> FloatArray:
        return self.discharged_mwh - self.charged_mwh


def lived(
    groups: tuple[EvGroup, ...],
    sessions: EvSessions,
    grid: Timing,
    order: Callable[[int, EvStates], FloatArray | None],
    dead: dict[int, list[bool]] | None = None,
    looks_s: tuple[int, ...] = (),
) -> Lived:
    """Live through an episode.

    `order` gives the row ``(group,)`` of a period, or the rows ``(H, group)`` from it on, None for
    nothing new; `dead` says from which
    step on the bus of each group is without power, `looks_s` when inside each step somebody looks.
    """
    env = simpy.Environment()
    fleet = EvFleet(env, grid, groups, sessions, lambda: None, lambda: False)
    charged = np.zeros((grid.n_steps, len(groups)))
    discharged = np.zeros_like(charged)
    states = []
    for step in range(grid.n_steps):
        if dead and step in dead:
            supplied = np.ones(len(groups), dtype=np.bool_)
            supplied[: len(groups)] = ~np.array(dead[step])
            fleet.supply(supplied)
        states.append(fleet.states())
        if step % grid.steps_per_period == 0:
            period = step // grid.steps_per_period
            row = order(period, states[-1])
            if row is not None:
                rows = np.array(row, dtype=float).reshape(-1, len(groups))
                fleet.order(EvPlan(p_mw=rows), period)
            fleet.follow_orders()
        for look_s in looks_s:
            env.run(step * grid.step_s + look_s)
            fleet.states()
            _ = fleet.short
        env.run((step + 1) * grid.step_s)
        meter = fleet.read_meter()
        charged[step], discharged[step] = meter.charged_mwh, meter.discharged_mwh
    return Lived(fleet, charged, discharged, states)
