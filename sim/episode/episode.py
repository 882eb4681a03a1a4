"""What an episode leaves behind: plain tables."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

SLOW = 0.8  # share of the free speed below which a road counts as congested
SHOWN = ("objective_usd", "cost_usd", "penalty_usd", "trips", "failed_decisions")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Episode:
    """One controller's life through one replication.

    Everything but `timings` is reproducible byte for byte from scenario, controller, seed and
    replication.

    Attributes
    ----------
    scenario, controller, seed, replication
        What was run.
    start
        Time stamp of the first step in the record.
    metrics
        Figures of the episode by name; see `sim.episode.metrics`.
    steps
        One row per step: ``time_h, import_usd_per_mwh, load_mw, ev_mw, unserved_mw, available_mw,
        generation_mw, curtailed_mw, storage_mw, unit_mw, shift_mw, imbalance_mw, import_mw,
        import_mvar, loss_mw, vm_pu_min, vm_pu_max, voltage_violation_pu, loading_percent_max,
        converged``; where there is more than one area ``import_mw.AREA`` and
        ``import_usd_per_mwh.AREA``, and where vehicles are rented ``rent_usd_per_mwh.AREA`` or
        ``rent_usd_per_h.AREA``. `import_mw` is negative for export; `load_mw` is served and
        contains `ev_mw` and `shift_mw`.
    vm_pu
        Voltage magnitudes, index ``time_h``, one column per bus [pu].
    va_degree
        Voltage angles, likewise [degree].
    loading_percent
        Branch loading, index ``time_h``, one column per branch, lines first, then transformers [%].
    p_from_mw, q_from_mvar
        Power that flows into each branch at its ``from_bus`` or ``hv_bus``, likewise [MW, Mvar].
    vehicles
        One row per step and vehicle: ``time_h, vehicle, status, station, energy_mwh, p_mw, q_mvar,
        charged_mwh, discharged_mwh, standing_mwh, traction_mwh, distance_km, travel_h, queue_h,
        repair_h, x_km, y_km``; state at the end of the step, power as mean of the step, amounts of
        the step. ``station`` is where it stands or goes to at the end of the step; where its power
        flowed is in `exchanges`.
    exchanges
        One row per step, vehicle and station at which something flowed: ``time_h, vehicle,
        station, p_mw, q_mvar, highest_mw, lowest_mw``; means of the step, positive injecting, and
        largest and lowest injection inside it. A truck that leaves a station and connects at
        another within one step has two rows.
    loads
        One row per step and load: ``time_h, load, p_mw, q_mvar, shift_mw, unserved_mw``; what was
        served, of this what was moved here from another time, and what was not served.
    generators
        One row per step and generator: ``time_h, generator, available_mw, p_mw``; the difference
        was curtailed, spilled, or cut off with a dead bus.
    ev_groups
        One row per step and group of electric cars: ``time_h, group, p_mw, drawn_mwh, least_mwh,
        most_mwh``; what they drew, and since the start by the end of the step, between the least
        and the most that they could have drawn had each stay begun as without orders; who feeds in
        and charges again draws losses on top.
    events
        One row per event: ``time_h, vehicle, event, station, detail``.
    units
        One row per step and thermal unit: ``time_h, unit, on, p_mw, beyond_ramp_mw, refused``; how
        far the slack unit, which no ramp binds, was away from what its ramp allows after the period
        before, and why an order to start or stop was not carried out, empty otherwise.
    prices
        One row per period and bus for which the controller found prices: ``time_h, bus,
        lmp_usd_per_mwh``; the last that were in force.
    trips
        One row per drive that ended: ``vehicle, origin, destination, depart_h, arrive_h, free_h,
        delay_h``; the delay counts from the fastest way on empty roads, or from the running times
        of the track.
    spans
        One row per segment of track that a train has run over, in order of arrival: ``vehicle,
        from_node, to_node, ask_h, enter_h, arrive_h, running_h``; it waited for the track from
        ``ask_h`` to ``enter_h``.
    outages
        One row per time a line was out of service: ``line, from_h, to_h``.
    congestion
        One row per step and road link that is slow as the step begins: ``time_h, from_node,
        to_node, speed_share``; its speed as a share of the free one, where that is below `SLOW`.
    decisions
        One row per decision: ``time_h, period, status, objective_usd, bound_usd, gap, fallback,
        clipped_mwh, orders, figures, trigger``; ``orders`` is a hash of what was ordered,
        ``figures`` is JSON, empty where the controller gave none, ``trigger`` what called for a
        decision between the periods.
    ledger
        ``step, payer, payee, item, usd``.
    timings
        ``name, seconds``; wall clock, different on every run.
    stored
        Returns a folder with the tables, which figures and reports are made of; None for an episode
        that `gridhaul.run` has not returned.
    """

    scenario: str
    controller: str
    seed: int
    replication: int
    start: pd.Timestamp
    metrics: dict[str, float]
    steps: pd.DataFrame
    vm_pu: pd.DataFrame
    va_degree: pd.DataFrame
    loading_percent: pd.DataFrame
    p_from_mw: pd.DataFrame
    q_from_mvar: pd.DataFrame
    vehicles: pd.DataFrame
    exchanges: pd.DataFrame
    loads: pd.DataFrame
    generators: pd.DataFrame
    ev_groups: pd.DataFrame
    events: pd.DataFrame
    units: pd.DataFrame
    prices: pd.DataFrame
    trips: pd.DataFrame
    spans: pd.DataFrame
    outages: pd.DataFrame
    congestion: pd.DataFrame
    decisions: pd.DataFrame
    ledger: pd.DataFrame
    timings: pd.DataFrame
    stored: Callable[[], Path] | None = None

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {self.metrics[name]:,.6g}" for name in SHOWN)
        return (
            f"<Episode {self.controller} on {self.scenario}, replication {self.replication}, from "
            f"{self.start:%Y-%m-%d %H:%M}: {figures}>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        figures = pd.Series({name: self.metrics[name] for name in SHOWN}, name="value")
        head = f"{self.controller} on {self.scenario}, {self.start:%Y-%m-%d}"
        return f"<b>{html.escape(head)}</b>{figures.to_frame().to_html()}"

    def timed(self, table: str) -> pd.DataFrame:
        """Return a table that has times with a DatetimeIndex in place of ``time_h``.

        Parameters
        ----------
        table
            ``"steps"``, ``"vm_pu"``, ``"vehicles"`` or another table with a time.

        Raises
        ------
        ValueError
            If there is no such table, or it has no time.
        """
        found = getattr(self, table, None)
        if isinstance(found, pd.DataFrame) and "time_h" in found.columns:
            found = found.set_index("time_h")
        if not isinstance(found, pd.DataFrame) or found.index.name != "time_h":
            raise ValueError(f"table(={table!r}) must be a table with times, such as 'steps'.")
        hours = pd.to_timedelta(found.index.to_numpy(dtype=float), unit="h").round("ms")
        return found.set_index(pd.DatetimeIndex(self.start + hours, name="time"))
