"""Read a study from disk, finished or not.

A folder holds one folder per table with Parquet files ``000000.parquet``, ... of 1,024 episodes
each, in the order of replications; ``study.json`` says what was run, ``summary.json`` what was
found, ``commands.json`` which commands asked for it. While a study runs, finished episodes lie in
``parts`` until there are enough for a file; readers look there too.
"""

from __future__ import annotations

import functools
import json
import operator
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from sim.errors import InputError
from sim.study.jobs import Key
from sim.study.store.bundle import (
    EPISODES,
    KEYS,
    Keep,
    flat,
    from_bytes,
    join,
    keys,
    tables_of,
)
from sim.study.store.manifest import FORMAT

MANIFEST = "study.json"
SUMMARY = "summary.json"
COMMANDS = "commands.json"
PARTS = "parts"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStudy:
    """A study read from disk, finished or not.

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
        """Return the rows of a table, or those whose columns equal the values given.

        Parameters
        ----------
        name
            One of ``episodes``, `TABLES` and ``timings``.
        **equals
            Values by column, such as ``controller="idle"``.
        """
        found = rows(self.folder, name, equals)
        if found is None:
            return pd.DataFrame({key: [] for key in KEYS})
        table: pd.DataFrame = found.to_pandas()
        return table

    def keeps(self, name: str) -> bool:
        """Return whether the study has this table; with ``--keep summary`` some are left out."""
        return name == EPISODES or name in tables_of(Keep(self.manifest["keep"]))

    @property
    def missing(self) -> tuple[Key, ...]:
        """Episodes that were asked for and neither finished nor failed, in order."""
        there = {(own["controller"], own["replication"]) for own in self.manifest["failures"]}
        there.update(stored_keys(self.folder))
        wanted = (
            (controller["label"], replication)
            for replication in self.manifest["replications"]
            for controller in self.manifest["controllers"]
        )
        return tuple(key for key in wanted if key not in there)


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


def stored_keys(folder: Path) -> list[Key]:
    """Return the keys of all episodes in the folder."""
    done = [key for file in table_files(folder, EPISODES) for key in keys(key_columns(file))]
    known = set(done)
    return done + [key for _, own in parts(folder) for key in keys(own) if key not in known]


def table_files(folder: Path, name: str) -> list[Path]:
    """Return the files of a table in the order of replications."""
    return sorted((folder / name).glob("*.parquet"))


def parts(folder: Path) -> Iterator[tuple[Path, pa.Table]]:
    """Yield the bundles of finished episodes that are not yet in the tables."""
    for file in sorted((folder / PARTS).glob("*.arrow")):
        try:
            yield file, from_bytes(file.read_bytes())
        except (FileNotFoundError, pa.ArrowInvalid):
            continue  # its episodes have just been merged, or will run again


def rows(folder: Path, name: str, equals: Mapping[str, object] | None = None) -> pa.Table | None:
    """Return the rows of a table whose columns equal the values given; None before the first."""
    files = table_files(folder, name)
    wanted = [pc.field(column) == value for column, value in (equals or {}).items()]
    where = functools.reduce(operator.and_, wanted) if wanted else None
    waiting = [own for _, own in parts(folder)]
    if not waiting:
        return pyarrow.dataset.dataset(files).to_table(filter=where) if files else None
    # The study is unfinished. It may have been killed between two files of one and the same
    # episode: only those in the table of episodes are whole, the others still wait in parts.
    done = {key for file in table_files(folder, EPISODES) for key in keys(key_columns(file))}
    unmerged = join(waiting)
    unmerged = unmerged.filter(pa.array([key not in done for key in keys(unmerged)], pa.bool_()))
    whole = [only(pq.read_table(file), done) for file in files]
    table = pa.concat_tables([*whole, flat(unmerged, name)])
    return table if where is None else table.filter(where)


def key_columns(file: Path) -> pa.Table:
    """Return controller and replication of a table's rows."""
    return pq.read_table(file, columns=list(KEYS[:2]))


def only(table: pa.Table, chosen: Collection[Key]) -> pa.Table:
    """Return the rows of the episodes chosen."""
    return table.filter(pa.array([key in chosen for key in keys(table)], pa.bool_()))
