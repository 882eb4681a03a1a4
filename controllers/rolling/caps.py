"""Caps on generators where limits leave no room for all that may come, and what they withhold."""

from __future__ import annotations

import math

import numpy as np

from controllers.scheduling.grid.network import Network
from controllers.scheduling.problem.problem import Money
from sim.units import FloatArray

# No cap binds beyond so many standard deviations.
FAR = 3.0

# A generator is ordered down only by more than this [MW].
_LEAST_CURTAILMENT_MW = 1e-4


def withheld_usd(
    network: Network, money: Money, curtailed_mw: FloatArray, caps: FloatArray
) -> FloatArray:
    """Return what caps are expected to cost beyond the plan, ``(period,)`` [USD/h].

    Powers vary normally about their means, as the forecast says; what exceeds the cap is withheld.
    """
    std = network.available_std_mw
    varies = std > 0
    capped = np.isfinite(caps) & varies
    z = np.where(capped, caps - network.available_mw, 0.0) / np.where(varies, std, 1.0)
    lost = np.where(capped, std * normal_losses(z) - curtailed_mw, 0.0)
    of = network.generator_area
    price = np.where(network.import_mw > 0, money.import_usd_per_mwh, money.export_usd_per_mwh)
    usd_per_mwh = money.curtailment_usd_per_mwh[of] + network.import_c * price[:, of]
    usd: FloatArray = (lost * usd_per_mwh).sum(axis=1)
    return usd


def caps_mw(network: Network, curtailed_mw: FloatArray, room: FloatArray) -> FloatArray:
    """Return the caps on generators, ``(period, generator)`` [MW]; infinite where none is needed.

    What is planned to be curtailed is capped at the plan. Elsewhere a cap costs nothing unless
    more sun or wind comes than forecast.
    """
    std = network.available_std_mw
    close = (std > 0) & (room < FAR * std - 1e-9)
    capped = close | (curtailed_mw > _LEAST_CURTAILMENT_MW)
    above = np.where(close, room, 0.0)
    return np.where(capped, network.available_mw - curtailed_mw + above, np.inf)


def normal_losses(z: FloatArray) -> FloatArray:
    """Return the mean of what a standard normal variable exceeds each `z` by, same shape."""
    of = [
        math.exp(-x * x / 2) / math.sqrt(2 * math.pi) - x * math.erfc(x / math.sqrt(2)) / 2
        for x in z.ravel().tolist()
    ]
    return np.reshape(of, z.shape)
