"""Which shards lack episodes, and all of them as one study."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from sim.errors import InputError
from sim.study.accumulator import Accumulator
from sim.study.array.shard import SHARD, SHARDS, Shard, shards_in
from sim.study.inference.contrasts import NamedDifference
from sim.study.inference.days import Days
from sim.study.jobs import Failure
from sim.study.kept import Kept
from sim.study.store.bundle import Keep, keys, tables_of, to_bytes
from sim.study.store.manifest import differences
from sim.study.store.resume import finished_episodes
from sim.study.store.shards import read_shard
from sim.study.store.stored_study import StoredStudy, read_study
from sim.study.store.writer import StudyWriter
from sim.study.study import Study
from sim.study.summary import failures_as_json, study_summary
from sim.system.areas import PARTIES

# What the manifest of a folder has beside that of its study.
OF_FOLDER = ("checksums", "replications", "finished", "failures", SHARD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A shard that has not come to its end.

    Attributes
    ----------
    shard
        Which.
    episodes, missing
        How many it has, and how many of them are not on the disk.
    """

    shard: Shard
    episodes: int
    missing: int


def missing(study: str | Path) -> tuple[Lacking, ...]:
    """Return the shards that lack episodes, those that were never begun included.

    An episode that has failed is not missing: it would fail again.

    Raises
    ------
    InputError
        If the folder holds no shards, or shards of different studies.
    """
    found, replications, manifest = _shards(Path(study))
    (of,) = {each.of for each in found}
    n_controllers = len(manifest["controllers"])
    lacking = []
    for number in range(1, of + 1):
        shard = Shard(number=number, of=of)
        n_episodes = len(shard.replications(replications)) * n_controllers
        stored = found.get(shard)
        n_missing = n_episodes if stored is None else len(stored.missing)
        if n_missing or (n_episodes and stored and not stored.manifest["finished"]):
            lacking.append(Lacking(shard=shard, episodes=n_episodes, missing=n_missing))
    return tuple(lacking)


def collect(folder: str | Path) -> Study:
    """Make one study of all shards; the folder is then what one process would have written.

    No controller is loaded: all that is needed is in the manifests.

    Raises
    ------
    InputError
        If shards lack episodes, are damaged, or are of different studies.
    StorageError
        If the disk refuses; nothing is lost.
    """
    root = Path(folder)
    lacking = missing(root)
    if lacking:
        raise InputError.single(
            where=str(root),
            key=SHARDS,
            value=array_of(lacking),
            message=f"{len(lacking)} shards have not come to their end",
            remedy="Run them again; `gridhaul missing DIR` names them",
        )
    found, replications, manifest = _shards(root)
    names = [controller["label"] for controller in manifest["controllers"]]
    accumulator = Accumulator(names)
    with StudyWriter(root, manifest, range(replications), beside=(SHARDS,)) as writer:
        for stored in found.values():
            _add(writer, stored)
            for own in stored.manifest["failures"]:
                failure = Failure(**own)
                accumulator.add(failure)
                writer.note_failure(failure)
        start = {}
        for result in finished_episodes(root):
            accumulator.add(result)
            start[result.replication] = result.start
        days = Days(start=start, in_profile=manifest["system"]["profile_days"])
        study = _study(accumulator, manifest, replications, days)
        writer.finish(study_summary(study), failures_as_json(study.failures))
        shutil.rmtree(root / SHARDS)
    return dataclasses.replace(study, stored=Kept(collect, root))


def array_of(lacking: tuple[Lacking, ...]) -> str:
    """Return the numbers of shards as ``--array`` of a batch system takes them."""
    return ",".join(str(each.shard.number) for each in lacking)


def _add(writer: StudyWriter, stored: StoredStudy) -> None:
    """Store the episodes of a shard that are not yet in the study."""
    tables = tables_of(Keep(stored.manifest["keep"]))
    episodes = read_shard(stored.folder, 0, tables)
    if episodes is None:  # all have failed
        return
    new = [key not in writer.stored for key in keys(episodes)]
    chosen = episodes.filter(pa.array(new, pa.bool_()))
    if len(chosen):
        writer.add(to_bytes(chosen), keys(chosen))


def _study(
    accumulator: Accumulator, manifest: Mapping[str, Any], replications: int, days: Days
) -> Study:
    """Return the results, with all that the manifest says of the controllers."""
    study = accumulator.study(
        manifest["scenario"]["name"],
        seed=manifest["seed"],
        replications=range(replications),
        days=days,
    )
    return dataclasses.replace(
        study,
        declared=tuple(NamedDifference(**each) for each in manifest["contrasts"]),
        declared_ladder=tuple(NamedDifference(**each) for each in manifest["ladder"]),
        parties=tuple(manifest["system"].get("parties", PARTIES)),
    )


def _shards(root: Path) -> tuple[dict[Shard, StoredStudy], int, dict[str, Any]]:
    """Return the shards, the replications of the whole study, and its manifest."""
    found = {shard: read_study(folder) for shard, folder in shards_in(root).items()}
    if not found:
        raise _refused(root, "holds no shards", "Name the --out of the jobs with --shard")
    first, *others = (stored.manifest for stored in found.values())
    divided = first[SHARD]
    for other in others:
        unlike = list(differences(first["configuration"], other["configuration"]))
        unlike += [
            f"{key} is {divided[key]} in one and {other[SHARD][key]} in another"
            for key in ("of", "replications")
            if other[SHARD][key] != divided[key]
        ]
        if unlike:
            what = f"holds shards of different studies: {'; '.join(unlike)}"
            raise _refused(root, what, "Run all shards with one command into a new folder")
    whole = {name: value for name, value in first.items() if name not in OF_FOLDER}
    return found, int(divided["replications"]), whole


def _refused(root: Path, message: str, remedy: str) -> InputError:
    return InputError.single(
        where=str(root), key="DIR", value=str(root), message=message, remedy=remedy
    )
