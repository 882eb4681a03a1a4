"""Clears a market day-ahead with battery trains, and redispatches what is left of the day."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from controllers.market.case import Case, Security
from controllers.market.clearing import (
    Clearing,
    Decided,
    clear,
    dispatch_of,
    market_model,
)
from controllers.market.from_observation import CaseBuilder
from controllers.market.info_gap import Robust, most_robust
from controllers.market.prices import locational_marginal_price, stored_energy_price
from controllers.market.sampling import LoadError, load_scenarios
from controllers.market.security import AcCheck, secured
from controllers.market.value import clear_from_mean, informed_usd
from controllers.optimisation.ranges import check_ranges
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.problem.problem import PlanningError
from sim.control import (
    Capabilities,
    FleetPlan,
    GridPlan,
    MarketPlan,
    Observation,
    Outcome,
    Plan,
    SolveStatus,
    Visit,
)
from sim.errors import SolverError
from sim.system.system import System
from sim.units import HOURS_PER_DAY, BoolArray, FloatArray

# Power is ordered down, and a line counts as full, only by more than this [MW].
_LEAST_MW = 1e-3
# Load that cannot be served is said from here on [MW].
_LEAST_SHED_MW = 0.1


class MarketUncertainty(enum.StrEnum):
    """What a day-ahead clearing arms itself against.

    Attributes
    ----------
    NONE
        Nothing: forecasts come true.
    STOCHASTIC
        Errors of the load forecast: expected welfare over scenarios.
    INFO_GAP
        Wind that falls short of its forecast, by as much as the welfare given up allows.
    BOTH
        Both: expected welfare over scenarios of the load, wind that falls short.
    """

    NONE = "none"
    STOCHASTIC = "stochastic"
    INFO_GAP = "info_gap"
    BOTH = "both"

    @property
    def in_load(self) -> bool:
        """Whether scenarios of the load are drawn."""
        return self in (MarketUncertainty.STOCHASTIC, MarketUncertainty.BOTH)

    @property
    def in_wind(self) -> bool:
        """Whether wind may fall short."""
        return self in (MarketUncertainty.INFO_GAP, MarketUncertainty.BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketParameters:
    """How the market is modelled and how hard it is searched.

    Attributes
    ----------
    uncertainty
        What a clearing of a day arms itself against: ``none``, ``stochastic``, ``info_gap``,
        ``both``.
    info_gap_beta
        Share of the welfare without shortfall that may be given up against missing wind, in
        [0, 1] [-].
    segments
        Cost segments of a unit.
    minimum_times
        Whether the clearing keeps minimum times on and off; the world always does.
    redispatch
        Whether what is left of the day is dispatched again every period; otherwise what was cleared
        day-ahead stays in force.
    margin
        Standard deviations of the forecast by which redispatch keeps voltages and lines inside
        their limits [-].
    slow_h
        Units whose minimum time on or off is at least this keep their day-ahead commitment [h].
    samples, scenarios
        Samples of the load that are drawn, and scenarios they are reduced to.
    load_error_daily, load_error_hourly
        Standard deviations of the load's forecast: a factor of the day, factors of the hours [-].
    value_of_information
        Whether a stochastic clearing also says what knowing the scenario would be worth, at the
        price of a clearing for each.
    gap, stochastic_gap
        Relative gaps of welfare at which searches end, of one scenario and of several [-].
    horizon_gap, stochastic_horizon_gap
        The same of the share of wind that may be missing [-].
    nodes
        Largest number of branch-and-bound nodes of one search.
    """

    uncertainty: MarketUncertainty = MarketUncertainty.NONE
    info_gap_beta: float = 0.01
    segments: int = 3
    minimum_times: bool = True
    redispatch: bool = True
    margin: float = 2.0
    slow_h: float = 4.0
    samples: int = 1000
    scenarios: int = 10
    load_error_daily: float = 0.10
    load_error_hourly: float = 0.02
    value_of_information: bool = False
    gap: float = 1e-5
    stochastic_gap: float = 1e-3
    horizon_gap: float = 0.01
    stochastic_horizon_gap: float = 0.1
    nodes: int = 20_000

    def __post_init__(self) -> None:
        check_ranges(
            self,
            info_gap_beta=(0, 1),
            segments=(1, 1000),
            margin=(0, 10),
            samples=(1, 100_000),
            slow_h=(0, 1e9),
        )
        if not 1 <= self.scenarios <= self.samples:
            raise ValueError(
                f"scenarios(={self.scenarios}) must be between 1 and samples(={self.samples})."
            )
        for name in ("gap", "stochastic_gap", "horizon_gap", "stochastic_horizon_gap"):
            self.limits(getattr(self, name))
        self.load_error()

    def limits(self, gap: float) -> WorkLimits:
        """Return the work limits of a search that ends at `gap`."""
        return WorkLimits(nodes=self.nodes, relative_gap=gap, deadline_s=_DEADLINE_S)

    def load_error(self) -> LoadError:
        """Return how forecasts of the load err."""
        return LoadError(daily=self.load_error_daily, hourly=self.load_error_hourly)


# The search of a stochastic clearing takes minutes where others use the machine too.
_DEADLINE_S = 900.0


class Market:
    """Commits units, routes trains and dispatches all, for the highest welfare.

    At the start of a day the market clears the whole day: by the forecast, over scenarios of the
    load, against missing wind, or both; under the rules of `System.market`. Every period after that
    it dispatches the rest of the day again by the newest forecast; slow units keep their commitment
    and trains their departures where they still can.

    Every clearing of a day says, in `Outcome.figures`: ``cleared_welfare_usd``, its (expected)
    welfare; ``info_gap_alpha`` and its proven bound ``info_gap_alpha_bound``, the share of the wind
    that may be missing; over scenarios also ``mean_first_welfare_usd`` and
    ``informed_welfare_usd``, the expected welfare if commitment, routes and modes are decided for
    the mean load, and for the load that comes. The value of the stochastic solution is what the
    clearing has above the former, that of perfect information what the latter has above it.
    """

    Parameters: ClassVar[type[MarketParameters]] = MarketParameters
    capabilities = Capabilities(
        requires=frozenset({"units"}),
        one_area=True,
        figures=("cleared_welfare_usd", "info_gap_alpha"),
    )

    def __init__(self, parameters: MarketParameters | None = None) -> None:
        self.parameters = parameters or self.Parameters()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Prepare the models.

        Raises
        ------
        InputError
            If the system has what no clearing knows of.
        """
        settings = self.parameters
        self._system, self._rng = system, rng
        self._cases = CaseBuilder(
            system, n_segments=settings.segments, minimum_times=settings.minimum_times
        )
        self._per_day = max(round(HOURS_PER_DAY / system.timing.period_h), 1)
        self._slow = np.array(
            [max(unit.min_up_h, unit.min_down_h) >= settings.slow_h for unit in system.units]
        )
        self._check = AcCheck(system, settings.margin)
        self._rate = np.array([unit.emission_lb_per_mwh for unit in system.units])
        self._commitment: BoolArray | None = None
        self._asked: Security | None = None
        self._asked_in = 0
        self._energy_usd = np.zeros((self._per_day, len(system.vehicles)))
        self._emitted_lb = 0.0
        self._before_mw = np.zeros(len(system.loads.name))

    def decide(self, observation: Observation) -> Plan:
        """Return the plan for the rest of the day, or nothing where the last one holds."""
        into_day = observation.period % self._per_day
        self._meter(observation, into_day)
        new_day = into_day == 0 or self._commitment is None
        if not new_day and not self.parameters.redispatch:
            return Plan()
        n_periods = min(observation.forecast.n_periods, self._per_day - into_day)
        cap_lb = max(self._system.market.emission_cap_lb_per_day - self._emitted_lb, 0.0)
        case = self._cases.case(observation, n_periods, self._before_mw, cap_lb)
        try:
            if new_day:
                found, outcome = self._day_ahead(case)
                self._commitment = np.zeros((self._per_day, len(self._slow)), dtype=np.bool_)
                self._commitment[into_day : into_day + n_periods] = found.commitment
                price = locational_marginal_price(found)
                self._energy_usd[into_day : into_day + n_periods] = stored_energy_price(found)
                if self.parameters.redispatch:
                    found, again = self._redispatch(case, observation, into_day)
                    outcome = replace(
                        outcome, fallback=" ".join(filter(None, (outcome.fallback, again.fallback)))
                    )
            else:
                found, outcome = self._redispatch(case, observation, into_day)
                price = locational_marginal_price(found, self._energy_usd[into_day])
        except (PlanningError, SolverError) as error:
            status = error.status if isinstance(error, PlanningError) else SolveStatus.FAILED
            return Plan(outcome=Outcome(status=status, fallback=str(error)))
        self._before_mw = found.shift_mw[0, 0]
        return _plan(found, price, outcome, observation)

    def _meter(self, observation: Observation, into_day: int) -> None:
        """Add up emissions since midnight, by the output of the last step of each period."""
        if into_day == 0:
            self._emitted_lb = 0.0
        else:
            emitted = np.nan_to_num(observation.units.p_mw) * self._rate * observation.units.on
            self._emitted_lb += float(emitted.sum()) * self._system.timing.period_h

    def _day_ahead(self, case: Case) -> tuple[Clearing, Outcome]:
        """Clear a day; return the dispatch by the forecast under what was decided."""
        settings = self.parameters
        limits = settings.limits(settings.gap)
        horizon = settings.limits(settings.horizon_gap)
        figures = {}
        if settings.uncertainty.in_load:
            limits = settings.limits(settings.stochastic_gap)
            horizon = settings.limits(settings.stochastic_horizon_gap)
            scenarios = load_scenarios(
                case, settings.load_error(), self._rng, settings.samples, settings.scenarios
            )
            cleared, from_mean = clear_from_mean(case, scenarios, limits)
            figures["mean_first_welfare_usd"] = from_mean.welfare_usd
            if settings.value_of_information:
                figures["informed_welfare_usd"] = informed_usd(case, scenarios, limits)
        else:
            cleared = clear(market_model(case), limits)
        figures["cleared_welfare_usd"] = cleared.welfare_usd
        outcome = Outcome(
            status=cleared.status,
            objective_usd=-cleared.welfare_usd,
            bound_usd=None if cleared.bound_usd is None else -cleared.bound_usd,
            figures=figures,
        )
        if settings.uncertainty is MarketUncertainty.NONE:
            return cleared, outcome
        model = market_model(case)
        if not settings.uncertainty.in_wind:
            return dispatch_of(model, cleared), outcome
        robust = most_robust(cleared, settings.info_gap_beta, limits, horizon)
        figures["info_gap_alpha"] = robust.alpha
        figures["info_gap_alpha_bound"] = robust.alpha_bound
        least = cleared.welfare_usd - settings.info_gap_beta * abs(cleared.welfare_usd)
        if np.isfinite(case.emission_cap_lb) and _under(case, robust, cleared) < least:
            capped = "The most robust decisions give up too much under the emission cap."
            return dispatch_of(model, cleared), replace(outcome, fallback=capped)
        return dispatch_of(model, robust.clearing), outcome

    def _redispatch(
        self, case: Case, observation: Observation, into_day: int
    ) -> tuple[Clearing, Outcome]:
        """Dispatch the rest of the day; what was decided is kept where it still can be."""
        assert self._commitment is not None
        on = self._commitment[into_day : into_day + case.n_periods]
        period_h = self._system.timing.period_h
        departures = tuple(
            tuple(
                (max(round((visit.depart_h - observation.now_h) / period_h), 0), visit.station)
                for visit in own
            )
            for own in observation.vehicles.itinerary
        )
        slow = Decided(on=on, binding=np.broadcast_to(self._slow, on.shape), departures=departures)
        limits = self.parameters.limits(self.parameters.gap)
        if self._asked is not None:
            elapsed = observation.period - self._asked_in
            case = replace(case, security=self._asked.later(elapsed, case.grid))
        free = replace(slow, binding=np.zeros(on.shape, dtype=np.bool_), departures=None)
        uncapped = replace(case, emission_cap_lb=np.inf)
        tries = (
            (case, slow),
            (case, replace(slow, departures=None)),
            (case, free),
            (uncapped, free),
        )
        for market, decided in tries:
            try:
                found, kept = secured(
                    market,
                    observation,
                    self._check,
                    partial(_clear_again, decided=decided, limits=limits),
                )
            except PlanningError as error:
                if error.status is not SolveStatus.INFEASIBLE or market is uncapped:
                    raise
                continue
            self._asked, self._asked_in = found.model.case.security, observation.period
            late = market is uncapped and np.isfinite(case.emission_cap_lb)
            shed_mw = float(found.shed_mw[0][0].sum())
            sheds = shed_mw > _LEAST_SHED_MW
            missed = [
                text
                for text, so in (
                    ("The emission cap cannot be met any more.", late),
                    ("Nothing available keeps all voltages and lines within limits.", not kept),
                    # The world sheds load only where the slack unit is at its limit.
                    (f"Nothing available serves {shed_mw:.1f} MW within limits.", sheds),
                )
                if so
            ]
            return found, Outcome(
                status=found.status,
                objective_usd=-found.welfare_usd,
                bound_usd=None if found.bound_usd is None else -found.bound_usd,
                fallback=" ".join(missed),
            )
        raise AssertionError("the last try returns or raises")


def _clear_again(case: Case, decided: Decided, limits: WorkLimits) -> Clearing:
    return clear(market_model(case, decided=decided), limits)


def _under(case: Case, robust: Robust, cleared: Clearing) -> float:
    """Return the welfare of the most robust decisions with all wind, under the cap [USD]."""
    model = market_model(case, cleared.model.scenarios)
    try:
        return dispatch_of(model, robust.clearing).welfare_usd
    except PlanningError:
        return -np.inf


def _plan(found: Clearing, price: FloatArray, outcome: Outcome, observation: Observation) -> Plan:
    """Return the plan that carries a clearing out."""
    case = found.model.case
    visits = tuple(
        tuple(
            Visit(station=goal, depart_h=observation.now_h + period * case.period_h)
            for period, goal in own
        )
        for own in found.departures
    )
    # What the units' minimum leaves no room for, the world spills by itself.
    full = (np.abs(found.flow_mw[0]) > case.limit_mw - _LEAST_MW).any(axis=1)
    used = found.renewable_mw[0]
    held = (case.renewables.mw - used > _LEAST_MW) & full[:, None]
    return Plan(
        fleet=FleetPlan(visits=visits, p_mw=found.train_p_mw[0]) if visits else None,
        grid=GridPlan(generation_limit_mw=np.where(held, used, np.inf)),
        market=MarketPlan(
            commitment=found.commitment,
            unit_p_mw=found.unit_p_mw[0],
            shift_mw=found.shift_mw[0],
            lmp_usd_per_mwh=price,
        ),
        outcome=outcome,
    )
