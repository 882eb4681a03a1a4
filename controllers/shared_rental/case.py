"""What an observation poses: operators with their feeders, the fleet, errors of the forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.scheduling.problem.batteries import Batteries, batteries_of
from controllers.scheduling.problem.end_cost import EndCost, end_cost
from controllers.scheduling.problem.time_space import TimeSpace, time_space
from controllers.shared_rental.feeders import FeederRows, check_radial, feeder_rows
from controllers.shared_rental.margins import Margin
from controllers.uncertainty_sets.chance.moments import Moments
from sim.control import Forecast, Observation
from sim.errors import InputError
from sim.system.rent import RentBasis, StoredEnergyOwner
from sim.system.system import System
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operator:
    """One area and what its operator knows.

    Attributes
    ----------
    station
        Where trucks connect.
    generators
        Those of the area, indices into `System.generators`.
    import_usd_per_mwh, export_usd_per_mwh
        ``(period,)`` [USD/MWh].
    curtailment_usd_per_mwh
        What a curtailed MWh costs more than a delivered one [USD/MWh].
    net_load_mw
        Load less what is available, ``(period,)`` [MW].
    available_mw
        ``(period, generator of the area)`` [MW].
    rows
        Limits.
    error_mw
        Net injection of the area per unit of each profile, ``(profile of the area,)`` [MW].
    errors
        Moments of the errors of these profiles, by period.
    """

    station: int
    generators: IntArray
    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    curtailment_usd_per_mwh: float
    net_load_mw: FloatArray
    available_mw: FloatArray
    rows: FeederRows
    error_mw: FloatArray
    errors: tuple[Moments, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A look-ahead to plan.

    Attributes
    ----------
    period_h
        Length of a period [h].
    operators
        By area; None where an area has no station.
    area
        Area of each station, ``(station,)``.
    space
        Where trucks can be.
    batteries
        What they carry.
    end
        What they pay at the end.
    stored_usd_per_mwh
        What the energy in the batteries has cost so far [USD/MWh inside].
    margin
        What rows leave free for errors.
    """

    period_h: float
    operators: tuple[Operator | None, ...]
    area: IntArray
    space: TimeSpace
    batteries: Batteries
    end: EndCost
    stored_usd_per_mwh: float
    margin: Margin

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return self.space.n_periods

    @property
    def n_vehicles(self) -> int:
        """Number of trucks."""
        return self.space.n_vehicles


def check_system(system: System) -> None:
    """Refuse a system whose trucks cannot be rented as this package plans it.

    Raises
    ------
    InputError
        Naming what is missing.
    """
    contract = system.rent
    if contract is None or (contract.basis, contract.stored_energy) != (
        RentBasis.ENERGY,
        StoredEnergyOwner.OPERATORS,
    ):
        raise InputError.single(
            where="scenario.toml",
            key="rent",
            value=contract,
            message="shared_rental needs rent by energy, with stored energy of the operators",
            remedy='write [rent] with basis = "energy" and stored_energy = "operators"',
        )
    counts = np.bincount(system.station_area, minlength=len(system.areas))
    for area, count in zip(system.areas, counts.tolist(), strict=True):
        if count > 1:
            raise InputError.single(
                where="stations.csv",
                key=area.name,
                value=f"{count} stations",
                message="shared_rental rents at one station of each area",
                remedy="keep one of them",
            )
    for area in np.unique(system.station_area).tolist():
        check_radial(system, area)


def case_of(
    system: System, observation: Observation, distances_km: FloatArray, margin: Margin
) -> Case:
    """Return the case of an observation.

    Parameters
    ----------
    system
        What exists.
    observation
        What is known now.
    distances_km
        Road distances between stations [km].
    margin
        What rows leave free for errors.
    """
    forecast = observation.forecast
    operators: list[Operator | None] = [None] * len(system.areas)
    for station, area in enumerate(system.station_area.tolist()):
        operators[area] = _operator(system, forecast, area, station)
    return Case(
        period_h=system.timing.period_h,
        operators=tuple(operators),
        area=system.station_area,
        space=time_space(system, observation, distances_km),
        batteries=batteries_of(system, observation),
        end=end_cost(system, observation),
        stored_usd_per_mwh=system.tariff.stored_usd_per_mwh,
        margin=margin,
    )


def _operator(system: System, forecast: Forecast, area: int, station: int) -> Operator:
    loads, plants = system.loads, system.generators
    own = np.flatnonzero(system.bus_area[loads.bus] == area)
    generators = np.flatnonzero(system.bus_area[plants.bus] == area)
    profiles = np.union1d(loads.profile[own], plants.profile[generators]).astype(np.int64)
    tariff = system.areas[area].tariff
    per_unit = np.array(
        [
            plants.p_mw[generators][plants.profile[generators] == profile].sum()
            - loads.p_mw[own][loads.profile[own] == profile].sum()
            for profile in profiles.tolist()
        ],
        dtype=np.float64,
    )
    std = forecast.profile_step_std[:, profiles]
    correlation = forecast.series_correlation[np.ix_(profiles, profiles)]
    available = forecast.available_mw[:, generators]
    return Operator(
        station=station,
        generators=generators,
        import_usd_per_mwh=forecast.import_usd_per_mwh[:, area],
        export_usd_per_mwh=forecast.export_usd_per_mwh[:, area],
        curtailment_usd_per_mwh=tariff.curtailment_usd_per_mwh - tariff.feed_in_usd_per_mwh,
        net_load_mw=forecast.load_mw[:, own].sum(axis=1) - available.sum(axis=1),
        available_mw=available,
        rows=feeder_rows(
            system, forecast, area, system.stations[station].bus, generators, profiles
        ),
        error_mw=per_unit,
        errors=tuple(
            Moments(
                mean=np.zeros(len(profiles)), covariance=correlation * np.outer(own_std, own_std)
            )
            for own_std in std
        ),
    )
