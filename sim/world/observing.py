"""What a controller is shown, as copies that it may keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import simpy

from sim.control import Forecast, MeteredVoltages, Observation, VehicleStates
from sim.electrical.electrics import StepFlow
from sim.electrical.injections import Injections, served_load
from sim.powerflow.protocol import PowerFlowResult
from sim.system.system import System
from sim.uncertainty.conditions import RoadConditions
from sim.uncertainty.forecaster import Forecaster
from sim.uncertainty.realisation import Realisation
from sim.units import HOURS_PER_DAY, SECONDS_PER_HOUR, FloatArray
from sim.world.cars.fleet import EvFleet
from sim.world.load_shifting import LoadShifting
from sim.world.thermal_units import ThermalUnits
from sim.world.vehicle import Vehicle


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observer:
    """Makes observations.

    Attributes
    ----------
    system, realisation, roads
        What exists, what happens, and the speeds of the day.
    forecaster
        Who tells what is expected.
    fleet, plugs, evs, units, shifting
        What is observed.
    flow
        Power flow of a step that is over.
    """

    system: System
    realisation: Realisation
    roads: RoadConditions
    forecaster: Forecaster
    fleet: Sequence[Vehicle]
    plugs: Sequence[simpy.PriorityResource]
    evs: EvFleet
    units: ThermalUnits
    shifting: LoadShifting
    flow: StepFlow

    def observe(self, now_s: float, period: int, *, voltages: bool) -> Observation:
        """Return what is known at `now_s` inside `period`.

        Parameters
        ----------
        now_s
            Time since the start [s].
        period
            Index of the period.
        voltages
            Whether voltages and loadings of the last step are shown.
        """
        system, timing = self.system, self.system.timing
        now_h = now_s / SECONDS_PER_HOUR
        evs = self.evs.states()
        forecast = self.forecaster.issue(period, now_h, evs)
        step = int(now_s // timing.step_s)
        vm_pu = loading = delivered_mw = found = flow = None
        if step > 0 and (voltages or system.units):
            found, flow = self.flow(step - 1)
            delivered_mw = found.unit_mw[0]
            if voltages:
                vm_pu, loading = flow.vm_pu[0], flow.loading_percent[0]
        load_mw, load_mvar, available_mw = self._metered(step, forecast, found, flow)
        return Observation(
            now_h=now_h,
            period=period,
            periods_left=timing.n_periods - period,
            hour_of_day=now_h % HOURS_PER_DAY,
            vehicles=vehicle_states(self.fleet),
            queue=np.array([len(plugs.queue) for plugs in self.plugs], dtype=np.int64),
            plugs_free=np.array(
                [plugs.capacity - plugs.count for plugs in self.plugs], dtype=np.int64
            ),
            terminal_energy_mwh=np.array(
                [vehicle.battery.energy_terminal_mwh for vehicle in system.vehicles]
            ),
            load_mw=load_mw,
            load_mvar=load_mvar,
            available_mw=available_mw,
            link_speed_kmh=self.roads.speed_now(now_s).copy(),
            incident=self.roads.stretch_now(now_s) > 1.0,
            line_out=self.flow.metered.topology.line_out[step].copy(),
            evs=evs,
            units=self.units.states(now_h, delivered_mw),
            shifted_mwh=self.shifting.today_mwh.copy(),
            voltages=MeteredVoltages(vm_pu=vm_pu, loading_percent=loading) if voltages else None,
            forecast=forecast,
        )

    def _metered(
        self,
        step: int,
        forecast: Forecast,
        found: Injections | None,
        flow: PowerFlowResult | None,
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the step before `step`: served load [MW, Mvar] and available power [MW].

        Where there is a power flow, what was shed is missing; a step in which it does not converge
        serves nobody. Before the first step nothing has been metered, and the forecast stands in.
        """
        if step == 0:
            return (
                forecast.load_mw[0].copy(),
                forecast.load_mvar[0].copy(),
                forecast.available_mw[0].copy(),
            )
        last, metered, generators = step - 1, self.flow.metered, self.system.generators
        supplied = metered.topology.supplied[last, generators.bus]
        available_mw = generators.available_mw(self.realisation.profile[last]) * supplied
        if found is None or flow is None:
            load = served_load(self.system, self.realisation, metered, slice(last, step))
            return load[0][0], load[1][0], available_mw
        served = float(flow.converged[0])
        return found.load_mw[0] * served, found.load_mvar[0] * served, available_mw


def vehicle_states(fleet: Sequence[Vehicle]) -> VehicleStates:
    """Return the state of the fleet now."""
    for vehicle in fleet:
        vehicle.settle()
    return VehicleStates(
        status=np.array([vehicle.status for vehicle in fleet], dtype=np.int64),
        station=np.array([vehicle.station for vehicle in fleet], dtype=np.int64),
        ready_h=np.array([vehicle.ready_h for vehicle in fleet]),
        energy_mwh=np.array([vehicle.storage.energy_mwh for vehicle in fleet]),
        p_mw=np.array([vehicle.storage.p_mw for vehicle in fleet]),
        q_mvar=np.array([vehicle.storage.q_mvar for vehicle in fleet]),
        itinerary=tuple(tuple(vehicle.itinerary) for vehicle in fleet),
        trips_today=np.array([vehicle.trips_today for vehicle in fleet], dtype=np.int64),
        throughput_today_mwh=np.array([vehicle.storage.throughput_today_mwh for vehicle in fleet]),
        charge_left_mwh=np.array([vehicle.storage.budget.charge_mwh for vehicle in fleet]),
        discharge_left_mwh=np.array([vehicle.storage.budget.discharge_mwh for vehicle in fleet]),
    )
