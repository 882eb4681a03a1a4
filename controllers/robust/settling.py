"""From the engine's plan to the robust one."""

from __future__ import annotations

import dataclasses

import numpy as np

from controllers.robust.decision import Found, RobustDecision
from controllers.robust.limits import FAR
from controllers.robust.parameters import RobustPlanning
from controllers.rolling.applied import computed_usd, modelled_usd, other_usd
from controllers.rolling.planner import Planned, nowcast
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import Schedule
from controllers.scheduling.problem.time_space import AWAY
from sim.control import Observation, Outcome, SolveStatus
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.system import System


class Settler:
    """Makes plans robust.

    Parameters
    ----------
    system
        What exists.
    settings
        Against what, and how.
    rng
        Random stream of samples.
    """

    def __init__(self, system: System, settings: RobustPlanning, rng: np.random.Generator) -> None:
        self._system = system
        self._settings = settings
        self._rng = rng
        self._distances_km = station_distances_km(system)
        self._flows: dict[bytes, PowerGridModelFlow] = {}

    def __call__(self, observation: Observation, planned: Planned) -> Planned:
        """Return the robust plan; the engine's, saying so, where there is none."""
        state = RobustDecision(self._system, self._settings, self._rng, self._distances_km)
        state.observe(observation, planned)
        best: Found | None = None
        for column in state.columns():
            found = state.solve(column, np.inf if best is None else best.usd)
            if found is not None and (best is None or found.usd < best.usd - 1e-6):
                best = found
        if best is None:
            schedule = planned.schedule
            outcome = dataclasses.replace(
                schedule.outcome, fallback="the robust model has no solution: the engine's plan"
            )
            return dataclasses.replace(
                planned, schedule=dataclasses.replace(schedule, outcome=outcome)
            )
        return self._settled(observation, planned, best)

    def _settled(self, observation: Observation, planned: Planned, best: Found) -> Planned:
        """Return the plan with routes and powers of a robust dispatch."""
        schedule, problem = planned.schedule, planned.true
        space, routes = problem.space, best.column.routes
        assert best.solution.values is not None
        values, dispatch, slots = best.solution.values, best.dispatch, best.presence
        cut = dispatch.cut_mw(values)
        horizon = len(cut)
        station = np.array(
            [space.stations_of(k, route) for k, route in enumerate(routes)], dtype=np.int64
        ).T
        same = (station == schedule.station) & (station != AWAY)
        p_mw, q_mvar = np.where(same, schedule.p_mw, 0.0), np.where(same, schedule.q_mvar, 0.0)
        p_mw[:horizon], q_mvar[:horizon] = 0.0, 0.0
        nominal, powers = dispatch.nominal(values), dispatch.powers
        here = slots.base > 0
        at = (slots.period[here], slots.vehicle[here])
        p_mw[at] = (nominal[powers.discharge] - nominal[powers.charge])[here]
        q_mvar[at] = (nominal[powers.inject] - nominal[powers.absorb])[here]
        stored = schedule.energy_mwh.copy()
        stored[:horizon] = nominal[dispatch.energy].T
        network = problem.network
        std, mean = network.available_std_mw, network.available_mw
        curtailed, room = schedule.curtailed_mw.copy(), planned.room_mw.copy()
        above = FAR * std[:horizon] - cut
        curtailed[:horizon] = np.clip(-above, 0.0, mean[:horizon])
        room[:horizon] = np.where(dispatch.capped, np.maximum(above, 0.0), FAR * std[:horizon])
        new = Schedule(
            routes=routes,
            station=station,
            p_mw=p_mw,
            q_mvar=q_mvar,
            energy_mwh=stored,
            curtailed_mw=curtailed,
            cars_mw=schedule.cars_mw,
            outcome=Outcome(status=SolveStatus.FEASIBLE, objective_usd=best.usd),
        )
        there = new.operating_point(space.n_stations)
        other = other_usd(problem, new)
        forecast = nowcast(observation, problem.period_h)
        flow = self._flow(observation)
        return dataclasses.replace(
            planned,
            schedule=new,
            room_mw=room,
            usd=other + modelled_usd(problem, there),
            computed_usd=other + computed_usd(self._system, flow, forecast, problem, there),
        )

    def _flow(self, observation: Observation) -> PowerGridModelFlow:
        key = observation.line_out.tobytes()
        if key not in self._flows:
            self._flows[key] = PowerGridModelFlow(self._system.grid.without(observation.line_out))
        return self._flows[key]
