"""The grid as seen from the stations: import and violated limits as linear functions.

Only the injections of the stations and the curtailment of generators are variables. Everything
else is projected out: AC power flows around an operating point, by central differences, give how
import, voltages and loadings respond. That is exact to first order at the point, losses and
meshes included, and becomes the LinDistFlow equations (Baran & Wu, *Optimal capacitor placement
on radial distribution systems*, IEEE Trans. Power Delivery 4(1), 1989) where losses vanish.
Limits that no allowed injection can violate are left out.

Losses also get their curvature, without which reactive power would jump between its limits. The
path resistances ``R`` that shape the voltage drop, ``dv/dp = R / v``, shape the losses as well:
``sum of r (P^2 + Q^2) / v^2 = p' (R / v^2) p + q' (R / v^2) q + ...``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.control import Forecast
from sim.powerflow.protocol import PowerFlow, PowerFlowResult
from sim.system.system import System
from sim.units import FloatArray, IntArray

# Half the width of the central differences [MW, Mvar].
_STEP_MW = 0.05

# Forecast errors beyond so many standard deviations are not prepared for.
_FAR = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatingPoint:
    """Where the network is linearised.

    Attributes
    ----------
    p_mw, q_mvar
        Injections of the stations, ``(period, station)`` [MW, Mvar].
    curtailed_mw
        Curtailment, ``(period, generator)`` [MW].
    """

    p_mw: FloatArray
    q_mvar: FloatArray
    curtailed_mw: FloatArray

    @classmethod
    def at_rest(cls, system: System, n_periods: int) -> OperatingPoint:
        """Return the point without storage and curtailment."""
        stations = np.zeros((n_periods, len(system.stations)))
        return cls(
            p_mw=stations,
            q_mvar=stations,
            curtailed_mw=np.zeros((n_periods, len(system.generators.name))),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """Response of the grid, per period.

    For station injections ``p, q`` and curtailment ``c`` the import is
    ``import_mw + import_p . p + import_q . q + import_c . c + p' loss p + q' loss q``;
    a row's violation is the positive part of ``row_base + row_p . p + row_q . q + row_c . c``.

    Attributes
    ----------
    import_mw
        Import of all sources together, ``(period,)``, negative for export [MW].
    import_p, import_q
        ``(period, station)`` [MW/MW, MW/Mvar].
    import_c
        ``(period, generator)`` [MW/MW].
    loss
        Half the curvature of the losses, symmetric and positive semidefinite,
        ``(period, station, station)`` [MW/MW^2].
    row_start
        Rows of period ``t`` are ``row_start[t]:row_start[t + 1]``, ``(period + 1,)``.
    row_base
        ``(row,)`` [pu or %].
    row_p, row_q, row_c
        ``(row, station)``, ``(row, station)``, ``(row, generator)``.
    row_usd
        What a unit of violation costs for one period, ``(row,)`` [USD].
    row_std
        Standard deviation of the row by errors of the load forecast, and of a lower voltage limit
        by errors of the renewable forecast as well, ``(row,)`` [pu or %]. Renewable power above
        its forecast can be capped.
    available_mw, available_std_mw
        Renewable power available and standard deviation of its forecast,
        ``(period, generator)`` [MW].
    """

    import_mw: FloatArray
    import_p: FloatArray
    import_q: FloatArray
    import_c: FloatArray
    loss: FloatArray
    row_start: IntArray
    row_base: FloatArray
    row_p: FloatArray
    row_q: FloatArray
    row_c: FloatArray
    row_usd: FloatArray
    row_std: FloatArray
    available_mw: FloatArray
    available_std_mw: FloatArray

    @property
    def row_period(self) -> IntArray:
        """Period of each row, ``(row,)``."""
        return np.repeat(np.arange(len(self.import_mw)), np.diff(self.row_start))

    def tightened(self, margin: float) -> Network:
        """Return the network with limits tightened by `margin` standard deviations."""
        return replace(self, row_base=self.row_base + margin * self.row_std)

    def rows_at(self, point: OperatingPoint) -> FloatArray:
        """Return how far each limit is exceeded at a point, negative below it, ``(row,)``."""
        period = self.row_period
        exceeded: FloatArray = self.row_base + (self.row_p * point.p_mw[period]).sum(axis=1)
        exceeded += (self.row_q * point.q_mvar[period]).sum(axis=1)
        exceeded += (self.row_c * point.curtailed_mw[period]).sum(axis=1)
        return exceeded

    def import_at(self, point: OperatingPoint) -> FloatArray:
        """Return the import at a point, ``(period,)`` [MW]."""
        imported = self.import_mw + (self.import_p * point.p_mw).sum(axis=1)
        imported += (self.import_q * point.q_mvar).sum(axis=1)
        imported += (self.import_c * point.curtailed_mw).sum(axis=1)
        for values in (point.p_mw, point.q_mvar):
            imported += np.einsum("ti,tij,tj->t", values, self.loss, values)
        return imported


def linearise(
    system: System, flow: PowerFlow, forecast: Forecast, point: OperatingPoint
) -> Network:
    """Return the network's response around an operating point.

    Parameters
    ----------
    system
        What exists.
    flow
        AC power flow of `system.grid`.
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
    buses, where = np.unique(np.concatenate([stations, system.generators.bus]), return_inverse=True)
    n_stations = len(stations)
    base, by_p, by_q = _responses(system, flow, forecast, point, buses)
    limits = _Limits.of(system)
    import_mw = base.source_mw.sum(axis=1)
    import_p = by_p.source_mw.sum(axis=2)[where]
    import_q = by_q.source_mw.sum(axis=2)[where]
    excess = limits.excess(base.vm_pu, base.loading_percent)
    row_p = limits.slope(by_p.vm_pu, by_p.loading_percent)[where]
    row_q = limits.slope(by_q.vm_pu, by_q.loading_percent)[where]
    solved = np.isfinite(import_mw) & np.isfinite(import_p).all(axis=0)
    solved &= np.isfinite(import_q).all(axis=0)
    balance = forecast.load_mw.sum(axis=1) - forecast.available_mw.sum(axis=1)
    balance += point.curtailed_mw.sum(axis=1) - point.p_mw.sum(axis=1)
    import_mw = np.where(solved, import_mw, balance)
    import_p = np.where(solved, import_p, -1.0).T
    import_q = np.where(solved, import_q, 0.0).T
    p_s, p_c = import_p[:, :n_stations], -import_p[:, n_stations:]
    q_s = import_q[:, :n_stations]
    loss = _loss_curvature(by_p.vm_pu[where[:n_stations]][:, :, stations], base.vm_pu[:, stations])
    # From values at the point to values at zero.
    p_s = p_s - 2 * np.einsum("tij,tj->ti", loss, point.p_mw)
    q_s = q_s - 2 * np.einsum("tij,tj->ti", loss, point.q_mvar)
    for values in (point.p_mw, point.q_mvar):
        import_mw = import_mw - np.einsum("ti,tij,tj->t", values, loss, values)
    import_mw = import_mw - (p_s * point.p_mw + q_s * point.q_mvar).sum(axis=1)
    import_mw -= (p_c * point.curtailed_mw).sum(axis=1)
    row_p, row_q = np.moveaxis(row_p, 0, 2), np.moveaxis(row_q, 0, 2)
    row_c = -row_p[:, :, n_stations:]
    row_p, row_q = row_p[:, :, :n_stations], row_q[:, :, :n_stations]
    excess = excess - np.einsum("trs,ts->tr", row_p, point.p_mw)
    excess -= np.einsum("trs,ts->tr", row_q, point.q_mvar)
    excess -= np.einsum("trg,tg->tr", row_c, point.curtailed_mw)
    spread = _spread(system, flow, forecast, point, base, limits)
    std_mw = forecast.profile_std[:, system.generators.profile] * system.generators.p_mw
    highest_mw = forecast.available_mw + _FAR * std_mw
    reach = _reach(system, row_p, row_q) + _FAR * spread
    reach += (np.abs(row_c) * highest_mw[:, None, :]).sum(axis=2)
    # NaN (dead buses, diverged periods) compares as False.
    kept = (excess + reach > 0) & (limits.usd > 0)
    return Network(
        import_mw=import_mw,
        import_p=np.ascontiguousarray(p_s),
        import_q=np.ascontiguousarray(q_s),
        import_c=np.ascontiguousarray(p_c),
        loss=loss,
        row_start=np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64),
        row_base=excess[kept],
        row_p=row_p[kept],
        row_q=row_q[kept],
        row_c=row_c[kept],
        row_usd=np.broadcast_to(limits.usd, kept.shape)[kept],
        row_std=spread[kept],
        available_mw=forecast.available_mw.astype(np.float64),
        available_std_mw=std_mw,
    )


def _loss_curvature(vm_by_p: FloatArray, vm_pu: FloatArray) -> FloatArray:
    """Return `Network.loss` from ``dv/dp`` between stations.

    Parameters
    ----------
    vm_by_p
        ``(injecting station, period, station)`` [pu/MW].
    vm_pu
        Voltages of the stations, ``(period, station)`` [pu].
    """
    raw = np.moveaxis(vm_by_p / vm_pu, 0, 1)
    # Diverged periods have none.
    raw = np.where(np.isfinite(raw).all(axis=(1, 2), keepdims=True), raw, 0.0)
    values, vectors = np.linalg.eigh((raw + raw.transpose(0, 2, 1)) / 2)
    loss: FloatArray = (vectors * np.maximum(values, 0.0)[:, None, :]) @ vectors.transpose(0, 2, 1)
    return loss


def injections(
    system: System, forecast: Forecast, point: OperatingPoint
) -> tuple[FloatArray, FloatArray]:
    """Return net injections of all buses, active and reactive, ``(period, bus)`` [MW, Mvar]."""
    n_periods = forecast.n_periods
    p_mw = np.zeros((n_periods, system.grid.n_buses))
    q_mvar = np.zeros_like(p_mw)
    stations = np.array([station.bus for station in system.stations], dtype=np.int64)
    delivered = forecast.available_mw - point.curtailed_mw
    # Several things may share a bus: add unbuffered.
    np.add.at(p_mw.T, stations, point.p_mw.T)
    np.add.at(q_mvar.T, stations, point.q_mvar.T)
    np.add.at(p_mw.T, system.generators.bus, delivered.T)
    np.subtract.at(p_mw.T, system.loads.bus, forecast.load_mw.T)
    np.subtract.at(q_mvar.T, system.loads.bus, forecast.load_mvar.T)
    return p_mw, q_mvar


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Response:
    """Derivatives by the injection at a bus, ``(injecting bus, period, thing)``."""

    vm_pu: FloatArray
    loading_percent: FloatArray
    source_mw: FloatArray

    @classmethod
    def between(cls, above: PowerFlowResult, below: PowerFlowResult, n_buses: int) -> _Response:
        def slope(high: FloatArray, low: FloatArray) -> FloatArray:
            difference: FloatArray = (high - low) / (2 * _STEP_MW)
            return difference.reshape(n_buses, -1, difference.shape[1])

        return cls(
            vm_pu=slope(above.vm_pu, below.vm_pu),
            loading_percent=slope(above.loading_percent, below.loading_percent),
            source_mw=slope(above.source_mw, below.source_mw),
        )


def _responses(
    system: System, flow: PowerFlow, forecast: Forecast, point: OperatingPoint, buses: IntArray
) -> tuple[PowerFlowResult, _Response, _Response]:
    """Return the flow at the point and its derivatives by p and q at the given buses."""
    p_mw, q_mvar = injections(system, forecast, point)
    n_periods, n_all = p_mw.shape
    bump = np.zeros((len(buses), 1, n_all))
    bump[np.arange(len(buses)), 0, buses] = _STEP_MW
    same_p = np.broadcast_to(p_mw, (len(buses), n_periods, n_all)).reshape(-1, n_all)
    same_q = np.broadcast_to(q_mvar, (len(buses), n_periods, n_all)).reshape(-1, n_all)

    def moved(values: FloatArray, sign: float) -> FloatArray:
        return (values + sign * bump).reshape(-1, n_all)

    base = flow.solve(p_mw, q_mvar)
    by_p = _Response.between(
        flow.solve(moved(p_mw, 1.0), same_q), flow.solve(moved(p_mw, -1.0), same_q), len(buses)
    )
    by_q = _Response.between(
        flow.solve(same_p, moved(q_mvar, 1.0)), flow.solve(same_p, moved(q_mvar, -1.0)), len(buses)
    )
    return base, by_p, by_q


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Limits:
    """All limits of the grid as rows: upper voltage, lower voltage, loading."""

    v_max_pu: FloatArray
    v_min_pu: FloatArray
    usd: FloatArray

    @classmethod
    def of(cls, system: System) -> _Limits:
        grid, penalties, period_h = system.grid, system.penalties, system.timing.period_h
        return cls(
            v_max_pu=grid.v_max_pu,
            v_min_pu=grid.v_min_pu,
            usd=np.concatenate(
                [
                    np.full(2 * grid.n_buses, penalties.voltage_usd_per_pu_h * period_h),
                    np.full(grid.n_branches, penalties.loading_usd_per_percent_h * period_h),
                ]
            ),
        )

    def excess(self, vm_pu: FloatArray, loading_percent: FloatArray) -> FloatArray:
        """Return how far each limit is exceeded, ``(..., row)``."""
        return np.concatenate(
            [vm_pu - self.v_max_pu, self.v_min_pu - vm_pu, loading_percent - 100.0], axis=-1
        )

    def slope(self, vm_pu: FloatArray, loading_percent: FloatArray) -> FloatArray:
        """Return how the rows respond, from how voltages and loadings do, ``(..., row)``."""
        return np.concatenate([vm_pu, -vm_pu, loading_percent], axis=-1)


def _spread(
    system: System,
    flow: PowerFlow,
    forecast: Forecast,
    point: OperatingPoint,
    base: PowerFlowResult,
    limits: _Limits,
) -> FloatArray:
    """Return `Network.row_std` of all rows, ``(period, row)``; profiles err independently."""
    p_mw, q_mvar = injections(system, forecast, point)
    grid, loads, generators = system.grid, system.loads, system.generators
    variance = np.zeros((len(p_mw), len(limits.usd)))
    n_buses = grid.n_buses
    for profile in range(len(system.profiles)):
        std = forecast.profile_std[:, profile, None]
        if not (std > 0).any():
            continue
        load, generator = loads.profile == profile, generators.profile == profile
        moved_p, moved_q = p_mw.copy(), q_mvar.copy()
        np.add.at(moved_p.T, loads.bus[load], -(std * loads.p_mw[load]).T)
        np.add.at(moved_q.T, loads.bus[load], -(std * loads.q_mvar[load]).T)
        np.add.at(moved_p.T, generators.bus[generator], -(std * generators.p_mw[generator]).T)
        moved = flow.solve(moved_p, moved_q)
        change = limits.excess(moved.vm_pu, moved.loading_percent)
        change = change - limits.excess(base.vm_pu, base.loading_percent)
        counts = np.ones(len(limits.usd), dtype=np.bool_)
        if generator.any():
            counts[:] = False
            counts[n_buses : 2 * n_buses] = True
        variance += np.where(counts & np.isfinite(change), change, 0.0) ** 2
    spread: FloatArray = np.sqrt(variance)
    return spread


def _reach(system: System, row_p: FloatArray, row_q: FloatArray) -> FloatArray:
    """Return by how much the whole fleet can raise each row at most, ``(period, row)``."""
    plugs = [min(station.plugs, len(system.vehicles)) for station in system.stations]
    s_mva = max((truck.battery.s_mva for truck in system.vehicles), default=0.0)
    effect = np.hypot(row_p, row_q) * s_mva
    effect = np.repeat(effect, plugs, axis=2)
    best = np.sort(effect, axis=2)[:, :, -len(system.vehicles) :] if system.vehicles else effect
    total: FloatArray = best.sum(axis=2)
    return total
