"""Which part of the power from upstream is paid: what the meters of the tariff see."""

from __future__ import annotations

import numpy as np

from sim.powerflow.protocol import PowerFlowResult
from sim.system.system import System
from sim.system.tariff import ImportMeter
from sim.units import FloatArray


def import_mw(system: System, result: PowerFlowResult) -> FloatArray:
    """Return the power drawn from upstream, ``(step,)`` [MW].

    Negative for export; NaN where the power flow did not converge. Where a unit is the slack there
    is nothing upstream, and the source is that unit.
    """
    if system.slack_unit is not None:
        return np.where(result.converged, 0.0, np.nan)
    drawn: FloatArray = result.source_mw.sum(axis=1)
    return drawn


def settled_import_mw(system: System, result: PowerFlowResult) -> FloatArray:
    """Return the power from upstream as it is metered for payment, ``(step,)`` [MW].

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
    first = np.isin(ends, grid.source_bus).any(axis=1)
    metered -= result.branch_loss_mw[:, first].sum(axis=1)
    return metered
