"""The first stage: from an observation to routes and powers, with proof and comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import PlanningError, check_finite
from controllers.scheduling.problem.time_space import Route
from controllers.two_stage.daily_fleet import DailyFleet, fleet_of
from controllers.two_stage.first_stage import (
    BASE_MVA,
    FirstStage,
    OuterApproximation,
    Routed,
    search_routes,
)
from controllers.two_stage.misocp import Misocp, misocp
from controllers.two_stage.radial import radial
from controllers.two_stage.size import Size
from controllers.two_stage.valuation import Candidates, Valuation
from sim.control import Observation, SolveStatus, tell
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.system import System
from sim.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FirstPlan:
    """Routes and powers, and what they are worth under AC power flow.

    Attributes
    ----------
    fleet
        The vehicles.
    routes
        Departures of each vehicle.
    p_mw, q_mvar
        ``(period, vehicle)``, positive injecting [MW, Mvar].
    curtailed_mw
        ``(period, generator)`` [MW].
    valuation
        Computes what schedules with this curtailment cost.
    usd
        What this one costs under AC power flow [USD].
    bound_usd
        Proven lower bound of the cone model, None where nothing is proven [USD].
    status
        How it came about.
    figures
        What there is to say of it, see `TwoStage`.
    """

    fleet: DailyFleet
    routes: tuple[Route, ...]
    p_mw: FloatArray
    q_mvar: FloatArray
    curtailed_mw: FloatArray
    valuation: Valuation
    usd: float
    bound_usd: float | None
    status: SolveStatus
    figures: dict[str, float]


class ConePlanner:
    """Makes the first stage's plans for one system.

    Parameters
    ----------
    system
        What exists.
    effort
        How hard to search.

    Raises
    ------
    InputError
        If the grid is not radial, or the model would be far too large.
    """

    def __init__(self, system: System, effort: FirstStage) -> None:
        radial(system.grid)
        self._size = Size.of(system)
        self._size.check()
        self._system = system
        self._effort = effort
        self._distances_km = station_distances_km(system)
        self._flows: dict[bytes, PowerGridModelFlow] = {}

    def plan(self, observation: Observation) -> FirstPlan:
        """Return the best routes and powers for what is observed.

        Raises
        ------
        PlanningError
            Where nothing can be planned.
        """
        system = self._system
        if observation.forecast.n_periods == 0 or not system.vehicles:
            raise PlanningError("there is nothing to plan: no periods or no vehicles")
        check_finite(observation)
        tell(str(self._size))
        tree = radial(system.grid.without(observation.line_out))
        fleet = fleet_of(system, observation, self._distances_km)
        model = misocp(system, observation, tree, fleet)
        approximation = OuterApproximation(model, fleet.space)
        live = tree.live[[station.bus for station in system.stations]]
        flow = self._flow(observation.line_out)

        def valued(found: Routed) -> FirstPlan:
            return self._valued(observation, flow, fleet, model, found)

        rest = np.zeros((fleet.space.n_periods, fleet.space.n_vehicles))
        nothing = np.zeros_like(observation.forecast.available_mw)
        stay = tuple(() for _ in system.vehicles)
        idle_usd = float(
            Valuation(system, observation, flow, fleet, nothing).usd(
                Candidates.single(fleet.space, stay, rest, rest)
            )[0]
        )
        parked = self._parked(fleet, approximation, live)
        if not parked:
            reason = "not even standing still can be dispatched"
            raise PlanningError(reason, SolveStatus.INFEASIBLE)
        plans = {name: valued(found) for name, found in parked.items()}
        worth_usd = idle_usd - min(plan.usd for plan in plans.values())
        searched = search_routes(
            approximation, model, list(parked.values()), worth_usd, self._effort
        )
        plans["found"] = valued(searched.best)
        best = min(plans.values(), key=lambda plan: plan.usd)
        figures = {
            "idle_usd": idle_usd,
            **{f"parked_usd.{name}": plan.usd for name, plan in plans.items() if name in parked},
            "first_stage_usd": best.usd,
            "cone_model_usd": searched.best.objective_usd,
            "cone_above_pu": max(searched.best.excess[0], 0.0) / BASE_MVA**2,
            "cone_below_pu": max(-searched.best.excess[1], 0.0) / BASE_MVA**2,
            "solves": approximation.solves,
            "planes": approximation.planes,
        }
        return FirstPlan(
            fleet=fleet,
            routes=best.routes,
            p_mw=best.p_mw,
            q_mvar=best.q_mvar,
            curtailed_mw=best.curtailed_mw,
            valuation=best.valuation,
            usd=best.usd,
            bound_usd=searched.bound_usd,
            status=searched.status,
            figures=figures,
        )

    def _parked(
        self, fleet: DailyFleet, approximation: OuterApproximation, live: BoolArray
    ) -> dict[str, Routed]:
        """Return the best powers of standing still, and of a lone vehicle going once to stay."""
        space, system = fleet.space, self._system
        stay: list[Route] = [() for _ in system.vehicles]
        routes = {"start": tuple(stay)}
        for k, truck in enumerate(system.vehicles if len(stay) == 1 else ()):
            first, here = int(space.start_period[k]), int(space.start_station[k])
            if first >= space.n_periods or fleet.trips_left[k, fleet.day[first]] < 1:
                continue
            for goal in np.flatnonzero((space.duration[first, here] > 0) & live).tolist():
                name = f"{truck.name} at {system.stations[goal].name}"
                routes[name] = (((first, goal),),)
        deadline_s = self._effort.deadline_s
        found = {
            name: approximation.along(each, deadline_s, exact=False)
            for name, each in routes.items()
        }
        return {name: one for name, one in found.items() if one is not None}

    def _valued(
        self,
        observation: Observation,
        flow: PowerGridModelFlow,
        fleet: DailyFleet,
        model: Misocp,
        found: Routed,
    ) -> FirstPlan:
        """Return what the cone model found, valued under AC power flow."""
        p_mw, q_mvar = model.powers(found.values, found.routes)
        curtailed_mw = found.values[model.curtailed_mw]
        valuation = Valuation(self._system, observation, flow, fleet, curtailed_mw)
        usd = valuation.usd(Candidates.single(fleet.space, found.routes, p_mw, q_mvar))[0]
        return FirstPlan(
            fleet=fleet, routes=found.routes, p_mw=p_mw, q_mvar=q_mvar,
            curtailed_mw=curtailed_mw, valuation=valuation, usd=float(usd),
            bound_usd=None, status=SolveStatus.FEASIBLE, figures={},
        )  # fmt: skip

    def _flow(self, line_out: BoolArray) -> PowerGridModelFlow:
        """Return the power flow of the grid as it is switched now, taken to stay so."""
        key = line_out.tobytes()
        if key not in self._flows:
            self._flows[key] = PowerGridModelFlow(self._system.grid.without(line_out))
        return self._flows[key]
