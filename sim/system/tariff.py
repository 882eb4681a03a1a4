"""What energy, comfort and misbehaviour cost."""

from __future__ import annotations

import dataclasses
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
    """Prices by step of the day; a day's prices repeat, but for those that are series.

    Attributes
    ----------
    import_usd_per_mwh, export_usd_per_mwh
        Paid for energy from, and received for energy to, the upstream grid, ``(step of day,)``
        [USD/MWh]; of series the mean day, or what `on` has put there.
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
    import_profile, export_profile
        Which of `System.profiles` are the prices, where these are series [USD/MWh]; None otherwise.
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
    import_profile: int | None = None
    export_profile: int | None = None

    @property
    def series(self) -> tuple[int, ...]:
        """Which of `System.profiles` are prices."""
        found = dict.fromkeys((self.import_profile, self.export_profile))
        return tuple(k for k in found if k is not None)

    def on(self, profile: FloatArray) -> Tariff:
        """Return the tariff with the prices of an episode.

        Parameters
        ----------
        profile
            What profiles were, ``(step, profile)``.
        """
        if self.import_profile is None or self.export_profile is None:
            return self
        return dataclasses.replace(
            self,
            import_usd_per_mwh=profile[:, self.import_profile],
            export_usd_per_mwh=profile[:, self.export_profile],
        )


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
