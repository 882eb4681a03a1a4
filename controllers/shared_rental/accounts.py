"""What the energy in the batteries has cost, and whose it is: the contract, as the ledger books it.

Who charges pays for the energy; who discharges a share of it pays that share of what it has cost.
At the end the owner takes over what is left at cost (`docs/decisions/0036-rent.md`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.shared_rental.case import Case
from controllers.shared_rental.offers import CHARGE, Answer, Offer, stored_mwh
from sim.units import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accounts:
    """Accounts of the batteries under an offer and its answers.

    Attributes
    ----------
    energy_mwh
        Stored at the boundaries of periods, ``(period + 1, vehicle)`` [MWh].
    usd_per_mwh
        What a MWh inside has cost on average, same shape [USD/MWh].
    owner_usd
        What the owner gets for energy that was his, less what he pays for what is left [USD].
    """

    energy_mwh: FloatArray
    usd_per_mwh: FloatArray
    owner_usd: float


def accounts(case: Case, offer: Offer, answers: dict[int, Answer]) -> Accounts:
    """Return the accounts of all batteries."""
    batteries, n = case.batteries, case.n_periods
    energy = stored_mwh(case, offer, answers)
    charged = np.zeros((n, case.n_vehicles))
    taken = np.zeros((n, case.n_vehicles))
    paid_usd = np.zeros((n, case.n_vehicles))
    for area, answer in answers.items():
        operator = case.operators[area]
        assert operator is not None
        for leg, use in zip(offer.of_area(area), answer.use_mw, strict=True):
            k, mwh = leg.vehicle, use * case.period_h
            if leg.direction == CHARGE:
                charged[:, k] += mwh * batteries.efficiency_charge[k]
                paid_usd[:, k] += mwh * operator.import_usd_per_mwh
            else:
                taken[:, k] += mwh / batteries.efficiency_discharge[k]
    owned = energy[0] * case.stored_usd_per_mwh
    operators = np.zeros(case.n_vehicles)
    mean = np.empty((n + 1, case.n_vehicles))
    income = 0.0
    for t in range(n + 1):
        mean[t] = (owned + operators) / np.maximum(energy[t], 1e-9)
        if t == n:
            break
        operators = operators + paid_usd[t]
        share = np.minimum(taken[t] / np.maximum(energy[t] + charged[t], 1e-9), 1.0)
        income += float((share * owned).sum())
        owned, operators = owned * (1 - share), operators * (1 - share)
    return Accounts(energy_mwh=energy, usd_per_mwh=mean, owner_usd=income - float(operators.sum()))
