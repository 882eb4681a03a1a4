"""What a market clears: units, grid, demand, wind, trains, and the rules, as arrays.

Periods count from the start of the clearing; powers are period means in MW.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.units import BoolArray, FloatArray, IntArray

NO_LEG = -1
"""Entry of `Rail.leg_spans` where no leg leads from one station to another."""

ANYWHERE = -1
"""Entry of `Rail.home` of a train that may end anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """Thermal units and their state at the start, arrays ``(unit,)``.

    Attributes
    ----------
    bus
        Bus index.
    p_min_mw, p_max_mw
        Output while on [MW].
    p_min_usd_per_h
        Cost of running at `p_min_mw` [USD/h].
    segment_mw, segment_usd_per_mwh
        Widths of the cost segments above `p_min_mw`, and their slopes, which do not fall,
        ``(unit, segment)`` [MW, USD/MWh].
    ramp_mw_per_h
        Largest change of output between two hours on [MW/h]. A unit may start at, and shut down
        from, the larger of this and `p_min_mw`.
    min_up_h, min_down_h
        Shortest time on and off [h].
    start_up_usd, shut_down_usd
        Paid for each start and each shut-down [USD].
    emission_lb_per_mwh, emission_lb_per_start
        Emissions [lb/MWh, lb].
    on
        Whether it is on before the first period.
    hours_in_state
        For how long it has been on or off [h].
    p_mw
        Output before the first period [MW]; NaN where it does not restrict the first period.
    """

    bus: IntArray
    p_min_mw: FloatArray
    p_max_mw: FloatArray
    p_min_usd_per_h: FloatArray
    segment_mw: FloatArray
    segment_usd_per_mwh: FloatArray
    ramp_mw_per_h: FloatArray
    min_up_h: FloatArray
    min_down_h: FloatArray
    start_up_usd: FloatArray
    shut_down_usd: FloatArray
    emission_lb_per_mwh: FloatArray
    emission_lb_per_start: FloatArray
    on: BoolArray
    hours_in_state: FloatArray
    p_mw: FloatArray

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.bus)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DcGrid:
    """Lines in the DC approximation, arrays ``(line,)``; voltages are 1 pu, losses nothing.

    Attributes
    ----------
    n_buses
        Number of buses.
    from_bus, to_bus
        Bus indices.
    mw_per_rad
        Flow per angle difference, base power over reactance [MW/rad].
    limit_mw
        Largest flow either way [MW]; infinite where there is none.
    branch
        Column of the line in tables of branches: lines first, then transformers.
    """

    n_buses: int
    from_bus: IntArray
    to_bus: IntArray
    mw_per_rad: FloatArray
    limit_mw: FloatArray
    branch: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """Loads and what they put up with.

    Attributes
    ----------
    bus
        Bus index, ``(load,)``.
    mw
        Forecast load, ``(period, load)`` [MW].
    benefit_usd_per_mwh
        Marginal benefit of load that is served, ``(period, load)`` [USD/MWh].
    lost_load_usd_per_mwh
        Damage of load that is not served, beside the benefit it misses [USD/MWh].
    shiftable
        Share of each period's load that may be shifted away or added, ``(load,)`` [-].
    ramp_per_h
        Largest change of the shifted load between two hours, as a share of the hour's load,
        ``(load,)`` [1/h].
    before_mw
        What was shifted to the period before the first, ``(load,)`` [MW].
    shifted_mwh
        Energy moved before the start, to be given back by the end, ``(load,)`` [MWh]; positive
        where more was consumed. What is not given back counts as lost load.
    """

    bus: IntArray
    mw: FloatArray
    benefit_usd_per_mwh: FloatArray
    lost_load_usd_per_mwh: float
    shiftable: FloatArray
    ramp_per_h: FloatArray
    before_mw: FloatArray
    shifted_mwh: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Renewables:
    """Wind turbines and photovoltaic plants; what is not used is spilled at no cost.

    Attributes
    ----------
    bus
        Bus index, ``(generator,)``.
    mw
        Forecast of the power available, ``(period, generator)`` [MW].
    """

    bus: IntArray
    mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainBatteries:
    """TrainBatteries of the trains, arrays ``(train,)``.

    Attributes
    ----------
    p_charge_mw, p_discharge_mw
        Largest powers at the grid side, both positive [MW].
    efficiency_charge, efficiency_discharge
        Stored over drawn, delivered over released [-].
    usd_per_mwh_charged, usd_per_mwh_discharged
        Paid per MWh at the grid side [USD/MWh].
    energy_min_mwh, energy_max_mwh
        Limits of the stored energy [MWh].
    energy_mwh
        Stored energy at the start [MWh].
    terminal_mwh
        Least stored energy at the end [MWh].
    missing_usd_per_mwh
        Paid for what is missing below that [USD/MWh]: the ledger's price, so that energy is missing
        only where power is scarce or nothing else is possible.
    """

    p_charge_mw: FloatArray
    p_discharge_mw: FloatArray
    efficiency_charge: FloatArray
    efficiency_discharge: FloatArray
    usd_per_mwh_charged: FloatArray
    usd_per_mwh_discharged: FloatArray
    energy_min_mwh: FloatArray
    energy_max_mwh: FloatArray
    energy_mwh: FloatArray
    terminal_mwh: FloatArray
    missing_usd_per_mwh: FloatArray

    @property
    def n_trains(self) -> int:
        """Number of trains."""
        return len(self.energy_mwh)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rail:
    """Where trains are and where they may go.

    Attributes
    ----------
    station_bus
        Bus of each station, ``(station,)``.
    leg_spans
        Spans that a leg takes, `NO_LEG` where there is none, ``(train, station, station)``.
    boundary
        Periods at whose starts a span begins and a train may leave, increasing, and the number of
        periods, ``(boundary,)``.
    leg_usd
        Paid for a leg, ``(train, station, station)`` [USD].
    departures
        How often each train may still depart, ``(train,)``; infinite for as often as it likes.
    station
        Where each train stands, or to which it runs, ``(train,)``.
    ready
        First period in which it is connected there, ``(train,)``.
    home
        Where it must end if it still can, ``(train,)``; `ANYWHERE` for anywhere.
    return_usd
        Paid where it ends at another station, ``(train, station)`` [USD].
    """

    station_bus: IntArray
    leg_spans: IntArray
    boundary: IntArray
    leg_usd: FloatArray
    departures: FloatArray
    station: IntArray
    ready: IntArray
    home: IntArray
    return_usd: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Security:
    """What the AC power flow asks of a dispatch beyond the DC approximation.

    Attributes
    ----------
    loss_bus
        Where losses are drawn: the bus of the slack unit.
    loss_mw
        Losses, ``(period,)`` [MW].
    limit_mw
        Largest flow either way, ``(period, line)`` [MW].
    needs
        Periods, and the units of which at least one must run there, ``(unit,)``.
    """

    loss_bus: int
    loss_mw: FloatArray
    limit_mw: FloatArray
    needs: tuple[tuple[int, BoolArray], ...] = ()

    def later(self, elapsed: int, grid: DcGrid) -> Security:
        """Return what to expect `elapsed` periods later; limits of lines are found anew."""
        n_periods = len(self.loss_mw) - elapsed
        return Security(
            loss_bus=self.loss_bus,
            loss_mw=self.loss_mw[elapsed:],
            limit_mw=np.tile(grid.limit_mw, (n_periods, 1)),
            needs=tuple((period - elapsed, units) for period, units in self.needs
                        if period >= elapsed),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """A market to be cleared.

    Attributes
    ----------
    period_h
        Length of a period [h].
    emission_cap_lb
        Largest emission over the periods [lb]; infinite for none.
    security
        What else the AC power flow asks; None before one has been computed.
    """

    period_h: float
    units: Units
    grid: DcGrid
    demand: Demand
    renewables: Renewables
    batteries: TrainBatteries
    rail: Rail
    emission_cap_lb: float = np.inf
    security: Security | None = None

    @property
    def n_periods(self) -> int:
        """Number of periods."""
        return len(self.demand.mw)

    @property
    def limit_mw(self) -> FloatArray:
        """Largest flow either way, ``(period, line)`` [MW]."""
        own = self.grid.limit_mw if self.security is None else self.security.limit_mw
        return np.broadcast_to(own, (self.n_periods, len(self.grid.from_bus)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenarios:
    """What loads and renewables may turn out to be.

    Attributes
    ----------
    probability
        ``(scenario,)``; they add up to 1.
    load_mw
        ``(scenario, period, load)`` [MW].
    available_mw
        ``(scenario, period, generator)`` [MW].
    """

    probability: FloatArray
    load_mw: FloatArray
    available_mw: FloatArray

    @property
    def n_scenarios(self) -> int:
        """Number of scenarios."""
        return len(self.probability)


def forecast_only(case: Case) -> Scenarios:
    """Return the forecast as the only scenario."""
    return Scenarios(
        probability=np.ones(1),
        load_mw=case.demand.mw[None],
        available_mw=case.renewables.mw[None],
    )


def segments(
    p_min_mw: FloatArray,
    p_max_mw: FloatArray,
    linear_usd_per_mwh: FloatArray,
    quadratic_usd_per_mw2h: FloatArray,
    n: int,
) -> tuple[FloatArray, FloatArray]:
    """Return `n` equal segments of quadratic costs, ``(unit, segment)``: widths and slopes.

    The slope of a segment from p to q is ``b + c (p + q)``, so that the cost is exact at its ends.
    """
    ends = p_min_mw[:, None] + np.linspace(0.0, 1.0, n + 1) * (p_max_mw - p_min_mw)[:, None]
    slope = linear_usd_per_mwh[:, None] + quadratic_usd_per_mw2h[:, None] * (
        ends[:, :-1] + ends[:, 1:]
    )
    return np.diff(ends, axis=1), slope
