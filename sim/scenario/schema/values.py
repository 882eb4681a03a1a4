"""Constrained value types, and the base class of all tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

# Beyond these bounds a value is a typing error; and products of several stay finite.
LARGEST = 1e9
SMALLEST = 1e-12
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


def _not_denormal(value: float) -> float:
    """Refuse what is nearly zero: quotients of such numbers are infinite."""
    if 0 < abs(value) < SMALLEST:
        raise ValueError(f"is closer to 0 than {SMALLEST:g}")
    return value


Normal = Annotated[float, AfterValidator(_not_denormal)]
Number = Annotated[Normal, Field(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[Normal, Field(gt=0, le=LARGEST)]
NotNegative = Annotated[Normal, Field(ge=0, le=LARGEST)]
HourOfDay = Annotated[float, Field(ge=0, lt=24)]
Month = Annotated[int, Field(ge=1, le=12)]
Kind = Literal["pv", "wind"]


class Table(BaseModel):
    """A table of the TOML file or a row of a CSV file: unknown keys and NaN are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: object, info: ValidationInfo) -> object:
        """Refuse ``count = true``, which would count as 1."""
        field = cls.model_fields[str(info.field_name)]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError(f"{str(value).lower()} is a truth value")
        return value
