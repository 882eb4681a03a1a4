"""The owner of trucks leads, operators of feeders follow: rental by prices and visits.

The setting is that of Lu, Xu, Yan, Shahidehpour, Sun, Han, *Distributionally Robust Chance
Constrained Optimization Method for Risk-based Routing and Scheduling of Shared Mobile Energy
Storage System with Variable Renewable Energy*, IEEE Trans. Sustainable Energy, 2024.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from controllers.optimisation.ranges import check_ranges
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.problem import PlanningError, check_finite
from controllers.shared_rental.case import Case, case_of, check_system
from controllers.shared_rental.margins import margin_of
from controllers.shared_rental.offers import CHARGE, Offer
from controllers.shared_rental.orders import (
    fleet_plan,
    fleet_power,
    grid_plan,
    rent_plan,
    visits_of,
)
from controllers.shared_rental.proposal import Decision
from controllers.shared_rental.search import Found, best_offer
from controllers.shared_rental.settlement import Settled, settle
from controllers.uncertainty_sets.chance.moments import kappa
from sim.control import Capabilities, Observation, Outcome, Plan, SolveStatus
from sim.errors import SolverError
from sim.system.system import System
from sim.units import HOURS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRentalPlanning:
    """What is decided, and how.

    Attributes
    ----------
    leader
        ``"owner"``: the owner of the trucks maximises profit; ``"planner"``: one decides for owner
        and operators together, without rent.
    sharing
        Whether trucks may move between areas; otherwise each goes to one, at once, and stays.
    price_levels
        Prices of rent, ascending [USD/MWh]; a single one is a fixed price.
    uncertainty
        ``"chance"``: rows hold with probability ``1 - eps`` under every law with the moments of the
        forecast; ``"box"``: for all errors within `deviations`; ``"none"``: for the mean.
    eps
        Largest probability with which a row is violated.
    deviations
        Half the width of the box [standard deviations]; None for the ``kappa`` of `eps`.
    budget_step_mwh
        Budgets of visits are multiples of this [MWh].
    gap
        Gap at which the decomposition ends [-].
    nodes
        Largest number of branch-and-bound nodes of the owner's model.
    """

    leader: Literal["owner", "planner"] = "owner"
    sharing: bool = True
    price_levels: tuple[float, ...] = tuple(float(usd) for usd in range(0, 121, 10))
    uncertainty: Literal["chance", "box", "none"] = "chance"
    eps: float = 0.05
    deviations: float | None = None
    budget_step_mwh: float = 0.001
    gap: float = 0.01
    nodes: int = 2000

    def __post_init__(self) -> None:
        check_ranges(self, budget_step_mwh=(1e-6, 10), gap=(0, 1), nodes=(1, 10**9))
        kappa(self.eps)
        if self.deviations is not None and not 0 <= self.deviations < np.inf:
            raise ValueError(f"deviations(={self.deviations}) must be >= 0.")
        levels = self.price_levels
        if not levels or min(levels) < 0 or list(levels) != sorted(set(levels)):
            raise ValueError(
                f"price_levels(={levels}) must be one or more prices >= 0 in ascending order."
            )

    def decision(self) -> Decision:
        """Return what is decided at the start of a day."""
        return Decision(
            levels=self.price_levels,
            step_mwh=self.budget_step_mwh,
            owner=self.leader == "owner",
            tied=not self.sharing,
            tolerance=self.gap,
            limits=WorkLimits(nodes=self.nodes, relative_gap=self.gap / 4, deadline_s=3600.0),
        )


class SharedRental:
    """Prices and visits once a day, operators' powers once a period.

    At the start of a day the owner's model and the operators' programmes give prices, routes and
    visits with energy budgets (`best_offer`). Every period the operators answer again, with the
    forecast of the moment and what is left of the budgets.

    The decision of a day says in `Outcome.figures`: ``owner_usd``, ``grid_usd``, the owner's profit
    and what the operators pay for energy in the model [USD]; ``rounds``.
    """

    Parameters: ClassVar[type[SharedRentalPlanning]] = SharedRentalPlanning
    capabilities = Capabilities(
        requires=frozenset({"roads", "areas"}), figures=("owner_usd", "grid_usd")
    )

    def __init__(self, parameters: SharedRentalPlanning | None = None) -> None:
        self.parameters = parameters or SharedRentalPlanning()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare for an episode; nothing is random.

        Raises
        ------
        InputError
            If the scenario's trucks cannot be rented.
        """
        del rng
        check_system(system)
        own = self.parameters
        self._system = system
        self._decision = own.decision()
        self._margin = margin_of(own.uncertainty, own.eps, own.deviations)
        self._distances_km = station_distances_km(system)
        self._per_day = max(round(HOURS_PER_DAY / system.timing.period_h), 1)
        self._next_day = 0
        self._last: tuple[int, Offer] | None = None

    def decide(self, observation: Observation) -> Plan:
        """Return the offer of a day with its answers, or new answers to the offer in force."""
        try:
            check_finite(observation)
            case = case_of(self._system, observation, self._distances_km, self._margin)
            if self._last is None or observation.period >= self._next_day:
                return self._offered(case, observation)
            return self._answered(case, observation)
        except (PlanningError, SolverError) as error:
            status = error.status if isinstance(error, PlanningError) else SolveStatus.FAILED
            return Plan(outcome=Outcome(status=status, fallback=str(error)))

    def _offered(self, case: Case, observation: Observation) -> Plan:
        found = best_offer(case, self._decision)
        self._next_day = observation.period + min(case.n_periods, self._per_day)
        offer = found.settled.offer
        self._last = (observation.period, offer)
        plan = self._plan(case, found.settled)
        p_mw, _ = fleet_power(case, offer, found.settled.answers)
        visits = visits_of(case, offer, observation.period * case.period_h)
        return replace(
            plan,
            fleet=fleet_plan(p_mw, visits),
            rent=rent_plan(offer),
            outcome=_outcome(case, found),
        )

    def _answered(self, case: Case, observation: Observation) -> Plan:
        assert self._last is not None
        since, offer = self._last
        elapsed = observation.period - since
        # Rent of a planner is zero: what he has ordered is what operators like best.
        left = _later(case, offer, elapsed, observation)
        settled = settle(case, left, self._decision.step_mwh, reprice=False)
        return replace(self._plan(case, settled), outcome=Outcome(status=SolveStatus.OPTIMAL))

    def _plan(self, case: Case, settled: Settled) -> Plan:
        p_mw, response = fleet_power(case, settled.offer, settled.answers)
        n_generators = len(self._system.generators.name)
        return Plan(
            fleet=fleet_plan(p_mw),
            grid=grid_plan(case, settled.offer, settled.answers, n_generators),
            response=response,
        )


def _outcome(case: Case, found: Found) -> Outcome:
    settled = found.settled
    return Outcome(
        status=found.status,
        objective_usd=found.objective_usd,
        bound_usd=found.bound_usd,
        idle_usd=0.0,
        figures={
            "owner_usd": settled.owner_usd(case),
            "grid_usd": settled.grid_usd,
            "rounds": float(len(found.log)),
        },
    )


def _later(case: Case, offer: Offer, elapsed: int, observation: Observation) -> Offer:
    """Return what is left of an offer, as trucks and budgets are now."""
    space, states, n = case.space, observation.vehicles, case.n_periods
    routes = tuple(
        space.delayed(k, tuple((t - elapsed, goal) for t, goal in route if t >= elapsed))
        for k, route in enumerate(offer.routes)
    )
    legs = []
    for leg in offer.legs:
        k, first, last = leg.vehicle, leg.first - elapsed, min(leg.last - elapsed, n)
        station = space.stations_of(k, routes[k])
        there = [
            t
            for t in range(max(first, 0), last)
            if station[t] >= 0 and case.area[station[t]] == leg.area
        ]
        if not there:
            continue
        budget = leg.budget_mwh
        if first <= 0:
            left = states.charge_left_mwh if leg.direction == CHARGE else states.discharge_left_mwh
            budget = min(budget, float(left[k]))
        legs.append(replace(leg, first=there[0], last=there[-1] + 1, budget_mwh=budget))
    price = offer.price_usd_per_mwh[elapsed : elapsed + n]
    missing = n - len(price)
    if missing:
        price = np.vstack([price, np.repeat(price[-1:], missing, axis=0)])
    legs.sort(key=lambda leg: (leg.first, leg.vehicle))
    return replace(offer, routes=routes, legs=tuple(legs), price_usd_per_mwh=price)
