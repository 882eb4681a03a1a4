"""The weighted sum of objectives as prices of the scheduling problem.

Maximise ``k1 * PV energy - k2 * (wear + moves - arbitrage income) - k3 * voltage overshoot`` (Tong
et al., *Multi-Scenario and Multi-Objective Collaborative Optimization of Distribution Network
Considering Electric Vehicles and Mobile Energy Storage Systems*, IEEE Access 9, 2021). Divided by
``k2`` that is the money of the engine with two other prices: a curtailed MWh costs ``k1 / k2``
more, and a voltage beyond its limit ``k3 / k2``.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from controllers.scheduling.problem.problem import SchedulingProblem


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the objectives.

    Attributes
    ----------
    pv
        Of energy from sun and wind that is used, ``k1``, beyond the price of curtailment that the
        ledger holds [USD/MWh].
    cost
        Of wear, moves and energy bought less sold, ``k2`` [-].
    voltage
        Of voltages beyond their limits, summed over buses, ``k3`` [USD/(pu h)].
    """

    pv: float
    cost: float
    voltage: float


def weighted(problem: SchedulingProblem, weights: Weights, n_buses: int) -> SchedulingProblem:
    """Return the problem with the prices that weights stand for.

    Overloaded lines and transformers cost what they cost in the scenario.

    Parameters
    ----------
    problem
        The problem.
    weights
        The weights.
    n_buses
        Buses of the grid; the limits numbered below twice as many are voltages.
    """
    network, money = problem.network, problem.money
    curtailment = money.curtailment_usd_per_mwh + weights.pv / weights.cost
    overshoot = weights.voltage / weights.cost * problem.period_h
    of_voltage = network.row_limit < 2 * n_buses
    return dataclasses.replace(
        problem,
        money=dataclasses.replace(money, curtailment_usd_per_mwh=curtailment),
        network=dataclasses.replace(
            network, row_usd=np.where(of_voltage, overshoot, network.row_usd)
        ),
    )
