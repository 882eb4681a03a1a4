"""The contract between operators of areas and owners of the vehicles that serve them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class RentBasis(enum.StrEnum):
    """What the operator of an area pays for.

    Attributes
    ----------
    ENERGY
        Every MWh that a vehicle charges or discharges in the area, at the grid connection.
    PRESENCE
        Every hour that a vehicle is connected in the area.
    """

    ENERGY = "energy"
    PRESENCE = "presence"


class StoredEnergyOwner(enum.StrEnum):
    """To whom the energy in a rented battery belongs, and at what price it changes hands.

    Attributes
    ----------
    OPERATORS
        To the operators who charged it. Who discharges energy that another one charged pays him
        what it cost: the price of import in his area when it was charged, means over what is in the
        battery. Losses are the risk of who charged: what is left costs more. What is in the battery
        at the start belongs to the owner of the vehicle, at the price of stored energy, and what is
        in it at the end goes to him at cost.
    OWNER
        To the owner of the vehicle: he buys what is charged and sells what is discharged, at the
        price of import of the area at that time.
    """

    OPERATORS = "operators"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class RentContract:
    """How vehicles are rented. The prices are those of `Plan.rent`.

    Attributes
    ----------
    basis
        What is paid for.
    stored_energy
        To whom the energy in the batteries belongs.
    """

    basis: RentBasis = RentBasis.ENERGY
    stored_energy: StoredEnergyOwner = StoredEnergyOwner.OPERATORS
