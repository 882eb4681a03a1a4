"""Models of what ``scenario.toml`` says of money: tariffs, areas, rent, penalties, the market."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.schema.values import (
    HourOfDay,
    Name,
    NotNegative,
    Number,
    Positive,
    Table,
)
from sim.system.areas import OPERATOR
from sim.system.rent import RentBasis, StoredEnergyOwner
from sim.system.tariff import ImportMeter, StoredEnergy


class TariffBlock(Table):
    """``[[tariff.block]]`` or a row of the tariff's CSV: prices from an hour on, until the next.

    Attributes
    ----------
    from_h
        Hour of the day from which the prices hold, until the next block [h].
    import_usd_per_mwh
        Price of energy from upstream [USD/MWh].
    export_usd_per_mwh
        Price for energy fed upstream [USD/MWh].
    retail_usd_per_mwh
        Price that customers pay [USD/MWh].
    """

    from_h: HourOfDay
    import_usd_per_mwh: Number
    export_usd_per_mwh: Number
    retail_usd_per_mwh: Number = 0.0


class TariffTable(Table):
    """``[tariff]``: blocks, a CSV file with one block or one time stamp a row, or record columns.

    Attributes
    ----------
    file
        CSV file, in place of block: one block a row, or columns time, import_usd_per_mwh and, where
        energy is sold at another price, export_usd_per_mwh.
    import_column
        Column of the record with the price of energy from upstream [USD/MWh], in place of block.
    export_column
        Column with the price for energy fed upstream; import_column by default.
    retail_usd_per_mwh
        Price that customers pay where prices are no blocks [USD/MWh].
    feed_in_usd_per_mwh
        Paid to owners of renewables [USD/MWh].
    curtailment_usd_per_mwh
        Paid for energy that is curtailed [USD/MWh].
    lost_load_usd_per_mwh
        Value of load that is not served [USD/MWh].
    stored_usd_per_mwh
        Price of stored energy at the end of an episode, where settlement.stored_energy is change
        [USD/MWh].
    """

    block: tuple[TariffBlock, ...] = ()
    file: str | None = None
    import_column: Name | None = None
    export_column: Name | None = None
    retail_usd_per_mwh: NotNegative = 0.0
    feed_in_usd_per_mwh: NotNegative = 0.0
    curtailment_usd_per_mwh: NotNegative = 0.0
    lost_load_usd_per_mwh: NotNegative = 1000.0
    stored_usd_per_mwh: NotNegative = 0.0


class AreaTable(Table):
    """``[[area]]``: a part of the grid with its own sources, tariff and operator.

    Attributes
    ----------
    name
        Name of the area.
    sources
        Buses of the sources that feed it; every source feeds one area.
    operator
        The party that buys and sells its energy.
    tariff
        Its prices, as [tariff]; those of [tariff] where it is not given. stored_usd_per_mwh is that
        of [tariff] in all areas.
    """

    name: Name
    sources: Annotated[tuple[Name, ...], Field(min_length=1)]
    operator: Name = OPERATOR
    tariff: TariffTable | None = None


class RentTable(Table):
    """``[rent]``: the contract by which operators of areas rent vehicles.

    Attributes
    ----------
    basis
        What is paid for: see sim.system.rent.RentBasis.
    stored_energy
        To whom energy in the batteries belongs: see sim.system.rent.StoredEnergyOwner.
    """

    basis: RentBasis = RentBasis.ENERGY
    stored_energy: StoredEnergyOwner = StoredEnergyOwner.OPERATORS


class SettlementTable(Table):
    """``[settlement]``: how trade upstream and the end of an episode are settled.

    Attributes
    ----------
    import_meter
        Where trade upstream is metered: see sim.system.tariff.ImportMeter.
    stored_energy
        How energy above or below soc_terminal is booked at the end: see
        sim.system.tariff.StoredEnergy.
    peak_usd_per_mwh
        Price of buying missing energy back; by default the dearest of the tariff [USD/MWh].
    """

    import_meter: ImportMeter = ImportMeter.SLACK
    stored_energy: StoredEnergy = StoredEnergy.TARGET
    peak_usd_per_mwh: NotNegative | None = None


class PenaltiesTable(Table):
    """``[penalties]``.

    Attributes
    ----------
    voltage_usd_per_pu_h
        Weight of voltages beyond limits, summed over buses; 0 switches it off [USD/(pu h)].
    loading_usd_per_percent_h
        Weight of loadings above 100 %, summed over branches; 0 switches it off [USD/(% h)].
    """

    voltage_usd_per_pu_h: NotNegative = 0.0
    loading_usd_per_percent_h: NotNegative = 0.0


class MarketTable(Table):
    """``[market]``: the fields of `sim.system.market.MarketRules`, and what replaces the tables.

    `demand_response` is the share of every load that can be moved, and by which it can change in
    an hour; `transport_usd` is paid for every span that a train moves; `line_limit_scale` scales
    the limits of all lines. Where they are not given, the tables hold.

    Attributes
    ----------
    emission_cap
        Emissions allowed in a day [lb], or none.
    demand_response
        Share of every load that can be moved, and changed in an hour [-].
    transport_usd
        Paid for every span that a train moves [USD].
    line_limit_scale
        Scales the limits of all lines [-].
    """

    emission_cap: NotNegative | Literal["none"] = "none"
    demand_response: Annotated[float, Field(ge=0, le=1)] | None = None
    transport_usd: NotNegative | None = None
    line_limit_scale: Positive = 1.0
