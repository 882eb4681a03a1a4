"""Actions as one vector of numbers in [-1, 1]."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.adapters.learning.departures import Decoded, Departures
from sim.control import EvPlan, FleetPlan, GridPlan, MarketPlan, Observation, Plan, Visit
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

ORDERS = ("departures", "timing", "power", "reactive", "caps", "cars", "units")
_JUST_H = 1e-9  # times are sums of periods


class ContinuousActions:
    """One vector in [-1, 1] for all orders, in the order of `ORDERS`.

    ``departures``: a score for each vehicle and station; it shall be where the score is highest,
    and stays where several are. ``timing``: when each vehicle leaves, from -1 at once to 1 as the
    period ends; at once where nobody says. ``power``, ``reactive``: of each vehicle, as a share of
    its limits; positive injects. ``caps``: of each generator, -1 takes nothing, 1 leaves it free.
    ``cars``: of each group that takes orders, of what all its cars can do; positive injects.
    ``units``: of each unit; negative is off, 0 to 1 from the lowest to the highest output.

    What is ordered holds for the period that starts now. What nobody orders keeps the world's own
    rules: generators are free, cars charge on their own, units stay as they are. What batteries,
    cars and units cannot do the guard clips and the world counts.

    Parameters
    ----------
    system
        What exists.
    orders
        Which of `ORDERS`.

    Attributes
    ----------
    size
        Length of the vector.

    Raises
    ------
    ValueError
        If one of the orders does not exist.
    """

    def __init__(self, system: System, orders: Sequence[str] = ("departures", "power")) -> None:
        unknown = sorted(set(orders) - set(ORDERS))
        if unknown or isinstance(orders, str):
            raise ValueError(f"orders(={orders!r}) must be among {', '.join(ORDERS)}.")
        self._system = system
        self._departures = Departures(system)
        batteries = [vehicle.battery for vehicle in system.vehicles]
        self._discharge_mw = np.array([battery.p_discharge_max_mw for battery in batteries])
        self._charge_mw = np.array([battery.p_charge_max_mw for battery in batteries])
        self._s_mva = np.array([battery.s_mva for battery in batteries])
        groups = system.evs
        self._ordered_groups = [g for g, group in enumerate(groups) if group.orderable]
        self._cars_out_mw = np.array([g.count * g.p_discharge_max_mw for g in groups])
        self._cars_in_mw = np.array([g.count * g.p_mw for g in groups])
        self._unit_min_mw = np.array([unit.p_min_mw for unit in system.units])
        self._unit_max_mw = np.array([unit.p_max_mw for unit in system.units])
        n_vehicles = len(system.vehicles)
        widths = {
            "departures": n_vehicles * len(system.stations),
            "timing": n_vehicles,
            "power": n_vehicles,
            "reactive": n_vehicles,
            "caps": len(system.generators.name),
            "cars": len(self._ordered_groups),
            "units": len(system.units),
        }
        self._slices, self.size = {}, 0
        for name in ORDERS:
            if name in orders:
                self._slices[name] = slice(self.size, self.size + widths[name])
                self.size += widths[name]

    def decode(self, action: object, observation: Observation) -> Decoded:
        """Return the plan of a vector ``(size,)``; what is beyond [-1, 1] counts as the bound."""
        vector = np.clip(np.nan_to_num(np.asarray(action, dtype=np.float64)), -1.0, 1.0)
        part = {name: vector[where] for name, where in self._slices.items()}
        visits, invalid = None, 0
        if "departures" in part:
            goal = self._goal(part["departures"], observation)
            share = (part["timing"] + 1) / 2 if "timing" in part else np.zeros(len(goal))
            depart_h = observation.now_h + share * self._left_h(observation)
            visits, invalid = self._departures.visits(goal, depart_h, observation)
        fleet = FleetPlan(
            visits=visits,
            p_mw=self._p_mw(part["power"])[None] if "power" in part else None,
            q_mvar=(part["reactive"] * self._s_mva)[None] if "reactive" in part else None,
        )
        return Decoded(
            Plan(
                fleet=fleet,
                grid=self._caps(part["caps"]) if "caps" in part else None,
                ev=self._of_cars(part["cars"]) if "cars" in part and self._ordered_groups else None,
                market=self._of_units(part["units"]) if "units" in part else None,
            ),
            invalid,
        )

    def encode(self, plan: Plan, observation: Observation) -> FloatArray:
        """Return the vector that orders what a plan orders for the period that starts now.

        For learning from another controller. Orders that are not among those of this vector are
        lost, and so are energy budgets of visits and departures after the period.

        Raises
        ------
        ValueError
            If the plan leaves orders in force of which the vector must say something.
        """
        fleet, system = plan.fleet, self._system
        vector = np.zeros(self.size)
        for name, where in self._slices.items():
            if name in ("departures", "timing") and fleet is not None and fleet.visits is not None:
                scores, share = self._due(fleet.visits, observation)
                vector[where] = scores if name == "departures" else 2 * share - 1
            elif name == "power" and fleet is not None and fleet.p_mw is not None:
                p_mw = fleet.p_mw[0]
                limit_mw = np.where(p_mw > 0, self._discharge_mw, self._charge_mw)
                vector[where] = p_mw / limit_mw
            elif name == "reactive" and fleet is not None and fleet.q_mvar is not None:
                vector[where] = fleet.q_mvar[0] / self._s_mva
            elif name == "caps" and plan.grid is not None:
                installed = system.generators.p_mw
                caps = np.minimum(plan.grid.generation_limit_mw[0], installed)
                share = np.divide(caps, installed, out=np.ones_like(caps), where=installed > 0)
                vector[where] = 2 * share - 1
            elif name == "cars" and (plan.ev is not None or not self._ordered_groups):
                if plan.ev is not None and self._ordered_groups:
                    vector[where] = self._share_of_cars(plan.ev.p_mw[0])
            elif name == "units" and plan.market is not None:
                vector[where] = self._share_of_units(plan.market)
            else:
                raise ValueError(f"plan(={plan}) must order {name} from now on.")
        return vector

    def mask(self, observation: Observation) -> BoolArray:
        """Return to where vehicles may be sent, ``(vehicle, station)``; see `Departures.mask`."""
        return self._departures.mask(observation)

    def _goal(self, scores: FloatArray, observation: Observation) -> IntArray:
        scores = scores.reshape(len(self._system.vehicles), -1).copy()
        goal = scores.argmax(axis=1)
        here = observation.vehicles.station
        rows = np.arange(len(here))
        stays = (scores == scores[rows, goal][:, None]).sum(axis=1) > 1
        return np.where(stays, here, goal)

    def _left_h(self, observation: Observation) -> float:
        """Return what is left of the period [h]."""
        return (observation.period + 1) * self._system.timing.period_h - observation.now_h

    def _due(
        self, visits: Sequence[Sequence[Visit] | None], observation: Observation
    ) -> tuple[FloatArray, FloatArray]:
        """Return scores and timing, from 0 to 1, of what is due in the period.

        Where nobody says when to leave, what is due as it ends is left to the next decision.
        """
        left_h = self._left_h(observation)
        latest_h = left_h + (_JUST_H if "timing" in self._slices else -_JUST_H)
        scores = np.full((len(self._system.vehicles), len(self._system.stations)), -1.0)
        share = np.zeros(len(scores))
        for index, own in enumerate(visits):
            goal = int(observation.vehicles.station[index])
            for visit in list(own or ())[:1]:
                wait_h = max(visit.depart_h - observation.now_h, 0.0)
                if wait_h < latest_h:
                    goal, share[index] = visit.station, min(wait_h / left_h, 1.0)
            scores[index, goal] = 1.0
        return scores.ravel(), share

    def _p_mw(self, share: FloatArray) -> FloatArray:
        return share * np.where(share > 0, self._discharge_mw, self._charge_mw)

    def _caps(self, share: FloatArray) -> GridPlan:
        cap_mw = (share + 1) / 2 * self._system.generators.p_mw
        return GridPlan(generation_limit_mw=np.where(share < 1, cap_mw, np.inf)[None])

    def _of_cars(self, share: FloatArray) -> EvPlan:
        p_mw = np.full(len(self._system.evs), np.nan)
        most_mw = np.where(share > 0, *(x[self._ordered_groups] for x in self._cars_mw))
        p_mw[self._ordered_groups] = share * most_mw
        return EvPlan(p_mw=p_mw[None])

    @property
    def _cars_mw(self) -> tuple[FloatArray, FloatArray]:
        return self._cars_out_mw, self._cars_in_mw

    def _share_of_cars(self, p_mw: FloatArray) -> FloatArray:
        most_mw = np.where(p_mw > 0, *self._cars_mw)
        share = np.divide(p_mw, most_mw, out=np.zeros_like(p_mw), where=most_mw > 0)
        return share[self._ordered_groups]

    def _of_units(self, share: FloatArray) -> MarketPlan:
        spread_mw = self._unit_max_mw - self._unit_min_mw
        p_mw = self._unit_min_mw + np.maximum(share, 0.0) * spread_mw
        return MarketPlan(commitment=(share >= 0)[None], unit_p_mw=p_mw[None])

    def _share_of_units(self, market: MarketPlan) -> FloatArray:
        if market.commitment is None or market.unit_p_mw is None:
            raise ValueError("market must order commitment and unit_p_mw from now on.")
        spread_mw = self._unit_max_mw - self._unit_min_mw
        above_mw = np.maximum(market.unit_p_mw[0] - self._unit_min_mw, 0.0)
        share = np.divide(above_mw, spread_mw, out=np.zeros_like(above_mw), where=spread_mw > 0)
        return np.where(market.commitment[0], share, -1.0)
