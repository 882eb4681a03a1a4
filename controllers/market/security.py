"""Redispatch that sees voltages: what the AC power flow asks of a dispatch beyond the DC model.

A dispatch is found in the DC approximation, its AC power flow is computed, and what that shows is
added to the model, until nothing is violated that could be helped:

- a line beyond its rating may carry less active power, by what its reactive power and its losses
  take;
- where a voltage leaves its limits, the units that are on do not hold it: one more has to run;
- losses are drawn at the bus of the slack unit, so that its output, its limits and its emissions
  count them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from controllers.market.case import Case, Security
from controllers.market.clearing import Clearing
from controllers.scheduling.problem.problem import PlanningError
from sim.control import Observation, SolveStatus
from sim.powerflow.pgm import PowerGridModelFlow
from sim.powerflow.protocol import PowerFlowResult
from sim.powerflow.switched import SwitchedFlow
from sim.system.system import System
from sim.units import BoolArray, FloatArray

# Lines that are closer to their rating, and voltages that are closer to a limit, keep them.
_LEAST_PERCENT, _LEAST_PU = 0.01, 1e-5
# A line is asked for a little more than the first-order change, or it would come close for ever.
_MORE = 1.02
# Losses that change by less need no other clearing [MW].
_LOSS_MW = 0.1
MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AcState:
    """The AC power flow of a dispatch, and what it violates, by period.

    Attributes
    ----------
    flow
        Steady states by the forecast.
    voltage
        Whether some voltage leaves its limits, or the power flow diverges, ``(period,)``.
    excess_percent
        By how much branches are loaded beyond their ratings, ``(period, line)`` [%].
    """

    flow: PowerFlowResult
    voltage: BoolArray
    excess_percent: FloatArray

    @property
    def kept(self) -> BoolArray:
        """Whether all limits are kept, ``(period,)``."""
        found: BoolArray = ~self.voltage & ~(self.excess_percent > 0).any(axis=1)
        return found


class AcCheck:
    """Computes the AC power flow of clearings.

    Parameters
    ----------
    system
        What exists; it has thermal units, of which one is the slack.
    margin
        Standard deviations of the forecast that limits keep free.
    """

    def __init__(self, system: System, margin: float) -> None:
        self._system, self._margin = system, margin
        # One of its own: that of the world knows which lines have tripped.
        self._engine = SwitchedFlow(system.grid, PowerGridModelFlow)
        # Where losses are drawn in the model.
        self.loss_bus = system.units[system.slack_unit].bus if system.slack_unit is not None else 0

    def of(self, found: Clearing, observation: Observation) -> AcState:
        """Return the steady states of the first scenario."""
        case, grid = found.model.case, self._system.grid
        p_mw, q_mvar = self._injections(found, observation)
        held = np.zeros((case.n_periods, len(grid.held_bus)), dtype=np.bool_)
        for column, bus in enumerate(grid.held_bus):
            held[:, column] = found.commitment[:, case.units.bus == bus].any(axis=1)
        line_out = np.tile(observation.line_out, (case.n_periods, 1))
        flow = self._engine.solve(p_mw, q_mvar, line_out, held)
        vm_var, loading_var = np.zeros_like(flow.vm_pu), np.zeros_like(flow.loading_percent)
        for p_more, q_more in self._errors(observation, case.n_periods):
            moved = self._engine.solve(p_mw + p_more, q_mvar + q_more, line_out, held)
            vm_var += np.nan_to_num(moved.vm_pu - flow.vm_pu) ** 2
            loading_var += np.nan_to_num(moved.loading_percent - flow.loading_percent) ** 2
        vm_room, loading_room = (self._margin * np.sqrt(own) for own in (vm_var, loading_var))
        with np.errstate(invalid="ignore"):
            outside = (flow.vm_pu - vm_room < grid.v_min_pu - _LEAST_PU) | (
                flow.vm_pu + vm_room > grid.v_max_pu + _LEAST_PU
            )
        excess = np.nan_to_num(flow.loading_percent + loading_room - 100)[:, case.grid.branch]
        return AcState(
            flow=flow,
            voltage=outside.any(axis=1) | ~flow.converged,
            excess_percent=np.where(excess > _LEAST_PERCENT, excess, 0.0),
        )

    def _injections(
        self, found: Clearing, observation: Observation
    ) -> tuple[FloatArray, FloatArray]:
        """Return net injections, ``(period, bus)`` [MW, Mvar]; the slack unit's is what is left."""
        case, trains = found.model.case, found.model.recourse.trains
        p_mw = np.zeros((case.n_periods, case.grid.n_buses))
        q_mvar = np.zeros_like(p_mw)
        served = case.demand.mw + found.shift_mw[0] - found.shed_mw[0]
        share = np.divide(
            served, case.demand.mw, where=case.demand.mw > 0, out=np.ones_like(served)
        )
        load_mvar = observation.forecast.load_mvar[: case.n_periods] * share
        np.subtract.at(p_mw.T, case.demand.bus, served.T)
        np.subtract.at(q_mvar.T, case.demand.bus, load_mvar.T)
        others = np.arange(case.units.n_units) != self._system.slack_unit
        np.add.at(p_mw.T, case.units.bus[others], found.unit_p_mw[0][:, others].T)
        np.add.at(p_mw.T, case.renewables.bus, found.renewable_mw[0].T)
        net_mw = found.values[trains.discharge[0]] - found.values[trains.charge[0]]
        np.add.at(p_mw, (trains.period, case.rail.station_bus[trains.station]), net_mw)
        return p_mw, q_mvar

    def _errors(
        self, observation: Observation, n_periods: int
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield one standard deviation of each uncertain profile, as `_injections`.

        Of the first period: by the time a later one is carried out, its forecast will be as good.
        """
        system = self._system
        std = np.tile(observation.forecast.profile_step_std[0], (n_periods, 1))
        loads, plants = system.loads, system.generators
        for profile in np.flatnonzero((std > 0).any(axis=0)).tolist():
            p_mw = np.zeros((n_periods, system.grid.n_buses))
            q_mvar = np.zeros_like(p_mw)
            own = std[:, profile, None]
            load, plant = loads.profile == profile, plants.profile == profile
            np.subtract.at(p_mw.T, loads.bus[load], (own * loads.p_mw[load]).T)
            np.subtract.at(q_mvar.T, loads.bus[load], (own * loads.q_mvar[load]).T)
            np.subtract.at(p_mw.T, plants.bus[plant], (own * plants.p_mw[plant]).T)
            yield p_mw, q_mvar


def secured(
    case: Case, observation: Observation, check: AcCheck, clear: Callable[[Case], Clearing]
) -> tuple[Clearing, bool]:
    """Return a clearing whose AC power flow keeps the limits where that can be helped.

    Parameters
    ----------
    case
        The market.
    observation
        What is known.
    check
        Computes power flows.
    clear
        Clears a market.

    Returns
    -------
    tuple[Clearing, bool]
        The last clearing, and whether its first period, which is carried out, keeps all limits.

    Raises
    ------
    PlanningError
        If the market has no solution in the DC approximation either.
    """
    found: Clearing | None = None
    kept = False
    for _ in range(MOST_ROUNDS):
        try:
            found = clear(case)
        except PlanningError as error:
            if found is None or error.status is not SolveStatus.INFEASIBLE:
                raise
            return found, kept
        state = check.of(found, observation)
        kept = bool(state.kept[0])
        tightened = _tightened(found, state, check.loss_bus)
        if tightened is None:
            break
        case = replace(case, security=tightened)
    assert found is not None
    return found, kept


def _tightened(found: Clearing, state: AcState, loss_bus: int) -> Security | None:
    """Return what else is asked of the dispatch, None where nothing is."""
    case, flow = found.model.case, state.flow
    loss_mw, limit_mw = np.nan_to_num(flow.loss_mw), case.limit_mw.copy()
    before_mw = np.zeros_like(loss_mw) if case.security is None else case.security.loss_mw
    before = needs = () if case.security is None else case.security.needs
    on = found.commitment
    helpless = on.all(axis=1)
    for period in np.flatnonzero(state.voltage & ~helpless).tolist():
        needs = (*needs, (period, ~on[period]))
        # What was found without the unit that comes does not hold with it.
        limit_mw[period] = case.grid.limit_mw
    over = (state.excess_percent > 0) & (helpless | ~state.voltage)[:, None]
    if over.any():
        apparent = case.grid.limit_mw * flow.loading_percent[:, case.grid.branch] / 100
        active = np.maximum(np.abs(flow.branch_mw[:, case.grid.branch]), 1e-6)
        # dS/dP = P/S: what of the apparent power is to go, in active power.
        less = case.grid.limit_mw * state.excess_percent / 100 * (apparent / active).clip(1, 2)
        left = np.maximum(np.abs(found.flow_mw[0]) - _MORE * less, 0.0)
        limit_mw = np.where(over, np.minimum(limit_mw, left), limit_mw)
    more = len(needs) > len(before) or bool(over.any())
    if not more and np.abs(loss_mw - before_mw).max(initial=0.0) < _LOSS_MW:
        return None
    return Security(loss_bus=loss_bus, loss_mw=loss_mw, limit_mw=limit_mw, needs=needs)
