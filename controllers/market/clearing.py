"""Market clearing by unit commitment: model and solution."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from controllers.market.case import Case, Scenarios, forecast_only
from controllers.market.commitment import Commitment, add_commitment, add_needs
from controllers.market.recourse import Recourse, add_recourse
from controllers.market.spans import Departures, departures
from controllers.market.trains import Routes, add_trains
from controllers.optimisation.assembly import Assembly
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.problem import PlanningError
from sim.control import SolveStatus
from sim.units import BoolArray, FloatArray, IntArray

_LEAST_MW = 1e-6
# More than any start of a unit, and little enough for the solver's tolerances.
NEED_USD = 1e5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decided:
    """What was decided before.

    Attributes
    ----------
    on
        ``(period, unit)``.
    binding
        For which periods and units it holds, ``(period, unit)``.
    departures
        Departures that trains keep to, without any others; None where they are free.
    """

    on: BoolArray
    binding: BoolArray
    departures: Departures | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketModel:
    """The model of a clearing, and where its variables lie.

    Attributes
    ----------
    linear
        Minimises expected cost less benefit: its objective is the negative expected welfare.
    """

    case: Case
    scenarios: Scenarios
    linear: LinearModel
    commitment: Commitment
    routes: Routes
    recourse: Recourse

    @property
    def first_stage(self) -> IntArray:
        """Return the variables decided before anything is known, all of them integer."""
        parts = (self.commitment.on, self.routes.taken, self.routes.discharging)
        return np.concatenate([part.ravel() for part in parts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clearing:
    """A cleared market.

    Attributes
    ----------
    model
        What was solved.
    status
        How the search ended.
    welfare_usd
        Expected welfare [USD].
    bound_usd
        Proven upper bound of it [USD]; None where nothing is proven.
    values
        The solution, ``(variable,)``.
    """

    model: MarketModel
    status: SolveStatus
    welfare_usd: float
    bound_usd: float | None
    values: FloatArray

    @property
    def commitment(self) -> BoolArray:
        """Return which units run, ``(period, unit)``."""
        on: BoolArray = self.values[self.model.commitment.on] > 0.5
        return on

    @property
    def departures(self) -> Departures:
        """Return period and goal of the departures of each train."""
        routes = self.model.routes
        return departures(self.model.case.rail, routes.arcs, self.values[routes.taken])

    @property
    def unit_p_mw(self) -> FloatArray:
        """Return the output of the units, ``(scenario, period, unit)`` [MW]."""
        least = self.commitment * self.model.case.units.p_min_mw
        output: FloatArray = least + self.values[self.model.recourse.above_min].sum(axis=-1)
        return output

    @property
    def renewable_mw(self) -> FloatArray:
        """Return the renewable power used, ``(scenario, period, generator)`` [MW]."""
        return self.values[self.model.recourse.renewable]

    @property
    def shift_mw(self) -> FloatArray:
        """Return the load added by shifting, ``(scenario, period, load)`` [MW]."""
        return self.values[self.model.recourse.shift]

    @property
    def shed_mw(self) -> FloatArray:
        """Return the load not served, ``(scenario, period, load)`` [MW]."""
        return self.values[self.model.recourse.shed]

    @property
    def flow_mw(self) -> FloatArray:
        """Return the flows, ``(scenario, period, line)`` [MW]."""
        return self.values[self.model.recourse.flow]

    @property
    def energy_mwh(self) -> FloatArray:
        """Return the energy of the trains at the end of periods, ``(scenario, period, train)``."""
        return self.values[self.model.recourse.trains.energy]

    @property
    def train_p_mw(self) -> FloatArray:
        """Return the power of the trains, positive injecting, ``(scenario, period, train)``."""
        trains = self.model.recourse.trains
        net = self.values[trains.discharge] - self.values[trains.charge]
        power = np.zeros(self.energy_mwh.shape)
        for ordinal, (period, train) in enumerate(zip(trains.period, trains.train, strict=True)):
            power[:, period, train] += net[:, ordinal]
        return power


def market_model(
    case: Case, scenarios: Scenarios | None = None, decided: Decided | None = None
) -> MarketModel:
    """Return the model of a clearing; of the forecast alone where there are no scenarios."""
    scenarios = scenarios or forecast_only(case)
    assembly = Assembly()
    commitment = add_commitment(
        assembly,
        case.units,
        case.n_periods,
        case.period_h,
        None if decided is None else decided.on,
        None if decided is None else decided.binding,
    )
    if case.security is not None:
        add_needs(assembly, commitment, case.security.needs, NEED_USD)
    routes = add_trains(assembly, case, None if decided is None else decided.departures)
    recourse = add_recourse(assembly, case, scenarios, commitment, routes)
    return MarketModel(
        case=case,
        scenarios=scenarios,
        linear=assembly.build(),
        commitment=commitment,
        routes=routes,
        recourse=recourse,
    )


def clear(
    model: MarketModel, limits: WorkLimits | None = None, start: FloatArray | None = None
) -> Clearing:
    """Maximise expected welfare.

    Raises
    ------
    PlanningError
        If no commitment can balance the buses, or none was found within the limits.
    """
    # Simplifying takes longer than it saves.
    if model.scenarios.n_scenarios == 1:
        # Charging and discharging at once never pays, unless prices are negative.
        free = model.linear.integer.copy()
        free[model.routes.discharging] = False
        linear = replace(model.linear, integer=free)
        solution = solve(linear, limits=limits, presolve=False)
        if solution.values is None:
            return cleared(model, solution)
        found = _with_modes(cleared(model, solution))
        if found is not None:
            return found
    return cleared(model, solve(model.linear, limits=limits, start=start, presolve=False))


def _with_modes(found: Clearing) -> Clearing | None:
    """Return the clearing with whole modes, None if a train charges and discharges at once."""
    trains, values = found.model.recourse.trains, found.values.copy()
    both_ways = np.zeros((2, *found.model.routes.discharging.shape))
    for power, sums in zip((trains.charge, trains.discharge), both_ways, strict=True):
        np.add.at(sums, (trains.period, trains.train), values[power[0]])
    if (both_ways.min(axis=0) > _LEAST_MW).any():
        return None
    values[found.model.routes.discharging] = both_ways[1] > both_ways[0]
    return replace(found, values=values)


def cleared(model: MarketModel, solution: Solution) -> Clearing:
    """Return what a solution of the model's variables means."""
    if solution.values is None:
        raise PlanningError(_no_clearing(model.case, solution.status), solution.status)
    values = solution.values[: len(model.linear.cost)]
    welfare = -float(model.linear.cost @ values + model.linear.offset)
    bound = None if solution.bound is None else max(-solution.bound, welfare)
    return Clearing(
        model=model,
        status=solution.status,
        welfare_usd=welfare,
        bound_usd=bound,
        values=values,
    )


def _no_clearing(case: Case, status: SolveStatus) -> str:
    if status is not SolveStatus.INFEASIBLE:
        return f"No clearing was found within the work limits ({status})."
    return (
        "The market has no solution: units that must run "
        f"(p_min {case.units.p_min_mw.sum():g} MW in all), terminal energy, shifted load or the "
        f"emission cap ({case.emission_cap_lb:g} lb) cannot be met together."
    )


def fixed(model: MarketModel, first_stage: FloatArray) -> LinearModel:
    """Return the linear programme left when commitment, routes and modes are given."""
    linear, first = model.linear, model.first_stage
    lower, upper = linear.lower.copy(), linear.upper.copy()
    lower[first] = upper[first] = first_stage
    return replace(
        linear, lower=lower, upper=upper, integer=np.zeros(len(linear.cost), dtype=np.bool_)
    )


def dispatch_of(model: MarketModel, decided: Clearing) -> Clearing:
    """Return the best dispatch under commitment, routes and modes of another clearing.

    Raises
    ------
    PlanningError
        If there is none.
    """
    first = decided.values[decided.model.first_stage]
    found = cleared(model, solve(fixed(model, first)))
    return replace(found, status=SolveStatus.FEASIBLE, bound_usd=None)
