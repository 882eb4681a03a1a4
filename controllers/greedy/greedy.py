"""Rules: buy low or where sun and wind run over, sell high where the load is; nothing is solved.

The station rule is that of the public reproduction of Abdeltawab & Mohamed, *Mobile Energy Storage
Scheduling and Operation in Active Distribution Systems*, IEEE Trans. Industrial Electronics 64,
2017: charge at the bus with photovoltaics if they give more than 0.3 MW, else at the bus with wind
if more than 0.3 MW of it are left beside the load, else at the source; discharge at the larger net
load. Here it holds for any number of stations, and a trip must pay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from controllers.greedy.trading import EndPrice, Trade, best_trade, quotes
from controllers.greedy.zones import electrical_distances, station_shares
from controllers.optimisation.ranges import check_ranges
from controllers.scheduling.problem.distances import station_distances_km
from controllers.scheduling.problem.end_cost import end_cost
from sim.control import (
    Capabilities,
    FleetPlan,
    Forecast,
    Observation,
    Plan,
    TravelTimes,
    VehicleStatus,
    Visit,
)
from sim.system.battery import Battery
from sim.system.system import System
from sim.system.terminal import return_h
from sim.system.vehicles import Truck

# Energy missing at the end is bought back from so many times the hours on that it takes.
_EARLY = 1.5


class Greedy:
    """Buys low, sells high, and never trades at a known loss.

    Every bus belongs to the electrically nearest station; a station's net load is the load minus
    the renewable power of its buses. A vehicle charges now if it will sell at a profit and fewer
    hours until then are cheaper than it needs to fill; it discharges by the mirror image of that
    rule. Away from the source, charging raises no net load above the highest seen or forecast;
    discharging serves net load that is there. To charge, a vehicle moves where the sun shines
    most, if there is sun enough anywhere, else where the wind leaves most beside the load, else to
    the source; to discharge, to the largest net load: if the trip costs at most a share of what
    the energy it will exchange earns.
    """

    capabilities = Capabilities(requires=frozenset({"roads"}), one_area=True)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Parameters:
        """Thresholds of the rules.

        Attributes
        ----------
        profit_usd_per_mwh
            Least profit for which energy is traded [USD/MWh inside the battery].
        relief_usd_per_mwh
            What taking energy out of an exporting grid is worth beyond its price [USD/MWh]: full
            batteries cannot relieve a noon.
        sun_mw
            Photovoltaic power of a station's buses that calls for charging there, and least
            difference between two such stations that is worth a trip [MW].
        surplus_mw
            Wind power beyond the load of a station's buses that calls for charging there where no
            sun does, and least difference of these, or of net loads, that is worth a trip [MW].
        trip_share
            Largest cost of a trip over the profit on the energy it serves [-].
        """

        profit_usd_per_mwh: float = 3.0
        relief_usd_per_mwh: float = 20.0
        sun_mw: float = 0.3
        surplus_mw: float = 0.3
        trip_share: float = 0.5

        def __post_init__(self) -> None:
            names = [own.name for own in fields(self)]
            check_ranges(self, **dict.fromkeys(names, (0, 1e9)))

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = parameters or self.Parameters()

    def start(self, system: System, rng: np.random.Generator) -> None:
        """Assign loads and generators to their electrically nearest stations."""
        del rng
        self._vehicles = system.trucks
        # Equal batteries trade at equal prices.
        self._batteries = tuple(dict.fromkeys(truck.battery for truck in self._vehicles))
        self._battery_of = [self._batteries.index(truck.battery) for truck in self._vehicles]
        self._plugs = [station.plugs for station in system.stations]
        self._period_h = system.timing.period_h
        self._system = system
        self._return_h = return_h(system)
        self._distance_km: list[list[float]] = station_distances_km(system).tolist()
        buses = np.array([station.bus for station in system.stations], dtype=np.int64)
        distance = electrical_distances(system.grid, buses)
        self._load_zone = station_shares(distance, system.loads.bus)
        self._generator_zone = station_shares(distance, system.generators.bus)
        sunny = np.array([kind == "pv" for kind in system.generators.kind], dtype=np.float64)
        self._sun_zone = sunny[:, None] * self._generator_zone
        cars = np.array([group.bus for group in system.evs], dtype=np.int64)
        self._car_zone = station_shares(distance, cars)
        to_source = distance[:, system.grid.source_bus].min(axis=1)
        self._source_station = int(np.argmin(to_source))
        self._peak_mw = np.full(len(buses), -np.inf)

    def decide(self, observation: Observation) -> Plan:
        """Return visits and power for the period that starts now."""
        forecast, states = observation.forecast, observation.vehicles
        if forecast.n_periods == 0 or not self._vehicles:
            return Plan()
        room = self._room(forecast)
        prices = self._prices(forecast)
        quoted = [quotes(battery, prices) for battery in self._batteries]
        stations: list[int] = states.station.tolist()
        occupied = [0] * len(self._plugs)
        for station in stations:
            occupied[station] += 1
        power = np.zeros((1, len(self._vehicles)))
        visits: list[tuple[Visit, ...]] = []
        end = end_cost(self._system, observation)
        ends = zip(
            end.target_mwh.tolist(),
            end.missing_usd_per_mwh.tolist(),
            end.surplus_usd_per_mwh.tolist(),
            strict=True,
        )
        bent: list[bool] = end.bent.tolist()
        rows = zip(
            self._vehicles,
            stations,
            states.status.tolist(),
            states.ready_h.tolist(),
            states.energy_mwh.tolist(),
            ends,
            strict=True,
        )
        left_h = observation.periods_left * self._period_h
        for k, (truck, station, status, ready_h, energy_mwh, own_end) in enumerate(rows):
            target_mwh, missing_usd, surplus_usd = own_end
            trade = best_trade(
                truck.battery,
                energy_mwh,
                quoted[self._battery_of[k]],
                EndPrice(
                    target_mwh=target_mwh,
                    missing_usd_per_mwh=missing_usd,
                    surplus_usd_per_mwh=surplus_usd,
                ),
                self.parameters.profit_usd_per_mwh,
                self._period_h,
            )
            goal = station
            if status in (VehicleStatus.CONNECTED, VehicleStatus.QUEUEING) and trade.energy_mwh:
                goal = self._destination(truck, station, trade, room, occupied, forecast.travel)
            missing_mwh = target_mwh - energy_mwh if bent[k] else 0.0
            most_mw = truck.battery.p_charge_max_mw * truck.battery.efficiency_charge
            # What is missing must not wait for a better hour or place any more.
            due = missing_mwh > 0 and left_h <= _EARLY * missing_mwh / most_mw + self._period_h
            if due:
                trade = Trade(sign=-1, energy_mwh=missing_mwh, profit_usd_per_mwh=0.0)
                goal = station
            home = truck.terminal_station
            if home is not None and left_h <= self._return_h[k, station] + self._period_h:
                goal = home
            if goal != station:
                occupied[station] -= 1
                occupied[goal] += 1
                visits.append((Visit(station=goal, depart_h=observation.now_h),))
                continue
            visits.append(())
            hours = self._period_h - max(ready_h - observation.now_h, 0.0)
            if hours > 0:
                p_mw = _power_mw(truck.battery, trade, hours)
                power[0, k] = p_mw if due else room.take(station, p_mw)
        return Plan(fleet=FleetPlan(visits=tuple(visits), p_mw=power, q_mvar=np.zeros_like(power)))

    def _room(self, forecast: Forecast) -> _Room:
        """Return the net load of each station's buses now, and its room for charging."""
        net = forecast.load_mw @ self._load_zone - forecast.available_mw @ self._generator_zone
        if len(self._car_zone):
            net = net + forecast.ev_mw @ self._car_zone
        sun = forecast.available_mw[0] @ self._sun_zone
        self._peak_mw = np.maximum(self._peak_mw, net.max(axis=0))
        charge_mw: list[float] = (self._peak_mw - net[0]).tolist()
        # The source holds its voltage.
        charge_mw[self._source_station] = math.inf
        return _Room(
            net_load_mw=net[0].tolist(),
            sun_mw=sun.tolist(),
            charge_mw=charge_mw,
            discharge_mw=max(float(net[0].sum()), 0.0),
        )

    def _prices(self, forecast: Forecast) -> list[float]:
        """Return what a MWh is worth in each period: bought while importing, else sold."""
        importing = forecast.load_mw.sum(axis=1) > forecast.available_mw.sum(axis=1)
        prices: list[float] = np.where(
            importing,
            forecast.import_usd_per_mwh[:, 0],
            forecast.export_usd_per_mwh[:, 0] - self.parameters.relief_usd_per_mwh,
        ).tolist()
        return prices

    def _destination(
        self,
        truck: Truck,
        station: int,
        trade: Trade,
        room: _Room,
        occupied: list[int],
        travel: TravelTimes,
    ) -> int:
        """Return the best station for the trade that has a free plug and a trip that pays."""
        earned_usd = trade.energy_mwh * trade.profit_usd_per_mwh
        better = self._better(station, trade.sign, room)
        hours_to = travel.from_station(station, 1).mean[0].tolist() if better else []
        for goal in better:
            hours = hours_to[goal]
            usd = truck.usd_per_trip + truck.usd_per_km * self._distance_km[station][goal]
            usd += 0.0 if truck.shift_h else truck.labour_usd_per_h * hours
            # An unreachable station is infinitely far and never pays.
            if occupied[goal] < self._plugs[goal] and (
                usd <= self.parameters.trip_share * earned_usd
            ):
                return goal
        return station

    def _better(self, station: int, sign: int, room: _Room) -> list[int]:
        """Return stations that suit charging (-1) or discharging (1) clearly better, best first."""
        surplus_mw = self.parameters.surplus_mw
        if sign > 0:
            return _clearly_above(room.net_load_mw, station, surplus_mw)
        if max(room.sun_mw) > self.parameters.sun_mw:
            return _clearly_above(room.sun_mw, station, self.parameters.sun_mw)
        wind_mw = [-net - sun for net, sun in zip(room.net_load_mw, room.sun_mw, strict=True)]
        if max(wind_mw) > surplus_mw:
            return _clearly_above(wind_mw, station, surplus_mw)
        return [] if station == self._source_station else [self._source_station]


def _clearly_above(value_mw: list[float], station: int, least_mw: float) -> list[int]:
    """Return stations whose value is higher than here by more than `least_mw`, highest first."""
    above = [s for s, mw in enumerate(value_mw) if mw - value_mw[station] > least_mw]
    return sorted(above, key=lambda s: -value_mw[s])


@dataclass(slots=True, kw_only=True)
class _Room:
    """What stations can take and need in this period; what is taken is gone for the next [MW]."""

    net_load_mw: list[float]
    sun_mw: list[float]
    charge_mw: list[float]
    discharge_mw: float

    def take(self, station: int, p_mw: float) -> float:
        """Return how much of a power finds room, and book it."""
        if p_mw < 0:
            p_mw = -max(min(-p_mw, self.charge_mw[station]), 0.0)
            self.charge_mw[station] += p_mw
        else:
            p_mw = min(p_mw, self.discharge_mw)
            self.discharge_mw -= p_mw
        self.net_load_mw[station] -= p_mw
        return p_mw


def _power_mw(battery: Battery, trade: Trade, hours: float) -> float:
    """Return the power that exchanges a trade's energy in `hours`, within the limits [MW]."""
    if trade.sign > 0:
        return min(
            battery.p_discharge_max_mw, trade.energy_mwh * battery.efficiency_discharge / hours
        )
    return -min(battery.p_charge_max_mw, trade.energy_mwh / battery.efficiency_charge / hours)
