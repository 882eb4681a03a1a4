"""Write a study to disk so that a killed process loses no finished episode.

Episodes arrive in bundles, in any order; each bundle becomes one file in ``parts``, written under a
temporary name, synced and renamed. When all episodes of a file of the tables are there, they are
sorted and merged into it: the tables depend on the episodes only, not on the workers, the time, or
the number of interruptions.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
import logging
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa

from sim.errors import InputError
from sim.study.jobs import Failure, Key
from sim.study.store import checksums, durable
from sim.study.store.bundle import EPISODES, Keep, from_bytes, join, keys, tables_of
from sim.study.store.durable import StorageError
from sim.study.store.manifest import differences, json_text
from sim.study.store.shards import (
    delete_shard,
    keys_of_shard,
    read_shard,
    remove_damaged_shards,
    write_episodes_without,
    write_shard,
)
from sim.study.store.stored_study import (
    COMMANDS,
    MANIFEST,
    PARTS,
    SUMMARY,
    is_sound_part,
    part_files,
    parts,
    read_study,
    stored_keys,
)

EPISODES_PER_FILE = 1024
LOGGER = logging.getLogger("gridhaul")


class StudyWriter:
    """Stores the episodes of a study.

    Parameters
    ----------
    folder
        Where the study is or shall be. Must not exist, be empty, or hold a study of the same
        configuration, which is then continued.
    manifest
        See `sim.study.store.manifest.manifest`.
    replications
        Which are asked for; a study may grow, not shrink.
    episodes_per_file
        Size of a file of the tables; None stands for `EPISODES_PER_FILE`.
    lock
        Whether another writer is refused by a lock on the folder, which some file systems of
        clusters do not have.
    beside
        Names in a folder that holds no study yet which are none of the study.

    Raises
    ------
    InputError
        If the folder holds something else or another study, is being written by somebody else, or
        cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Mapping[str, Any],
        replications: Sequence[int],
        *,
        episodes_per_file: int | None = None,
        lock: bool = True,
        beside: Collection[str] = (),
    ) -> None:
        self.folder = folder
        self._manifest = manifest
        self._replications = list(replications)
        self._per_file = episodes_per_file or EPISODES_PER_FILE
        self._position = {own["label"]: i for i, own in enumerate(manifest["controllers"])}
        self._tables = tables_of(Keep(manifest["keep"]))
        self._part_of: dict[int, Path] = {}  # files of episodes that are in no table yet
        self._resources = contextlib.ExitStack()
        try:
            str(folder).encode()
        except UnicodeEncodeError as error:
            message, remedy = "is no UTF-8", "Name a folder whose path is written in UTF-8"
            raise _refused(folder, message, remedy) from error
        try:
            self._open(lock=lock, beside=beside)
        except (OSError, RecursionError) as error:  # the latter of a path of a thousand folders
            self._resources.close()
            raise _refused(folder, f"cannot be written ({durable.reason(error)})") from error
        except BaseException:
            self._resources.close()
            raise
        self.stored = frozenset(stored_keys(folder))
        self._n_safe = len(self.stored)
        missing = set(self._wanted(self._replications)) - self.stored
        self._outstanding = Counter(self._index(key) // self._per_file for key in missing)

    def __enter__(self) -> StudyWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._resources.close()

    def add(self, content: bytes, finished: Collection[Key]) -> None:
        """Store a bundle of episodes; they are on the disk when this returns.

        Raises
        ------
        StorageError
            If the disk refuses. What was added before is safe.
        """
        if not finished:
            return
        indices = [self._index(key) for key in finished]
        file = self.folder / PARTS / f"{min(indices):09d}.{checksums.tag(content)}.arrow"
        with self._disk():
            durable.write_bytes(file, content)
            self._n_safe += len(finished)
            self._part_of.update(dict.fromkeys(indices, file))
            self._mark_ended(indices)

    def note_failure(self, failure: Failure) -> None:
        """Note that an episode has failed; it runs again when the study is continued."""
        with self._disk():
            self._mark_ended([self._index(failure.key)])

    def finish(
        self,
        summary: Mapping[str, object],
        failures: Sequence[Mapping[str, object]] = (),
        replications: Sequence[int] | None = None,
    ) -> None:
        """Merge all episodes into the tables and write the results.

        Parameters
        ----------
        summary
            Content of ``summary.json``.
        failures
            Episodes that did not end.
        replications
            Those that count if fewer than asked for; None for all.

        Raises
        ------
        StorageError
            If the disk refuses. All episodes are safe.
        """
        last = self._replications if replications is None else list(replications)
        wanted = {self._index(key) for key in self._wanted(last)}
        stored = {self._index(key) for key in self.stored}
        with self._disk():
            for number in sorted(
                {i // self._per_file for i in wanted | stored | set(self._part_of)}
            ):
                self._merge_episodes(number, wanted)
            checksums.write_text(self.folder / SUMMARY, json_text(summary))
            self._write_manifest(last, failures, finished=True)
            shutil.rmtree(self.folder / PARTS)

    def _open(self, *, lock: bool, beside: Collection[str]) -> None:
        folder = self.folder
        known = (folder / MANIFEST).is_file()
        if folder.exists() and not known and _holds_something_else(folder, beside):
            raise _refused(folder, "exists and holds something that is no study")
        if known:
            self._check(folder)
        for name in (EPISODES, *self._tables, PARTS):
            if (folder / name).exists() and not (folder / name).is_dir():
                raise _refused(folder, f"has a file {name} where the study has a folder")
        folder.mkdir(parents=True, exist_ok=True)
        if lock:
            self._lock()
        for partial in folder.rglob(f".*{durable.PARTIAL_SUFFIX}"):
            partial.unlink()
        (folder / PARTS).mkdir(exist_ok=True)
        if known:
            self._remove_damaged()
        for file, own in parts(folder):
            self._part_of.update({self._index(key): file for key in keys(own)})
        self._write_manifest(self._replications, (), finished=False)
        commands = folder / COMMANDS
        earlier = read_commands(commands)
        durable.write_text(commands, json_text([*earlier, command_record()]))

    def _lock(self) -> None:
        descriptor = self._resources.enter_context(durable.folder_descriptor(self.folder))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _refused(
                self.folder, "is being written by another process", "Wait until that one has ended"
            ) from None

    def _check(self, folder: Path) -> None:
        earlier = read_study(folder).manifest
        if not (folder / checksums.SUMS).exists():
            raise _refused(
                folder,
                f"has no {checksums.SUMS}: it was written by an earlier version, or by others",
                "Name another folder; report and replay read this one",
            )
        found = list(differences(earlier["configuration"], self._manifest["configuration"]))
        if found:
            raise _refused(
                folder,
                f"holds another study: {'; '.join(found)}",
                "Name another folder, or ask for what this one holds",
            )
        surplus = sorted(set(earlier["replications"]) - set(self._replications))
        if surplus:
            raise _refused(
                folder,
                f"holds a study of {len(earlier['replications'])} replications, among them "
                f"{surplus[0]}, which is not asked for",
                "A study can grow, not shrink: ask for at least as many, or name another folder",
            )

    def _remove_damaged(self) -> None:
        """Remove what was damaged on the disk; its episodes are then missing, and run again."""
        lost = remove_damaged_shards(self.folder, self._tables)
        for file in part_files(self.folder):
            if not is_sound_part(file, file.read_bytes()):
                lost.append(str(file.relative_to(self.folder)))
                file.unlink()
        for name in lost:
            LOGGER.warning("%s: %s is damaged: its episodes run again", self.folder, name)

    def _write_manifest(
        self,
        replications: Sequence[int],
        failures: Sequence[Mapping[str, object]],
        *,
        finished: bool,
    ) -> None:
        content = {
            **self._manifest,
            "checksums": checksums.SUMS,
            "replications": list(replications),
            "finished": finished,
            "failures": list(failures),
        }
        checksums.write_text(self.folder / MANIFEST, json_text(content))

    def _mark_ended(self, indices: Sequence[int]) -> None:
        for index in indices:
            number = index // self._per_file
            self._outstanding[number] -= 1
            full = (number + 1) * self._per_file <= self._end()
            if full and not self._outstanding[number]:
                self._merge_episodes(number, None)

    def _merge_episodes(self, number: int, wanted: Collection[int] | None) -> None:
        """Merge the parts of one file of the tables into it; leave out what is not wanted."""
        span = range(number * self._per_file, (number + 1) * self._per_file)
        files = sorted({file for index, file in self._part_of.items() if index in span})
        placed = keys_of_shard(self.folder, number)
        surplus = {key for key in placed if wanted is not None and self._index(key) not in wanted}
        if not files and not surplus:
            return
        if surplus:
            write_episodes_without(self.folder, number, surplus)
        earlier = read_shard(self.folder, number, self._tables)
        pieces = [] if earlier is None else [earlier]
        pieces += [_read_part(file) for file in files]
        episodes = join(pieces)
        found = np.array([self._index(key) for key in keys(episodes)])
        order, rows = np.unique(found, return_index=True)
        chosen = np.array([i in span and (wanted is None or i in wanted) for i in order])
        if chosen.any():
            inside = episodes.take(pa.array(rows[chosen]))
            write_shard(self.folder, number, inside, self._tables)
        else:
            delete_shard(self.folder, number, self._tables)
        self._part_of = {own: file for own, file in self._part_of.items() if own not in span}
        for file in set(files) - set(self._part_of.values()):
            file.unlink()

    def _wanted(self, replications: Sequence[int]) -> Iterator[Key]:
        return ((label, own) for own in replications for label in self._position)

    def _index(self, key: Key) -> int:
        label, replication = key
        return replication * len(self._position) + self._position[label]

    def _end(self) -> int:
        return (max(self._replications) + 1) * len(self._position)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = "Make room and give" if durable.is_full(error) else "Give"
            raise StorageError(
                f"{self.folder}: {durable.reason(error)}. The {self._n_safe} episodes finished so "
                f"far are safe in it. {remedy} the same command again: it runs what is missing."
            ) from error


def _read_part(file: Path) -> pa.Table:
    content = file.read_bytes()
    if not is_sound_part(file, content):
        raise checksums.damaged(file)
    return from_bytes(content)


def command_record() -> dict[str, object]:
    """Return what the folder of a study remembers of the program that asks."""
    # The first word is a path of this machine; the module is the command.
    program = Path(sys.argv[0]).name.replace("__main__.py", "gridhaul")
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return {"command": [program, *sys.argv[1:]], "started": now}


def read_commands(path: Path) -> list[object]:
    """Return the commands that have written to a study so far."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return found if isinstance(found, list) else []


def _holds_something_else(folder: Path, beside: Collection[str]) -> bool:
    if not folder.is_dir():
        return True
    # An interrupted start leaves these.
    own_names = {checksums.SUMS, PARTS}
    own_names |= {f".{name}{durable.PARTIAL_SUFFIX}" for name in (MANIFEST, checksums.SUMS)}
    return any(
        entry.name not in own_names or (entry.is_dir() and any(entry.iterdir()))
        for entry in folder.iterdir()
        if entry.name not in beside
    )


def _refused(folder: Path, message: str, remedy: str = "") -> InputError:
    return InputError.single(
        where="--out",
        key="out",
        value=str(folder),
        message=message,
        remedy=remedy or "Name a new or empty folder, or that of a study to be continued",
    )
