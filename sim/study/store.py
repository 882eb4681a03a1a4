"""A study on disk: one Parquet file per table, a manifest and a summary.

Everything is written to a hidden folder beside the final one, which takes its place when the study
is complete: a folder with a manifest is a whole study.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import InputError
from sim.world.episode import Episode

MANIFEST = "study.json"
SUMMARY = "summary.json"
FORMAT = 1
# Tables of an episode by name; voltages and loading come with their time as index.
TABLES = (
    "steps",
    "vm_pu",
    "loading_percent",
    "vehicles",
    "events",
    "trips",
    "decisions",
    "ledger",
)
KEYS = ("controller", "replication", "start")  # first columns of the table of episodes
TIMINGS = "timings"  # wall clock: kept apart from what is reproducible


class StudyWriter:
    """Writes the tables of a study episode by episode.

    Parameters
    ----------
    folder
        Where the study shall be. Must not exist, be empty, or hold an earlier study.

    Raises
    ------
    InputError
        If the folder holds something else or cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists() and not (folder / MANIFEST).is_file() and _occupied(folder):
            raise _refused(folder, "exists and holds something that is no study")
        self._beside = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
        try:
            self._beside.mkdir(parents=True)
        except OSError as error:
            raise _refused(folder, f"cannot be written ({error.strerror})") from error
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._empty: dict[str, pd.DataFrame] = {}
        self._episodes: list[dict[str, object]] = []

    def __enter__(self) -> StudyWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        shutil.rmtree(self._beside, ignore_errors=True)

    def add(self, label: str, episode: Episode) -> None:
        """Append the tables of an episode, with its controller and replication in front."""
        for name in (*TABLES, TIMINGS):
            table: pd.DataFrame = getattr(episode, name)
            if table.index.name is not None:
                table = table.reset_index()
            self._append(name, label, episode.replication, table)
        self._episodes.append(
            {
                "controller": label,
                "replication": episode.replication,
                "start": episode.start,
                **episode.metrics,
            }
        )

    def finish(self, manifest: Mapping[str, object], summary: Mapping[str, object]) -> None:
        """Write manifest and summary, and put the study in its place."""
        for name, table in self._empty.items():
            if name not in self._writers:
                table.to_parquet(self._beside / f"{name}.parquet", index=False)
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()
        episodes = pd.DataFrame(self._episodes or {name: [] for name in KEYS})
        episodes.to_parquet(self._beside / "episodes.parquet", index=False)
        _write_json(self._beside / SUMMARY, summary)
        _write_json(self._beside / MANIFEST, {"format": FORMAT, **manifest})
        for file in self._beside.iterdir():
            _sync(file)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        earlier = self._beside.with_suffix(".replaced")
        if self.folder.exists():
            self.folder.rename(earlier)
        self._beside.rename(self.folder)
        shutil.rmtree(earlier, ignore_errors=True)

    def _append(self, name: str, label: str, replication: int, table: pd.DataFrame) -> None:
        table = table.rename(columns=str)
        table.insert(0, "controller", label)
        table.insert(1, "replication", replication)
        if table.empty:  # says nothing about the types of its columns
            self._empty.setdefault(name, table)
            return
        if name not in self._writers:
            arrow = _without_null_columns(pa.Table.from_pandas(table, preserve_index=False))
            arrow = arrow.replace_schema_metadata(None)
            self._writers[name] = pq.ParquetWriter(
                self._beside / f"{name}.parquet", arrow.schema, compression="zstd"
            )
        else:
            schema = self._writers[name].schema
            arrow = pa.Table.from_pandas(table, schema=schema, preserve_index=False)
            arrow = arrow.replace_schema_metadata(None)
        self._writers[name].write_table(arrow)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStudy:
    """A study read from disk.

    Attributes
    ----------
    folder
        Where it is.
    manifest
        What was run, on what system, and what failed.
    """

    folder: Path
    manifest: dict[str, Any]

    def table(self, name: str, **equals: object) -> pd.DataFrame:
        """Return the rows of a table, or those whose columns equal the values given."""
        filters = [(column, "==", value) for column, value in equals.items()] or None
        return pd.read_parquet(self.folder / f"{name}.parquet", filters=filters)


def read_study(folder: str | Path) -> StoredStudy:
    """Open a study.

    Raises
    ------
    InputError
        If there is none in the folder, or one of another version of the format.
    """
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version = manifest["format"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError.single(
            where=str(folder),
            key="folder",
            value=str(folder),
            message=f"holds no readable {MANIFEST} ({type(error).__name__})",
            remedy="Name a folder that --out of run, compare or demo has filled",
        ) from error
    if version != FORMAT:
        raise InputError.single(
            where=str(folder / MANIFEST),
            key="format",
            value=version,
            message=f"is not the format of this version ({FORMAT})",
            remedy="Read it with the version that wrote it, or run the study again",
        )
    return StoredStudy(folder=folder, manifest=manifest)


def _without_null_columns(table: pa.Table) -> pa.Table:
    # A column of nothing but None has no type; in our tables only texts can be missing that way.
    for i, column in enumerate(table.schema):
        if pa.types.is_null(column.type):
            table = table.set_column(i, column.name, table.column(i).cast(pa.string()))
    return table


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False, default=str)
    path.write_text(f"{text}\n", encoding="utf-8")


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _occupied(folder: Path) -> bool:
    return not folder.is_dir() or any(folder.iterdir())


def _refused(folder: Path, message: str) -> InputError:
    return InputError.single(
        where="--out",
        key="out",
        value=str(folder),
        message=message,
        remedy="Name a new or empty folder, or one of an earlier study to be replaced",
    )
