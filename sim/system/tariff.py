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
        Price at which a change of stored energy between start and end of the episode is booked
        [USD/MWh inside the battery].
    import_meter
        Where energy bought and sold is metered.
    """

    import_usd_per_mwh: FloatArray
    export_usd_per_mwh: FloatArray
    retail_usd_per_mwh: FloatArray
    feed_in_usd_per_mwh: float = 0.0
    curtailment_usd_per_mwh: float = 0.0
    lost_load_usd_per_mwh: float = 1000.0
    stored_usd_per_mwh: float = 0.0
    import_meter: ImportMeter = ImportMeter.SLACK


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
