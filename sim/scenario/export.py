"""Export a scenario as a self-contained folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sim.errors import GridhaulError, InputError
from sim.scenario.load import FILE, NO_OVERRIDES, Scenario, load_scenario, scenario_folder
from sim.scenario.overrides import with_overrides
from sim.scenario.problems import Problems
from sim.scenario.record import column_names, find_profiles
from sim.scenario.toml_writer import toml_text


def export_scenario(
    name_or_folder: str | os.PathLike[str],
    target: str | os.PathLike[str],
    overrides: Mapping[str, object] = NO_OVERRIDES,
) -> Path:
    """Write a scenario into a folder that needs nothing beside it.

    All files of the scenario's folder are copied. Overrides are written into ``scenario.toml``,
    whose comments are lost where there is something to write. A bundled record is replaced by the
    columns that the scenario uses, with its licence.

    Parameters
    ----------
    name_or_folder, overrides
        See `load_scenario`.
    target
        Folder that does not exist or is empty.

    Returns
    -------
    Path
        The folder. It loads to the digest of the original.

    Raises
    ------
    InputError
        If the scenario is not valid, or `target` holds anything or cannot be written.
    """
    scenario = load_scenario(name_or_folder, overrides)
    source, goal = scenario_folder(name_or_folder), Path(target)
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise InputError.single(
            where="export",
            key="DIR",
            value=str(goal),
            message="is there and not an empty folder",
            remedy="Name another folder, or empty this one",
        )
    try:
        _write(source, goal, scenario, overrides)
    except (OSError, RecursionError) as error:  # the latter of a path of a thousand folders
        raise InputError.single(
            where="export",
            key="DIR",
            value=str(goal),
            message=f"cannot be written ({_reason(error)})",
            remedy="Name a new folder, where you may write and there is room",
        ) from error
    return goal


def _reason(error: OSError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "its path has too many folders"
    return error.strerror or str(error)


def _write(source: Path, goal: Path, scenario: Scenario, overrides: Mapping[str, object]) -> None:
    """Write under a temporary name and rename: the folder is complete or absent."""
    # A new folder has a name: "." becomes that of the working directory.
    whole = goal.absolute()
    known = whole.parent.exists()
    whole.parent.mkdir(parents=True, exist_ok=True)
    staging: Path | None = None
    try:
        staging = Path(tempfile.mkdtemp(prefix=".gridhaul-export.", dir=whole.parent))
        _copy(source, staging, scenario, overrides)
        if load_scenario(staging).digest != scenario.digest:
            raise GridhaulError(f"{goal}: the export would not be the scenario. Nothing is written")
        staging.chmod(0o755)
        staging.replace(whole)
    except BaseException:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        if not known:
            with contextlib.suppress(OSError):  # others may have put something there
                whole.parent.rmdir()
        raise


def _copy(source: Path, staging: Path, scenario: Scenario, overrides: Mapping[str, object]) -> None:
    raw: dict[str, Any] = tomllib.loads((source / FILE).read_text(encoding="utf-8-sig"))
    document = with_overrides(raw, overrides, Problems())
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            shutil.copyfile(path, staging / path.name)
    for table in (document, *document.get("area", ())):
        _copy_inside(source, staging, table.get("tariff", {}).get("file"))
    _copy_inside(source, staging, document.get("delays", {}).get("file"))
    profiles = document["profiles"]
    record = find_profiles(source, profiles["file"], FILE, Problems())
    assert record is not None
    if record.is_relative_to(source.resolve()):
        _copy_inside(source, staging, profiles["file"])
    else:
        profiles["file"] = f"{record.stem}.parquet"
        tariff = document.get("tariff", {})
        prices = (tariff.get("import_column"), tariff.get("export_column"))
        _write_columns(
            record,
            _columns(scenario, profiles, prices, column_names(record, FILE, Problems())),
            staging / profiles["file"],
        )
        licence = record.parent / "LICENSE"
        if licence.is_file():
            shutil.copyfile(licence, staging / f"{record.stem}.LICENSE")
    if document != raw:
        (staging / FILE).write_text(toml_text(document), encoding="utf-8")


def _copy_inside(source: Path, staging: Path, file: str | None) -> None:
    """Copy a file that ``scenario.toml`` names, in whichever folder below `source` it lies."""
    if file is None:
        return
    (staging / file).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / file, staging / file)


def _columns(
    scenario: Scenario,
    profiles: dict[str, Any],
    prices: Iterable[str | None],
    known: Container[str],
) -> list[str]:
    """Return the columns of the record that the scenario's profiles are mixed from."""
    series = {name.strip(): mix["columns"] for name, mix in profiles.get("series", {}).items()}
    system = scenario.system
    names = system.profiles[: len(system.profiles) - len(system.tariff.series)]
    used = [column for name in names for column in series.get(name, [name])]
    used += [own for own in prices if own is not None]
    return [column for column in dict.fromkeys(used) if column in known]


def _write_columns(record: Path, columns: list[str], path: Path) -> None:
    # The file's own types and metadata (source, licence) stay.
    table = pq.ParquetFile(record).read(columns=["time", *columns], use_threads=False)
    pq.write_table(table, path, compression="zstd")
