"""From the engine's plan to the robust one: a robust dispatch for each of a few routes.

Routes of the engine are the columns: its plan, and the same with a vehicle that stays. Rows of the
grid join where a solution could violate them on a path of the set.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.robust.dispatch import RobustDispatch, Routed, Uncertain
from controllers.robust.end_values import EndValues
from controllers.robust.errors import Budgets, ForecastErrors, felt_directions
from controllers.robust.limits import FAR, LimitRows, RobustLimits
from controllers.robust.parameters import RobustPlanning
from controllers.robust.travel import Presence, Roads, Trip, presence, traffic
from controllers.rolling.applied import computed_usd, modelled_usd, other_usd
from controllers.rolling.planner import Planned, nowcast
from controllers.scheduling.dispatch.dispatch import queues
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import Schedule
from controllers.scheduling.problem.time_space import AWAY, Route
from controllers.uncertainty_sets.duality import dual_counterpart
from controllers.uncertainty_sets.extreme_points import solve_by_extreme_points
from controllers.uncertainty_sets.lifting import lift
from controllers.uncertainty_sets.robust_model import RobustProgramme
from controllers.uncertainty_sets.uncertainty_set import product
from sim.control import Observation, Outcome, SolveStatus
from sim.powerflow.pgm import PowerGridModelFlow
from sim.system.system import System
from sim.units import FloatArray

# A row that could cost less than this is left out [USD].
_TOLERANCE_USD = 0.3
_MOST_ROUNDS = 12

# On the expected path a limit is far away where the engine's plan leaves it more than this share of
# its margin.
_NEAR = 0.5

# Charging and discharging at once by less than this is rounding [MW].
_TINY_MW = 1e-4


@dataclass(frozen=True, slots=True)
class Column:
    """Routes of all vehicles, and by vehicle the last trip where it depends on the traffic."""

    routes: tuple[Route, ...]
    conditional: Mapping[int, Trip] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A robust dispatch that was solved."""

    column: Column
    usd: float
    dispatch: RobustDispatch
    solution: Solution
    presence: Presence


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
        charge, discharge, reactive, energy = dispatch.powers(values)
        here = slots.base > 0
        at = (slots.period[here], slots.vehicle[here])
        p_mw[at], q_mvar[at] = (discharge - charge)[here], reactive[here]
        stored = schedule.energy_mwh.copy()
        stored[:horizon] = energy.T
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


class RobustDecision:
    """What one decision is about."""

    def __init__(
        self,
        system: System,
        settings: RobustPlanning,
        rng: np.random.Generator,
        distances_km: FloatArray,
    ) -> None:
        self._system = system
        self._settings = settings
        self._rng = rng
        self._distances_km = distances_km

    def observe(self, observation: Observation, planned: Planned) -> None:
        """Condition the set on what is observed, and prepare what all columns share."""
        settings, system, problem = self._settings, self._system, planned.true
        n_periods = problem.n_periods
        rolls = settings.dispatch == "rolling"
        horizon = min(settings.horizon, n_periods) if rolls else n_periods
        forecast = nowcast(observation, problem.period_h)
        n_profiles = forecast.profile_std.shape[1]
        point = planned.schedule.operating_point(problem.space.n_stations)
        rows = LimitRows.of(problem.network, point, horizon, n_profiles)
        generating = rows.without(rows.of_c < 0, system)
        errors = ForecastErrors.of(
            forecast,
            horizon,
            felt_directions(
                np.concatenate([rows.of_profile, generating]),
                np.tile(forecast.profile_std[rows.period], (2, 1)),
                settings.signals,
            ),
            coverage=settings.coverage,
            samples=settings.samples,
            budgets=Budgets(over_components=settings.over_components, over_time=settings.over_time),
            rng=self._rng,
        )
        caps = planned.caps_mw()[:horizon]
        capped = np.isfinite(caps)
        for _ in range(2):
            limits = RobustLimits.of(system, problem.network, rows, capped, errors, follows=rolls)
            own_mw = np.where(capped, np.minimum(caps, limits.highest_mw), limits.highest_mw)
            at_plan = limits.at(point, limits.highest_mw - own_mw)
            # Where too much sun or wind could violate a limit, it is capped as well.
            capped = capped | limits.helped_by_caps(at_plan)
        near = at_plan > _NEAR * (limits.base - rows.base)
        self._limits = dataclasses.replace(limits, near=near)
        self._imported = self._import_by(errors)
        self._signals = lift(errors.known)
        self._rows = rows.worst(at_plan)
        self._problem, self._planned, self._horizon = problem, planned, horizon
        self.roads = Roads.of(system, observation, self._distances_km, problem.space)
        effort = settings.search().effort
        self._ends = EndValues(planned.problem, planned.schedule, horizon, effort)
        self._follows = rolls

    def columns(self) -> Iterator[Column]:
        """Yield the routes for which a robust dispatch is solved, the engine's first."""
        settings, roads = self._settings, self.roads
        first = roads.delayed(self._planned.schedule.routes)
        yield Column(first)
        if settings.routes == "parked":
            return
        # Trips that begin later are weighed when they begin.
        soon = [k for k, route in enumerate(first) if route and route[0][0] == 0]
        seen = {first}
        stay = [(*first[:k], (), *first[k + 1 :]) for k in soon]
        if len(stay) > 1:
            stay.append(tuple(() if route else route for route in first))
        for routes in stay[: settings.columns]:
            if routes not in seen:
                seen.add(routes)
                yield Column(routes)
        if settings.mobility == "adaptive":
            conditional = {}
            for k, route in enumerate(first):
                trips = roads.trips(k, route, self._horizon)
                if trips and trips[-1].uncertain and trips[-1].period > 0:
                    conditional[k] = trips[-1]
            if conditional:
                yield Column(first, conditional)

    def solve(self, column: Column, cutoff_usd: float) -> Found | None:
        """Return the robust dispatch of a column; None where none is cheaper than the cutoff."""
        problem, horizon, routes = self._problem, self._horizon, column.routes
        space = problem.space
        waiting, queue_usd = queues(problem, routes)
        live = problem.network.live
        station = np.array([space.stations_of(k, route) for k, route in enumerate(routes)])
        usable = (~waiting & ((station == AWAY) | live[station])).T[:horizon]
        slots, trips = presence(self.roads, routes, column.conditional, usable)
        begun = [tuple(trip for trip in route if trip[0] < horizon) for route in routes]
        moves_usd = sum(space.route_usd(k, route) for k, route in enumerate(begun))
        trips_mwh = np.array([space.route_mwh(k, route)[:horizon] for k, route in enumerate(begun)])
        routed = Routed(
            presence=slots,
            trips_mwh=trips_mwh.T,
            ends=tuple(self._ends.pieces(k, route) for k, route in enumerate(routes)),
        )
        uncertain = self._uncertain(trips)
        one_way = np.ones((2, len(slots.vehicle)), dtype=np.bool_)
        for _ in range(_MOST_ROUNDS):
            dispatch = RobustDispatch(
                problem,
                self._limits,
                self._rows,
                routed,
                uncertain,
                one_way=one_way,
                worst_case=self._settings.objective == "worst_case",
                worst_share=self._settings.worst_share,
                follows=self._follows,
            )
            solution = self._solved(dispatch.programme)
            # Rows that join only raise the objective.
            fixed_usd = moves_usd + queue_usd
            if solution.values is None or (solution.objective or 0.0) + fixed_usd >= cutoff_usd:
                return None
            left = np.setdiff1d(np.arange(len(self._limits.base)), self._rows)
            unpaid = np.zeros(len(self._limits.base))
            unpaid[left] = dispatch.unpaid(solution.values, left)
            tiny = unpaid * self._limits.rows.usd <= _TOLERANCE_USD
            new = self._limits.rows.worst(np.where(tiny, 0.0, unpaid))
            charge, discharge, _, _ = dispatch.powers(solution.values)
            both = np.minimum(charge, discharge) > _TINY_MW
            if not len(new) and not both.any():
                break
            self._rows = np.sort(np.concatenate([self._rows, new]))
            one_way[0] &= ~(both & (discharge >= charge))
            one_way[1] &= ~(both & (discharge < charge))
        return Found(
            column=column,
            usd=(solution.objective or 0.0) + moves_usd + queue_usd,
            dispatch=dispatch,
            solution=solution,
            presence=slots,
        )

    def _uncertain(self, trips: tuple[Trip, ...]) -> Uncertain:
        """Return the set of signals and traffic."""
        own = self._signals
        busy, indicator = traffic(trips, self._horizon, self._settings.over_time)
        columns, signal = own.columns, own.matrix.toarray()
        if busy is not None:
            n = columns.n_columns
            columns = product(columns, busy.columns)
            indicator = indicator + n
            signal = np.hstack([signal, np.zeros((len(signal), busy.columns.n_columns))])
        return Uncertain(
            columns=columns,
            signal=signal,
            signal_at_zero=own.constant,
            imported=self._imported,
            trips=trips,
            indicator=indicator,
        )

    def _import_by(self, errors: ForecastErrors) -> FloatArray:
        """Return the rise of the import by each signal, losses apart, ``(period, signal)`` [MW]."""
        system = self._system
        slope = np.zeros((1, errors.std_pu.shape[1]))
        np.add.at(slope[0], system.loads.profile, system.loads.p_mw)
        np.subtract.at(slope[0], system.generators.profile, system.generators.p_mw)
        found = [errors.margin(slope, t, follows=True)[1][0] for t in range(len(errors.std_pu))]
        return np.array(found)

    def _solved(self, programme: RobustProgramme) -> Solution:
        """Return the solution by the counterpart that was asked for."""
        limits = WorkLimits(nodes=self._settings.nodes)
        if self._settings.counterpart == "extreme_points":
            return solve_by_extreme_points(programme, limits).solution
        return solve(dual_counterpart(programme), limits=limits)
