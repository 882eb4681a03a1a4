"""Shards of the tables: files of equally many episodes each, in the order of the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sim.study.jobs import Key
from sim.study.store import durable
from sim.study.store.bundle import EPISODES, SINGLE, WIDE, flat, keys, nest
from sim.study.store.stored_study import key_columns

ROWS_PER_GROUP = 8192  # read at once for one day
# Where nearly every float is different, its bytes compress better side by side.
NOISY = ("steps", *WIDE)  # those of `SINGLE`, as they are


def read_shard(folder: Path, number: int, tables: Sequence[str]) -> pa.Table | None:
    """Return the episodes of one file of each table, as a bundle; None if there are none."""
    if not _file(folder, EPISODES, number).is_file():
        return None
    episodes = pq.read_table(_file(folder, EPISODES, number))
    return nest(episodes, {name: pq.read_table(_file(folder, name, number)) for name in tables})


def keys_of_shard(folder: Path, number: int) -> list[Key]:
    """Return the keys of the episodes in one file of each table."""
    file = _file(folder, EPISODES, number)
    return keys(key_columns(file)) if file.is_file() else []


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
    durable.write(
        file,
        lambda partial: pq.write_table(
            whole,
            partial,
            compression="zstd",
            row_group_size=ROWS_PER_GROUP,
            use_dictionary=[own for own in whole.column_names if own not in plain],
            use_byte_stream_split=split,
        ),
    )


def delete_shard(folder: Path, number: int, tables: Sequence[str]) -> None:
    """Remove one file of each table, the episodes first."""
    for name in (EPISODES, *tables):
        _file(folder, name, number).unlink(missing_ok=True)


def write_episodes_without(folder: Path, number: int, surplus: set[Key]) -> None:
    """Remove episodes from the table of episodes, so that no reader counts them."""
    table = pq.read_table(_file(folder, EPISODES, number))
    kept = pa.array([key not in surplus for key in keys(table)], pa.bool_())
    write_table(folder, number, EPISODES, table.filter(kept))


def _file(folder: Path, name: str, number: int) -> Path:
    return folder / name / f"{number:06d}.parquet"
