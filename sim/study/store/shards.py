"""Shards of the tables: files of equally many episodes each, in the order of the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.study.jobs import Key
from sim.study.store import checksums
from sim.study.store.bundle import EPISODES, SINGLE, WIDE, flat, keys, nest
from sim.study.store.stored_study import key_columns, table_files

ROWS_PER_GROUP = 8192  # read at once for one day
# Where nearly every float is different, its bytes compress better side by side.
NOISY = ("steps", *WIDE)  # those of `SINGLE`, as they are


def read_shard(folder: Path, number: int, tables: Sequence[str]) -> pa.Table | None:
    """Return the episodes of one file of each table, as a bundle; None if there are none."""
    if not _file(folder, EPISODES, number).is_file():
        return None
    episodes = _read(folder, EPISODES, number)
    return nest(episodes, {name: _read(folder, name, number) for name in tables})


def keys_of_shard(folder: Path, number: int) -> list[Key]:
    """Return the keys of the episodes in one file of each table."""
    file = _file(folder, EPISODES, number)
    return keys(key_columns(folder, file)) if file.is_file() else []


def write_shard(folder: Path, number: int, episodes: pa.Table, tables: Sequence[str]) -> None:
    """Write one file of each table.

    The table of episodes comes last: an episode in it has its rows in all other tables.
    """
    for name in (*tables, EPISODES):
        write_table(folder, number, name, flat(episodes, name))


def write_table(folder: Path, number: int, name: str, table: pa.Table) -> None:
    """Write one file of one table; equal rows give equal bytes."""
    file = _file(folder, name, number)
    file.parent.mkdir(exist_ok=True)
    whole = table.combine_chunks()
    floats = [own.name for own in whole.schema if pa.types.is_floating(own.type)]
    numbers = [own for own in floats if own != "time_h"]
    split = numbers if name in NOISY else []
    plain = numbers if name in (*NOISY, *SINGLE) else []
    checksums.write(
        file,
        lambda partial: pq.write_table(
            whole,
            partial,
            compression="zstd",
            row_group_size=ROWS_PER_GROUP,
            use_dictionary=[own for own in whole.column_names if own not in plain],
            use_byte_stream_split=split,
            write_page_checksum=True,
        ),
    )


def delete_shard(folder: Path, number: int, tables: Sequence[str]) -> None:
    """Remove one file of each table, the episodes first."""
    for name in (EPISODES, *tables):
        checksums.remove(_file(folder, name, number))


def write_episodes_without(folder: Path, number: int, surplus: set[Key]) -> None:
    """Remove episodes from the table of episodes, so that no reader counts them."""
    table = _read(folder, EPISODES, number)
    kept = pa.array([key not in surplus for key in keys(table)], pa.bool_())
    write_table(folder, number, EPISODES, table.filter(kept))


def remove_damaged_shards(folder: Path, tables: Sequence[str]) -> list[str]:
    """Remove files of the tables where one of them is missing or damaged; return what they held.

    A shard without a table of episodes was being written when a process was killed; its episodes
    wait in ``parts``. One with it was whole once.

    Returns
    -------
    list of str
        The files that are damaged or missing, of shards that were whole.
    """
    everything = (EPISODES, *tables)
    lost = []
    numbers = {int(file.stem) for name in everything for file in table_files(folder, name)}
    for number in sorted(numbers):
        files = [_file(folder, name, number) for name in everything]
        broken = [file for file in files if not checksums.is_sound(file)]
        if broken:
            lost += broken if files[0].exists() else []
            delete_shard(folder, number, tables)
    for name in everything:
        if (folder / name).is_dir():
            checksums.settle(folder / name)
    return [str(file.relative_to(folder.absolute())) for file in lost]


def _read(folder: Path, name: str, number: int) -> pa.Table:
    file = _file(folder, name, number)
    checksums.check(folder, file)
    return pq.read_table(file)


def _file(folder: Path, name: str, number: int) -> Path:
    # Absolute: Arrow takes "~" for a home.
    return folder.absolute() / name / f"{number:06d}.parquet"
