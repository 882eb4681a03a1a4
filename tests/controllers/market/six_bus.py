"""The published six-bus system with a battery train, as the models take it.

Mirzaei et al., *Two-Stage Robust-Stochastic Electricity Market Clearing Considering Mobile Energy
Storage in Rail Transportation*, IEEE Access 8, 2020.
"""

from __future__ import annotations

import numpy as np

from controllers.market.case import (
    NO_LEG,
    Case,
    DcGrid,
    Demand,
    Rail,
    Renewables,
    TrainBatteries,
    Units,
    segments,
)

LOAD_MW = np.array([
    175.19, 165.15, 158.67, 154.73, 155.06, 160.48, 173.39, 177.60, 186.81, 206.96, 228.61, 236.10,
    242.18, 243.60, 248.86, 255.79, 256.00, 246.74, 245.97, 237.35, 237.31, 232.67, 195.93, 195.60,
])  # fmt: skip
WIND_MW = np.array([
    44, 70.2, 76, 82, 84, 84, 100, 100, 78, 64, 100, 92, 84, 80, 78, 32, 4, 8, 10, 5, 6, 56, 82, 52,
])  # fmt: skip
STATION_BUS = np.array([0, 3, 4])
SPAN_H = 2


def six_bus(
    *,
    hours: int = 24,
    fleet: str = "none",
    transport_usd: float = 0.0,
    n_segments: int = 1,
    minimum_times: bool = False,
    line_limit_scale: float = 1.0,
    demand_response: float = 0.0,
    emission_cap_lb: float = np.inf,
    emission_lb_per_mwh: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Case:
    """Return the first hours of the day; `fleet` is none, train, or fixed:A, fixed:B or fixed:C."""
    n_trains = 0 if fleet == "none" else 1
    station = 0 if fleet in ("none", "train") else "ABC".index(fleet.removeprefix("fixed:"))
    legs = np.where(np.eye(3, dtype=np.bool_), 0, 1 if fleet == "train" else NO_LEG)
    return Case(
        period_h=1.0,
        units=units(n_segments, minimum_times, emission_lb_per_mwh),
        grid=grid(line_limit_scale),
        demand=Demand(
            bus=np.array([2, 3, 4]),
            mw=LOAD_MW[:hours, None] * np.array([0.2, 0.4, 0.4]),
            benefit_usd_per_mwh=np.full((hours, 3), 45.0),
            lost_load_usd_per_mwh=1000.0,
            shiftable=np.full(3, demand_response),
            ramp_per_h=np.full(3, demand_response),
            before_mw=np.zeros(3),
            shifted_mwh=np.zeros(3),
        ),
        renewables=Renewables(bus=np.array([0]), mw=WIND_MW[:hours, None]),
        batteries=batteries(n_trains),
        rail=Rail(
            station_bus=STATION_BUS,
            leg_spans=np.broadcast_to(legs, (n_trains, 3, 3)),
            boundary=np.arange(0, hours + 1, SPAN_H),
            leg_usd=np.full((n_trains, 3, 3), transport_usd),
            departures=np.full(n_trains, np.inf),
            station=np.full(n_trains, station),
            ready=np.zeros(n_trains, dtype=np.int64),
            home=np.full(n_trains, station),
            return_usd=np.zeros((n_trains, 3)),
        ),
        emission_cap_lb=emission_cap_lb,
    )


def units(
    n_segments: int, minimum_times: bool, emission_lb_per_mwh: tuple[float, float, float]
) -> Units:
    """Return the three units."""
    a = np.array([176.95, 129.97, 137.41])
    b = np.array([13.51, 32.63, 17.70])
    c = np.array([0.0004, 0.001, 0.005])
    p_min, p_max = np.array([100.0, 10.0, 10.0]), np.array([220.0, 100.0, 20.0])
    widths, slopes = segments(p_min, p_max, b, c, n_segments)
    times = 1.0 if minimum_times else 0.0
    return Units(
        bus=np.array([0, 1, 5]),
        p_min_mw=p_min,
        p_max_mw=p_max,
        p_min_usd_per_h=a + b * p_min + c * p_min**2,
        segment_mw=widths,
        segment_usd_per_mwh=slopes,
        ramp_mw_per_h=np.array([55.0, 50.0, 20.0]),
        min_up_h=times * np.array([4.0, 3.0, 1.0]),
        min_down_h=times * np.array([4.0, 2.0, 1.0]),
        start_up_usd=np.array([100.0, 200.0, 0.0]),
        shut_down_usd=np.array([50.0, 100.0, 0.0]),
        emission_lb_per_mwh=np.array(emission_lb_per_mwh),
        emission_lb_per_start=np.zeros(3),
        on=np.array([True, True, False]),
        hours_in_state=np.array([4.0, 2.0, 24.0]),
        p_mw=np.full(3, np.nan),
    )


def grid(limit_scale: float) -> DcGrid:
    """Return the seven lines."""
    return DcGrid(
        n_buses=6,
        from_bus=np.array([0, 1, 0, 1, 3, 4, 2]),
        to_bus=np.array([1, 2, 3, 3, 4, 5, 5]),
        mw_per_rad=100 / np.array([0.170, 0.037, 0.258, 0.197, 0.037, 0.140, 0.018]),
        limit_mw=limit_scale * np.array([200.0, 100, 100, 100, 100, 100, 100]),
        branch=np.arange(7),
    )


def batteries(n_trains: int) -> TrainBatteries:
    """Return the batteries of six wagons each, empty at both ends."""
    values = {
        "p_charge_mw": 30.0, "p_discharge_mw": 30.0, "efficiency_charge": 0.9,
        "efficiency_discharge": 0.9, "usd_per_mwh_charged": 1.0, "usd_per_mwh_discharged": 1.0,
        "energy_min_mwh": 0.0, "energy_max_mwh": 120.0, "energy_mwh": 0.0, "terminal_mwh": 0.0,
        "missing_usd_per_mwh": 1000.0,
    }  # fmt: skip
    return TrainBatteries(**{name: np.full(n_trains, value) for name, value in values.items()})
