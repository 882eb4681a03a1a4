"""How the power of vehicles follows the error of a forecast inside a period.

An automatic controller of an area reads its net injection when a step begins, renewable generation
under the caps less load, and tells vehicles how far it is from what was expected.
"""

from __future__ import annotations

import math

import numpy as np

from sim.control import Forecast, ResponsePlan
from sim.electrical.injections import served_load
from sim.electrical.meters import Metered
from sim.system.system import System
from sim.uncertainty.realisation import Realisation
from sim.units import FloatArray, IntArray
from sim.world.orders import OrderInForce, Orders


class Response:
    """Participation factors in force, and the error that they respond to.

    Parameters
    ----------
    system, realisation
        What exists, and what happens.
    orders
        Orders in force.

    Attributes
    ----------
    ordered
        Whether any response has been ordered so far.
    """

    def __init__(self, system: System, realisation: Realisation, orders: Orders) -> None:
        self.ordered = False
        self._system, self._realisation, self._orders = system, realisation, orders
        self._factor = orders.response
        n_areas = len(system.areas)
        self._expected_mw: OrderInForce[np.float64] = OrderInForce(
            system.timing.n_periods, n_areas, 0.0
        )
        self._error_mw = np.zeros(n_areas)
        bus_area = system.bus_area
        self._load_area = bus_area[system.loads.bus]
        self._plant_area = bus_area[system.generators.bus]

    def order(self, plan: ResponsePlan, forecast: Forecast, period: int) -> None:
        """Take factors whose row 0 is `period`, and what the forecast expects under the caps."""
        self.ordered = True
        self._factor.apply(plan.factor, period)
        rows = slice(period, period + forecast.n_periods)
        cap_mw = self._orders.generation_limit_mw.rows[rows]
        generation_mw = np.minimum(forecast.available_mw, cap_mw)
        expected_mw = self._net_mw(generation_mw, forecast.load_mw)
        self._expected_mw.apply(expected_mw[: len(plan.factor)], period)

    def meter(self, step: int, metered: Metered) -> None:
        """Read the net injections as a step begins."""
        steps, period = slice(step, step + 1), step // self._system.timing.steps_per_period
        load_mw, _ = served_load(self._system, self._realisation, metered, steps)
        generators = self._system.generators
        available_mw = generators.available_mw(self._realisation.profile[steps])
        generation_mw = np.minimum(available_mw, metered.generation_limit_mw[period])
        generation_mw = generation_mw * metered.topology.supplied[steps][:, generators.bus]
        realised_mw = self._net_mw(generation_mw, load_mw)[0]
        self._error_mw = self._expected_mw.row(period) - realised_mw

    def power_mw(self, p_mw: float, vehicle: int, area: int, period: int) -> float:
        """Return what a vehicle in an area is to exchange that is ordered `p_mw` [MW].

        The sign of the power stays.
        """
        moved_mw = p_mw + float(self._factor.row(period)[vehicle] * self._error_mw[area])
        return moved_mw if math.copysign(1.0, moved_mw) * p_mw > 0 else 0.0

    def responds(self, vehicle: int, period: int) -> bool:
        """Return whether a vehicle has a factor in a period."""
        return bool(self._factor.row(period)[vehicle] != 0.0)

    def _net_mw(self, generation_mw: FloatArray, load_mw: FloatArray) -> FloatArray:
        """Return generation less load by area, ``(row, area)``."""
        found = np.zeros((len(load_mw), len(self._error_mw)))
        _add(found, self._plant_area, generation_mw)
        _add(found, self._load_area, -load_mw)
        return found


def _add(total: FloatArray, area: IntArray, values: FloatArray) -> None:
    np.add.at(total.T, area, values.T)
