"""Read a study from disk, finished or not.

A folder holds one folder per table with Parquet files ``000000.parquet``, ... of 1,024 episodes
each, in the order of replications; ``study.json`` says what was run, ``summary.json`` what was
found, ``commands.json`` which commands asked for it, ``_SHA256SUMS`` in each folder what its files
are (see `sim.study.store.checksums`). While a study runs, finished episodes lie in
``parts`` until there are enough for a file; readers look there too.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq

from sim.errors import GridhaulError, InputError, described
from sim.study.jobs import Key
from sim.study.store import checksums
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
from sim.study.store.schema import read_manifest

MANIFEST = "study.json"
SUMMARY = "summary.json"
COMMANDS = "commands.json"
PARTS = "parts"
_NUMBER = re.compile(r"[0-9]{6,9}")


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
        If there is none in the folder, one of another version of the format, or a damaged one.
    """
    folder = Path(folder)
    checksums.check(folder, folder / MANIFEST)
    manifest = read_manifest(folder / MANIFEST, FORMAT)
    if manifest.get("checksums") and not (folder / checksums.SUMS).exists():
        raise checksums.damaged(folder / checksums.SUMS)
    return StoredStudy(folder=folder, manifest=manifest)


@contextlib.contextmanager
def unverified_is_input(folder: Path) -> Iterator[None]:
    """Blame the folder for whatever goes wrong inside, if nothing proves that it is as written.

    Folders of earlier versions have no checksums; those that others have made may hold anything.

    Raises
    ------
    InputError
        Naming the folder.
    """
    try:
        yield
    except GridhaulError:
        raise
    except Exception as error:
        if (folder / checksums.SUMS).exists():
            raise
        raise InputError.single(
            where=str(folder),
            key="folder",
            value=str(folder),
            message=f"holds what no study has ({described(error)})",
            remedy=f"Name a folder as --out has filled it, {checksums.SUMS} included",
        ) from error


def stored_keys(folder: Path) -> list[Key]:
    """Return the keys of all episodes in the folder."""
    done = _keys_in_tables(folder)
    known = set(done)
    return done + [key for _, own in parts(folder) for key in keys(own) if key not in known]


def table_files(folder: Path, name: str) -> list[Path]:
    """Return the files of a table in the order of replications; other files are left alone."""
    return sorted(
        file
        for file in (folder.absolute() / name).glob("*.parquet")
        if _NUMBER.fullmatch(file.stem)
    )


def parts(folder: Path) -> Iterator[tuple[Path, pa.Table]]:
    """Yield the bundles of finished episodes that are not yet in the tables.

    Raises
    ------
    InputError
        If one of them is damaged.
    """
    for file in part_files(folder):
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue  # its episodes have just been merged
        if not is_sound_part(file, content):
            raise checksums.damaged(file)
        yield file, from_bytes(content)


def part_files(folder: Path) -> list[Path]:
    """Return the files of bundles, in order."""
    return sorted((folder / PARTS).glob("*.arrow"))


def is_sound_part(file: Path, content: bytes) -> bool:
    """Return whether a part is as it was written: its name says what it should hold."""
    return file.stem.partition(".")[2] == checksums.tag(content)


def rows(folder: Path, name: str, equals: Mapping[str, object] | None = None) -> pa.Table | None:
    """Return the rows of a table whose columns equal the values given; None before the first."""
    files = table_files(folder, name)
    whole = [file.parents[1] / name / file.name for file in table_files(folder, EPISODES)]
    for file in dict.fromkeys([*files, *whole]):  # one that is missing is damaged as well
        checksums.check(folder, file)
    wanted = [pc.field(column) == value for column, value in (equals or {}).items()]
    where = functools.reduce(operator.and_, wanted) if wanted else None
    waiting = [own for _, own in parts(folder)]
    if not waiting:
        return pyarrow.dataset.dataset(files).to_table(filter=where) if files else None
    # The study is unfinished. It may have been killed between two files of one and the same
    # episode: only those in the table of episodes are whole, the others still wait in parts.
    done = set(_keys_in_tables(folder))
    unmerged = join(waiting)
    unmerged = unmerged.filter(pa.array([key not in done for key in keys(unmerged)], pa.bool_()))
    whole = [only(pq.read_table(file), done) for file in files]
    table = pa.concat_tables([*whole, flat(unmerged, name)], promote_options="default")
    return table if where is None else table.filter(where)


def key_columns(folder: Path, file: Path) -> pa.Table:
    """Return controller and replication of the rows in a file of a table."""
    checksums.check(folder, file)
    return pq.read_table(file, columns=list(KEYS[:2]))


def _keys_in_tables(folder: Path) -> list[Key]:
    files = table_files(folder, EPISODES)
    return [key for file in files for key in keys(key_columns(folder, file))]


def only(table: pa.Table, chosen: Collection[Key]) -> pa.Table:
    """Return the rows of the episodes chosen."""
    return table.filter(pa.array([key in chosen for key in keys(table)], pa.bool_()))
