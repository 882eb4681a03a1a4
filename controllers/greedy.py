"""Rules: buy low or where sun and wind run over, sell high where the load is; nothing is solved.

The station rule generalises the one of Abdeltawab & Mohamed, *Mobile Energy Storage Scheduling and
Operation in Active Distribution Systems*, IEEE Trans. Industrial Electronics 64, 2017: charge where
photovoltaics or wind exceed a threshold, otherwise at the source; discharge at the largest net
load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from controllers.models.distances import station_distances_km
from controllers.models.zones import electrical_distances, nearest_station
from sim.control import FleetPlan, Observation, Plan, VehicleStatus, Visit
from sim.system.battery import Battery
from sim.system.system import System
from sim.system.vehicles import Truck
from sim.units import FloatArray

_IDLE, _CHARGE, _DISCHARGE = 0, -1, 1


class Greedy:
    """Charges in cheap hours or at a surplus, discharges in dear hours, never at a known loss.

    Energy is bought only if a later hour of the forecast, or the price of stored energy, pays for
    it, and sold only if it can be had back for less. Every bus belongs to the electrically nearest
    station; a station's net load is the load minus the renewable power of its buses. A vehicle
    moves only if the trip costs at most a share of what the energy it will exchange can earn.
    """

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Parameters:
        """Thresholds of the rules.

        Attributes
        ----------
        low_quantile, high_quantile
            Prices at or below (above) these quantiles of the look-ahead are low (high) [-].
        surplus_mw
            Renewable power beyond the load of a station's buses that calls for charging [MW].
        trip_share
            Largest cost of a trip over the margin on the energy it serves [-].
        """

        low_quantile: float = 0.3
        high_quantile: float = 0.7
        surplus_mw: float = 0.3
        trip_share: float = 0.5

        def __post_init__(self) -> None:
            if not 0 <= self.low_quantile < self.high_quantile <= 1:
                raise ValueError(
                    f"low_quantile(={self.low_quantile}) and high_quantile(={self.high_quantile}) "
                    "must satisfy 0 <= low_quantile < high_quantile <= 1."
                )
            for name in ("surplus_mw", "trip_share"):
                value = getattr(self, name)
                if not (math.isfinite(value) and value >= 0):
                    raise ValueError(f"{name}(={value}) must be a finite number >= 0.")

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or self.Parameters()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Assign loads and generators to their electrically nearest stations."""
        del rng
        self._vehicles = system.vehicles
        self._plugs = [station.plugs for station in system.stations]
        self._set_up_h = [station.set_up_h for station in system.stations]
        self._period_h = system.timing.period_h
        self._stored_usd_per_mwh = system.tariff.stored_usd_per_mwh
        self._distance_km: list[list[float]] = station_distances_km(system).tolist()
        buses = np.array([station.bus for station in system.stations], dtype=np.int64)
        distance = electrical_distances(system.grid, buses)
        # Only a station within reach counts; buses without one belong to nobody.
        self._zone_of_load = nearest_station(distance, system.loads.bus)
        self._zone_of_generator = nearest_station(distance, system.generators.bus)
        to_source = distance[:, system.grid.source_bus].min(axis=1)
        self._source_station = int(np.argmin(to_source))

    def decide(self, observation: Observation) -> Plan:
        """Return visits and power for the period that starts now."""
        forecast = observation.forecast
        if forecast.n_periods == 0 or not self._vehicles:
            return Plan()
        market = self._market(observation)
        net_load = self._net_load_mw(forecast.load_mw[0], forecast.available_mw[0])
        surplus = max(range(len(net_load)), key=lambda s: -net_load[s])
        states = observation.vehicles
        stations: list[int] = states.station.tolist()
        occupied = [0] * len(self._plugs)
        for station in stations:
            occupied[station] += 1
        travel_h = forecast.travel_h[0]
        power = np.zeros((1, len(self._vehicles)))
        visits: list[tuple[Visit, ...]] = []
        rows = zip(
            self._vehicles,
            stations,
            states.status.tolist(),
            states.ready_h.tolist(),
            states.energy_mwh.tolist(),
            strict=True,
        )
        for k, (truck, station, status, ready_h, energy_mwh) in enumerate(rows):
            has_surplus = -net_load[surplus] > self.parameters.surplus_mw
            mode = market.mode(truck.battery, surplus=has_surplus)
            goal = station
            if mode != _IDLE and status in (VehicleStatus.CONNECTED, VehicleStatus.QUEUEING):
                wanted = self._wanted(mode, station, net_load, surplus=has_surplus)
                earned_usd = _exchangeable_mwh(truck.battery, energy_mwh) * market.margin(
                    truck.battery
                )
                goal = self._destination(truck, station, wanted, occupied, travel_h, earned_usd)
            if goal != station:
                occupied[station] -= 1
                occupied[goal] += 1
                visits.append((Visit(station=goal, depart_h=observation.now_h),))
                continue
            visits.append(())
            hours = self._period_h - max(ready_h - observation.now_h, 0.0)
            if hours > 0:
                power[0, k] = _power_mw(truck.battery, mode, energy_mwh, hours)
                # What one vehicle takes or gives, the next one finds gone.
                net_load[station] -= power[0, k]
        return Plan(fleet=FleetPlan(visits=tuple(visits), p_mw=power, q_mvar=np.zeros_like(power)))

    def _market(self, observation: Observation) -> _Market:
        """Return the value of energy now and later."""
        forecast = observation.forecast
        load_mw = forecast.load_mw.sum(axis=1)
        importing = load_mw > forecast.available_mw.sum(axis=1)
        prices: list[float] = np.where(
            importing, forecast.import_usd_per_mwh, forecast.export_usd_per_mwh
        ).tolist()
        ordered = sorted(prices)
        last = len(ordered) - 1
        return _Market(
            now=prices[0],
            later=tuple(prices[1:]),
            low=ordered[round(self.parameters.low_quantile * last)],
            high=ordered[round(self.parameters.high_quantile * last)],
            stored=self._stored_usd_per_mwh,
        )

    def _net_load_mw(self, load_mw: FloatArray, available_mw: FloatArray) -> list[float]:
        """Return load minus available renewable power of each station's buses [MW]."""
        n_zones = len(self._plugs)
        load = np.bincount(self._zone_of_load, load_mw, minlength=n_zones)
        available = np.bincount(self._zone_of_generator, available_mw, minlength=n_zones)
        net: list[float] = (load - available)[:n_zones].tolist()
        return net

    def _wanted(
        self, mode: int, station: int, net_load: list[float], *, surplus: bool
    ) -> list[int]:
        """Return the stations that suit the mode better than `station`, best first.

        Better by a margin of `surplus_mw`, so that a vehicle does not chase small differences.
        """
        if mode == _CHARGE and not surplus:
            return [self._source_station]
        sign = 1.0 if mode == _DISCHARGE else -1.0
        least = sign * net_load[station] + self.parameters.surplus_mw
        better = [s for s, net in enumerate(net_load) if sign * net > least]
        return sorted(better, key=lambda s: -sign * net_load[s])

    def _destination(
        self,
        truck: Truck,
        station: int,
        wanted: list[int],
        occupied: list[int],
        travel_h: FloatArray,
        earned_usd: float,
    ) -> int:
        """Return the first wanted station that has a free plug and a trip that pays."""
        for goal in wanted:
            if goal == station:
                break
            hours = float(travel_h[station, goal])
            usd = truck.usd_per_km * self._distance_km[station][goal]
            usd += truck.labour_usd_per_h * hours
            # An unreachable station is infinitely far and never pays.
            if occupied[goal] < self._plugs[goal] and (
                usd <= self.parameters.trip_share * earned_usd
            ):
                return goal
        return station


@dataclass(frozen=True, slots=True, kw_only=True)
class _Market:
    """Prices now and later [USD/MWh]."""

    now: float
    later: tuple[float, ...]
    low: float
    high: float
    stored: float

    def worth_later(self, battery: Battery) -> float:
        """Return the most that a stored MWh can earn later [USD/MWh inside the battery]."""
        best = max(self.later, default=-math.inf)
        sold = (best - battery.wear_usd_per_mwh) * battery.efficiency_discharge
        return max(self.stored, sold)

    def cost_later(self, battery: Battery) -> float:
        """Return the least that a stored MWh can cost later [USD/MWh inside the battery]."""
        best = min(self.later, default=math.inf)
        bought = (best + battery.wear_usd_per_mwh) / battery.efficiency_charge
        return min(self.stored, bought)

    def margin(self, battery: Battery) -> float:
        """Return what moving a stored MWh between now and later earns at best [USD/MWh]."""
        sold = (self.now - battery.wear_usd_per_mwh) * battery.efficiency_discharge
        bought = (self.now + battery.wear_usd_per_mwh) / battery.efficiency_charge
        return max(sold - self.cost_later(battery), self.worth_later(battery) - bought, 0.0)

    def mode(self, battery: Battery, *, surplus: bool) -> int:
        """Return whether to charge, discharge or wait."""
        bought = (self.now + battery.wear_usd_per_mwh) / battery.efficiency_charge
        sold = (self.now - battery.wear_usd_per_mwh) * battery.efficiency_discharge
        if (self.now <= self.low or surplus) and bought < self.worth_later(battery):
            return _CHARGE
        if self.now >= self.high and sold > self.cost_later(battery):
            return _DISCHARGE
        return _IDLE


def _exchangeable_mwh(battery: Battery, energy_mwh: float) -> float:
    """Return the larger of what can be taken from and put into the battery [MWh]."""
    return max(energy_mwh - battery.energy_min_mwh, battery.energy_max_mwh - energy_mwh)


def _power_mw(battery: Battery, mode: int, energy_mwh: float, hours: float) -> float:
    """Return the largest power that the mode and the energy limits allow for `hours` [MW]."""
    if mode == _DISCHARGE:
        available = (energy_mwh - battery.energy_min_mwh) * battery.efficiency_discharge
        return max(min(battery.p_discharge_max_mw, available / hours), 0.0)
    if mode == _CHARGE:
        room = (battery.energy_max_mwh - energy_mwh) / battery.efficiency_charge
        return -max(min(battery.p_charge_max_mw, room / hours), 0.0)
    return 0.0
