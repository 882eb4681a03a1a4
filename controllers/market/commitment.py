"""Unit commitment: which units run when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from controllers.market.case import Units
from controllers.optimisation.assembly import Assembly
from sim.units import BoolArray, FloatArray, IntArray

_ROUNDING_H = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Commitment:
    """Variables, ``(period, unit)``.

    Attributes
    ----------
    on, start, stop
        Whether a unit is on, starts, and stops at the start of a period. Starts and stops follow
        from `on`, so they need not be declared integer.
    """

    on: IntArray
    start: IntArray
    stop: IntArray


def add_commitment(
    assembly: Assembly,
    units: Units,
    n_periods: int,
    period_h: float,
    fixed: BoolArray | None = None,
    decided: BoolArray | None = None,
) -> Commitment:
    """Add commitment with minimum times on and off.

    Parameters
    ----------
    assembly
        Collects the model.
    units
        The units and their state.
    n_periods
        Number of periods.
    period_h
        Length of a period [h].
    fixed, decided
        Commitment that has been decided before, and for which periods and units,
        ``(period, unit)``.

    Notes
    -----
    The windows of starts and stops, ``sum v <= u`` and ``sum w <= 1 - u``, are those of Rajan &
    Takriti, IBM research report RC23628, 2005.
    """
    n_units = units.n_units
    shape = (n_periods, n_units)
    lower, upper = _known(units, n_periods, period_h)
    if fixed is not None and decided is not None:
        # What must be wins over what was decided: a unit that has failed to start stays off.
        free = decided & (lower < upper)
        lower, upper = np.where(free, fixed, lower), np.where(free, fixed, upper)
    cost = np.broadcast_to(units.p_min_usd_per_h * period_h, shape)
    on = assembly.variables(
        n_periods * n_units,
        lower=lower.ravel(),
        upper=upper.ravel(),
        cost=cost.ravel(),
        integer=True,
    ).reshape(shape)
    start, stop = (
        assembly.variables(
            n_periods * n_units, upper=1.0, cost=np.broadcast_to(usd, shape).ravel()
        ).reshape(shape)
        for usd in (units.start_up_usd, units.shut_down_usd)
    )
    before = np.zeros(shape)
    before[0] = units.on
    rows = assembly.rows(n_periods * n_units, lower=before.ravel(), upper=before.ravel()).reshape(
        shape
    )
    assembly.entries(rows, on, 1.0)
    assembly.entries(rows[1:], on[:-1], -1.0)
    assembly.entries(rows, start, -1.0)
    assembly.entries(rows, stop, 1.0)
    for variables, hours, sign in (
        (start, units.min_up_h, -1.0),
        (stop, units.min_down_h, 1.0),
    ):
        rows = assembly.rows(n_periods * n_units, upper=(1.0 + sign) / 2).reshape(shape)
        assembly.entries(rows, on, sign)
        for unit, length in enumerate(_periods(hours, period_h)):
            for lag in range(min(max(int(length), 1), n_periods)):
                assembly.entries(rows[lag:, unit], variables[: n_periods - lag, unit], 1.0)
    return Commitment(on=on, start=start, stop=stop)


def add_needs(
    assembly: Assembly,
    commitment: Commitment,
    needs: Sequence[tuple[int, BoolArray]],
    usd: float,
) -> None:
    """Ask for one at least of some units in some periods, or pay.

    Parameters
    ----------
    assembly
        Collects the model.
    commitment
        Variables of the commitment.
    needs
        Periods and units, ``(unit,)``.
    usd
        What a need that is not met costs [USD].
    """
    rows = assembly.rows(len(needs), lower=1.0)
    missed = assembly.variables(len(needs), upper=1.0, cost=np.full(len(needs), usd))
    assembly.entries(rows, missed, 1.0)
    for row, (period, units) in zip(rows, needs, strict=True):
        assembly.entries(row, commitment.on[period, units], 1.0)


def _periods(hours: FloatArray, period_h: float) -> IntArray:
    """Return the number of periods that cover some hours."""
    return np.ceil(hours / period_h - _ROUNDING_H).astype(np.int64)


def _known(units: Units, n_periods: int, period_h: float) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the commitment by the minimum times begun before, ``(period, unit)``."""
    least_h = np.where(units.on, units.min_up_h, units.min_down_h)
    held = np.arange(n_periods)[:, None] < _periods(least_h - units.hours_in_state, period_h)
    must, may = held & units.on, ~(held & ~units.on)
    return must.astype(np.float64), may.astype(np.float64)
