"""Run one shard of a comparison: its days, in a folder of its own, which nobody else writes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError, shown
from sim.study.comparison import Comparison
from sim.study.conduct import ExecutionOptions, tell_failures, tell_interruption, worker_pool
from sim.study.execution.execute import execute
from sim.study.execution.worker import JobContext
from sim.study.jobs import Failure, Job
from sim.study.store.stored_study import MANIFEST
from sim.study.store.writer import StudyWriter
from sim.study.summary import failures_as_json

SHARDS = "shards"
SHARD = "shard"  # key of the manifest of a shard
WHOLE = 2**31  # episodes in a file: all of them
MOST_SHARDS = 100_000

_TEXT = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_FOLDER = re.compile(r"([0-9]{6})-of-([0-9]{6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One part of a study.

    Attributes
    ----------
    number, of
        Which, from 1 on, and how many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard that ``"3/20"`` names.

        Raises
        ------
        InputError
            If the text names none.
        """
        found = _TEXT.fullmatch(text)
        number, of = (int(each) for each in found.groups()) if found else (0, 0)
        if not 1 <= number <= of <= MOST_SHARDS:
            raise InputError.single(
                where="--shard",
                key="shard",
                value=shown(text),
                message="is no part of a study",
                remedy="Write K/N, the K-th of N shards: --shard 3/20",
            )
        return cls(number=number, of=of)

    def folder(self, study: Path) -> Path:
        """Return where it is stored."""
        return study / SHARDS / f"{self.number:06d}-of-{self.of:06d}"

    def replications(self, total: int) -> range:
        """Return its days of so many: neighbours, as equally many as can be."""
        return range(total * (self.number - 1) // self.of, total * self.number // self.of)


def shards_in(study: Path) -> dict[Shard, Path]:
    """Return the shards that have been begun in the folder of a study, by number."""
    found = {}
    folder = study / SHARDS
    for own in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (named := _FOLDER.fullmatch(own.name)) and (own / MANIFEST).is_file():
            number, of = (int(each) for each in named.groups())
            found[Shard(number=number, of=of)] = own
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardResult:
    """How far a shard is.

    Attributes
    ----------
    episodes, stored
        How many it has, and how many of them are on the disk.
    failures
        Episodes that failed.
    interrupted
        Whether Ctrl-C or a signal has ended it.
    """

    episodes: int
    stored: int
    failures: tuple[Failure, ...]
    interrupted: bool


def run_shard(
    compared: Comparison, shard: Shard, options: ExecutionOptions, replications: int
) -> ShardResult:
    """Run the episodes of a shard that are not on the disk yet.

    Its folder takes one file per table, and no lock: a shard belongs to one job. While it runs,
    finished episodes lie in ``parts``, as in every study.

    Parameters
    ----------
    compared
        The study.
    shard
        Which part.
    options
        Workers and the folder of the study.
    replications
        Of the whole study.

    Raises
    ------
    InputError
        If the folder holds another study, or one that has been divided otherwise.
    StorageError
        If the disk refuses; what was finished before is safe.
    EpisodeError
        If something fails and the study is strict.
    """
    study = _checked_folder(options.out, shard)
    own, cells = shard.replications(replications), compared.cells
    context = JobContext(
        scenarios=(compared.scenario,),
        seed=compared.seed,
        verify=compared.verify,
        keep=compared.keep,
        strict=options.strict,
        deadline_s=options.deadline_s,
    )
    divided = {"number": shard.number, "of": shard.of, "replications": replications}
    manifest = {**compared.manifest(), SHARD: divided}
    n_episodes, told = len(own) * len(cells), set[str]()
    failures: list[Failure] = []
    interrupted = False
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(
            StudyWriter(shard.folder(study), manifest, own, episodes_per_file=WHOLE, lock=False)
        )
        n_stored = len(writer.stored)
        jobs = [
            Job(label=cell.label, controller=cell.controller, replication=replication)
            for replication in own
            for cell in cells
            if (cell.label, replication) not in writer.stored
        ]
        if options.progress:
            options.progress.expects(n_episodes)
            options.progress.resumed(n_stored)
        try:
            if jobs:
                pool = stack.enter_context(worker_pool(context, options, cells))
                batches = stack.enter_context(contextlib.closing(execute(jobs, pool)))
                for batch in batches:
                    if batch.content is not None:
                        writer.add(batch.content, batch.finished)
                    n_stored += len(batch.finished)
                    failures += [each for each in batch.results if isinstance(each, Failure)]
                    tell_failures(batch.results, told, strict=options.strict)
                    for result in batch.results if options.progress else ():
                        options.progress.ended(result)  # type: ignore[union-attr]
            writer.finish({SHARD: divided}, failures_as_json(_in_order(failures, compared)))
        except KeyboardInterrupt:
            interrupted = True
            tell_interruption(n_stored + len(failures), n_episodes, options.out)
    return ShardResult(
        episodes=n_episodes, stored=n_stored, failures=tuple(failures), interrupted=interrupted
    )


def _in_order(failures: Sequence[Failure], compared: Comparison) -> list[Failure]:
    position = {cell.label: i for i, cell in enumerate(compared.cells)}
    return sorted(failures, key=lambda own: (own.replication, position[own.controller]))


def _checked_folder(out: str | Path | None, shard: Shard) -> Path:
    """Return the folder of the study; refuse what cannot take this shard."""
    message, remedy = "", "Name another folder, or ask for what this one holds"
    if out is None:
        message, remedy = "needs a folder that all shards share", "Add --out DIR"
    else:
        study = Path(out)
        others = {each.of for each in shards_in(study)} - {shard.of}
        if (study / MANIFEST).exists():
            message = f"is for a study in parts, and {study} holds one that is whole"
        elif others:
            message = f"divides otherwise than {study}, which has {others.pop()} shards"
    if message:
        raise InputError.single(
            where="--shard",
            key="shard",
            value=f"{shard.number}/{shard.of}",
            message=message,
            remedy=remedy,
        )
    return Path(out or "")
