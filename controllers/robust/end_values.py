"""What stored energy and place are worth at the end of the robust model.

A dynamic programme of each vehicle over the rest of the look-ahead, the others as in the engine's
plan, says what every place and energy costs from there on. Its convex envelope over the energy is
the end of the robust model: so a short horizon empties no battery.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from controllers.scheduling.problem.problem import Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY, Route
from controllers.scheduling.routing.best_response import Effort, values_to_go
from sim.units import FloatArray


class EndPieces(NamedTuple):
    """Cost of an energy at the end, the largest of ``at_zero + slope * energy``, ``(piece,)``.

    In USD and USD/MWh.
    """

    at_zero: FloatArray
    slope: FloatArray


class EndValues:
    """Costs from the end of the robust model on.

    Parameters
    ----------
    problem
        The problem of the whole look-ahead.
    plan
        The engine's plan, which the other vehicles follow.
    horizon
        Periods of the robust model.
    effort
        Of the dynamic programmes.
    """

    def __init__(
        self, problem: SchedulingProblem, plan: Schedule, horizon: int, effort: Effort
    ) -> None:
        self._problem = problem
        self._horizon = horizon
        self._effort = effort
        self._usd: tuple[FloatArray, ...] = ()
        if horizon < problem.n_periods:
            self._usd = values_to_go(problem, plan, horizon, effort)

    def pieces(self, vehicle: int, route: Route) -> EndPieces:
        """Return what the vehicle costs after the trips of a route in the robust model."""
        problem, horizon = self._problem, self._horizon
        if not self._usd:
            end, target = problem.end, problem.end.target_mwh[vehicle]
            missing = float(end.missing_usd_per_mwh[vehicle])
            slope = -np.array([missing, float(end.surplus_usd_per_mwh[vehicle])])
            return EndPieces(-slope * target, slope)
        begun = tuple(trip for trip in route if trip[0] < horizon)
        stations = problem.space.stations_of(vehicle, begun)
        station = begun[-1][1] if begun else int(problem.space.start_station[vehicle])
        there = horizon + int((stations[horizon:] == AWAY).sum())
        batteries = problem.batteries
        lowest = float(batteries.lower_mwh[vehicle].min())
        highest = float(batteries.upper_mwh[vehicle].max())
        energy = np.linspace(lowest, highest, self._effort.energies)
        usd = self._usd[vehicle][there, station]
        possible = np.isfinite(usd)
        if possible.sum() < 2:
            return EndPieces(np.zeros(1), np.zeros(1))
        return envelope(energy[possible], usd[possible])


def envelope(energy: FloatArray, usd: FloatArray) -> EndPieces:
    """Return the largest convex function below points whose energies ascend.

    Lower hull by a monotone chain (Andrew, *Information Processing Letters* 9, 1979).
    """
    hull: list[int] = []
    for n in range(len(energy)):
        while len(hull) > 1:
            i, j = hull[-2:]
            rise = (usd[j] - usd[i]) * (energy[n] - energy[j])
            if rise < (usd[n] - usd[j]) * (energy[j] - energy[i]) - 1e-9:
                break
            hull.pop()
        hull.append(n)
    slope = np.diff(usd[hull]) / np.diff(energy[hull])
    return EndPieces(usd[hull][:-1] - slope * energy[hull][:-1], slope)
