"""The dispatch problem of fixed routes as a linear programme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import AT_LOWER, BASIC, Basis
from controllers.scheduling.dispatch.complementarity import TINY_MW, Pairs
from controllers.scheduling.dispatch.energy_cost import add_import
from controllers.scheduling.dispatch.row_generation import Rows, ragged
from controllers.scheduling.dispatch.warm_start import PARTS, WarmStart, at_rest
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import EDGES, BatteryVariables, Slots, add_batteries
from controllers.scheduling.problem.cars import add_cars
from controllers.scheduling.problem.problem import SchedulingProblem
from sim.units import BoolArray, FloatArray, IntArray


class DispatchModel:
    """The linear programme of one choice of routes.

    Attributes
    ----------
    slots
        Where power can flow.
    powers, cars
        Variables of the batteries and of groups of cars.
    pairs
        Those of them of which at most one may be positive.
    column
        The generated variables, ``(variable,)``.
    """

    def __init__(
        self,
        problem: SchedulingProblem,
        slots: Slots,
        *,
        curtailable: BoolArray,
        trips_mwh: FloatArray,
        fixed_usd: float,
        loss_axis: tuple[IntArray, IntArray],
    ) -> None:
        network, period_h = problem.network, problem.period_h
        n_periods = problem.n_periods
        self.slots = slots
        self._problem = problem
        assembly = Assembly()
        self._assembly = assembly
        self.powers = add_batteries(
            assembly,
            problem.batteries,
            slots,
            trips_mwh=trips_mwh,
            end=problem.end,
            period_h=period_h,
        )
        self.cars = add_cars(assembly, problem.cars, period_h)
        self.pairs = Pairs.of(problem, slots, self.powers, self.cars)
        self._ct, self._cg = np.nonzero(curtailable)
        self._curtailed = assembly.variables(
            len(self._ct),
            upper=network.available_mw[self._ct, self._cg],
            cost=problem.curtailment_usd_per_mwh[self._cg] * period_h,
        )
        self._bought, self._sold = add_import(assembly, problem)
        loss = assembly.variables(len(loss_axis[0]))
        imported = network.import_mw.ravel()
        balance = assembly.rows(len(imported), lower=imported, upper=imported)
        everything = np.arange(n_periods)
        assembly.entries(balance, self._bought, 1.0)
        assembly.entries(balance, self._sold, -1.0)
        self._balance = balance.reshape(network.import_mw.shape)
        assembly.entries(self._balance[loss_axis], loss, -1.0)
        self._span = np.searchsorted(slots.period, np.arange(n_periods + 1))
        self._spell = np.searchsorted(self._ct, np.arange(n_periods + 1))
        slopes = (network.import_p, network.import_q, network.import_c)
        for area in range(network.n_areas):
            site, plant = network.site_area == area, network.generator_area == area
            own = [
                np.where(here, slope, 0.0)
                for here, slope in zip((site, site, plant), slopes, strict=True)
            ]
            for row, variable, value in self._terms(everything, *own):
                assembly.entries(self._balance[row, area], variable, -value)
        assembly.offset += problem.feed_in_usd
        assembly.offset += fixed_usd
        if np.isfinite(problem.budgets.curtailed_mwh):
            budget = assembly.rows(1, upper=problem.budgets.curtailed_mwh)
            assembly.entries(budget, self._curtailed, period_h)
        self.column = loss
        self._rows = np.empty(0, dtype=np.int64)

    def _terms(
        self, period: IntArray, of_p: FloatArray, of_q: FloatArray, of_c: FloatArray
    ) -> list[tuple[IntArray, IntArray, FloatArray]]:
        """Return rows, variables and coefficients of functions of one period's injections."""
        row, slot = ragged(period, self._span)
        station = self.slots.station[slot]
        p, q = of_p[row, station], of_q[row, station]
        spilt, which = ragged(period, self._spell)
        powers, cars = self.powers, self.cars
        line = np.repeat(np.arange(len(period)), self._problem.cars.n_groups)
        of_cars = of_p[:, self._problem.space.n_stations :].ravel()
        return [
            (row, powers.discharge_mw[slot], p),
            (row, powers.charge_mw[slot], -p),
            (row, powers.inject_mvar[slot], q),
            (row, powers.absorb_mvar[slot], -q),
            (spilt, self._curtailed[which], of_c[spilt, self._cg[which]]),
            (line, cars.discharge_mw[period].ravel(), of_cars),
            (line, cars.charge_mw[period].ravel(), -of_cars),
        ]

    def linear(self, rows: Rows, n_variables: int) -> LinearModel:
        """Return the model with the generated rows and variables."""
        n_new = n_variables - len(self.column)
        self.column = np.concatenate([self.column, self._assembly.variables(n_new, cost=1.0)])
        self._rows = self._assembly.rows(len(rows.period), upper=rows.upper)
        for row, variable, value in self._terms(rows.period, rows.of_p, rows.of_q, rows.of_c):
            self._assembly.entries(self._rows[row], variable, value)
        self._assembly.entries(self._rows, self.column[rows.variable], -1.0)
        limited = self._limited(rows)
        if len(limited):
            budget = self._assembly.rows(1, upper=self._problem.budgets.violations_usd)
            self._assembly.entries(budget, limited, 1.0)
        model = self._assembly.build()
        self._n_rows, self._n_variables = model.matrix.shape
        return model

    def more(self, generated: Rows, n_variables: int) -> tuple[sparse.csr_array, FloatArray]:
        """Return the generated rows that are not there yet, over all variables, and their limits.

        The last variables are new.
        """
        rows = generated.where(np.arange(len(self._rows), len(generated.period)))
        n_new = n_variables - len(self.column)
        new = self._n_variables + np.arange(n_new)
        self.column = np.concatenate([self.column, new])
        n_rows = len(rows.period)
        self._rows = np.concatenate([self._rows, self._n_rows + np.arange(n_rows)])
        self._n_rows += n_rows
        self._n_variables += n_new
        terms = self._terms(rows.period, rows.of_p, rows.of_q, rows.of_c)
        terms.append((np.arange(n_rows), self.column[rows.variable], np.full(n_rows, -1.0)))
        limited, upper = self._limited(generated), rows.upper
        if len(limited):
            # Violations have joined: the budget holds for all there are by now.
            terms.append((np.full(len(limited), n_rows), limited, np.ones(len(limited))))
            upper = np.append(upper, self._problem.budgets.violations_usd)
            self._n_rows += 1
        return self._matrix(terms, len(upper)), upper

    def _limited(self, generated: Rows) -> IntArray:
        """Return the violations whose sum has a budget, ``(variable,)``; none where there is none.

        `generated` are all rows so far.
        """
        budgets = self._problem.budgets
        if not np.isfinite(budgets.violations_usd):
            return np.empty(0, dtype=np.int64)
        counts = (generated.limit >= 0) & (generated.limit < budgets.n_limits)
        return self.column[np.unique(generated.variable[counts])]

    def curtailment_usd(self, duals: FloatArray, generated: Rows) -> FloatArray:
        """Return the reduced costs of curtailment, ``(period, generator)`` [USD/MW]."""
        problem, network = self._problem, self._problem.network
        result = duals[self._balance][:, network.generator_area] * network.import_c
        result += problem.curtailment_usd_per_mwh * problem.period_h
        of_row = duals[self._rows]
        row = np.flatnonzero(of_row)
        np.subtract.at(result, generated.period[row], of_row[row][:, None] * generated.of_c[row])
        return result

    def modes(self, chosen: IntArray) -> tuple[sparse.csr_array, FloatArray]:
        """Return rows that forbid charging and discharging at once in the chosen pairs.

        Their binaries are the last variables.
        """
        n, pairs = len(chosen), self.pairs
        mode = self._n_variables + np.arange(n)
        self._n_variables += n
        self._n_rows += 2 * n
        first = np.arange(n)
        charge_mw, discharge_mw = pairs.charge_max_mw[chosen], pairs.discharge_max_mw[chosen]
        terms = [
            (first, pairs.charge_mw[chosen], np.ones(n)),
            (first, mode, charge_mw),
            (n + first, pairs.discharge_mw[chosen], np.ones(n)),
            (n + first, mode, -discharge_mw),
        ]
        return self._matrix(terms, 2 * n), np.concatenate([charge_mw, np.zeros(n)])

    def _matrix(
        self, terms: list[tuple[IntArray, IntArray, FloatArray]], n_rows: int
    ) -> sparse.csr_array:
        """Return a matrix over all variables."""
        row, variable, value = (np.concatenate([term[i] for term in terms]) for i in range(3))
        return sparse.csr_array((value, (row, variable)), shape=(n_rows, self._n_variables))

    def point(self, values: FloatArray) -> OperatingPoint:
        """Return the injections of a solution."""
        network, slots = self._problem.network, self.slots
        powers = SlotPowers.read(slots, self.powers, values)
        p_mw, q_mvar = np.zeros_like(network.import_p), np.zeros_like(network.import_q)
        np.add.at(p_mw, (slots.period, slots.station), powers.p_mw)
        np.add.at(q_mvar, (slots.period, slots.station), powers.q_mvar)
        p_mw[:, self._problem.space.n_stations :] = self.cars.p_mw(values)
        curtailed = np.zeros_like(network.available_mw)
        curtailed[self._ct, self._cg] = values[self._curtailed]
        return OperatingPoint(p_mw=p_mw, q_mvar=q_mvar, curtailed_mw=curtailed)

    def _parts(self) -> tuple[IntArray, ...]:
        """Return the variables of a slot's power in the order of `WarmStart.slot`."""
        powers = self.powers
        return (powers.charge_mw, powers.discharge_mw, powers.inject_mvar, powers.absorb_mvar)

    def basis(self, start: WarmStart, generated: Basis) -> Basis:
        """Return the basis of this model that a warm start stands for.

        Parameters
        ----------
        start
            The warm start.
        generated
            The statuses of the generated variables and rows.
        """
        slots, powers = self.slots, self.powers
        variables = np.full(self._n_variables, AT_LOWER)
        rows = np.full(self._n_rows, BASIC)
        for n, part in enumerate(self._parts()):
            variables[part] = start.slot[slots.period, n, slots.vehicle]
        for n, edge in enumerate(powers.polygon_row):
            rows[edge] = start.polygon[slots.period, n, slots.vehicle]
        variables[powers.energy_mwh] = start.energy.T
        variables[powers.surplus_mwh] = start.surplus
        rows[powers.energy_row] = start.energy_row.T
        cars = self.cars
        variables[cars.charge_mw], variables[cars.discharge_mw] = start.cars[:, 0], start.cars[:, 1]
        variables[cars.energy_mwh] = start.cars_energy
        rows[cars.energy_row] = start.cars_row
        variables[self._bought] = start.trade[:, :, 0].ravel()
        variables[self._sold] = start.trade[:, :, 1].ravel()
        rows[self._balance] = start.balance
        variables[self._curtailed] = start.curtailed[self._ct, self._cg]
        # Rows that were generated since then do not bind.
        variables[self.column[: len(generated.variables)]] = generated.variables
        rows[self._rows[: len(generated.rows)]] = generated.rows
        return Basis(variables=variables, rows=rows)

    def warm_start(self, values: FloatArray, basis: Basis, generated: Rows) -> WarmStart:
        """Return the warm start that a solution leaves, with the generated rows that bind."""
        slots, powers, cars, problem = self.slots, self.powers, self.cars, self._problem
        n_periods, n_vehicles = problem.n_periods, problem.n_vehicles
        row = basis.rows[self._rows]
        binding = np.flatnonzero(row != BASIC)
        rows = generated.where(binding)
        slot = at_rest("slot", (n_periods, PARTS, n_vehicles))
        for n, part in enumerate(self._parts()):
            slot[slots.period, n, slots.vehicle] = basis.variables[part]
        polygon = at_rest("polygon", (n_periods, EDGES, n_vehicles))
        for n, edge in enumerate(powers.polygon_row):
            polygon[slots.period, n, slots.vehicle] = basis.rows[edge]
        curtailed = at_rest("curtailed", problem.network.available_mw.shape)
        curtailed[self._ct, self._cg] = basis.variables[self._curtailed]
        return WarmStart(
            point=self.point(values),
            slot=slot,
            polygon=polygon,
            energy=basis.variables[powers.energy_mwh].T,
            surplus=basis.variables[powers.surplus_mwh],
            energy_row=basis.rows[powers.energy_row].T,
            trade=np.stack(
                [
                    basis.variables[traded].reshape(self._balance.shape)
                    for traded in (self._bought, self._sold)
                ],
                axis=2,
            ),
            balance=basis.rows[self._balance],
            curtailed=curtailed,
            cars=np.stack(
                [basis.variables[cars.charge_mw], basis.variables[cars.discharge_mw]], axis=1
            ),
            cars_energy=basis.variables[cars.energy_mwh],
            cars_row=basis.rows[cars.energy_row],
            rows=rows,
            row=row[binding],
            row_variable=basis.variables[self.column[rows.variable]],
        )

    def generated_basis(self, basis: Basis) -> Basis:
        """Return the statuses of the generated variables and rows."""
        return Basis(variables=basis.variables[self.column], rows=basis.rows[self._rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlotPowers:
    """Power of each slot, ``(slot,)`` [MW, Mvar], positive injecting."""

    slots: Slots
    p_mw: FloatArray
    q_mvar: FloatArray

    @classmethod
    def read(cls, slots: Slots, variables: BatteryVariables, values: FloatArray) -> SlotPowers:
        """Return the net powers of a solution."""
        return cls(
            slots=slots,
            p_mw=values[variables.discharge_mw] - values[variables.charge_mw],
            q_mvar=values[variables.inject_mvar] - values[variables.absorb_mvar],
        )

    def table(self, power: FloatArray, problem: SchedulingProblem) -> FloatArray:
        """Return the powers as ``(period, vehicle)``."""
        table = np.zeros((problem.n_periods, problem.n_vehicles))
        np.add.at(table, (self.slots.period, self.slots.vehicle), power)
        table[np.abs(table) < TINY_MW] = 0.0
        return table
