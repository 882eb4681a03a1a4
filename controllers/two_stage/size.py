"""How large the cone model of a look-ahead will be, before it is built."""

from __future__ import annotations

from dataclasses import dataclass

from sim.errors import InputError
from sim.system.system import System

# Trips of which a computer with 16 GB can still hold the model; searching it would take days.
MOST_TRIPS = 3_000_000

# Trips above which a plan takes minutes: 109,440 on `oberrhein` take half an hour and more.
MANY_TRIPS = 20_000

# Variables and rows for each period at a station, and for each branch in a period, counted on
# `oberrhein`.
_COLUMNS = 5, 7
_ROWS = 16, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Size of a model.

    Attributes
    ----------
    trips
        Trips that may be taken, each a binary: vehicles x periods x stations x other stations.
    columns, rows
        Variables, trips included, and rows, to within some 20 %.
    """

    trips: int
    columns: int
    rows: int

    @classmethod
    def of(cls, system: System) -> Size:
        """Return the size for the whole look-ahead of a system."""
        periods, n_stations = system.timing.horizon, len(system.stations)
        stays = len(system.vehicles) * periods * n_stations
        flows = periods * system.grid.n_buses  # a radial grid has as many branches, but one
        trips = stays * max(n_stations - 1, 0)
        return cls(
            trips=trips,
            columns=trips + _COLUMNS[0] * stays + _COLUMNS[1] * flows,
            rows=_ROWS[0] * stays + _ROWS[1] * flows,
        )

    def __str__(self) -> str:
        hint = ": this takes minutes to hours" if self.trips > MANY_TRIPS else ""
        return (
            f"cone model of about {self.columns:,} columns, {self.trips:,} of them trips, "
            f"and {self.rows:,} rows{hint}"
        )

    def check(self) -> None:
        """Refuse what no computer would come to an end with.

        Raises
        ------
        InputError
            Saying what makes the model smaller.
        """
        if self.trips > MOST_TRIPS:
            raise InputError.single(
                where="two_stage",
                key="trips",
                value=self.trips,
                message=f"{self} cannot be solved; {MOST_TRIPS:,} trips are the most",
                remedy="Trips are vehicles x periods ahead x stations squared: lower "
                "timing.horizon_h or the number of stations, or use rolling",
            )
