"""The profiles that a scenario's tables name, and the record of their values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.scenario.branches import floats
from sim.scenario.content import Content
from sim.scenario.prices import KIND, NAMES, read_prices
from sim.scenario.problems import Problems
from sim.scenario.record import build_values, column_names, find_profiles, read_columns
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.schema.uncertain_tables import FLAT, SeriesTable
from sim.system.timing import Timing
from sim.uncertainty.model import Record
from sim.uncertainty.storm import Storm
from sim.uncertainty.weather import with_gusts, with_storm


def used_series(
    content: Content, config: ScenarioFile, problems: Problems
) -> tuple[dict[str, SeriesTable], dict[str, str]]:
    """Return the profiles in use, in order of first use, and the kind of each.

    A profile is a series of ``[profiles.series]`` or else a column of the record itself; `FLAT` is
    1 throughout where there is neither.
    """
    series: dict[str, SeriesTable] = {}
    kinds: dict[str, str] = {}
    users = [
        (f"{content.loads.where}, line {line}", row.profile, "load")
        for line, row in content.loads.rows
    ] + [
        (f"{content.generators.where}, line {line}", row.profile, row.kind)
        for line, row in content.generators.rows
    ]
    for where, name, kind in users:
        defined = config.profiles.series.get(name)
        series.setdefault(name, defined or SeriesTable(columns={name: 1.0}))
        if kinds.setdefault(name, kind) != kind:
            message = f"is used for {kind} here and for {kinds[name]} elsewhere"
            problems.add(where, "profile", name, message, "Use one profile per kind")
    for name in config.profiles.series:
        if name not in series:
            key, remedy = f"profiles.series.{name}", "Remove it, or name it in a table"
            problems.add(content.where, key, name, "is used by no load and no generator", remedy)
    return series, kinds


def read_record(
    folder: Path,
    config: ScenarioFile,
    series: dict[str, SeriesTable],
    kinds: dict[str, str],
    timing: Timing,
    where: str,
    problems: Problems,
) -> Record | None:
    """Return the record of the series in use, changed by storm and gusts; None if it is wrong.

    Behind them stand the prices, where they are series; see `sim.scenario.prices`.
    With `uncertainty` off it is cut down to the first day of the season.
    """
    before = len(problems)
    path = find_profiles(folder, config.profiles.file, where, problems)
    if path is None or not series:
        return None
    flat = FLAT in series and FLAT not in {
        *config.profiles.series,
        *column_names(path, where, problems),
    }
    mixed = {name: mix for name, mix in series.items() if not (flat and name == FLAT)}
    if not mixed:
        remedy = "Name a column of the record for one of them"
        problems.add(where, "profile", FLAT, "is what all loads and plants follow", remedy)
        return None
    wanted = {
        column: f"{where}, profile {name}" for name, mix in mixed.items() for column in mix.columns
    }
    columns = read_columns(path, wanted, f"{path.parent.name}/{path.name}", problems)
    if columns is None:
        return None
    values = build_values(columns, mixed, timing.step_s, where, problems)
    if flat:
        values = np.insert(values, [*series].index(FLAT), 1.0, axis=1)
    prices = read_prices(folder, config, (path, columns), timing.step_s, where, problems)
    if len(problems) > before:
        return None
    record = Record(
        start=columns.start,
        step_s=timing.step_s,
        values=floats(np.hstack([values, prices])),
        kind=(*(kinds[name] for name in series), *[KIND] * prices.shape[1]),
    )
    _check_season(record, config, timing, where, problems)
    stormy = with_storm(record, Storm(**config.storm.model_dump()))
    record = with_gusts(
        stormy, config.wind.gusts, (*series, *NAMES)[: len(record.kind)], timing.period_s
    )
    return record if config.uncertainty == "on" else _first_day(record, config, timing)


def _check_season(
    record: Record, config: ScenarioFile, timing: Timing, where: str, problems: Problems
) -> None:
    last = (len(record.values) - timing.n_steps) // timing.steps_per_day
    months = {
        (record.start + day * 86400).astype("datetime64[M]").astype(int) % 12 + 1
        for day in range(last + 1)
    }
    if not months & set(config.profiles.months):
        problems.add(
            where,
            "profiles.months",
            list(config.profiles.months),
            f"the record has no day in them that {timing.n_periods} periods could start with",
            "Choose other months, or a shorter episode",
        )


def _first_day(record: Record, config: ScenarioFile, timing: Timing) -> Record:
    """Return the part of the record of an episode that starts on the first day of the season."""
    first_day = record.start.astype("datetime64[D]")
    day = first_day + np.arange(len(record.values) // timing.steps_per_day)
    inside = np.isin(day.astype("datetime64[M]").astype(int) % 12 + 1, config.profiles.months)
    first = int(np.argmax(inside))
    n_days = -(-timing.n_steps // timing.steps_per_day)
    rows = slice(first * timing.steps_per_day, (first + n_days) * timing.steps_per_day)
    return replace(
        record,
        start=record.start + np.timedelta64(first, "D"),
        values=floats(record.values[rows]),
    )
