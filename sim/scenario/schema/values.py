"""Constrained value types, and the base class of all tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Beyond these bounds a value is a typing error; and products of several stay finite.
LARGEST = 1e9
LONGEST_NAME = 200
MOST_DAYS = 3660
HOURS_A_YEAR = 8784
MINUTES_A_DAY = 1440
LARGEST_SEED = 2**63 - 1

# Control characters would reach terminals and file names.
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
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
