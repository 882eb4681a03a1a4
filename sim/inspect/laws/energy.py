"""Law 3, energy closes: batteries and grid balance, nothing flows where nothing is connected.

All is computed from the tables of an episode and the scenario's numbers; no method of the product
takes part.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.episode.episode import Episode
from sim.inspect.laws.broken import Broken
from sim.scenario import Scenario
from sim.system.battery import Battery
from sim.units import FloatArray, IntArray

TOLERANCE_MWH = 1e-6
JUST_MWH = 1e-9  # what floats add to the energy of one step


def law_energy(scenario: Scenario, episode: Episode) -> None:
    """Batteries and grid balance, nothing injects on the road, no limit is left.

    Raises
    ------
    Broken
        Saying whose balance or limit, with the amount.
    """
    system, name = scenario.system, f"{episode.controller} on {scenario.name}"
    hours = system.timing.step_h
    steps = episode.steps[episode.steps["converged"]]
    balance = (
        steps["import_mw"] + steps["generation_mw"] + steps["unit_mw"] + steps["storage_mw"]
        + steps["imbalance_mw"] - steps["load_mw"] - steps["loss_mw"]
    ).to_numpy() * hours  # fmt: skip
    if not np.abs(balance).sum() <= TOLERANCE_MWH:
        raise Broken(f"energy: {name}: the grid's balance is off by {np.abs(balance).sum()} MWh")
    start_h: FloatArray = np.arange(system.timing.n_steps, dtype=np.float64) * hours
    for vehicle in system.vehicles:
        own = episode.vehicles[episode.vehicles["vehicle"] == vehicle.name]
        events = episode.events[episode.events["vehicle"] == vehicle.name]
        whose = f"{name}: {vehicle.name}"
        _battery_closes(vehicle.battery, own, whose, hours)
        _standing_losses_are_due(vehicle.battery, own, whose, hours)
        connected_h = hours_connected(events, start_h, hours)
        _nothing_flows_unconnected(vehicle.battery, own, connected_h, whose, hours)
        flows = episode.exchanges[episode.exchanges["vehicle"] == vehicle.name]
        _flows_are_where_it_stands(vehicle.battery, flows, events, whose, hours)
        by_step = np.zeros(len(start_h))
        np.add.at(by_step, _steps(flows, hours), flows["p_mw"].to_numpy())
        if np.abs(by_step - own["p_mw"].to_numpy()).max() > TOLERANCE_MWH:
            raise Broken(f"energy: {whose}: stations and vehicle tell different powers")


def hours_connected(events: pd.DataFrame, start_h: FloatArray, step_h: float) -> FloatArray:
    """Return how long one vehicle was connected in each step, by its events, ``(step,)`` [h]."""
    found = np.zeros(len(start_h))
    since_h = None
    end_h = float(start_h[-1] + step_h)
    told = zip(events["time_h"].tolist(), events["event"].tolist(), strict=True)
    for time_h, event in [*told, (end_h, "disconnected")]:
        if event == "connected":
            since_h = time_h
        elif event in ("disconnected", "interrupted") and since_h is not None:
            found += np.clip(
                np.minimum(start_h + step_h, time_h) - np.maximum(start_h, since_h), 0.0, None
            )
            since_h = None
    return found


def _flows_are_where_it_stands(
    battery: Battery, flows: pd.DataFrame, events: pd.DataFrame, name: str, hours: float
) -> None:
    """At no station can more be exchanged than the time connected there lets through."""
    for station, own in flows.groupby("station"):
        step = _steps(own, hours)
        there = events[events["station"] == station]
        connected_h = hours_connected(there, np.arange(step.max() + 1) * hours, hours)[step]
        injected = own["p_mw"].to_numpy() * hours
        reactive = np.abs(own["q_mvar"].to_numpy()) * hours
        beyond = np.maximum(
            np.maximum(
                injected - battery.p_discharge_max_mw * connected_h,
                -injected - battery.p_charge_max_mw * connected_h,
            ),
            reactive - battery.s_mva * connected_h,
        )
        if (beyond > JUST_MWH).any():
            worst = int(beyond.argmax())
            raise Broken(
                f"energy: {name}: power is booked to {station} in the step at "
                f"{step[worst] * hours} h, connected there for {connected_h[worst]} h"
            )


def _steps(flows: pd.DataFrame, hours: float) -> IntArray:
    """Return the step of each row, by when it begins."""
    return (flows["time_h"] / hours).round().to_numpy().astype(np.int64)


def _nothing_flows_unconnected(
    battery: Battery, own: pd.DataFrame, connected_h: FloatArray, name: str, hours: float
) -> None:
    """In no step can more be exchanged than the time connected lets through at full power."""
    charged, discharged = own["charged_mwh"].to_numpy(), own["discharged_mwh"].to_numpy()
    injected = own["p_mw"].to_numpy() * hours
    reactive = np.abs(own["q_mvar"].to_numpy()) * hours
    for what, amount, most_mw in (
        ("charges", charged, battery.p_charge_max_mw),
        ("discharges", discharged, battery.p_discharge_max_mw),
        ("injects", injected, battery.p_discharge_max_mw),
        ("draws", -injected, battery.p_charge_max_mw),
        ("exchanges reactive power", reactive, battery.s_mva),
    ):
        beyond = amount - most_mw * connected_h
        if (beyond > JUST_MWH).any():
            step = int(beyond.argmax())
            raise Broken(
                f"energy: {name} {what} while it is not connected: {amount[step]} MWh in the step "
                f"at {step * hours} h, connected for {connected_h[step]} h"
            )
    lost = np.abs(injected - (discharged - charged)).max(initial=0.0)
    if lost > JUST_MWH:
        raise Broken(f"energy: {name}: the grid and the battery differ by {lost} MWh in a step")


def _battery_closes(battery: Battery, own: pd.DataFrame, name: str, hours: float) -> None:
    energy = np.concatenate([[_initial_mwh(battery)], own["energy_mwh"].to_numpy()])
    flows = (
        own["charged_mwh"] * battery.efficiency_charge
        - own["discharged_mwh"] / battery.efficiency_discharge
        - own["standing_mwh"]
        - own["traction_mwh"]
    ).to_numpy()
    error = np.abs(np.diff(energy) - flows).sum()
    if not error <= TOLERANCE_MWH:
        raise Broken(f"energy: {name}: the battery's balance is off by {error} MWh")
    low, high = energy.min(), energy.max()
    floor = battery.soc_min * battery.energy_mwh
    ceiling = battery.soc_max * battery.energy_mwh
    if low < floor - TOLERANCE_MWH or high > ceiling + TOLERANCE_MWH:
        raise Broken(f"energy: {name}: stored energy {low} to {high} MWh leaves the limits")
    charge, discharge = own["charged_mwh"].max() / hours, own["discharged_mwh"].max() / hours
    if charge > battery.p_charge_max_mw + 1e-9 or discharge > battery.p_discharge_max_mw + 1e-9:
        raise Broken(f"energy: {name}: power {-charge} to {discharge} MW leaves the limits")


def _standing_losses_are_due(battery: Battery, own: pd.DataFrame, name: str, hours: float) -> None:
    """Standing losses are the integral of self-discharge and auxiliaries, nothing else.

    The stored energy of each moment of a step lies between what is left when all is taken out
    first, and what is there when all is put in first; above `soc_min` the losses of the step lie
    between those of the two. In a step without exchange the integral is that of the trapezoid, up
    to the curvature of a decay.
    """
    rate, auxiliary = battery.self_discharge_per_h, battery.auxiliary_mw
    floor = battery.soc_min * battery.energy_mwh
    end = own["energy_mwh"].to_numpy()
    start = np.concatenate([[_initial_mwh(battery)], end[:-1]])
    standing = own["standing_mwh"].to_numpy()
    put_in = own["charged_mwh"].to_numpy() * battery.efficiency_charge
    taken_out = (
        own["discharged_mwh"].to_numpy() / battery.efficiency_discharge
        + own["traction_mwh"].to_numpy()
    )
    low, high = np.maximum(start - taken_out - standing, 0.0), start + put_in
    most = (rate * high + auxiliary) * hours
    # At `soc_min` and below, standing losses have stopped: for how long, the tables do not say.
    least = np.where(low > floor + JUST_MWH, (rate * low + auxiliary) * hours, 0.0)
    quiet = (put_in == 0) & (taken_out == 0) & (end > floor + JUST_MWH)
    trapezoid = (rate * (start + end) / 2 + auxiliary) * hours
    curvature = rate**2 * (rate * start + auxiliary) * hours**3 / 12
    least = np.where(quiet, trapezoid - curvature, least) - JUST_MWH
    most = np.where(quiet, trapezoid + curvature, most) + JUST_MWH
    if not ((standing >= least) & (standing <= most)).all():
        step = int(np.maximum(least - standing, standing - most).argmax())
        raise Broken(
            f"energy: {name}: standing losses of {standing[step]} MWh in the step at "
            f"{step * hours} h; self-discharge and auxiliaries take {least[step]} to {most[step]}"
        )


def _initial_mwh(battery: Battery) -> float:
    return battery.soc_initial * battery.energy_mwh
