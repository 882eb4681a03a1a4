"""Prices as series: columns of the record, or a CSV file with time stamps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.scenario.assemble import tariff_of
from sim.scenario.branches import floats
from sim.scenario.files import path_inside
from sim.scenario.problems import Problems
from sim.scenario.record import Columns, build_values, column_names, read_columns
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.schema.uncertain_tables import SeriesTable
from sim.system.tariff import Tariff
from sim.system.timing import Timing
from sim.uncertainty.model import Record
from sim.units import FloatArray

IMPORT, EXPORT = "import_usd_per_mwh", "export_usd_per_mwh"
MOST_USD_PER_MWH = 1e6
# What profiles of prices are called among `System.profiles`; those of loads and plants come first.
NAMES = ("import price", "export price")
KIND = "price"


def is_series_file(folder: Path, config: ScenarioFile) -> bool:
    """Return whether the file of the tariff has time stamps; blocks have hours of the day."""
    file = config.tariff.file
    if file is None:
        return False
    unseen = Problems()  # what is wrong with the file is told by who reads it
    path = path_inside(folder, file, "", "", unseen)
    return path is not None and "time" in column_names(path, "", unseen)


def check_one_source(
    config: ScenarioFile, *, has_series_file: bool, where: str, problems: Problems
) -> None:
    """Note prices that are given twice, or a key that its source does not know."""
    table = config.tariff
    blocks = bool(table.block) or (table.file is not None and not has_series_file)
    if table.export_column and not table.import_column:
        remedy = "Give import_column as well"
        problems.add(where, "tariff.export_column", table.export_column, "stands alone", remedy)
    if table.import_column and (table.block or table.file):
        message = f"is given beside {'file' if table.file else '[[tariff.block]]'}"
        remedy = "Keep one of the two"
        problems.add(where, "tariff.import_column", table.import_column, message, remedy)
    if table.retail_usd_per_mwh and blocks:
        message = "is given beside blocks, which have retail prices of their own"
        remedy = "Write it into the blocks"
        key = "tariff.retail_usd_per_mwh"
        problems.add(where, key, table.retail_usd_per_mwh, message, remedy)


def read_prices(
    folder: Path,
    config: ScenarioFile,
    record: tuple[Path, Columns],
    step_s: int,
    where: str,
    problems: Problems,
) -> FloatArray:
    """Return prices for every row of the record, ``(row, series)`` [USD/MWh].

    One series where energy is sold at the price at which it is bought, else two; none where prices
    come in blocks.

    Parameters
    ----------
    folder, config, where, problems
        The scenario.
    record
        The file of the profiles, and what was read of it.
    step_s
        To which spacing prices are brought, by means.
    """
    path, known = record
    n_rows = len(next(iter(known.values.values()))) * known.step_s // step_s
    none = np.empty((n_rows, 0))
    table = config.tariff
    if table.import_column:
        names = [table.import_column]
        if table.export_column and table.export_column != table.import_column:
            names.append(table.export_column)
        user = f"{where}, tariff"
    elif is_series_file(folder, config):
        assert table.file is not None
        found = path_inside(folder, table.file, where, "tariff.file", problems)
        if found is None:
            return none
        path = found
        header = column_names(path, where, problems)
        names, user = [IMPORT, *([EXPORT] if EXPORT in header else [])], "a tariff"
    else:
        return none
    file = f"{path.parent.name}/{path.name}"
    columns = read_columns(
        path, dict.fromkeys(names, user), file, problems, -MOST_USD_PER_MWH, MOST_USD_PER_MWH
    )
    if columns is None:
        return none
    series = {name: SeriesTable(columns={name: 1.0}) for name in names}
    values = build_values(columns, series, step_s, where, problems)
    first = int((known.start - columns.start) / np.timedelta64(step_s, "s"))
    if first < 0 or first + n_rows > len(values):
        last = known.start + np.timedelta64(n_rows * step_s - 1, "s")
        problems.add(
            file,
            "time",
            f"{columns.start.astype('datetime64[D]')} and {len(values) * step_s // 86400} days",
            "does not cover the record of the profiles",
            f"Give prices from {known.start.astype('datetime64[D]')} to "
            f"{last.astype('datetime64[D]')}, or cut the profiles",
        )
        return none
    return values[first : first + n_rows]


def make_series_tariff(config: ScenarioFile, record: Record, timing: Timing) -> Tariff:
    """Return the tariff whose prices are the last profiles of the record.

    Energy that is missing at the end is booked at the dearest price of the record, unless the
    scenario states another one.
    """
    series = [k for k, kind in enumerate(record.kind) if kind == KIND]
    days = record.values[:, series].reshape(-1, timing.steps_per_day, len(series))
    mean = days.mean(axis=0)
    dearest = max(0.0, float(days.max()))
    stated = config.settlement.peak_usd_per_mwh
    return tariff_of(
        config,
        import_usd_per_mwh=floats(mean[:, 0]),
        export_usd_per_mwh=floats(mean[:, -1]),
        retail_usd_per_mwh=floats([config.tariff.retail_usd_per_mwh] * timing.steps_per_day),
        peak_usd_per_mwh=dearest if stated is None else stated,
        import_profile=series[0],
        export_profile=series[-1],
    )
