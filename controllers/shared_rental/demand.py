"""What the use of trucks is worth to an operator in one period, and how much he rents at a price.

The cost of a period as a function of the power that trucks charge, or discharge, is convex and
piecewise linear; it is found exactly from values and multipliers at its breakpoints. Since a visit
serves in one direction and its budget is only a limit, an operator can always leave out a part of
what he rents in a period. So in every optimal answer the price is at most what the last MWh is
worth: what he rents at a price is at most his demand there. This bounds the owner's revenue without
integers or multipliers of the lower level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.solve import solve
from controllers.shared_rental.case import Case, Operator
from controllers.shared_rental.offers import CHARGE
from controllers.shared_rental.operators import add_period
from sim.errors import SolverError
from sim.units import FloatArray

# Values that differ by less are equal [USD].
SAME_USD = 1e-6

# Prices up to this above the worth of a MWh count as accepted [USD/MWh].
INDIFFERENT_USD = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UseCost:
    """Cost of a period, convex and piecewise linear in the power of the trucks.

    Attributes
    ----------
    power_mw
        Breakpoints from 0 to the power of all trucks, ascending [MW].
    usd
        Cost there [USD].
    """

    power_mw: FloatArray
    usd: FloatArray

    @property
    def slope_usd_per_mw(self) -> FloatArray:
        """Slopes of the pieces, ascending, ``(piece,)`` [USD/MW]."""
        slopes: FloatArray = np.diff(self.usd) / np.diff(self.power_mw)
        return slopes

    def demand_mw(self, price_usd_per_mwh: float, hours: float) -> float:
        """Return the largest power whose last MWh is worth a price [MW].

        Parameters
        ----------
        price_usd_per_mwh
            All that the operator pays for it; negative where he is paid.
        hours
            Length of the period [h].
        """
        worth = -self.slope_usd_per_mw / hours
        accepted = np.flatnonzero(worth >= price_usd_per_mwh - INDIFFERENT_USD)
        return float(self.power_mw[accepted[-1] + 1]) if len(accepted) else 0.0


def use_cost(
    case: Case, operator: Operator, t: int, direction: int, *, responds: bool = True
) -> UseCost:
    """Return what a period costs an operator, without rent and stored energy.

    Parameters
    ----------
    case
        The case.
    operator
        Whose.
    t
        The period.
    direction
        `CHARGE` or `DISCHARGE`.
    responds
        Whether trucks may answer errors.
    """
    batteries = case.batteries
    powers = batteries.p_charge_max_mw if direction == CHARGE else batteries.p_discharge_max_mw
    plugs = int(case.space.plugs[operator.station])
    most = float(np.sort(powers)[::-1][:plugs].sum())
    model = Assembly()
    bounds = (-most, 0.0) if direction == CHARGE else (0.0, most)
    period = add_period(model, case, operator, t, bounds)
    reach = case.margin.reach(operator.errors[t], operator.error_mw)
    # The response keeps the sign, and the power.
    room = model.rows(2, lower=[0.0, -np.inf], upper=[np.inf, most])
    model.entries(room, np.array([period.injected_mw]), float(direction))
    model.entries(room, np.array([period.factor]), [-reach, reach])
    built = model.build()
    if not responds:
        built.upper[period.factor] = 0.0
    at = period.injected_mw
    column = built.matrix[:, [at]].toarray().ravel()

    def cost(power: float) -> tuple[float, float]:
        built.lower[at] = built.upper[at] = direction * power
        found = solve(built, duals=True)
        if found.objective is None or found.duals is None:
            raise SolverError(f"The cost of a period is {found.status}.")
        return found.objective, -direction * float(found.duals @ column)

    points = {0.0: cost(0.0), most: cost(most)} if most > 0 else {0.0: cost(0.0)}
    waiting = [(0.0, most)] if most > 0 else []
    while waiting:
        left, right = waiting.pop()
        (value, slope), (other, back) = points[left], points[right]
        # Where tangents from both ends meet, the function is at least as high.
        if back - slope < SAME_USD or other - value - slope * (right - left) < SAME_USD:
            continue
        middle = (value - other + back * right - slope * left) / (back - slope)
        if not left + 1e-6 < middle < right - 1e-6:
            continue
        points[middle] = cost(middle)
        if points[middle][0] - (value + slope * (middle - left)) > SAME_USD:
            waiting += [(left, middle), (middle, right)]
    power = np.array(sorted(points))
    return UseCost(power_mw=power, usd=np.array([points[p][0] for p in power.tolist()]))
