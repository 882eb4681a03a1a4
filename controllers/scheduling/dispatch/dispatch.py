"""Power on fixed routes: the exact linear programme.

Rows join when a solution passes them (`Pool`), generators when curtailing them would pay, and a
solve starts where the last one ended, whatever its routes: most of what binds for one choice of
routes binds for the next.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from controllers.optimisation.assembly import Assembly
from controllers.optimisation.growing_model import GrowingModel
from controllers.optimisation.model import LinearModel
from controllers.optimisation.result import AT_LOWER, BASIC, Basis, Solution
from controllers.optimisation.solve import solve
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.energy_cost import add_import, curtailable
from controllers.scheduling.dispatch.row_generation import Pool, Rows, ragged
from controllers.scheduling.dispatch.warm_start import Standing
from controllers.scheduling.grid.network import OperatingPoint
from controllers.scheduling.problem.batteries import Slots, StorageVariables, add_modes, add_storage
from controllers.scheduling.problem.problem import PlanningError, Schedule, SchedulingProblem
from controllers.scheduling.problem.time_space import AWAY, Route
from sim.control import Outcome, SolveStatus
from sim.units import BoolArray, FloatArray, IntArray

# Power below this is rounding [MW].
_TINY_MW = 1e-6


def dispatch(
    problem: SchedulingProblem, routes: tuple[Route, ...], limits: WorkLimits
) -> Schedule | None:
    """Return the best powers and curtailment for the given routes; see `Dispatcher`."""
    return Dispatcher(problem, limits)(routes)


class Dispatcher:
    """Sets powers and curtailment on routes of one problem, and learns from each time.

    Parameters
    ----------
    problem
        The problem.
    limits
        Work limits of each solve.
    standing
        Where to start the first time, for example where the last problem ended; at rest where
        None.
    """

    def __init__(
        self, problem: SchedulingProblem, limits: WorkLimits, standing: Standing | None = None
    ) -> None:
        self._problem = problem
        self._limits = limits
        self._pool = Pool(problem)
        self._curtailable = curtailable(problem)
        self._known: dict[tuple[Route, ...], Schedule | None] = {}
        # What routes cost at least whose solve has been cut off.
        self._at_least_usd: dict[tuple[Route, ...], float] = {}
        n_periods, n_stations = problem.network.import_p.shape
        # Whether there is a better place to start than at rest.
        self._stood = standing is not None
        if standing is None:
            stations = np.zeros((n_periods, n_stations))
            rest = OperatingPoint(
                p_mw=stations,
                q_mvar=stations,
                curtailed_mw=np.zeros_like(problem.network.available_mw),
            )
            nothing = np.empty(0, dtype=np.int64)
            standing = Standing.at_rest(rest, problem.n_vehicles, self._pool.rows, nothing, nothing)
        self._standing = standing
        # Where curtailment is a variable so far.
        self._spilling = self._curtailable & (
            (standing.curtailed != AT_LOWER) | self._pool.pays_to_curtail(standing.point)
        )
        self._ended: dict[tuple[Route, ...], Standing] = {}
        kept = self._pool.recall(standing.rows, standing.point)
        self._pool.sketch_losses()
        variables = np.full(self._pool.n_variables, AT_LOWER)
        variables[self._pool.rows.variable[: len(kept)]] = standing.row_variable[kept]
        self._pooled = Basis(variables=variables, rows=standing.row[kept])

    def __call__(self, routes: tuple[Route, ...], cutoff_usd: float = np.inf) -> Schedule | None:
        """Return the best powers and curtailment for the given routes.

        Parameters
        ----------
        routes
            Departures per vehicle; every trip must be possible.
        cutoff_usd
            The solve ends as soon as it is clear that the routes cost more than this [USD].

        Returns
        -------
        Schedule or None
            None where the routes allow no dispatch, for example because a trip needs more energy
            than there is, or where it costs more than `cutoff_usd`. The bound of its outcome is
            about these routes only and therefore left out.

        Raises
        ------
        PlanningError
            If the wall clock ends the solve before there is a solution.
        """
        if routes in self._known:
            return self._known[routes]
        if self._at_least_usd.get(routes, -np.inf) > cutoff_usd:
            return None
        found = self._dispatch(routes, cutoff_usd)
        if routes not in self._at_least_usd:
            self._known[routes] = found
        return found

    def standing_of(self, routes: tuple[Route, ...]) -> Standing:
        """Return where the dispatch of some routes ended, which has to have been found."""
        return self._ended[routes]

    @property
    def late(self) -> bool:
        """Whether the wall clock has ended any solve."""
        found = [one for one in self._known.values() if one is not None]
        return any(one.outcome.status is SolveStatus.DEADLINE for one in found)

    def _dispatch(self, routes: tuple[Route, ...], cutoff_usd: float) -> Schedule | None:
        """Solve the linear programme of these routes."""
        problem, space = self._problem, self._problem.space
        station = np.array(
            [space.stations_of(k, route) for k, route in enumerate(routes)], dtype=np.int64
        ).reshape(problem.n_vehicles, problem.n_periods)
        waiting, queue_usd = _queues(problem, routes)
        useful = (station != AWAY) & ~waiting & problem.network.live[station]
        # Periods in order, so that those of a row are neighbours.
        period, vehicle = np.nonzero(useful.T)
        slots = Slots(vehicle=vehicle, station=station[vehicle, period], period=period)
        moves_usd = sum(space.route_usd(k, route) for k, route in enumerate(routes))
        trips_mwh = np.array([space.route_mwh(k, route) for k, route in enumerate(routes)])
        while True:
            model = _Model(
                problem,
                slots,
                curtailable=self._spilling,
                trips_mwh=trips_mwh.reshape(problem.n_vehicles, problem.n_periods),
                fixed_usd=moves_usd + queue_usd,
                loss_period=self._pool.loss_period,
            )
            solution = self._solved(model, cutoff_usd)
            if solution.objective is None or solution.status is SolveStatus.DEADLINE:
                break
            paying, spared_usd = self._paying(model, solution)
            near = spared_usd <= self._limits.relative_gap * max(abs(solution.objective), 1.0)
            least_usd = solution.objective - (0.0 if near else spared_usd)
            if least_usd > cutoff_usd:
                self._at_least_usd[routes] = least_usd
                return None
            if near:
                break
            self._spilling |= paying
        self._at_least_usd.pop(routes, None)
        if solution.values is None:
            if solution.status is SolveStatus.DEADLINE:
                # Not "impossible": going on without these routes would depend on the clock in
                # silence.
                reason = "the wall clock ended a dispatch before it had a solution"
                raise PlanningError(reason, SolveStatus.DEADLINE)
            return None
        self._ended[routes] = self._standing
        powers = SlotPowers.read(slots, model.powers, solution.values)
        deadline = solution.status is SolveStatus.DEADLINE
        return Schedule(
            routes=routes,
            station=station.T.copy(),
            p_mw=powers.table(powers.p_mw, problem),
            q_mvar=powers.table(powers.q_mvar, problem),
            energy_mwh=solution.values[model.powers.energy_mwh].T.copy(),
            curtailed_mw=model.point(solution.values).curtailed_mw,
            outcome=Outcome(
                status=SolveStatus.DEADLINE if deadline else SolveStatus.FEASIBLE,
                objective_usd=solution.objective,
            ),
        )

    def _paying(self, model: _Model, solution: Solution) -> tuple[BoolArray, float]:
        """Return where else it may pay to curtail, and how much that can spare at most [USD].

        These are the reduced costs of variables left out. Nothing is known of them where a model
        has integers: then all may pay.
        """
        left = self._curtailable & ~self._spilling
        if solution.values is None or not left.any():
            return left, 0.0
        if solution.duals is None:
            return left, np.inf
        reduced_usd = model.curtailment_usd(solution.duals, self._pool.rows)
        paying: BoolArray = left & (reduced_usd < 0)
        available_mw = self._problem.network.available_mw
        return paying, -float((reduced_usd * available_mw)[paying].sum())

    def _solved(self, model: _Model, cutoff_usd: float) -> Solution:
        """Return a solution that passes no row and burns nothing, or one beyond the cutoff.

        Rows only raise the objective, so that a solution beyond the cutoff stays there, unless
        more curtailment spares it.
        """
        pool = self._pool
        growing = GrowingModel(
            model.linear(pool.rows, pool.n_variables),
            model.basis(self._standing, self._pooled) if self._stood else None,
            self._limits,
        )
        free = np.ones(len(model.slots.vehicle), dtype=np.bool_)
        while True:
            solution = growing.solve()
            if solution.values is None or solution.status is SolveStatus.DEADLINE:
                return solution
            said_usd = solution.objective or 0.0
            if said_usd - self._paying(model, solution)[1] > cutoff_usd:
                self._remember(model, solution)
                return solution
            missing_usd = pool.separate(model.point(solution.values), solution.values[model.column])
            near = missing_usd <= self._limits.relative_gap * max(abs(said_usd), 1.0)
            burning = np.flatnonzero(free & (model.burnt_mw(solution.values) > _TINY_MW))
            if not near:
                matrix, upper = model.more(pool.rows, pool.n_variables)
                n_new = matrix.shape[1] - len(solution.values)
                growing.add(np.ones(n_new), np.full(n_new, np.inf), matrix, upper)
            elif len(burning):
                # Burning energy in the battery's losses pays where energy is worth less than
                # nothing; the vehicle could not execute such a plan. A relaxation that never
                # does it needs no binaries.
                matrix, upper = model.modes(burning)
                n_new = len(burning)
                growing.add(np.zeros(n_new), np.ones(n_new), matrix, upper, integer=True)
                free[burning] = False
            else:
                self._remember(model, solution)
                return dataclasses.replace(solution, objective=said_usd + missing_usd)

    def _remember(self, model: _Model, solution: Solution) -> None:
        """Let the next solve start where this one ended."""
        if solution.values is not None and solution.basis is not None:
            self._stood = True
            self._pooled = model.pooled(solution.basis)
            self._standing = model.standing(solution.values, solution.basis, self._pool.rows)


class _Model:
    """The linear programme of one choice of routes.

    Attributes
    ----------
    slots
        Where power may be exchanged.
    powers
        Variables of the batteries.
    column
        The variables of the pool, ``(variable,)``.
    """

    def __init__(
        self,
        problem: SchedulingProblem,
        slots: Slots,
        *,
        curtailable: BoolArray,
        trips_mwh: FloatArray,
        fixed_usd: float,
        loss_period: IntArray,
    ) -> None:
        network, money, period_h = problem.network, problem.money, problem.period_h
        n_periods = len(network.import_mw)
        self.slots = slots
        self._problem = problem
        assembly = Assembly()
        self._assembly = assembly
        self.powers = add_storage(
            assembly,
            problem.batteries,
            slots,
            trips_mwh=trips_mwh,
            stored_usd_per_mwh=money.stored_usd_per_mwh,
            period_h=period_h,
        )
        self._ct, self._cg = np.nonzero(curtailable)
        self._curtailed = assembly.variables(
            len(self._ct),
            upper=network.available_mw[self._ct, self._cg],
            cost=money.curtailment_usd_per_mwh * period_h,
        )
        self._bought, self._sold = add_import(assembly, problem)
        loss = assembly.variables(len(loss_period))
        self._balance = assembly.rows(n_periods, lower=network.import_mw, upper=network.import_mw)
        everything = np.arange(n_periods)
        assembly.entries(self._balance, self._bought, 1.0)
        assembly.entries(self._balance, self._sold, -1.0)
        assembly.entries(self._balance[loss_period], loss, -1.0)
        self._span = np.searchsorted(slots.period, np.arange(n_periods + 1))
        self._spell = np.searchsorted(self._ct, np.arange(n_periods + 1))
        for part in self._terms(everything, network.import_p, network.import_q, network.import_c):
            assembly.entries(self._balance[part[0]], part[1], -part[2])
        assembly.offset += money.feed_in_usd_per_mwh * period_h * float(network.available_mw.sum())
        assembly.offset += fixed_usd
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
        powers = self.powers
        return [
            (row, powers.discharge_mw[slot], p),
            (row, powers.charge_mw[slot], -p),
            (row, powers.inject_mvar[slot], q),
            (row, powers.absorb_mvar[slot], -q),
            (spilt, self._curtailed[which], of_c[spilt, self._cg[which]]),
        ]

    def linear(self, rows: Rows, n_variables: int) -> LinearModel:
        """Return the model with the pool's rows and variables."""
        n_new = n_variables - len(self.column)
        self.column = np.concatenate([self.column, self._assembly.variables(n_new, cost=1.0)])
        self._rows = self._assembly.rows(len(rows.period), upper=rows.upper)
        for row, variable, value in self._terms(rows.period, rows.of_p, rows.of_q, rows.of_c):
            self._assembly.entries(self._rows[row], variable, value)
        self._assembly.entries(self._rows, self.column[rows.variable], -1.0)
        model = self._assembly.build()
        self._n_rows, self._n_variables = model.matrix.shape
        return model

    def more(self, pooled: Rows, n_variables: int) -> tuple[sparse.csr_array, FloatArray]:
        """Return the rows of the pool that are not there yet, over all variables, and their limits.

        The last variables are new.
        """
        rows = pooled.where(np.arange(len(self._rows), len(pooled.period)))
        n_new = n_variables - len(self.column)
        new = self._n_variables + np.arange(n_new)
        self.column = np.concatenate([self.column, new])
        n_rows = len(rows.period)
        self._rows = np.concatenate([self._rows, self._n_rows + np.arange(n_rows)])
        self._n_rows += n_rows
        self._n_variables += n_new
        terms = self._terms(rows.period, rows.of_p, rows.of_q, rows.of_c)
        terms.append((np.arange(n_rows), self.column[rows.variable], np.full(n_rows, -1.0)))
        return self._matrix(terms, n_rows), rows.upper

    def curtailment_usd(self, duals: FloatArray, pooled: Rows) -> FloatArray:
        """Return what curtailing would cost, ``(period, generator)`` [USD/MW]; see `_paying`."""
        problem, network = self._problem, self._problem.network
        result = duals[self._balance][:, None] * network.import_c
        result += problem.money.curtailment_usd_per_mwh * problem.period_h
        of_row = duals[self._rows]
        row = np.flatnonzero(of_row)
        np.subtract.at(result, pooled.period[row], of_row[row][:, None] * pooled.of_c[row])
        return result

    def modes(self, chosen: IntArray) -> tuple[sparse.csr_array, FloatArray]:
        """Return rows that forbid charging and discharging at once in the chosen slots.

        Their binaries are the last variables; see `add_modes`.
        """
        n = len(chosen)
        k = self.slots.vehicle[chosen]
        mode = self._n_variables + np.arange(n)
        self._n_variables += n
        self._n_rows += 2 * n
        first = np.arange(n)
        charge_mw = self._problem.batteries.p_charge_max_mw[k]
        discharge_mw = self._problem.batteries.p_discharge_max_mw[k]
        terms = [
            (first, self.powers.charge_mw[chosen], np.ones(n)),
            (first, mode, charge_mw),
            (n + first, self.powers.discharge_mw[chosen], np.ones(n)),
            (n + first, mode, -discharge_mw),
        ]
        return self._matrix(terms, 2 * n), np.concatenate([charge_mw, np.zeros(n)])

    def _matrix(
        self, terms: list[tuple[IntArray, IntArray, FloatArray]], n_rows: int
    ) -> sparse.csr_array:
        """Return a matrix over all variables."""
        row, variable, value = (np.concatenate([term[i] for term in terms]) for i in range(3))
        return sparse.csr_array((value, (row, variable)), shape=(n_rows, self._n_variables))

    def burnt_mw(self, values: FloatArray) -> FloatArray:
        """Return what is charged and discharged at once, ``(slot,)`` [MW]."""
        burnt: FloatArray = np.minimum(
            values[self.powers.charge_mw], values[self.powers.discharge_mw]
        )
        return burnt

    def point(self, values: FloatArray) -> OperatingPoint:
        """Return the injections of a solution."""
        network, slots = self._problem.network, self.slots
        powers = SlotPowers.read(slots, self.powers, values)
        p_mw, q_mvar = np.zeros_like(network.import_p), np.zeros_like(network.import_q)
        np.add.at(p_mw, (slots.period, slots.station), powers.p_mw)
        np.add.at(q_mvar, (slots.period, slots.station), powers.q_mvar)
        curtailed = np.zeros_like(network.available_mw)
        curtailed[self._ct, self._cg] = values[self._curtailed]
        return OperatingPoint(p_mw=p_mw, q_mvar=q_mvar, curtailed_mw=curtailed)

    def _parts(self) -> tuple[IntArray, ...]:
        """Return the variables of a slot's power in the order of `Standing.slot`."""
        powers = self.powers
        return (powers.charge_mw, powers.discharge_mw, powers.inject_mvar, powers.absorb_mvar)

    def basis(self, standing: Standing, pooled: Basis) -> Basis:
        """Return the basis that stands where another model ended.

        Parameters
        ----------
        standing
            Where that was.
        pooled
            The pool's variables and rows there.
        """
        slots, powers = self.slots, self.powers
        variables = np.full(self._n_variables, AT_LOWER)
        rows = np.full(self._n_rows, BASIC)
        for n, part in enumerate(self._parts()):
            variables[part] = standing.slot[slots.period, n, slots.vehicle]
        for n, edge in enumerate(powers.polygon_row):
            rows[edge] = standing.polygon[slots.period, n, slots.vehicle]
        variables[powers.energy_mwh] = standing.energy.T
        rows[powers.energy_row] = standing.energy_row.T
        variables[self._bought], variables[self._sold] = standing.trade.T
        rows[self._balance] = standing.balance
        variables[self._curtailed] = standing.curtailed[self._ct, self._cg]
        # What the pool has gained since then does not bind.
        variables[self.column[: len(pooled.variables)]] = pooled.variables
        rows[self._rows[: len(pooled.rows)]] = pooled.rows
        return Basis(variables=variables, rows=rows)

    def standing(self, values: FloatArray, basis: Basis, pooled: Rows) -> Standing:
        """Return where a solution stands, and the pool's rows that bind there."""
        slots, powers, point = self.slots, self.powers, self.point(values)
        n_vehicles = self._problem.n_vehicles
        row = basis.rows[self._rows]
        binding = np.flatnonzero(row != BASIC)
        rows = pooled.where(binding)
        result = Standing.at_rest(
            point, n_vehicles, rows, row[binding], basis.variables[self.column[rows.variable]]
        )
        for n, part in enumerate(self._parts()):
            result.slot[slots.period, n, slots.vehicle] = basis.variables[part]
        for n, edge in enumerate(powers.polygon_row):
            result.polygon[slots.period, n, slots.vehicle] = basis.rows[edge]
        result.energy[:] = basis.variables[powers.energy_mwh].T
        result.energy_row[:] = basis.rows[powers.energy_row].T
        result.trade[:, 0] = basis.variables[self._bought]
        result.trade[:, 1] = basis.variables[self._sold]
        result.balance[:] = basis.rows[self._balance]
        result.curtailed[self._ct, self._cg] = basis.variables[self._curtailed]
        return result

    def pooled(self, basis: Basis) -> Basis:
        """Return where the pool's variables and rows stand."""
        return Basis(variables=basis.variables[self.column], rows=basis.rows[self._rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlotPowers:
    """Power of each slot, ``(slot,)`` [MW, Mvar], positive injecting."""

    slots: Slots
    p_mw: FloatArray
    q_mvar: FloatArray

    @classmethod
    def read(cls, slots: Slots, variables: StorageVariables, values: FloatArray) -> SlotPowers:
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
        table[np.abs(table) < _TINY_MW] = 0.0
        return table


def solve_without_burning(
    assembly: Assembly,
    problem: SchedulingProblem,
    slots: Slots,
    powers: StorageVariables,
    limits: WorkLimits,
    start: FloatArray | None = None,
) -> Solution:
    """Solve, and add mode binaries wherever the solution charges and discharges at once.

    Burning energy in the battery's losses pays where energy is worth less than nothing; the
    vehicle could not execute such a plan. A relaxation that never does it needs no binaries.
    """
    free = np.ones(len(slots.vehicle), dtype=np.bool_)
    while True:
        solution = solve(assembly.build(), limits=limits, start=start)
        if solution.values is None:
            return solution
        charge = solution.values[powers.charge_mw]
        discharge = solution.values[powers.discharge_mw]
        burning: IntArray = np.flatnonzero(free & (np.minimum(charge, discharge) > _TINY_MW))
        if len(burning) == 0:
            return solution
        add_modes(assembly, problem.batteries, slots, powers, burning)
        free[burning] = False
        start = None


def _queues(problem: SchedulingProblem, routes: tuple[Route, ...]) -> tuple[np.ndarray, float]:
    """Return which vehicles find no plug, ``(vehicle, period)``, and what the plan pays for it."""
    space = problem.space
    held = np.array([space.occupancy(k, route) for k, route in enumerate(routes)])
    held = held.reshape(problem.n_vehicles, problem.n_periods)
    waiting = np.zeros(held.shape, dtype=np.bool_)
    for k in range(problem.n_vehicles):
        others = ((held[:k] == held[k]) & ~waiting[:k]).sum(axis=0)
        waiting[k] = (held[k] != AWAY) & (others >= space.plugs[held[k]])
    return waiting, float(waiting.sum()) * problem.money.queue_usd_per_h * problem.period_h
