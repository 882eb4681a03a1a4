"""Linearisation of the AC power flow around an operating point, with quadratic losses.

Only the injections of the sites (stations, and groups of cars that are ordered) and the curtailment
of generators are variables. Everything else is projected out: the derivative of the AC power flow
at an operating point gives how import, voltages and currents respond. That is exact to first order
at the point, losses and meshes included, and becomes the LinDistFlow equations (Baran & Wu,
*Optimal capacitor placement on radial distribution systems*, IEEE Trans. Power Delivery 4(1), 1989)
where losses vanish. Limits that no allowed injection can violate are left out.

Losses also get their curvature, without which reactive power would jump between its limits. The
path resistances ``R`` that shape the voltage drop, ``dv/dp = R / v``, shape the losses as well:
``sum of r (P^2 + Q^2) / v^2 = p' (R / v^2) p + q' (R / v^2) q + ...``.
"""

from __future__ import annotations

import numpy as np

from controllers.scheduling.grid.currents import Currents
from controllers.scheduling.grid.limits import limit_rows, magnitudes
from controllers.scheduling.grid.network import Network, OperatingPoint, by_area
from controllers.scheduling.grid.response import ComplexArray, GridResponse, voltages
from sim.control import Forecast
from sim.powerflow.import_meter import settled_import_mw
from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.system.system import System
from sim.system.tariff import ImportMeter
from sim.units import BoolArray, FloatArray, IntArray

NO_GROUPS: IntArray = np.empty(0, dtype=np.int64)

# Forecast errors of more standard deviations are not prepared for.
_FAR = 3.0


def linearise(
    system: System,
    flow: PowerFlow,
    forecast: Forecast,
    point: OperatingPoint,
    groups: IntArray = NO_GROUPS,
) -> Network:
    """Return the network's response around an operating point.

    Parameters
    ----------
    system
        What exists.
    flow
        AC power flow of the grid as it is switched now.
    forecast
        Loads and available renewable power.
    point
        Where to linearise.
    groups
        Groups of cars that are ordered, indices into `System.evs`; the others charge as expected.

    Returns
    -------
    Network
        The response. A period whose power flow diverges has no rows and no losses.
    """
    sites, bus_area = site_buses(system, groups), system.bus_area
    n_sites, n_generators = len(sites), len(system.generators.name)
    site_area, plant_area = bus_area[sites], bus_area[system.generators.bus]
    p_mw, q_mvar = injections(system, forecast, point, groups)
    base = flow.solve(p_mw, q_mvar)
    uncertain = np.flatnonzero((forecast.profile_step_std > 0).any(axis=0))
    response = GridResponse.measured(system.grid, flow)
    found = response.slopes(base, p_mw, q_mvar, _directions(system, sites, uncertain))
    by_p, by_q, by_c, by_profile = np.split(
        np.arange(found.import_mw.shape[1]), np.cumsum([n_sites, n_sites, n_generators])
    )

    import_mw = settled_import_mw(system, base)
    imported = found.import_mw
    if system.tariff.import_meter is not ImportMeter.SLACK:
        imported = imported - _first_loss_slopes(system, base, found.voltage)
    solved = np.asarray(np.isfinite(np.hstack([import_mw, imported])).all(axis=1))
    import_p = np.where(solved[:, None], imported[:, by_p], -1.0)
    import_q = np.where(solved[:, None], imported[:, by_q], 0.0)
    import_c = np.where(solved[:, None], imported[:, by_c], 1.0)
    import_mw = np.where(
        solved[:, None], import_mw, _lossless_mw(system, forecast, point, groups, site_area)
    )

    vm_pu = base.vm_pu[:, sites]
    vm_by_p = magnitudes(base, found.voltage)[:, sites][:, :, by_p]
    # Measured across areas it would be rounding.
    loss = _loss_curvature(np.where(np.equal.outer(site_area, site_area), vm_by_p, 0.0), vm_pu)
    live: BoolArray = np.ones(n_sites, dtype=np.bool_)
    live[np.isnan(vm_pu[solved]).any(axis=0)] = False
    # From values at the point to values at zero.
    import_p = import_p - 2 * np.einsum("tij,tj->ti", loss, point.p_mw)
    import_q = import_q - 2 * np.einsum("tij,tj->ti", loss, point.q_mvar)
    n_areas = len(system.areas)
    for values in (point.p_mw, point.q_mvar):
        parts = [np.where(site_area == a, values, 0.0) for a in range(n_areas)]
        lost = [np.einsum("ti,tij,tj->t", part, loss, part) for part in parts]
        import_mw = import_mw - np.column_stack(lost)
    responded = import_p * point.p_mw + import_q * point.q_mvar
    import_mw = import_mw - by_area(responded, site_area, n_areas)
    import_mw -= by_area(import_c * point.curtailed_mw, plant_area, n_areas)
    std_mw = forecast.profile_step_std[:, system.generators.profile] * system.generators.p_mw
    highest_mw = forecast.available_mw + _FAR * std_mw

    def spread(period: IntArray, limit: IntArray, slope: FloatArray) -> FloatArray:
        std = forecast.profile_step_std[period][:, uncertain]
        return _spread(system, uncertain, std, limit, slope[:, by_profile])

    def reach(period: IntArray, limit: IntArray, slope: FloatArray) -> FloatArray:
        rise = _reach(system, slope[:, by_p], slope[:, by_q], groups)
        rise += _FAR * spread(period, limit, slope)
        rise += np.einsum("rg,rg->r", np.abs(slope[:, by_c]), highest_mw[period])
        return rise

    known = np.zeros(found.import_mw.shape)
    known[:, by_p], known[:, by_q], known[:, by_c] = point.p_mw, point.q_mvar, point.curtailed_mw
    rows, lines = limit_rows(system, base, found.voltage, known, reach)
    loads_only = ~np.isin(uncertain, system.generators.profile)
    error = np.where(loads_only, forecast.profile_step_std[lines.period][:, uncertain], 0.0)
    of_profile = lines.slope[:, by_profile]
    return Network(
        import_mw=import_mw,
        import_p=np.ascontiguousarray(import_p),
        import_q=np.ascontiguousarray(import_q),
        import_c=np.ascontiguousarray(import_c),
        profiles=uncertain,
        site_area=site_area,
        generator_area=plant_area,
        # Limits are numbered: upper voltages, lower voltages, branches.
        row_area=np.concatenate([bus_area, bus_area, bus_area[system.grid.branch_bus]])[rows.limit],
        loss=loss,
        row_start=np.searchsorted(rows.period, np.arange(forecast.n_periods + 1)).astype(np.int64),
        row_limit=rows.limit,
        row_base=rows.value,
        row_p=np.ascontiguousarray(rows.slope[:, by_p]),
        row_q=np.ascontiguousarray(rows.slope[:, by_q]),
        row_c=np.ascontiguousarray(rows.slope[:, by_c]),
        row_usd=rows.usd,
        row_profile=np.ascontiguousarray(rows.slope[:, by_profile]),
        row_std=spread(rows.period, rows.limit, rows.slope),
        currents=Currents(
            period=lines.period,
            limit=lines.limit,
            base=lines.base,
            by_p=np.ascontiguousarray(lines.slope[:, by_p]),
            by_q=np.ascontiguousarray(lines.slope[:, by_q]),
            by_c=np.ascontiguousarray(lines.slope[:, by_c]),
            by_profile=of_profile,
            by_error=of_profile * error,
            correction=lines.correction,
        ),
        live=live,
        available_mw=forecast.available_mw.astype(np.float64),
        available_std_mw=std_mw,
    )


def _lossless_mw(
    system: System, forecast: Forecast, point: OperatingPoint, groups: IntArray, site_area: IntArray
) -> FloatArray:
    """Return the import without losses, ``(period, area)`` [MW]; arguments as of `linearise`."""
    bus_area, n_areas = system.bus_area, len(system.areas)
    cars = np.array([group.bus for group in system.evs], dtype=np.int64)
    alone = np.setdiff1d(np.arange(len(cars)), groups)
    plant = bus_area[system.generators.bus]
    balance = by_area(forecast.load_mw, bus_area[system.loads.bus], n_areas)
    balance += by_area(forecast.ev_mw[:, alone], bus_area[cars[alone]], n_areas)
    balance += by_area(point.curtailed_mw, plant, n_areas) - by_area(
        forecast.available_mw, plant, n_areas
    )
    balance -= by_area(point.p_mw, site_area, n_areas)
    return balance


def site_buses(system: System, groups: IntArray) -> IntArray:
    """Return the buses of the stations, then of groups of cars, ``(site,)``."""
    stations = [station.bus for station in system.stations]
    return np.array([*stations, *(system.evs[g].bus for g in groups.tolist())], dtype=np.int64)


def injections(
    system: System, forecast: Forecast, point: OperatingPoint, groups: IntArray = NO_GROUPS
) -> tuple[FloatArray, FloatArray]:
    """Return net injections of all buses, active and reactive, ``(period, bus)`` [MW, Mvar].

    The arguments are those of `linearise`.
    """
    p_mw = np.zeros((forecast.n_periods, system.grid.n_buses))
    q_mvar = np.zeros_like(p_mw)
    sites = site_buses(system, groups)
    cars = np.array([group.bus for group in system.evs], dtype=np.int64)
    alone = np.setdiff1d(np.arange(len(cars)), groups)
    delivered = forecast.available_mw - point.curtailed_mw
    # Several things may share a bus: add unbuffered.
    np.add.at(p_mw.T, sites, point.p_mw.T)
    np.add.at(q_mvar.T, sites, point.q_mvar.T)
    np.add.at(p_mw.T, system.generators.bus, delivered.T)
    np.subtract.at(p_mw.T, system.loads.bus, forecast.load_mw.T)
    np.subtract.at(p_mw.T, cars[alone], forecast.ev_mw[:, alone].T)
    np.subtract.at(q_mvar.T, system.loads.bus, forecast.load_mvar.T)
    return p_mw, q_mvar


def _directions(system: System, sites: IntArray, uncertain: IntArray) -> ComplexArray:
    """Return the changes of injections that count, ``(bus, direction)`` [MVA/MW].

    More active and more reactive power of each site, curtailment of each generator, and
    one unit more of each uncertain profile.
    """
    loads, generators = system.loads, system.generators
    n_sites, n_generators = len(sites), len(generators.name)
    shape = (system.grid.n_buses, 2 * n_sites + n_generators + len(uncertain))
    towards: ComplexArray = np.zeros(shape, dtype=np.complex128)
    towards[sites, np.arange(n_sites)] = 1.0
    towards[sites, np.arange(n_sites, 2 * n_sites)] = 1.0j
    last = 2 * n_sites + n_generators
    towards[generators.bus, np.arange(2 * n_sites, last)] = -1.0
    for n, profile in enumerate(uncertain.tolist()):
        load, generator = loads.profile == profile, generators.profile == profile
        of_loads = loads.p_mw[load] + 1j * loads.q_mvar[load]
        np.subtract.at(towards[:, last + n], loads.bus[load], of_loads)
        np.add.at(towards[:, last + n], generators.bus[generator], generators.p_mw[generator])
    return towards


def _first_loss_slopes(system: System, base: PowerFlowResult, voltage: ComplexArray) -> FloatArray:
    """Return the derivatives of the series losses of branches at a source.

    Parameters
    ----------
    system
        What exists.
    base
        Steady states at the operating point, one per period.
    voltage
        Derivatives of the bus voltages there, ``(period, bus, direction)`` [pu/MW].

    Returns
    -------
    FloatArray
        ``(period, direction)`` [MW/MW].
    """
    grid = system.grid
    lines, transformers = grid.lines, grid.transformers
    at = voltages(base)
    line = np.flatnonzero(np.isin(lines.from_bus, grid.source_bus)
                          | np.isin(lines.to_bus, grid.source_bus))  # fmt: skip
    from_bus, to_bus = lines.from_bus[line], lines.to_bus[line]
    admittance = grid.bus_vn_kv[from_bus] ** 2 / (
        lines.r_ohm[line] + 1j * grid.line_reactance_ohm[line]
    )
    closed = lines.from_closed[line] & lines.to_closed[line]
    drop = at[:, from_bus] - at[:, to_bus]
    rise = voltage[:, from_bus] - voltage[:, to_bus]
    weight = np.where(closed, admittance.real, 0.0)
    slopes = _of_squares(drop, rise, weight)
    some = np.flatnonzero(np.isin(transformers.hv_bus, grid.source_bus)
                          | np.isin(transformers.lv_bus, grid.source_bus))  # fmt: skip
    hv_bus, lv_bus = transformers.hv_bus[some], transformers.lv_bus[some]
    high = grid.bus_vn_kv[hv_bus] / transformers.vn_hv_kv[some]
    low = grid.bus_vn_kv[lv_bus] / transformers.vn_lv_kv[some]
    # The resistance over the squared impedance, on the transformer's rating.
    conductance = 100.0 * transformers.vkr_percent[some] / transformers.vk_percent[some] ** 2
    closed = transformers.hv_closed[some] & transformers.lv_closed[some]
    drop = high * at[:, hv_bus] - low * at[:, lv_bus]
    rise = high[:, None] * voltage[:, hv_bus] - low[:, None] * voltage[:, lv_bus]
    weight = np.where(closed, conductance * transformers.sn_mva[some], 0.0)
    return slopes + _of_squares(drop, rise, weight)


def _of_squares(drop: ComplexArray, rise: ComplexArray, weight: FloatArray) -> FloatArray:
    """Return the derivative of ``sum of weight |drop|^2``, ``(period, direction)``."""
    changed = np.conj(drop)[:, :, None] * rise
    slopes: FloatArray = 2.0 * np.einsum("b,tbd->td", weight, np.real(changed))
    return slopes


def _loss_curvature(vm_by_p: FloatArray, vm_pu: FloatArray) -> FloatArray:
    """Return `Network.loss` from ``dv/dp`` between sites.

    Parameters
    ----------
    vm_by_p
        ``(period, site, injecting site)`` [pu/MW].
    vm_pu
        Voltages of the sites, ``(period, site)`` [pu].
    """
    # Dead sites and diverged periods have none.
    raw = np.nan_to_num(vm_by_p / vm_pu[:, :, None])
    values, vectors = np.linalg.eigh((raw + raw.transpose(0, 2, 1)) / 2)
    loss: FloatArray = (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return loss


def _spread(
    system: System, uncertain: IntArray, std: FloatArray, limit: IntArray, slope: FloatArray
) -> FloatArray:
    """Return `Network.row_std` of rows; profiles err independently.

    `std` and `slope` are the standard deviations of the uncertain profiles and the rows' slopes
    along them, ``(row, profile)``.
    """
    n_buses = system.grid.n_buses
    lower_voltage = (limit >= n_buses) & (limit < 2 * n_buses)
    renewable = np.isin(uncertain, system.generators.profile)
    counts = lower_voltage[:, None] | ~renewable
    change = np.where(counts & np.isfinite(slope), slope * std, 0.0)
    spread: FloatArray = np.sqrt((change**2).sum(axis=1))
    return spread


def _reach(system: System, row_p: FloatArray, row_q: FloatArray, groups: IntArray) -> FloatArray:
    """Return by how much the whole fleet and groups of cars can raise each row, ``(row,)``."""
    n_vehicles, n_stations = len(system.vehicles), len(system.stations)
    plugs = [min(station.plugs, n_vehicles) for station in system.stations]
    s_mva = max((truck.battery.s_mva for truck in system.vehicles), default=0.0)
    of_station = np.hypot(row_p[:, :n_stations], row_q[:, :n_stations])
    effect = np.repeat(of_station * s_mva, plugs, axis=1)
    # At most as many plugs as vehicles count, the most effective ones.
    total: FloatArray = np.sort(effect, axis=1)[:, ::-1][:, :n_vehicles].sum(axis=1)
    for n, g in enumerate(groups.tolist(), n_stations):
        cars = system.evs[g]
        drawn, fed = -row_p[:, n] * cars.p_mw, row_p[:, n] * cars.p_discharge_max_mw
        total += cars.count * np.maximum(np.maximum(drawn, fed), 0.0)
    return total
