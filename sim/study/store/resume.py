"""Resume a study: results of the stored episodes, which need not run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pandas as pd
import pyarrow as pa

from sim.study.jobs import FinishedEpisode, Key
from sim.study.store.bundle import EPISODES, NOT_METRICS, TIMINGS, flat
from sim.study.store.shards import keys_of_shard, read_shard
from sim.study.store.stored_study import parts, table_files
from sim.study.store.sums import first_reason, sum_timings

LEDGER, DECISIONS = "ledger", "decisions"


def finished_episodes(folder: Path) -> Iterator[FinishedEpisode]:
    """Yield the results of all episodes in a folder; tables are read one file at a time."""
    done = set()
    for file in table_files(folder, EPISODES):
        number = int(file.stem)
        done.update(keys_of_shard(folder, number))
        episodes = read_shard(folder, number, (TIMINGS, LEDGER, DECISIONS))
        if episodes is not None:
            yield from _results(episodes)
    for _, episodes in parts(folder):
        yield from (own for own in _results(episodes) if own.key not in done)


def _results(episodes: pa.Table) -> Iterator[FinishedEpisode]:
    rows: pd.DataFrame = flat(episodes, EPISODES).to_pandas()
    metrics = [name for name in rows.columns if name not in NOT_METRICS]
    timings = _by_episode(flat(episodes, TIMINGS).to_pandas())
    decisions = _by_episode(flat(episodes, DECISIONS).to_pandas())
    entries: pd.DataFrame = flat(episodes, LEDGER).to_pandas()
    # In a study that keeps every step this is the sum over an episode, otherwise it has been taken.
    parties = ["controller", "replication", "payer", "payee", "item"]
    ledger = _by_episode(entries.groupby(parties)["usd"].sum().to_frame().reset_index())
    empty = pd.DataFrame({name: [] for name in (*parties[2:], "usd")})
    for row in rows.to_dict(orient="records"):
        key = (str(row["controller"]), int(row["replication"]))
        yield FinishedEpisode(
            controller=key[0],
            replication=key[1],
            start=pd.Timestamp(row["start"]),
            metrics={name: float(row[name]) for name in metrics},
            timings=sum_timings(timings[key], round(row["steps"])),
            ledger=ledger.get(key, empty),
            reason=first_reason(decisions[key]),
        )


def _by_episode(rows: pd.DataFrame) -> dict[Key, pd.DataFrame]:
    found: dict[Key, pd.DataFrame] = {}
    for key, own in rows.groupby(["controller", "replication"], sort=False):
        label, replication = cast("Key", key)
        found[label, int(replication)] = own.drop(columns=["controller", "replication"])
    return found
