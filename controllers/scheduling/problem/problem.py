"""The scheduling problem as data, and what a solution of it looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.grid.linearise import NO_GROUPS
from controllers.scheduling.grid.network import Network, OperatingPoint
from controllers.scheduling.problem.batteries import Batteries, batteries_of
from controllers.scheduling.problem.cars import Cars, cars_of
from controllers.scheduling.problem.end_cost import EndCost, end_cost
from controllers.scheduling.problem.time_space import AWAY, Route, TimeSpace, time_space
from sim.control import Observation, Outcome, SolveStatus
from sim.errors import GridhaulError
from sim.system.system import System
from sim.units import FloatArray, IntArray


class PlanningError(GridhaulError):
    """No schedule could be made; says why.

    Attributes
    ----------
    status
        What the decision is to be called.
    """

    def __init__(self, reason: str, status: SolveStatus = SolveStatus.FAILED) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Money:
    """Prices of the look-ahead.

    Attributes
    ----------
    import_usd_per_mwh, export_usd_per_mwh
        ``(period, area)`` [USD/MWh].
    curtailment_usd_per_mwh
        What a curtailed MWh costs more than a delivered one: compensation minus feed-in,
        ``(area,)`` [USD/MWh].
    feed_in_usd_per_mwh
        Paid for every MWh delivered, ``(area,)`` [USD/MWh].
    queue_usd_per_h
        What the plan pays to send one more vehicle to a station than it has plugs, so that it
        happens only where nothing else is possible [USD/h]. No money of the ledger.
    """

    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    curtailment_usd_per_mwh: FloatArray
    feed_in_usd_per_mwh: FloatArray
    queue_usd_per_h: float = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """Sums over the look-ahead that the powers of a plan may not exceed: epsilon constraints.

    Attributes
    ----------
    curtailed_mwh
        Energy curtailed [MWh].
    violations_usd
        What violations of the first limits cost [USD].
    n_limits
        So many of the limits are those, by their number.
    """

    curtailed_mwh: float = np.inf
    violations_usd: float = np.inf
    n_limits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SchedulingProblem:
    """Everything that a plan of the look-ahead depends on.

    Attributes
    ----------
    period_h
        Length of a period [h].
    space
        Where vehicles can be.
    batteries
        What they carry.
    network
        How the grid responds.
    money
        Prices.
    end
        What vehicles pay at the end for energy and place.
    cars
        Groups of electric cars that are ordered.
    budgets
        What `columns` keeps in its dispatch; searches for routes do not see them.
    """

    period_h: float
    space: TimeSpace
    batteries: Batteries
    network: Network
    money: Money
    end: EndCost
    cars: Cars
    budgets: Budgets = Budgets()

    @property
    def most_mva(self) -> float:
        """Largest apparent power of all vehicles and groups of cars together [MVA]."""
        return float(self.batteries.s_mva.sum()) + self.cars.most_mw

    @property
    def curtailment_usd_per_mwh(self) -> FloatArray:
        """`Money.curtailment_usd_per_mwh` where generators are, ``(generator,)`` [USD/MWh]."""
        return self.money.curtailment_usd_per_mwh[self.network.generator_area]

    @property
    def feed_in_usd(self) -> float:
        """What is paid for renewable energy if nothing is curtailed [USD]."""
        usd, network = 0.0, self.network
        for area, price in enumerate(self.money.feed_in_usd_per_mwh.tolist()):
            here = np.where(network.generator_area == area, network.available_mw, 0.0)
            usd += price * self.period_h * float(here.sum())
        return usd

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return self.space.n_periods

    @property
    def n_vehicles(self) -> int:
        """Number of vehicles."""
        return self.space.n_vehicles


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Schedule:
    """A plan of the look-ahead.

    Attributes
    ----------
    routes
        Departures of each vehicle.
    station
        Where vehicles are connected, ``(period, vehicle)``; `AWAY` if nowhere.
    p_mw, q_mvar
        Power, ``(period, vehicle)``, positive injecting [MW, Mvar].
    energy_mwh
        Stored energy at the end of each period, ``(period, vehicle)`` [MWh].
    curtailed_mw
        ``(period, generator)`` [MW].
    cars_mw
        Net power of the groups of cars that are ordered, ``(period, group)``, positive injecting
        [MW].
    outcome
        How it came about.
    """

    routes: tuple[Route, ...]
    station: IntArray
    p_mw: FloatArray
    q_mvar: FloatArray
    energy_mwh: FloatArray
    curtailed_mw: FloatArray
    cars_mw: FloatArray
    outcome: Outcome

    def operating_point(self, n_stations: int) -> OperatingPoint:
        """Return the injections of the sites under this plan."""
        p_mw = np.zeros((len(self.station), n_stations + self.cars_mw.shape[1]))
        p_mw[:, n_stations:] = self.cars_mw
        q_mvar = np.zeros_like(p_mw)
        period, vehicle = np.nonzero(self.station != AWAY)
        station = self.station[period, vehicle]
        np.add.at(p_mw, (period, station), self.p_mw[period, vehicle])
        np.add.at(q_mvar, (period, station), self.q_mvar[period, vehicle])
        return OperatingPoint(p_mw=p_mw, q_mvar=q_mvar, curtailed_mw=self.curtailed_mw)


def scheduling_problem(
    system: System,
    observation: Observation,
    network: Network,
    distances_km: FloatArray,
    groups: IntArray = NO_GROUPS,
) -> SchedulingProblem:
    """Return the problem that an observation poses.

    Parameters
    ----------
    system
        What exists.
    observation
        What is known now.
    network
        The grid's response around some operating point.
    distances_km
        Road distances, ``(from station, to station)`` [km].
    groups
        Groups of cars that are ordered, indices into `System.evs`; those of the network.

    Raises
    ------
    PlanningError
        Where the observation holds a NaN that no plan can do without.
    """
    forecast, tariffs = observation.forecast, [area.tariff for area in system.areas]
    check_finite(observation)
    return SchedulingProblem(
        period_h=system.timing.period_h,
        space=time_space(system, observation, distances_km),
        batteries=batteries_of(system, observation),
        network=network,
        money=Money(
            import_usd_per_mwh=forecast.import_usd_per_mwh.astype(np.float64),
            export_usd_per_mwh=forecast.export_usd_per_mwh.astype(np.float64),
            curtailment_usd_per_mwh=np.array(
                [each.curtailment_usd_per_mwh - each.feed_in_usd_per_mwh for each in tariffs]
            ),
            feed_in_usd_per_mwh=np.array([each.feed_in_usd_per_mwh for each in tariffs]),
        ),
        end=end_cost(system, observation),
        cars=cars_of(system, observation, groups, network.live[len(system.stations) :]),
    )


def check_finite(observation: Observation) -> None:
    """Refuse an observation that no plan can be made of.

    Raises
    ------
    PlanningError
        Where it holds a NaN that no plan can do without.
    """
    forecast = observation.forecast
    needed = {
        "import_usd_per_mwh": forecast.import_usd_per_mwh,
        "export_usd_per_mwh": forecast.export_usd_per_mwh,
        "load_mw": forecast.load_mw,
        "load_mvar": forecast.load_mvar,
        "available_mw": forecast.available_mw,
        "energy_mwh": observation.vehicles.energy_mwh,
    }
    for name, values in needed.items():
        if not np.isfinite(values).all():
            raise PlanningError(f"{name} holds a value that is not finite")
