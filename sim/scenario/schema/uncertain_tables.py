"""Models of what ``scenario.toml`` says of records, forecasts, traffic and outages."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sim.scenario.schema.values import (
    HOURS_A_YEAR,
    MINUTES_A_DAY,
    MOST_DAYS,
    HourOfDay,
    Month,
    Name,
    Number,
    Positive,
    Table,
)

FLAT = "flat"  # a profile that is 1 throughout, unless the record has a column of that name


class SeriesTable(Table):
    """``[profiles.series.<name>]``: a weighted mean of columns of the profile file.

    With `peak`, it is scaled so that its largest value in the whole record is that.

    Attributes
    ----------
    columns
        Weights of columns of the profile file.
    peak
        Largest value after scaling.
    """

    columns: Annotated[dict[str, Positive], Field(min_length=1)]
    peak: Positive | None = None


class ProfilesTable(Table):
    """``[profiles]``: the record of loads and renewables, and the season a replication draws from.

    `file` is a CSV or Parquet file in the scenario's folder, or the name of a bundled record.

    Attributes
    ----------
    file
        CSV or Parquet file in the scenario's folder, or the name of a bundled record.
    months
        Months of the year that replications draw their days from.
    """

    file: str
    months: Annotated[tuple[Month, ...], Field(min_length=1)] = tuple(range(1, 13))
    series: dict[Name, SeriesTable] = Field(default_factory=dict)


class SkillTable(Table):
    """``[forecast.<kind>]``: the fields of `sim.uncertainty.model.ForecastSkill`."""

    near: Number = 0.0
    far: Number = 0.0
    growth_h: Number = 6.0


class ForecastTable(Table):
    """``[forecast]``: a kind that is left out is forecast perfectly; `error` scales all errors.

    Attributes
    ----------
    error
        Scales all forecast errors; 0 makes forecasts come true [-].
    """

    error: Annotated[float, Field(ge=0, le=100)] = 1.0
    load: SkillTable = SkillTable()
    pv: SkillTable = SkillTable()
    wind: SkillTable = SkillTable()
    price: SkillTable = SkillTable()


class TrafficTable(Table):
    """``[traffic]``: the fields of `sim.uncertainty.model.Traffic`; empty roads by default."""

    demand: Annotated[
        tuple[Annotated[float, Field(ge=0, le=100)], ...], Field(min_length=24, max_length=24)
    ] = (0.0,) * 24
    intensity: Annotated[float, Field(le=1000)] = 1.0
    sigma: Annotated[float, Field(le=3)] = 0.0
    day_share: float = 0.3
    correlation_h: Number = 1.0
    alpha: Annotated[float, Field(le=100)] = 0.15
    beta: Annotated[float, Field(le=20)] = 4.0


class DelayRow(Table):
    """A row of ``[delays] file``: what trips lose at their start from an hour on."""

    from_h: HourOfDay
    delay_min: Annotated[float, Field(ge=0, le=MINUTES_A_DAY)]


class DelaysTable(Table):
    """``[delays]``: a CSV file with one `DelayRow` a row, and its spread; none by default.

    Attributes
    ----------
    file
        CSV file with one DelayRow a row.
    sigma
        Standard deviation of the logarithm of the delay [-].
    correlation_h
        Time over which the correlation of delays falls to 1/e [h].
    """

    file: str | None = None
    sigma: Annotated[float, Field(le=3)] = 0.0
    correlation_h: Number = 1.0


class RailDelayTable(Table):
    """``[rails.delay]``: the fields of `sim.uncertainty.railway.RailDelays`; none by default."""

    probability: float = 0.0
    mean_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 0.0


class IncidentsTable(Table):
    """``[incidents]``: the fields of `sim.uncertainty.events.Incidents`; none by default."""

    per_day: Annotated[float, Field(le=10_000)] = 0.0
    duration_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 1.0
    capacity_loss: float = 0.5


class BreakdownsTable(Table):
    """``[breakdowns]``: the fields of `sim.uncertainty.events.Breakdowns`; none by default."""

    per_1000_km: Annotated[float, Field(le=1000)] = 0.0
    repair_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 1.0
    roadside_share: float = 0.5


class FixedOutageTable(Table):
    """An entry of `outages.fixed`: the fields of `sim.uncertainty.events.FixedOutage`."""

    line: Name
    from_h: Annotated[float, Field(ge=0, le=24 * MOST_DAYS)]
    hours: Annotated[float, Field(gt=0, le=24 * MOST_DAYS)]


class OutagesTable(Table):
    """``[outages]``: the fields of `sim.uncertainty.events.Outages`; none by default."""

    per_line_year: Annotated[float, Field(le=10_000)] = 0.0
    duration_h: Annotated[float, Field(le=HOURS_A_YEAR)] = 1.0
    fixed: tuple[FixedOutageTable, ...] = ()


class ScaleTable(Table):
    """``[load]`` and ``[pv]``: a factor on the power of all of that kind, as installed.

    Attributes
    ----------
    scale
        Factor [-].
    """

    scale: Annotated[float, Field(ge=0, le=100)] = 1.0


class WindTable(ScaleTable):
    """``[wind]``: the factor, and how much the wind swings inside periods beyond the record.

    Attributes
    ----------
    scale
        Factor [-].
    gusts
        How much the wind swings inside periods beyond the record [-].
    """

    gusts: Annotated[float, Field(ge=0, le=1)] = 0.0


class StormTable(Table):
    """``[storm]``: the fields of `sim.uncertainty.storm.Storm`; none by default."""

    peak_h: HourOfDay = 16.0
    hours: Annotated[float, Field(ge=0, le=24)] = 0.0
    capacity_loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    pv_loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    wind_gain: Annotated[float, Field(ge=0, le=1)] = 0.0
