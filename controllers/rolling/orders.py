"""From a schedule to the orders that carry it out."""

from __future__ import annotations

import dataclasses

import numpy as np

from controllers.rolling.planner import Planned
from sim.control import EvPlan, FleetPlan, GridPlan, Observation, Plan, Visit


def to_plan(planned: Planned, observation: Observation, period_h: float, applied: int = 1) -> Plan:
    """Return the plan that carries a schedule out.

    Parameters
    ----------
    planned
        The schedule.
    observation
        What it was made for.
    period_h
        Length of a period [h].
    applied
        So many periods are carried out before the next decision.
    """
    first_h = observation.period * period_h
    found, caps = planned.schedule, planned.caps_mw()
    visits = tuple(
        tuple(
            Visit(station=goal, depart_h=max(first_h + period * period_h, observation.now_h))
            for period, goal in route
        )
        for route in found.routes
    )
    return Plan(
        fleet=FleetPlan(visits=visits, p_mw=found.p_mw, q_mvar=found.q_mvar),
        grid=GridPlan(generation_limit_mw=caps),
        ev=_orders(planned, observation),
        outcome=dataclasses.replace(
            found.outcome, figures={"applied_usd": planned.applied_usd(applied, caps)}
        ),
    )


def _orders(planned: Planned, observation: Observation) -> EvPlan | None:
    """Return the orders to groups of cars, None where none is ordered."""
    cars = planned.problem.cars
    if not cars.n_groups:
        return None
    p_mw = np.full(observation.forecast.ev_mw.shape, np.nan)
    p_mw[:, cars.group] = planned.schedule.cars_mw
    return EvPlan(p_mw=p_mw)
