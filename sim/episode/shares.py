"""Shares of areas and parties in the figures of an episode; they sum to the totals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sim.electrical.electrics import sum_of
from sim.episode.ledger import profit_by_party
from sim.episode.record import EpisodeRecord
from sim.powerflow.import_meter import import_mw
from sim.units import FloatArray

PROFIT = "profit_usd_by_party"


def shares(record: EpisodeRecord, ledger: pd.DataFrame) -> dict[str, float]:
    """Return figures by area and party, none where the scenario has neither of its own.

    ``profit_usd_by_party.NAME`` is what a party got less what it paid. By area:
    ``import_mwh_by_area.NAME``, ``loss_mwh_by_area``, ``curtailed_mwh_by_area``,
    ``unserved_mwh_by_area``.
    """
    system = record.system
    if not system.has_parties:
        return {}
    profit = profit_by_party(ledger, system.parties)
    found = {f"{PROFIT}.{party}": usd for party, usd in profit.items()}
    for index, area in enumerate(system.areas):
        for name, value in _of_area(record, index).items():
            found[f"{name}_by_area.{area.name}"] = value
    return found


def _of_area(record: EpisodeRecord, index: int) -> dict[str, float]:
    """Return the figures of one area."""
    system, electrics = record.system, record.electrics
    found, flow, bus_area = electrics.injections, electrics.flow, system.bus_area
    branch = bus_area[system.grid.branch_bus] == index
    plant = bus_area[system.generators.bus] == index
    cars = np.array([group.bus for group in system.evs], dtype=np.int64)
    load, group = bus_area[system.loads.bus] == index, bus_area[cars] == index

    def energy_mwh(power_mw: FloatArray) -> float:
        return float(np.nansum(power_mw) * system.timing.step_h)

    return {
        "import_mwh": energy_mwh(import_mw(system, flow)[:, index]),
        "loss_mwh": energy_mwh(sum_of(branch, flow.branch_loss_mw)),
        "curtailed_mwh": energy_mwh(sum_of(plant, found.available_mw - found.generation_mw)),
        "unserved_mwh": energy_mwh(electrics.unserved_of(load, group)),
    }
