"""Which part of the power from upstream is paid: what the meters of the tariff see."""

from __future__ import annotations

import numpy as np

from sim.powerflow.protocol import PowerFlowResult
from sim.system.system import System
from sim.system.tariff import ImportMeter
from sim.units import FloatArray


def import_mw(system: System, result: PowerFlowResult) -> FloatArray:
    """Return the power drawn from upstream, ``(step, area)`` [MW].

    Negative for export; NaN where the power flow did not converge. Where a unit is the slack there
    is nothing upstream, and the source is that unit.
    """
    if system.slack_unit is not None:
        return np.where(result.converged, 0.0, np.nan)[:, None]
    drawn = [result.source_mw[:, area.sources].sum(axis=1) for area in system.areas]
    return np.column_stack(drawn)


def settled_import_mw(system: System, result: PowerFlowResult) -> FloatArray:
    """Return the power from upstream as it is metered for payment, ``(step, area)`` [MW].

    Negative for export; NaN where the power flow did not converge.
    """
    metered = import_mw(system, result)
    if system.slack_unit is not None or system.tariff.import_meter is ImportMeter.SLACK:
        return metered
    grid = system.grid
    ends = np.column_stack(
        [
            np.concatenate([grid.lines.from_bus, grid.transformers.hv_bus]),
            np.concatenate([grid.lines.to_bus, grid.transformers.lv_bus]),
        ]
    )
    for index, area in enumerate(system.areas):
        first = np.isin(ends, grid.source_bus[area.sources]).any(axis=1)
        metered[:, index] -= result.branch_loss_mw[:, first].sum(axis=1)
    return metered
