"""Robust dispatch: powers as rules on given routes, one linear model.

Charge, discharge and stored energy are affine in the signals and the indicators of traffic that are
observed when a period begins, and so are caps on generators, which the world then keeps for the
period; reactive power is fixed here and now; import follows. Every row that a path of the set could
violate holds for all of it, or its violation is paid for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controllers.robust.end_values import EndPieces
from controllers.robust.grid_cost import add_cuts, add_import
from controllers.robust.limits import RobustLimits
from controllers.robust.travel import Presence
from controllers.robust.uncertain import Uncertain
from controllers.robust.variables import Powers
from controllers.robust.violations import Violations
from controllers.scheduling.problem.batteries import REACTIVE_USD_PER_MVARH, polygon_edges
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.uncertainty_sets.robust_model import RobustModel, RobustProgramme
from sim.units import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Routed:
    """What a choice of routes fixes.

    Attributes
    ----------
    presence
        Where power can flow.
    trips_mwh
        Stored energy that trips use, ``(period, vehicle)`` [MWh].
    ends
        What energy costs at the end, per vehicle.
    """

    presence: Presence
    trips_mwh: FloatArray
    ends: tuple[EndPieces, ...]


class RobustDispatch:
    """The robust programme of one choice of routes.

    Parameters
    ----------
    problem
        The problem, limits as they are.
    limits
        Rows of the grid.
    routed
        What the routes fix.
    uncertain
        What is uncertain.
    worst_case
        Whether the cost is that of the worst point of the set.
    follows
        Whether powers and caps follow signals.
    """

    def __init__(
        self,
        problem: SchedulingProblem,
        limits: RobustLimits,
        routed: Routed,
        uncertain: Uncertain,
        *,
        worst_case: bool,
        follows: bool,
    ) -> None:
        self._problem = problem
        self._limits = limits
        self._routed = routed
        self.uncertain = uncertain
        self._worst_case = worst_case
        model = self.model = RobustModel(uncertain.columns, worst_case=worst_case)
        self.powers = self._add_powers(follows=follows)
        self.energy = self._add_energy()
        self.cuts = add_cuts(model, problem, limits, uncertain, follows=follows)
        add_import(
            model,
            problem,
            uncertain,
            self.powers,
            self.cuts,
            cost=self._usd,
            worst_case=worst_case,
        )
        self._violations = Violations(model, limits, uncertain, self.powers, self.cuts)

    def add(self, rows: IntArray) -> None:
        """Add rows of the grid to the model."""
        self._violations.add(rows)

    @property
    def capped(self) -> BoolArray:
        """Where generators are capped, ``(period, generator)``."""
        return self._limits.capped

    def _add_powers(self, *, follows: bool) -> Powers:
        """Add charge and discharge as rules, and reactive power where vehicles are for sure."""
        model, slots, batteries = self.model, self._routed.presence, self._problem.batteries
        k, hours, n = slots.vehicle, self._problem.period_h, len(slots.vehicle)
        seen = self.uncertain.seen_signals(slots.period) & follows
        seen |= self.uncertain.seen_trips(k, slots.period)
        wear = batteries.wear_usd_per_mwh[k] * hours
        charging = wear + batteries.charging_usd_per_mwh[k] * hours
        charge = model.rules(seen, cost=charging)
        discharge = model.rules(seen, cost=wear)
        for power, most in (
            (charge, batteries.p_charge_max_mw[k]),
            (discharge, batteries.p_discharge_max_mw[k]),
        ):
            rows = model.rows(n, upper=most * slots.base)
            model.entries(rows, power, 1.0)
            there = np.flatnonzero(~slots.sure)
            column = self.uncertain.indicator[slots.trip[there]]
            model.uncertain(rows[there], column, -most[there] * slots.slope[there])
        most_mvar = np.where(slots.sure, batteries.s_mva[k], 0.0)
        friction = REACTIVE_USD_PER_MVARH * hours
        inject = model.decisions(n, upper=most_mvar, cost=friction)
        absorb = model.decisions(n, upper=most_mvar, cost=friction)
        sure = np.flatnonzero(slots.sure)
        for of_p, of_q, reach in polygon_edges():
            rows = model.rows(len(sure), upper=reach * batteries.s_mva[k[sure]])
            for part in (charge, discharge):
                model.entries(rows, part[sure], of_p)
            for part in (inject, absorb):
                model.entries(rows, part[sure], of_q)
        return Powers(slots=slots, charge=charge, discharge=discharge, inject=inject, absorb=absorb)

    def _add_energy(self) -> IntArray:
        """Add stored energy, within its limits on every path, and what it costs at the end.

        Returns ``(vehicle, period)``.
        """
        model, powers, batteries = self.model, self.powers, self._problem.batteries
        n_vehicles, horizon = self._problem.n_vehicles, len(self._limits.capped)
        vehicle, period = np.divmod(np.arange(n_vehicles * horizon), horizon)
        # Whatever its powers follow, its energy follows.
        seen = model.seen_by(period, only=self.uncertain.of_signals)
        seen |= self.uncertain.seen_trips(vehicle, period)
        energy = model.rules(
            seen,
            lower=batteries.lower_mwh[vehicle, period + 1],
            upper=batteries.upper_mwh[vehicle, period + 1],
        ).reshape(n_vehicles, horizon)
        fixed = -(batteries.hours * batteries.auxiliary_mw)[:, None] - self._routed.trips_mwh.T
        fixed[:, 0] += batteries.keep * batteries.energy_mwh
        rows = model.rows(energy.size, lower=fixed.ravel(), upper=fixed.ravel())
        rows = rows.reshape(energy.shape)
        model.entries(rows, energy, 1.0)
        model.entries(rows[:, 1:], energy[:, :-1], -batteries.keep[:, None])
        slots = powers.slots
        k, hours = slots.vehicle, batteries.hours[slots.vehicle]
        at = rows[k, slots.period]
        model.entries(at, powers.charge, -hours * batteries.efficiency_charge[k])
        model.entries(at, powers.discharge, hours / batteries.efficiency_discharge[k])
        for number, day in np.argwhere(np.isfinite(batteries.left_mwh)).tolist():
            own = np.flatnonzero((k == number) & (batteries.day[slots.period] == day))
            row = model.rows(1, upper=batteries.left_mwh[number, day])
            for part in (powers.charge, powers.discharge):
                model.entries(row, part[own], self._problem.period_h)
        for number, (at_zero, slope) in enumerate(self._routed.ends):
            usd = self._usd(seen[number * horizon + horizon - 1])
            rows = model.rows(len(slope), upper=-at_zero, nominal=not self._worst_case)
            model.entries(rows, energy[number, -1], slope)
            model.entries(rows, usd, -1.0)
        return energy

    def _usd(self, seen: BoolArray) -> IntArray:
        """Add a cost: a rule where the worst path counts, a number where the nominal one does."""
        if self._worst_case:
            return self.model.rules(seen[None, :], lower=-np.inf, cost=1.0)
        return self.model.decisions(1, lower=-np.inf, cost=1.0)

    @property
    def programme(self) -> RobustProgramme:
        """The programme as it is now."""
        return self.model.build()

    def nominal(self, values: FloatArray) -> FloatArray:
        """Return all decisions of a solution on the expected path, ``(decision,)``."""
        nominal: FloatArray = self.model.affine(values)[:, 0]
        return nominal

    def cut_mw(self, values: FloatArray) -> FloatArray:
        """Return the cut of each capped generator at a solution, ``(period, generator)`` [MW]."""
        cut = np.zeros(self.capped.shape)
        cut[self.cuts.period, self.cuts.generator] = self.nominal(values)[self.cuts.cut]
        return cut

    def unpaid(self, values: FloatArray, rows: IntArray) -> FloatArray:
        """Return what rows of the grid exceed the violations paid for by; see `Violations`."""
        return self._violations.unpaid(self.model.affine(values), rows)
