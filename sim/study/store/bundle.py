"""Episodes as an Arrow table: one row per episode, its tables nested as lists.

Workers send episodes in this form, and they are sorted and merged in it. A row is a whole episode,
so no part of one can be lost. `flat` returns an ordinary table.

The type of a column depends on its name alone, never on its values: a table of a day without trips
has the columns and types of every other, and equal values are equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np
import pandas as pd
import pyarrow as pa

from sim.episode.episode import Episode
from sim.episode.log import log_of, log_sha256
from sim.study.jobs import Key
from sim.study.store.sums import sum_ledger

KEYS = ("controller", "replication", "start")  # first columns of the table of episodes
LOG = "log_sha256"  # comes after them; folders of earlier versions lack it
NOT_METRICS = (*KEYS, LOG)  # all other columns of that table are metrics
EPISODES = "episodes"
TIMINGS = "timings"  # wall clock: kept apart from what is reproducible
# Tables of an episode by name; those of `WIDE` come with their time as index.
TABLES = (
    "steps",
    "vm_pu",
    "va_degree",
    "loading_percent",
    "p_from_mw",
    "q_from_mvar",
    "vehicles",
    "exchanges",
    "loads",
    "generators",
    "ev_groups",
    "events",
    "units",
    "prices",
    "trips",
    "spans",
    "outages",
    "congestion",
    "decisions",
    "ledger",
)
SUMMARISED = ("decisions", "ledger")
# One column per bus or branch, in single precision: 1e-7 of the value, far below what line data
# are worth, in half the space. They would be nine tenths of a study otherwise.
WIDE = ("vm_pu", "va_degree", "loading_percent", "p_from_mw", "q_from_mvar")
# So are powers of each load and each generator, of which there are as many.
SINGLE = ("loads", "generators")
TEXTS = frozenset(
    {"controller", "vehicle", "status", "station", "event", "detail", "origin", "destination"}
    | {"payer", "payee", "item", "name", "fallback", "orders", "line", "figures", "trigger"}
    | {"unit", "refused", "bus", "from_node", "to_node"}
    | {"load", "generator", "group"}
)
WHOLE = frozenset({"replication", "period", "step", "decisions"})
FLAGS = frozenset({"converged", "on"})


class Keep(StrEnum):
    """How much of each episode a study keeps: all tables, or metrics and sums only."""

    STEPS = "steps"
    SUMMARY = "summary"


def tables_of(keep: Keep) -> tuple[str, ...]:
    """Return the names of the tables that are kept, without that of the episodes."""
    return (*(TABLES if keep is Keep.STEPS else SUMMARISED), TIMINGS)


def bundle(label: str, episode: Episode, keep: Keep) -> pa.Table:
    """Return one episode as a table of one row.

    Parameters
    ----------
    label
        What the controller is called in tables.
    episode
        What is kept of it depends on `keep`.
    keep
        With ``summary`` the ledger is summed over the steps and the decisions are counted.
    """
    columns = {
        "controller": pa.array([label], pa.string()),
        "replication": pa.array([episode.replication], pa.int64()),
        "start": pa.array(np.array([episode.start], dtype="datetime64[ns]")),
        LOG: pa.array([log_sha256(log_of(episode))], pa.string()),
    }
    for name, value in episode.metrics.items():
        columns[name] = pa.array([float(value)], pa.float64())
    for name in tables_of(keep):
        rows = _typed(name, _frame(name, episode, keep))
        columns[_nested(name)] = pa.ListArray.from_arrays(
            pa.array([0, len(rows)], pa.int32()), rows
        )
    return pa.table(columns)


def join(bundles: Iterable[pa.Table]) -> pa.Table:
    """Return all rows in one table, in one piece.

    Controllers may declare figures of their own: where an episode lacks one, it is null.
    """
    return pa.concat_tables(list(bundles), promote_options="default").combine_chunks()


def keys(episodes: pa.Table) -> list[Key]:
    """Return controller and replication of each row, of a bundle or any other table."""
    columns = (episodes.column(name).to_pylist() for name in KEYS[:2])
    return list(zip(*columns, strict=True))


def names(episodes: pa.Table) -> tuple[str, ...]:
    """Return the names of the tables that are nested in a bundle."""
    return tuple(
        field.name.removesuffix(_nested(""))
        for field in episodes.schema
        if field.name.endswith(_nested(""))
    )


def flat(episodes: pa.Table, name: str) -> pa.Table:
    """Return one table of all the episodes, controller and replication in front."""
    if name == EPISODES:
        return episodes.drop_columns([_nested(own) for own in names(episodes)])
    column = episodes.column(_nested(name)).combine_chunks()
    owner = column.value_parent_indices()
    rows = column.flatten()
    kind = rows.type
    fields = [kind.field(i).name for i in range(kind.num_fields)]
    front = [episodes.column(key).take(owner) for key in KEYS[:2]]
    return pa.Table.from_arrays([*front, *rows.flatten()], names=[*KEYS[:2], *fields])


def nest(episodes: pa.Table, tables: dict[str, pa.Table]) -> pa.Table:
    """Undo `flat`: put flat tables back into the rows they came from.

    Rows of episodes that are not in `episodes` are left out. Rows of one episode must be
    neighbours, and episodes in the same order everywhere.
    """
    order = {key: i for i, key in enumerate(keys(episodes))}
    for name, table in tables.items():
        owner = np.array([order.get(key, -1) for key in keys(table)], dtype=np.int64)
        kept = table.filter(pa.array(owner >= 0))
        counts = np.bincount(owner[owner >= 0], minlength=len(order))
        offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
        rows = pa.StructArray.from_arrays(
            [column.combine_chunks() for column in kept.columns[2:]], names=kept.column_names[2:]
        )
        episodes = episodes.append_column(_nested(name), pa.ListArray.from_arrays(offsets, rows))
    return episodes


def to_bytes(episodes: pa.Table) -> bytes:
    """Return a bundle as an Arrow file."""
    sink = pa.BufferOutputStream()
    # Takes a fifth of the time of zstd and a fifth more space, for as long as an episode waits.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, episodes.schema, options=options) as writer:
        writer.write_table(episodes)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(content: bytes) -> pa.Table:
    """Return the bundle in an Arrow file.

    Raises
    ------
    pyarrow.ArrowInvalid
        If it is none, or only part of one.
    """
    return pa.ipc.open_file(pa.BufferReader(content)).read_all()


def _nested(name: str) -> str:
    return f"{name} (rows)"


def _frame(name: str, episode: Episode, keep: Keep) -> pd.DataFrame:
    if keep is Keep.SUMMARY and name == "ledger":
        return sum_ledger(episode.ledger)
    if keep is Keep.SUMMARY and name == "decisions":
        return _counted(episode.decisions)
    table: pd.DataFrame = getattr(episode, name)
    return table if table.index.name is None else table.reset_index()


def _counted(decisions: pd.DataFrame) -> pd.DataFrame:
    groups = decisions.groupby(["status", "fallback"], sort=True)
    counted = groups.agg(
        decisions=("period", "size"), gap_max=("gap", "max"), clipped_mwh=("clipped_mwh", "sum")
    )
    return counted.reset_index()


def _typed(table: str, frame: pd.DataFrame) -> pa.StructArray:
    fields = [str(column) for column in frame.columns]
    arrays = [
        _column(_type(table, name, i), values.to_numpy())
        for i, (name, (_, values)) in enumerate(zip(fields, frame.items(), strict=True))
    ]
    return pa.StructArray.from_arrays(arrays, names=fields)


def _type(table: str, name: str, position: int) -> pa.DataType:
    if table in WIDE:
        return pa.float32() if position else pa.float64()  # the time comes first
    if name in TEXTS:
        return pa.string()
    if name in WHOLE:
        return pa.int64()
    if name in FLAGS:
        return pa.bool_()
    return pa.float32() if table in SINGLE and name != "time_h" else pa.float64()


def _column(kind: pa.DataType, values: np.ndarray) -> pa.Array:
    if not len(values):  # has a type of its own that says nothing
        return pa.array([], kind)
    if pa.types.is_string(kind):
        return pa.array(values.tolist(), kind)
    converted = values.astype(kind.to_pandas_dtype())
    return pa.array(converted, kind)
