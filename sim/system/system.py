"""The system: everything that exists, and nothing about what will happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sim.errors import suggestion
from sim.system.areas import OPERATOR, PARTIES, Area
from sim.system.evs import EvGroup
from sim.system.generators import Generators
from sim.system.grid import Grid
from sim.system.loads import Loads
from sim.system.market import MarketRules
from sim.system.rails import Rails
from sim.system.rent import RentContract
from sim.system.roads import Roads
from sim.system.stations import Station
from sim.system.tariff import Penalties, Tariff
from sim.system.thermal_units import ThermalUnit
from sim.system.timing import Timing
from sim.system.vehicles import Train, Truck
from sim.units import FloatArray, IntArray

# What a controller may require of a system.
FEATURES = ("roads", "rail", "evs", "units", "areas")
# Those of them on which vehicles move.
WAYS = frozenset({"roads", "rail"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class System:
    """What exists: known to the world and to every controller.

    Attributes
    ----------
    name
        The scenario's name.
    timing
        Steps, periods, look-ahead, length.
    grid, loads, generators
        The electrical side.
    roads, rails, stations, vehicles
        The mobile side. Indices into these tuples identify stations and vehicles everywhere;
        trucks come before trains.
    tariff, penalties
        What controllers minimise.
    profiles
        Names of the uncertain profiles that loads and generators follow. Their values are drawn
        per replication and are no part of the system.
    evs
        Groups of household electric cars.
    units
        Thermal units. At most one of them is the slack; then the grid has no upstream source, and
        nothing is bought or sold.
    market
        The rules of a market that is cleared.
    parties
        Those for whom the system is planned: operators of areas, owners of vehicles and of cars.
        All others in the ledger stand outside.
    named_areas
        The areas that the scenario names, none where it names none; see `areas`.
    rent
        The contract of rent; None where vehicles are not rented.
    """

    name: str
    timing: Timing
    grid: Grid
    loads: Loads
    generators: Generators
    roads: Roads
    stations: tuple[Station, ...]
    vehicles: tuple[Truck | Train, ...]
    tariff: Tariff
    penalties: Penalties
    profiles: tuple[str, ...]
    evs: tuple[EvGroup, ...] = ()
    units: tuple[ThermalUnit, ...] = ()
    rails: Rails = field(default_factory=Rails.none)
    market: MarketRules = field(default_factory=MarketRules)
    parties: tuple[str, ...] = PARTIES
    named_areas: tuple[Area, ...] = ()
    rent: RentContract | None = None

    def __repr__(self) -> str:
        return (
            f"<System {self.name}: {self.grid.n_buses} buses, {len(self.stations)} stations, "
            f"{len(self.vehicles)} vehicles, {len(self.units)} units, {len(self.evs)} groups of "
            f"cars, {self.timing.n_periods} periods>"
        )

    @property
    def features(self) -> frozenset[str]:
        """What a controller may require.

        ``roads``, ``rail`` under vehicles; ``evs``, ``units``; ``areas``, more than one.
        """
        there = {
            "roads": bool(self.trucks),
            "rail": len(self.trucks) < len(self.vehicles),
            "evs": bool(self.evs),
            "units": bool(self.units),
            "areas": len(self.areas) > 1,
        }
        return frozenset(name for name, is_there in there.items() if is_there)

    def station(self, name: str) -> int:
        """Return the index of a station, as `Visit` takes it.

        Raises
        ------
        ValueError
            If there is no such station; the message names those there are.
        """
        return _index("station", name, [each.name for each in self.stations])

    def vehicle(self, name: str) -> int:
        """Return the index of a vehicle, its column in arrays ``(..., vehicle)``; see `station`."""
        return _index("vehicle", name, [each.name for each in self.vehicles])

    def bus(self, name: str) -> int:
        """Return the index of a bus, its column in arrays ``(..., bus)``; see `station`."""
        return _index("bus", name, self.grid.bus_name)

    def area(self, name: str) -> int:
        """Return the index of an area, its column in arrays ``(..., area)``; see `station`."""
        return _index("area", name, [each.name for each in self.areas])

    @property
    def areas(self) -> tuple[Area, ...]:
        """The areas, at least one: the whole grid where the scenario names none."""
        if self.named_areas:
            return self.named_areas
        sources = np.arange(len(self.grid.source_bus))
        return (Area(name="grid", sources=sources, operator=OPERATOR, tariff=self.tariff),)

    def priced(self, profile: FloatArray) -> System:
        """Return the system with the prices of an episode; see `Tariff.on`."""
        return replace(
            self,
            tariff=self.tariff.on(profile),
            named_areas=tuple(
                replace(area, tariff=area.tariff.on(profile)) for area in self.named_areas
            ),
        )

    @property
    def bus_area(self) -> IntArray:
        """Index of the area whose sources feed each bus, ``(bus,)``; -1 where none does."""
        if len(self.areas) == 1:
            return np.zeros(self.grid.n_buses, dtype=np.int64)
        island = self.grid.islands()
        found = np.full(self.grid.n_buses, -1, dtype=np.int64)
        for index, area in enumerate(self.areas):
            found[np.isin(island, island[self.grid.source_bus[area.sources]])] = index
        return found

    @property
    def station_area(self) -> IntArray:
        """Index of the area of each station, ``(station,)``."""
        buses = np.array([station.bus for station in self.stations], dtype=np.int64)
        return self.bus_area[buses]

    @property
    def has_parties(self) -> bool:
        """Whether there is more to tell apart than one operator and one fleet."""
        return len(self.areas) > 1 or self.parties != PARTIES

    @property
    def trucks(self) -> tuple[Truck, ...]:
        """The vehicles that move on roads: all of them where nothing moves on rails."""
        return tuple(vehicle for vehicle in self.vehicles if isinstance(vehicle, Truck))

    @property
    def slack_unit(self) -> int | None:
        """Index of the unit that balances the grid, None where the upstream grid does."""
        return next((k for k, unit in enumerate(self.units) if unit.slack), None)


def _index(kind: str, name: str, names: Sequence[str]) -> int:
    if name in names:
        return names.index(name)
    raise ValueError(f"there is no {kind} {name!r}. {suggestion(str(name), names)}")
