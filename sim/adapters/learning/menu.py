"""Actions as one choice from a menu for each vehicle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.adapters.learning.departures import Decoded, Departures
from sim.control import FleetPlan, Observation, Plan
from sim.system.system import System
from sim.units import BoolArray


class MenuActions:
    """One choice for each vehicle: stay at one of some powers, or go to one of the stations.

    The first choices are the powers, the others the stations. Who goes exchanges nothing.

    Parameters
    ----------
    system
        What exists.
    levels
        Powers as shares of the limits; positive injects.

    Attributes
    ----------
    sizes
        Number of choices of each vehicle, ``(vehicle,)``.
    """

    def __init__(
        self, system: System, levels: Sequence[float] = (-1.0, -0.5, 0.0, 0.5, 1.0)
    ) -> None:
        self._departures = Departures(system)
        self._levels = np.asarray(levels, dtype=np.float64)
        batteries = [vehicle.battery for vehicle in system.vehicles]
        self._discharge_mw = np.array([battery.p_discharge_max_mw for battery in batteries])
        self._charge_mw = np.array([battery.p_charge_max_mw for battery in batteries])
        self.sizes = np.full(len(batteries), len(self._levels) + len(system.stations))

    def decode(self, action: object, observation: Observation) -> Decoded:
        """Return the plan of choices ``(vehicle,)``."""
        choice = np.asarray(action, dtype=np.int64)
        n_levels = len(self._levels)
        stays = choice < n_levels
        goal = np.where(stays, observation.vehicles.station, choice - n_levels)
        now_h = np.full(len(goal), observation.now_h)
        visits, invalid = self._departures.visits(goal, now_h, observation)
        share = np.where(stays, self._levels[np.minimum(choice, n_levels - 1)], 0.0)
        p_mw = share * np.where(share > 0, self._discharge_mw, self._charge_mw)
        return Decoded(Plan(fleet=FleetPlan(visits=visits, p_mw=p_mw[None])), invalid)

    def mask(self, observation: Observation) -> BoolArray:
        """Return which choices are valid now, ``(vehicle, choice)``."""
        may = self._departures.mask(observation)
        return np.hstack([np.ones((len(may), len(self._levels)), dtype=np.bool_), may])
