"""How the grid responds to stations and curtailment, from AC power flows.

Only the injections of the stations and the curtailment of generators are variables. Everything
else is projected out: AC power flows around an operating point, by central differences, give how
import, voltages and currents respond. That is exact to first order at the point, losses and
meshes included, and becomes the LinDistFlow equations (Baran & Wu, *Optimal capacitor placement
on radial distribution systems*, IEEE Trans. Power Delivery 4(1), 1989) where losses vanish.
Limits that no allowed injection can violate are left out.

Losses also get their curvature, without which reactive power would jump between its limits. The
path resistances ``R`` that shape the voltage drop, ``dv/dp = R / v``, shape the losses as well:
``sum of r (P^2 + Q^2) / v^2 = p' (R / v^2) p + q' (R / v^2) q + ...``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from controllers.models.limits import Limits
from controllers.models.network import Network, OperatingPoint
from sim.control import Forecast
from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.powerflow.settlement import settled_import_mw
from sim.system.system import System
from sim.units import BoolArray, FloatArray, IntArray

# Half the width of the central differences [MW, Mvar].
_STEP_MW = 0.05

# Forecast errors beyond so many standard deviations are not prepared for.
_FAR = 3.0


def linearise(
    system: System, flow: PowerFlow, forecast: Forecast, point: OperatingPoint
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

    Returns
    -------
    Network
        The response. A period whose power flow diverges has no rows and no losses.
    """
    stations = np.array([station.bus for station in system.stations], dtype=np.int64)
    n_stations = len(stations)
    buses, where = np.unique(np.concatenate([stations, system.generators.bus]), return_inverse=True)
    base = flow.solve(*injections(system, forecast, point))
    moved = _moved(system, flow, forecast, point, buses)
    std_mw = forecast.profile_step_std[:, system.generators.profile] * system.generators.p_mw
    limits = Limits.around(system, base, _lines_that_count(system, moved, base))

    def settled_mw(result: PowerFlowResult) -> FloatArray:
        return settled_import_mw(system, result)

    def slope(of: Callable[[PowerFlowResult], FloatArray], pair: int) -> FloatArray:
        """Return the derivative of something, ``(station or generator, period, thing)``."""
        high, low = of(moved[pair]), of(moved[pair + 1])
        n_periods = forecast.n_periods
        change: FloatArray = (high - low).reshape(len(buses), n_periods, -1) / (2 * _STEP_MW)
        return change[where]

    imported = [slope(settled_mw, pair)[:, :, 0].T for pair in (0, 2)]
    rows = [np.moveaxis(slope(limits.values, pair), 0, 2) for pair in (0, 2)]
    import_mw = settled_mw(base)
    solved = np.isfinite(import_mw) & np.isfinite(imported).all(axis=(0, 2))
    import_p = np.where(solved[:, None], imported[0], -1.0)
    import_q = np.where(solved[:, None], imported[1], 0.0)[:, :n_stations]
    import_p, import_c = import_p[:, :n_stations], -import_p[:, n_stations:]
    balance = forecast.load_mw.sum(axis=1) + forecast.ev_mw.sum(axis=1)
    balance += point.curtailed_mw.sum(axis=1) - forecast.available_mw.sum(axis=1)
    balance -= point.p_mw.sum(axis=1)
    import_mw = np.where(solved, import_mw, balance)

    def vm_pu(result: PowerFlowResult) -> FloatArray:
        return result.vm_pu[:, stations]

    loss = _loss_curvature(slope(vm_pu, 0)[:n_stations], vm_pu(base))
    live: BoolArray = np.ones(n_stations, dtype=np.bool_)
    live[np.isnan(vm_pu(base)[solved]).any(axis=0)] = False
    # From values at the point to values at zero.
    import_p = import_p - 2 * np.einsum("tij,tj->ti", loss, point.p_mw)
    import_q = import_q - 2 * np.einsum("tij,tj->ti", loss, point.q_mvar)
    for values in (point.p_mw, point.q_mvar):
        import_mw = import_mw - np.einsum("ti,tij,tj->t", values, loss, values)
    import_mw = import_mw - (import_p * point.p_mw + import_q * point.q_mvar).sum(axis=1)
    import_mw -= (import_c * point.curtailed_mw).sum(axis=1)
    row_p, row_c = rows[0][:, :, :n_stations], -rows[0][:, :, n_stations:]
    row_q = rows[1][:, :, :n_stations]
    value = limits.values(base)[0]
    value = value - np.einsum("trs,ts->tr", row_p, point.p_mw)
    value -= np.einsum("trs,ts->tr", row_q, point.q_mvar)
    value -= np.einsum("trg,tg->tr", row_c, point.curtailed_mw)

    spread = _spread(system, flow, forecast, point, limits)
    highest_mw = forecast.available_mw + _FAR * std_mw
    reach = _reach(system, row_p, row_q) + _FAR * spread
    reach += (np.abs(row_c) * highest_mw[:, None, :]).sum(axis=2)
    # NaN (dead buses, diverged periods) compares as False.
    kept = (value + reach > 0) & (limits.usd > 0)
    return Network(
        import_mw=import_mw,
        import_p=np.ascontiguousarray(import_p),
        import_q=np.ascontiguousarray(import_q),
        import_c=np.ascontiguousarray(import_c),
        loss=loss,
        row_start=np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64),
        row_limit=np.broadcast_to(limits.limit, kept.shape)[kept],
        row_base=value[kept],
        row_p=row_p[kept],
        row_q=row_q[kept],
        row_c=row_c[kept],
        row_usd=np.broadcast_to(limits.usd, kept.shape)[kept],
        row_std=spread[kept],
        live=live,
        available_mw=forecast.available_mw.astype(np.float64),
        available_std_mw=std_mw,
    )


def injections(
    system: System, forecast: Forecast, point: OperatingPoint
) -> tuple[FloatArray, FloatArray]:
    """Return net injections of all buses, active and reactive, ``(period, bus)`` [MW, Mvar]."""
    p_mw = np.zeros((forecast.n_periods, system.grid.n_buses))
    q_mvar = np.zeros_like(p_mw)
    stations = np.array([station.bus for station in system.stations], dtype=np.int64)
    cars = np.array([group.bus for group in system.evs], dtype=np.int64)
    delivered = forecast.available_mw - point.curtailed_mw
    # Several things may share a bus: add unbuffered.
    np.add.at(p_mw.T, stations, point.p_mw.T)
    np.add.at(q_mvar.T, stations, point.q_mvar.T)
    np.add.at(p_mw.T, system.generators.bus, delivered.T)
    np.subtract.at(p_mw.T, system.loads.bus, forecast.load_mw.T)
    np.subtract.at(p_mw.T, cars, forecast.ev_mw.T)
    np.subtract.at(q_mvar.T, system.loads.bus, forecast.load_mvar.T)
    return p_mw, q_mvar


def _moved(
    system: System, flow: PowerFlow, forecast: Forecast, point: OperatingPoint, buses: IntArray
) -> tuple[PowerFlowResult, PowerFlowResult, PowerFlowResult, PowerFlowResult]:
    """Return the steady states with more and less p, and more and less q, at each bus."""
    p_mw, q_mvar = injections(system, forecast, point)
    n_periods, n_all = p_mw.shape
    bump = np.zeros((len(buses), 1, n_all))
    bump[np.arange(len(buses)), 0, buses] = _STEP_MW
    shape = (len(buses), n_periods, n_all)
    same_p = np.broadcast_to(p_mw, shape).reshape(-1, n_all)
    same_q = np.broadcast_to(q_mvar, shape).reshape(-1, n_all)
    return (
        flow.solve((p_mw + bump).reshape(-1, n_all), same_q),
        flow.solve((p_mw - bump).reshape(-1, n_all), same_q),
        flow.solve(same_p, (q_mvar + bump).reshape(-1, n_all)),
        flow.solve(same_p, (q_mvar - bump).reshape(-1, n_all)),
    )


def _lines_that_count(
    system: System,
    moved: tuple[PowerFlowResult, PowerFlowResult, PowerFlowResult, PowerFlowResult],
    base: PowerFlowResult,
) -> IntArray:
    """Return the lines in service that some injection may overload."""
    lines = system.grid.lines
    n_lines, n_periods = len(lines.name), len(base.vm_pu)
    loading = base.loading_percent[:, :n_lines]
    # A bound on what one MVA changes, from all four directions, times all that can inject.
    change = np.zeros(loading.shape)
    for result in moved:
        shifted = result.loading_percent[:, :n_lines].reshape(-1, n_periods, n_lines)
        change = np.maximum(change, np.abs(shifted - loading).max(axis=0) / _STEP_MW)
    fleet_mva = sum(truck.battery.s_mva for truck in system.vehicles)
    most = 2.0 * (fleet_mva + system.generators.p_mw.sum())
    in_service = lines.from_closed & lines.to_closed & (lines.max_i_ka > 0)
    return np.flatnonzero((loading + change * most > 100.0).any(axis=0) & in_service)


def _loss_curvature(vm_by_p: FloatArray, vm_pu: FloatArray) -> FloatArray:
    """Return `Network.loss` from ``dv/dp`` between stations.

    Parameters
    ----------
    vm_by_p
        ``(injecting station, period, station)`` [pu/MW].
    vm_pu
        Voltages of the stations, ``(period, station)`` [pu].
    """
    # Dead stations and diverged periods have none.
    raw = np.nan_to_num(np.moveaxis(vm_by_p / vm_pu, 0, 1))
    values, vectors = np.linalg.eigh((raw + raw.transpose(0, 2, 1)) / 2)
    loss: FloatArray = (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return loss


def _spread(
    system: System, flow: PowerFlow, forecast: Forecast, point: OperatingPoint, limits: Limits
) -> FloatArray:
    """Return `Network.row_std` of all rows, ``(period, row)``; profiles err independently."""
    p_mw, q_mvar = injections(system, forecast, point)
    loads, generators, n_buses = system.loads, system.generators, system.grid.n_buses
    variance = np.zeros((len(p_mw), len(limits.usd)))
    uncertain = np.flatnonzero((forecast.profile_step_std > 0).any(axis=0)).tolist()
    if not uncertain:
        return variance
    moved_p, moved_q = [p_mw], [q_mvar]
    for profile in uncertain:
        std = forecast.profile_step_std[:, profile, None]
        load, generator = loads.profile == profile, generators.profile == profile
        less_p, less_q = p_mw.copy(), q_mvar.copy()
        np.subtract.at(less_p.T, loads.bus[load], (std * loads.p_mw[load]).T)
        np.subtract.at(less_q.T, loads.bus[load], (std * loads.q_mvar[load]).T)
        np.subtract.at(less_p.T, generators.bus[generator], (std * generators.p_mw[generator]).T)
        moved_p.append(less_p)
        moved_q.append(less_q)
    value = limits.values(flow.solve(np.concatenate(moved_p), np.concatenate(moved_q)))
    lower_voltage = (limits.limit >= n_buses) & (limits.limit < 2 * n_buses)
    for n, profile in enumerate(uncertain):
        counts = lower_voltage if (generators.profile == profile).any() else True
        change = value[n + 1] - value[0]
        variance += np.where(counts & np.isfinite(change), change, 0.0) ** 2
    spread: FloatArray = np.sqrt(variance)
    return spread


def _reach(system: System, row_p: FloatArray, row_q: FloatArray) -> FloatArray:
    """Return by how much the whole fleet can raise each row at most, ``(period, row)``."""
    n_vehicles = len(system.vehicles)
    plugs = [min(station.plugs, n_vehicles) for station in system.stations]
    s_mva = max((truck.battery.s_mva for truck in system.vehicles), default=0.0)
    effect = np.repeat(np.hypot(row_p, row_q) * s_mva, plugs, axis=2)
    # At most as many plugs as vehicles count, the most effective ones.
    total: FloatArray = np.sort(effect, axis=2)[:, :, ::-1][:, :, :n_vehicles].sum(axis=2)
    return total
