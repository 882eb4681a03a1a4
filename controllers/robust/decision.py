"""What one robust decision is about: the set, the limits, and a dispatch for each choice of routes.

Routes of the engine are the columns: its plan, and the same with a vehicle that stays. Rows of the
grid join where a solution could violate them on a path of the set.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from controllers.optimisation.result import Solution
from controllers.optimisation.work_limits import WorkLimits
from controllers.robust.dispatch import RobustDispatch, Routed
from controllers.robust.end_values import EndValues
from controllers.robust.error_parts import felt_directions
from controllers.robust.errors import Budgets, ForecastErrors
from controllers.robust.limits import LimitRows, RobustLimits
from controllers.robust.parameters import RobustPlanning
from controllers.robust.travel import Presence, Roads, Trip, presence, traffic
from controllers.robust.uncertain import Uncertain
from controllers.rolling.planner import Planned, nowcast
from controllers.scheduling.dispatch.dispatch import queues
from controllers.scheduling.problem.time_space import AWAY, Route
from controllers.uncertainty_sets.duality import GrowingCounterpart
from controllers.uncertainty_sets.extreme_points import solve_by_extreme_points
from controllers.uncertainty_sets.lifting import lift
from controllers.uncertainty_sets.robust_model import RobustModel
from controllers.uncertainty_sets.uncertainty_set import product
from sim.control import Observation
from sim.system.system import System
from sim.units import FloatArray

# Rows that could together cost less than this are left out [USD].
_TOLERANCE_USD = 1.0
_MOST_ROUNDS = 20

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
        felt = rows.felt(system)
        errors = ForecastErrors.of(
            forecast,
            horizon,
            felt_directions(felt.slope, forecast.profile_std[felt.period], settings.signals),
            felt,
            coverage=settings.coverage,
            samples=settings.samples,
            budgets=Budgets(over_components=settings.over_components, over_time=settings.over_time),
            rng=self._rng,
            follows=rolls,
        )
        caps = planned.caps_mw()[:horizon]
        capped = np.isfinite(caps)
        for _ in range(2):
            limits = RobustLimits.of(
                system, problem.network, rows, capped, errors, settings.cvar_level
            )
            own_mw = np.where(capped, np.minimum(caps, limits.highest_mw), limits.highest_mw)
            at_plan = limits.at(point, limits.highest_mw - own_mw)
            # Where too much sun or wind could violate a limit, it is capped as well.
            capped = capped | limits.helped_by_caps(at_plan)
        self._limits = limits
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
        dispatch = RobustDispatch(
            problem,
            self._limits,
            routed,
            self._uncertain(trips),
            worst_case=self._settings.objective == "worst_case",
            follows=self._follows,
        )
        dispatch.add(self._rows)
        minimise = self._solver(dispatch.model)
        for _ in range(_MOST_ROUNDS):
            solution = minimise()
            # Rows that join only raise the objective.
            fixed_usd = moves_usd + queue_usd
            if solution.values is None or (solution.objective or 0.0) + fixed_usd >= cutoff_usd:
                return None
            left = np.setdiff1d(np.arange(len(self._limits.base)), self._rows)
            unpaid = np.zeros(len(self._limits.base))
            unpaid[left] = dispatch.unpaid(solution.values, left)
            new = self._limits.rows.worst(unpaid)
            if unpaid[new] @ self._limits.rows.usd[new] > _TOLERANCE_USD:
                dispatch.add(new)
                self._rows = np.sort(np.concatenate([self._rows, new]))
                continue
            # Without all rows, which direction is the better one is not known.
            nominal, powers = dispatch.nominal(solution.values), dispatch.powers
            charge, discharge = nominal[powers.charge], nominal[powers.discharge]
            both = np.minimum(charge, discharge) > _TINY_MW
            if not both.any():
                break
            dispatch.model.fix(powers.charge[both & (discharge >= charge)])
            dispatch.model.fix(powers.discharge[both & (discharge < charge)])
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
        columns, shape = own.columns, (*own.box.centre.shape, own.columns.n_columns)
        signal = own.matrix.toarray().reshape(shape)
        if busy is not None:
            n = busy.columns.n_columns
            indicator = indicator + columns.n_columns
            columns = product(columns, busy.columns)
            signal = np.concatenate([signal, np.zeros((*shape[:2], n))], axis=2)
        return Uncertain(
            columns=columns,
            signal=signal,
            signal_at_zero=own.constant.reshape(shape[:2]),
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
        return np.array([errors.explained(slope, t)[0] for t in range(len(errors.std_pu))])

    def _solver(self, model: RobustModel) -> Callable[[], Solution]:
        """Return what minimises a model as it is then, by the counterpart that was asked for."""
        limits = WorkLimits(nodes=self._settings.nodes)
        if self._settings.counterpart == "extreme_points":
            return lambda: solve_by_extreme_points(model.build(), limits).solution
        return GrowingCounterpart(model, limits).solve
