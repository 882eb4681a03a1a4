"""Lagrangian relaxation of what vehicles share: the dual function and its supergradients.

Vehicles meet in the balance of the import, in the network's limits and losses, and at plugs. With
a price on each of these rows the problem falls apart into one dynamic programme per vehicle, one
per group of cars, and closed forms for the rest; whatever the prices, the sum is a lower bound of
the mixed-integer model of `milp` (Geoffrion, *Lagrangean relaxation for integer programming*,
Mathematical Programming Study 2, 1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from controllers.scheduling.bound.cars import price_cars
from controllers.scheduling.bound.fleet import Fleet, Priced
from controllers.scheduling.dispatch.energy_cost import curtailable, largest_import_mw
from controllers.scheduling.dispatch.losses import loss_axes
from controllers.scheduling.grid.network import by_area
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """Prices on the rows that vehicles share: the dual variables.

    Attributes
    ----------
    energy
        Of importing a MW for a period, ``(period, area)`` [USD/MW].
    limits
        Of the network's rows, as a share of what a violation costs, ``(row,)`` [-].
    axes_p, axes_q
        Of moving along the losses' axes, ``(axis,)`` [USD/MW].
    plugs
        Of holding a plug for a period, ``(period, scarce station)`` [USD].
    """

    energy: FloatArray
    limits: FloatArray
    axes_p: FloatArray
    axes_q: FloatArray
    plugs: FloatArray

    def vector(self) -> FloatArray:
        """Return all prices in one row."""
        return np.concatenate(
            [self.energy.ravel(), self.limits, self.axes_p, self.axes_q, self.plugs.ravel()]
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What prices are worth.

    Attributes
    ----------
    bound_usd
        Lower bound of the scheduling problem [USD].
    slope
        A supergradient of the bound, as `Prices.vector`.
    paths
        What the vehicles do at these prices.
    """

    bound_usd: float
    slope: FloatArray
    paths: Priced


class Lagrangian:
    """The dual function of one scheduling problem.

    Parameters
    ----------
    problem
        The problem.
    points
        Points of the vehicles' energy grid.
    """

    def __init__(self, problem: SchedulingProblem, points: int) -> None:
        self.problem = problem
        network, money, hours = problem.network, problem.money, problem.period_h
        self.fleet = Fleet(problem, points)
        self.bought = money.import_usd_per_mwh * hours
        self.sold = money.export_usd_per_mwh * hours
        self._shape = (problem.n_periods, problem.space.n_stations)
        # Rows of period t are those from row_start[t] to row_start[t + 1].
        self._rows = tuple(
            (t, slice(first, last))
            for t, (first, last) in enumerate(pairwise(network.row_start.tolist()))
            if first < last
        )
        self.axes = loss_axes(problem, np.broadcast_to(network.live, network.import_p.shape))
        self.most_curtailed = np.where(curtailable(problem), network.available_mw, 0.0)
        self.curtailed_usd = problem.curtailment_usd_per_mwh * hours
        # Where selling pays more than buying, the chord over all possible imports is the price.
        inverted = self.sold > self.bought
        self.lowest = np.where(inverted, (self.sold + self.bought) / 2, self.sold)
        self.highest = np.where(inverted, (self.sold + self.bought) / 2, self.bought)
        spread = (self.bought - self.sold) * largest_import_mw(problem) / 2
        self.fixed_usd = (
            problem.feed_in_usd
            + float(np.where(inverted, spread, 0.0).sum())
            + float(problem.end.fixed_usd.sum())
        )
        self.scarce = np.flatnonzero(problem.space.plugs < problem.n_vehicles)
        self.spare = problem.space.spare_plugs()[:, self.scarce]
        self.queue_usd = money.queue_usd_per_h * hours

    def start(self) -> Prices:
        """Return prices of a network without violations."""
        network = self.problem.network
        return Prices(
            energy=np.where(network.import_mw > 0, self.highest, self.lowest),
            limits=np.zeros(len(network.row_base)),
            axes_p=np.zeros(len(self.axes.value)),
            axes_q=np.zeros(len(self.axes.value)),
            plugs=np.zeros((len(self.most_curtailed), len(self.scarce))),
        )

    def allowed(self, vector: FloatArray) -> Prices:
        """Return the allowed prices near those of a vector.

        Raises nothing: whatever the vector, the result gives a valid bound.
        """
        n_rows, n_axes = len(self.problem.network.row_base), len(self.axes.value)
        sizes = [self.lowest.size, n_rows, n_axes, n_axes]
        energy, limits, axes_p, axes_q, plugs = np.split(vector, np.cumsum(sizes))
        return Prices(
            energy=np.clip(energy.reshape(self.lowest.shape), self.lowest, self.highest),
            limits=shares(limits, self.problem.network.row_violation),
            axes_p=axes_p,
            axes_q=axes_q,
            plugs=np.clip(plugs, 0.0, self.queue_usd).reshape(len(self.lowest), len(self.scarce)),
        )

    def evaluate(self, prices: Prices) -> Evaluation:
        """Return the bound at allowed prices, a supergradient and what vehicles do."""
        network, axes = self.problem.network, self.axes
        active = np.flatnonzero(prices.limits)
        active_usd, active_period = (
            (prices.limits * network.row_usd)[active],
            network.row_period[active],
        )
        energy, site, plant = prices.energy, network.site_area, network.generator_area
        parts_usd = float(
            energy.ravel() @ network.import_mw.ravel() + active_usd @ network.row_base[active]
        )
        parts_usd += self.fixed_usd - float((prices.plugs * self.spare).sum())
        price_p = energy[:, site] * network.import_p
        np.add.at(price_p, active_period, active_usd[:, None] * network.row_p[active])
        price_q = energy[:, site] * network.import_q
        np.add.at(price_q, active_period, active_usd[:, None] * network.row_q[active])
        np.add.at(price_p, axes.period, prices.axes_p[:, None] * axes.vector)
        np.add.at(price_q, axes.period, prices.axes_q[:, None] * axes.vector)

        price_c = self.curtailed_usd + energy[:, plant] * network.import_c
        np.add.at(price_c, active_period, active_usd[:, None] * network.row_c[active])
        curtailed = np.where(price_c < 0, self.most_curtailed, 0.0)
        parts_usd += float((price_c * curtailed).sum())
        of_axis = energy[axes.period, axes.area]
        moved_p, lost_p = axes.respond(of_axis, prices.axes_p)
        moved_q, lost_q = axes.respond(of_axis, prices.axes_q)
        place = axes.period * network.n_areas + axes.area
        lost = np.bincount(place, lost_p + lost_q, minlength=energy.size)
        parts_usd += float(
            energy.ravel() @ lost - prices.axes_p @ moved_p - prices.axes_q @ moved_q
        )

        plugs = np.zeros(self._shape)
        plugs[:, self.scarce] = prices.plugs
        n_stations = self._shape[1]
        paths = self.fleet.best(price_p[:, :n_stations], price_q[:, :n_stations], plugs)
        cars = price_cars(self.problem.cars, price_p[:, n_stations:], self.problem.period_h)
        p = np.hstack([paths.p_mw.sum(axis=0), cars.p_mw])
        q = np.hstack([paths.q_mvar.sum(axis=0), np.zeros_like(cars.p_mw)])
        n_areas = network.n_areas
        balance = network.import_mw + lost.reshape(energy.shape)
        balance += by_area(network.import_c * curtailed, plant, n_areas)
        balance += by_area(network.import_p * p, site, n_areas) + by_area(
            network.import_q * q, site, n_areas
        )
        row = network.row_base.copy()
        for t, here in self._rows:
            row[here] += network.row_p[here] @ p[t] + network.row_q[here] @ q[t]
            row[here] += network.row_c[here] @ curtailed[t]
        slope = Prices(
            energy=balance,
            limits=row * network.row_usd,
            axes_p=(axes.vector * p[axes.period]).sum(axis=1) - moved_p,
            axes_q=(axes.vector * q[axes.period]).sum(axis=1) - moved_q,
            plugs=paths.plugs.sum(axis=0)[:, self.scarce] - self.spare,
        )
        return Evaluation(
            bound_usd=parts_usd + float(paths.usd.sum()) + cars.usd,
            slope=slope.vector(),
            paths=paths,
        )


def shares(values: FloatArray, group: IntArray) -> FloatArray:
    """Return non-negative values that sum up to at most 1 in each group.

    Parameters
    ----------
    values
        ``(row,)``.
    group
        Group of each row, ascending from 0, ``(row,)``.
    """
    positive = np.maximum(values, 0.0)
    total = np.bincount(group, positive)[group] if len(group) else positive
    return positive / np.maximum(total, 1.0)
