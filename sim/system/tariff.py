"""What energy, comfort and misbehaviour cost."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from sim.units import FloatArray


class ImportMeter(enum.StrEnum):
    """Where the energy exchanged with the upstream grid is metered.

    Attributes
    ----------
    SLACK
        Where it enters, at the sources: all losses are paid.
    PUBLISHED
        At the far ends of the branches that leave the sources, as in the published reproduction of
        Abdeltawab & Mohamed (see ``scenarios/three_bus``): losses of these branches are not paid.
    """

    SLACK = "slack"
    PUBLISHED = "published"


class StoredEnergy(enum.StrEnum):
    """How stored energy at the end of an episode is booked.

    Attributes
    ----------
    TARGET
        What is missing below the terminal target is booked at what buying it at the dearest hour
        costs (`sim.system.terminal`); what lies above the target earns nothing. What the scenario
        itself gives up from start to target is booked at `Tariff.stored_usd_per_mwh`.
    CHANGE
        A change from start to end is booked at `Tariff.stored_usd_per_mwh`, whichever way.
    """

    TARGET = "target"
    CHANGE = "change"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tariff:
    """Prices by step of the day; a day's prices repeat.

    Attributes
    ----------
    import_usd_per_mwh, export_usd_per_mwh
        Paid for energy from, and received for energy to, the upstream grid, ``(step of day,)``
        [USD/MWh].
    retail_usd_per_mwh
        Received from customers, ``(step of day,)`` [USD/MWh].
    feed_in_usd_per_mwh
        Paid to owners of renewable generators for energy they deliver [USD/MWh].
    curtailment_usd_per_mwh
        Paid to them for energy they could have delivered [USD/MWh].
    lost_load_usd_per_mwh
        Value of load that is not served [USD/MWh].
    stored_usd_per_mwh
        Price of stored energy where no target speaks: of what the scenario gives up from start to
        target, and at the end of a look-ahead that ends before the episode [USD/MWh inside the
        battery].
    import_meter
        Where energy bought and sold is metered.
    stored_energy
        How stored energy is booked at the end of the episode.
    peak_usd_per_mwh
        What a MWh at the grid is worth at most, to book what is missing at the end [USD/MWh]; None
        for the highest price of the tariff or, where a unit balances the grid, the highest
        marginal cost of the units.
    """

    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    retail_usd_per_mwh: FloatArray
    feed_in_usd_per_mwh: float = 0.0
    curtailment_usd_per_mwh: float = 0.0
    lost_load_usd_per_mwh: float = 1000.0
    stored_usd_per_mwh: float = 0.0
    import_meter: ImportMeter = ImportMeter.SLACK
    stored_energy: StoredEnergy = StoredEnergy.TARGET
    peak_usd_per_mwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalties:
    """Weights that turn violated limits into the penalty part of the objective. No money flows.

    Attributes
    ----------
    voltage_usd_per_pu_h
        Per pu beyond a voltage limit, per hour and bus [USD/(pu h)].
    loading_usd_per_percent_h
        Per percentage point beyond 100 % loading, per hour and branch [USD/(% h)].
    """

    voltage_usd_per_pu_h: float = 0.0
    loading_usd_per_percent_h: float = 0.0
