"""What a learner sees: an observation as numbers between finite bounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.control import Observation, VehicleStatus
from sim.system.system import System
from sim.units import FloatArray

Numbers = NDArray[np.float32]

MOST = 2.0  # powers and prices are seen up to twice what is installed, or stated


class Features:
    """Turns observations of one system into arrays by name, or into one vector.

    Every array lies within `bounds`; what lies beyond is seen at the bound. For a controller that
    has learned in an environment as well as for the environment itself.

    Parameters
    ----------
    system
        What exists.
    look_ahead
        Periods of the forecast that are shown; None for all that the scenario looks ahead. Periods
        after the end of the episode are zero.
    voltages
        Whether bus voltages are shown, to who asks for them by `Capabilities.needs_voltages`.

    Attributes
    ----------
    bounds
        Lowest and highest value by name, with the shape of each array.

    Notes
    -----
    ====================== ===================== =================================================
    name                   shape                 meaning
    ====================== ===================== =================================================
    ``time``               (3,)                  sine and cosine of the hour of the day; share of
                                                 the episode that is left
    ``vehicle_energy``     (vehicle,)            state of charge
    ``vehicle_power``      (vehicle,)            power, of the largest; positive injects
    ``vehicle_ready``      (vehicle,)            time until connected, of the look-ahead
    ``vehicle_status``     (vehicle, 5)          one of `VehicleStatus`
    ``vehicle_station``    (vehicle, station)    where it stands, or goes to
    ``station_plugs``      (station,)            free plugs, of all
    ``station_queue``      (station,)            vehicles that wait, of all vehicles
    ``load``               (look-ahead + 1,)     load, of installed; metered, then expected
    ``available``          (look-ahead + 1,)     renewable power, of installed; likewise
    ``import_price``       (look-ahead, area)    price of import, of the highest stated
    ``cars``               (group, 2)            cars at home, of all; energy they are owed
    ``units``              (unit, 2)             whether it is on; output, of the largest
    ``voltage``            (bus,)                [pu], of the last step; 1 before the first
    ====================== ===================== =================================================
    """

    def __init__(
        self, system: System, look_ahead: int | None = None, *, voltages: bool = False
    ) -> None:
        timing, batteries = system.timing, [vehicle.battery for vehicle in system.vehicles]
        self._system = system
        self._voltages = voltages
        self._ahead = timing.horizon if look_ahead is None else look_ahead
        if self._ahead < 1:
            raise ValueError(f"look_ahead(={look_ahead}) must be at least 1.")
        self._energy_mwh = np.array([battery.energy_mwh for battery in batteries])
        self._most_mw = np.array([battery.s_mva for battery in batteries])
        self._plugs = np.array([station.plugs for station in system.stations])
        self._load_mw = float(system.loads.p_mw.sum()) or 1.0
        self._available_mw = float(system.generators.p_mw.sum()) or 1.0
        self._price = max(
            float(np.nanmax(np.abs(a.tariff.import_usd_per_mwh))) for a in system.areas
        ) or 1.0  # fmt: skip
        self._cars = np.array([group.count for group in system.evs], dtype=np.float64)
        self._owed_mwh = np.array([group.count * group.energy_mwh for group in system.evs])
        self._unit_mw = np.array([unit.p_max_mw for unit in system.units])
        self.bounds = self._bounds()

    def _bounds(self) -> Mapping[str, tuple[Numbers, Numbers]]:
        n_vehicles, n_stations = len(self._system.vehicles), len(self._system.stations)
        shapes: dict[str, tuple[float, float, tuple[int, ...]]] = {
            "time": (-1.0, 1.0, (3,)),
            "vehicle_energy": (0.0, 1.0, (n_vehicles,)),
            "vehicle_power": (-1.0, 1.0, (n_vehicles,)),
            "vehicle_ready": (0.0, 1.0, (n_vehicles,)),
            "vehicle_status": (0.0, 1.0, (n_vehicles, len(VehicleStatus))),
            "vehicle_station": (0.0, 1.0, (n_vehicles, n_stations)),
            "station_plugs": (0.0, 1.0, (n_stations,)),
            "station_queue": (0.0, 1.0, (n_stations,)),
            "load": (-MOST, MOST, (self._ahead + 1,)),
            "available": (0.0, MOST, (self._ahead + 1,)),
            "import_price": (-MOST, MOST, (self._ahead, len(self._system.areas))),
            "cars": (0.0, 1.0, (len(self._system.evs), 2)),
            "units": (0.0, 1.0, (len(self._system.units), 2)),
        }
        if self._voltages:
            shapes["voltage"] = (0.0, MOST, (self._system.grid.n_buses,))
        return {
            name: (np.full(shape, low, np.float32), np.full(shape, high, np.float32))
            for name, (low, high, shape) in shapes.items()
            if all(shape)
        }

    def arrays(self, observation: Observation) -> dict[str, Numbers]:
        """Return an observation by name; see the table of the class."""
        seen, forecast = observation.vehicles, observation.forecast
        angle = 2 * np.pi * observation.hour_of_day / 24.0
        left = observation.periods_left / self._system.timing.n_periods
        reach_h = self._ahead * self._system.timing.period_h
        load_mw, available_mw = forecast.load_mw.sum(axis=1), forecast.available_mw.sum(axis=1)
        found: dict[str, object] = {
            "time": [np.sin(angle), np.cos(angle), left],
            "vehicle_energy": seen.energy_mwh / self._energy_mwh,
            "vehicle_power": seen.p_mw / self._most_mw,
            "vehicle_ready": (seen.ready_h - observation.now_h) / reach_h,
            "vehicle_status": seen.status[:, None] == np.arange(len(VehicleStatus)),
            "vehicle_station": seen.station[:, None] == np.arange(len(self._system.stations)),
            "station_plugs": observation.plugs_free / self._plugs,
            "station_queue": observation.queue / max(len(self._system.vehicles), 1),
            "load": self._with_now(observation.load_mw.sum(), load_mw) / self._load_mw,
            "available": self._with_now(observation.available_mw.sum(), available_mw)
            / self._available_mw,
            "import_price": self._padded(forecast.import_usd_per_mwh) / self._price,
            "cars": self._of_cars(observation),
            "units": np.column_stack(
                [observation.units.on, np.nan_to_num(observation.units.p_mw) / self._unit_mw]
            ),
        }
        if self._voltages:
            vm_pu = observation.vm_pu
            known = np.ones(self._system.grid.n_buses) if vm_pu is None else np.nan_to_num(vm_pu)
            found["voltage"] = known
        return {
            name: np.clip(np.asarray(found[name], dtype=np.float32), low, high)
            for name, (low, high) in self.bounds.items()
        }

    def vector(self, observation: Observation) -> Numbers:
        """Return an observation as one array, the names in the order of `bounds`."""
        return flat(self.arrays(observation))

    def nothing(self) -> dict[str, Numbers]:
        """Return what is seen when the episode is over: zeros, as near as the bounds allow."""
        return {
            name: np.clip(np.zeros_like(low), low, high)
            for name, (low, high) in self.bounds.items()
        }

    def _padded(self, rows: FloatArray) -> FloatArray:
        """Return the first rows of a forecast; zeros after the end of the episode."""
        shown = np.zeros((self._ahead, *rows.shape[1:]))
        shown[: len(rows)] = rows[: self._ahead]
        return shown

    def _with_now(self, now_mw: float, ahead_mw: FloatArray) -> FloatArray:
        return np.concatenate([[now_mw], self._padded(ahead_mw)])

    def _of_cars(self, observation: Observation) -> FloatArray:
        evs, n_groups = observation.evs, len(self._cars)
        at_home = np.bincount(evs.group, minlength=n_groups) / self._cars
        owed = np.bincount(evs.group, weights=evs.owed_mwh, minlength=n_groups) / self._owed_mwh
        return np.column_stack([at_home, owed])


def flat(arrays: Mapping[str, Numbers]) -> Numbers:
    """Return arrays by name as one vector."""
    return np.concatenate([each.ravel() for each in arrays.values()])
