"""Systems and observations built by hand, small enough to reason about."""

from __future__ import annotations

import numpy as np

from sim.control import (
    EvStates,
    Forecast,
    Observation,
    TravelHours,
    TravelTable,
    UnitStates,
    VehicleStates,
    VehicleStatus,
)
from sim.system.battery import Battery
from sim.system.generators import Generators
from sim.system.grid import Grid, Lines, Transformers
from sim.system.loads import Loads
from sim.system.roads import Roads
from sim.system.stations import Station
from sim.system.system import System
from sim.system.tariff import Penalties, Tariff
from sim.system.timing import Timing
from sim.system.vehicles import Truck


def battery(**changes) -> Battery:
    values = {
        "energy_mwh": 1.5,
        "p_charge_max_mw": 0.5,
        "p_discharge_max_mw": 0.5,
        "s_mva": 0.6,
        "efficiency_charge": 0.95,
        "efficiency_discharge": 0.95,
        "soc_min": 0.1,
        "soc_max": 0.9,
        "soc_initial": 0.5,
        "soc_terminal": 0.5,
        "wear_usd_per_mwh": 2.0,
    }
    return Battery(**(values | changes))


def truck(index: int = 0, station: int = 0, **changes) -> Truck:
    values = {
        "name": f"truck {index}",
        "battery": battery(),
        "initial_station": station,
        "usd_per_km": 0.5,
        "labour_usd_per_h": 20.0,
    }
    return Truck(**(values | changes))


def radial_grid(parents: list[int], *, r_ohm: float, x_ohm: float, max_i_ka: float = 1.0) -> Grid:
    """Return a feeder in which bus ``i + 1`` hangs on bus ``parents[i]``; bus 0 is the source."""
    n = len(parents)
    ones = np.ones(n)
    return Grid(
        bus_name=tuple(f"bus {i}" for i in range(n + 1)),
        bus_vn_kv=np.full(n + 1, 12.66),
        v_min_pu=np.full(n + 1, 0.95),
        v_max_pu=np.full(n + 1, 1.05),
        x=np.arange(n + 1.0),
        y=np.zeros(n + 1),
        lines=Lines(
            name=tuple(f"line {i}" for i in range(n)),
            from_bus=np.array(parents),
            to_bus=np.arange(1, n + 1),
            r_ohm=r_ohm * ones,
            x_ohm=x_ohm * ones,
            c_nf=0 * ones,
            max_i_ka=max_i_ka * ones,
            limit_mva=np.nan * ones,
            from_closed=np.ones(n, dtype=bool),
            to_closed=np.ones(n, dtype=bool),
        ),
        transformers=Transformers.none(),
        source_bus=np.array([0]),
        source_vm_pu=np.array([1.0]),
    )


def system(
    grid: Grid,
    *,
    station_buses: list[int],
    trucks: list[Truck],
    load_buses: list[int],
    generator_buses: list[int] = (),
    n_periods: int = 4,
    horizon: int | None = None,
    plugs: int = 1,
    set_up_h: float = 0.1,
    tariff: dict[str, float] | None = None,
    penalties: dict[str, float] | None = None,
) -> System:
    """Return a system whose stations lie 10 km apart in a row, on roads of 40 km/h."""
    n_loads, n_generators, n_stations = len(load_buses), len(generator_buses), len(station_buses)
    here = np.arange(n_stations - 1)
    prices = {"stored_usd_per_mwh": 50.0} | (tariff or {})
    return System(
        name="by hand",
        timing=Timing(step_s=900, period_s=3600, horizon=horizon or n_periods, n_periods=n_periods),
        grid=grid,
        loads=Loads(
            name=tuple(f"load {i}" for i in range(n_loads)),
            bus=np.array(load_buses, dtype=np.int64),
            p_mw=np.ones(n_loads),
            q_mvar=np.zeros(n_loads),
            profile=np.zeros(n_loads, dtype=np.int64),
            benefit_usd_per_mwh=np.zeros(n_loads),
            shiftable=np.zeros(n_loads),
            shift_ramp_per_h=np.zeros(n_loads),
        ),
        generators=Generators(
            name=tuple(f"pv {i}" for i in range(n_generators)),
            kind=("pv",) * n_generators,
            bus=np.array(generator_buses, dtype=np.int64),
            p_mw=np.ones(n_generators),
            profile=np.ones(n_generators, dtype=np.int64),
        ),
        roads=Roads(
            node_name=tuple(f"node {i}" for i in range(n_stations)),
            x_km=10.0 * np.arange(n_stations),
            y_km=np.zeros(n_stations),
            from_node=np.concatenate([here, here + 1]),
            to_node=np.concatenate([here + 1, here]),
            length_km=np.full(2 * len(here), 10.0),
            free_speed_kmh=np.full(2 * len(here), 40.0),
            capacity_veh_h=np.full(2 * len(here), 1000.0),
        ),
        stations=tuple(
            Station(name=f"station {i}", bus=bus, road_node=i, plugs=plugs, set_up_h=set_up_h)
            for i, bus in enumerate(station_buses)
        ),
        vehicles=tuple(trucks),
        tariff=Tariff(
            import_usd_per_mwh=np.full(96, 60.0),
            export_usd_per_mwh=np.full(96, 30.0),
            retail_usd_per_mwh=np.full(96, 100.0),
            **prices,
        ),
        penalties=Penalties(**(penalties or {})),
        profiles=("load", "pv"),
    )


def observation(
    system: System,
    *,
    load_mw: np.ndarray,
    price: np.ndarray,
    load_mvar: np.ndarray | None = None,
    available_mw: np.ndarray | None = None,
    export: np.ndarray | None = None,
    travel_h: np.ndarray | None = None,
    period: int = 0,
    vehicles: dict[str, np.ndarray] | None = None,
    profile_std: np.ndarray | None = None,
    line_out: np.ndarray | None = None,
) -> Observation:
    """Return what a controller sees when everything is as the arguments say and at rest."""
    n = len(price)
    price = np.asarray(price, dtype=float)
    load_mw = np.asarray(load_mw, dtype=float).reshape(n, -1)
    n_stations, trucks = len(system.stations), system.vehicles
    now_h = period * system.timing.period_h
    if available_mw is None:
        available_mw = np.zeros((n, len(system.generators.name)))
    if travel_h is None:
        here = np.arange(n_stations)
        travel_h = np.broadcast_to(
            np.abs(here[:, None] - here[None, :]) * 0.25, (n, n_stations, n_stations)
        ).copy()
    nothing = np.zeros((n, len(system.profiles)))
    station = np.array([truck.initial_station for truck in trucks], dtype=np.int64)
    states = {
        "status": np.full(len(trucks), int(VehicleStatus.CONNECTED)),
        "station": station,
        "ready_h": np.full(len(trucks), now_h),
        "energy_mwh": np.array([truck.battery.energy_initial_mwh for truck in trucks]),
        "p_mw": np.zeros(len(trucks)),
        "q_mvar": np.zeros(len(trucks)),
        "trips_today": np.zeros(len(trucks), dtype=np.int64),
        "throughput_today_mwh": np.zeros(len(trucks)),
    } | (vehicles or {})
    occupied = np.bincount(station, minlength=n_stations)
    return Observation(
        now_h=now_h,
        period=period,
        periods_left=system.timing.n_periods - period,
        hour_of_day=now_h % 24,
        vehicles=VehicleStates(
            **states,
            itinerary=((),) * len(trucks),
            charge_left_mwh=np.full(len(trucks), np.inf),
            discharge_left_mwh=np.full(len(trucks), np.inf),
        ),
        queue=np.zeros(n_stations, dtype=np.int64),
        plugs_free=np.array([s.plugs for s in system.stations]) - occupied,
        terminal_energy_mwh=np.array([t.battery.energy_terminal_mwh for t in trucks]),
        load_mw=load_mw[0],
        load_mvar=np.zeros_like(load_mw[0]) if load_mvar is None else load_mvar[0],
        available_mw=available_mw[0],
        link_speed_kmh=system.roads.free_speed_kmh.copy(),
        incident=np.zeros(system.roads.n_links, dtype=bool),
        line_out=np.zeros(len(system.grid.lines.name), dtype=bool)
        if line_out is None
        else line_out,
        evs=EvStates.none(),
        units=UnitStates(
            on=np.zeros(0, dtype=np.bool_), hours_in_state=np.zeros(0), p_mw=np.zeros(0)
        ),
        shifted_mwh=np.zeros(len(system.loads.name)),
        voltages=None,
        forecast=Forecast(
            issued_h=now_h,
            profile_mean=nothing,
            profile_lower=nothing,
            profile_upper=nothing,
            profile_std=nothing if profile_std is None else profile_std,
            profile_step_std=nothing if profile_std is None else profile_std,
            profile_correlation=np.zeros((len(system.profiles), n, n)),
            series_correlation=np.eye(len(system.profiles)),
            load_mw=load_mw,
            load_mvar=np.zeros_like(load_mw) if load_mvar is None else load_mvar,
            available_mw=np.asarray(available_mw, dtype=float),
            ev_mw=np.zeros((n, len(system.evs))),
            import_usd_per_mwh=price[:, None],
            export_usd_per_mwh=(0.5 * price if export is None else np.asarray(export, dtype=float))[
                :, None
            ],
            travel=TravelTable(TravelHours(travel_h, travel_h, travel_h)),
            rail_h=np.full_like(travel_h, np.inf),
        ),
    )
