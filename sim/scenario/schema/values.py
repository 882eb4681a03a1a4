"""Constrained value types, and the base class of all tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

# Beyond these bounds a value is a typing error; and products of several stay finite.
LARGEST = 1e9
LONGEST_NAME = 200
MOST_DAYS = 3660
HOURS_A_YEAR = 8784
MINUTES_A_DAY = 1440
LARGEST_SEED = 2**63 - 1

# Columns that stand in tables before those of buses and branches.
TABLE_KEYS = ("controller", "replication", "time_h")


def _printed(name: str) -> str:
    """Refuse signs that do not print: they would reach terminals and file names.

    Controls, marks of direction (a name would read as another one), breaks of lines.
    """
    hidden = [f"U+{ord(sign):04X}" for sign in name if not sign.isprintable()]
    if hidden:
        raise ValueError(f"holds {', '.join(hidden[:3])}, which does not print")
    return name


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_printed),
]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
NotNegative = Annotated[float, Field(ge=0, le=LARGEST)]
HourOfDay = Annotated[float, Field(ge=0, lt=24)]
Month = Annotated[int, Field(ge=1, le=12)]
Kind = Literal["pv", "wind"]


class Table(BaseModel):
    """A table of the TOML file or a row of a CSV file: unknown keys and NaN are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
