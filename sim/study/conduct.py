"""Run a study: every cell on every replication, stored on disk as results arrive.

A cell is a controller at a point. A comparison has one point; a stress study has many. All cells
run on the same replications.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.episode.following import LOGGER
from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.errors import EpisodeError
from sim.scenario import Scenario
from sim.study.accumulator import Accumulator, StoppingRule
from sim.study.execution.execute import execute
from sim.study.execution.pools import ProcessPool, SerialPool, WorkerPool
from sim.study.execution.worker import BatchResult, JobContext
from sim.study.inference.days import Days
from sim.study.jobs import Failure, Job, JobResult, StudyProgress
from sim.study.store.bundle import Keep
from sim.study.store.resume import finished_episodes
from sim.study.store.writer import StudyWriter
from sim.study.study import Study
from sim.study.summary import failures_as_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A controller at a point.

    Attributes
    ----------
    label
        What tables call it.
    controller
        Which controller.
    point
        Which scenario.
    """

    label: str
    controller: ControllerSpec
    point: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOptions:
    """How a study is run; no option changes its results.

    Attributes
    ----------
    workers, dask
        See `sim.study.compare.compare`.
    keep, out
        What is stored of each episode, and where.
    progress
        Follows the study.
    strict
        Whether the study ends at the first failed decision or episode.
    deadline_s
        See `sim.study.compare.compare`. The one option that may change results: a decision that it
        ends is counted, and says that its episode cannot be repeated.
    """

    workers: int = 1
    dask: str | None = None
    keep: Keep = Keep.STEPS
    out: str | Path | None = None
    progress: StudyProgress | None = None
    strict: bool = False
    deadline_s: float | None = None


def conduct(
    cells: Sequence[Cell],
    scenarios: Sequence[Scenario],
    options: ExecutionOptions,
    *,
    seed: int,
    replications: int,
    verify: Verify,
    make_manifest: Callable[[], Mapping[str, Any]],
    summarise: Callable[[Study], Mapping[str, object]],
    until: float | None = None,
) -> Study:
    """Run all cells on the same replications.

    Parameters
    ----------
    cells
        In the order of the tables; the stopping rule compares with the first.
    scenarios
        By point; all of them draw the same days.
    options
        Workers, storage and progress.
    seed, replications, verify, until
        See `sim.study.compare.compare`.
    make_manifest
        Makes the manifest of the folder; see `sim.study.store.manifest.manifest`.
    summarise
        Makes the content of ``summary.json``.

    Raises
    ------
    InputError
        If the cluster does not answer, or the folder holds something else.
    StorageError
        If the disk refuses; what was finished before is safe.
    EpisodeError
        If an episode or a decision fails and the study is strict; what was finished is safe.
    """
    names = tuple(cell.label for cell in cells)
    requested = range(replications)
    context = JobContext(
        scenarios=tuple(scenarios),
        seed=seed,
        verify=verify,
        keep=None if options.out is None else options.keep,
        strict=options.strict,
        deadline_s=options.deadline_s,
    )
    told: set[str] = set()
    accumulator = Accumulator(names)
    days = Days.of_scenario(scenarios[0], seed, requested)
    stopping = StoppingRule(accumulator, names, days, until, most=replications)
    if options.progress:
        options.progress.expects(len(cells) * replications)
    with contextlib.ExitStack() as stack:
        writer = None
        if options.out is not None:
            writer = stack.enter_context(StudyWriter(Path(options.out), make_manifest(), requested))
            for result in finished_episodes(writer.folder):
                accumulator.add(result)
            if options.progress:
                options.progress.resumed(len(writer.stored))
        stored = writer.stored if writer else frozenset()
        jobs = [
            Job(
                label=cell.label,
                controller=cell.controller,
                replication=replication,
                point=cell.point,
            )
            for replication in requested
            for cell in cells
            if (cell.label, replication) not in stored
        ]
        interrupted = False
        if jobs and not stopping.update():
            pool = stack.enter_context(worker_pool(context, options, cells))
            batches = stack.enter_context(contextlib.closing(execute(jobs, pool)))
            try:
                for batch in batches:
                    _store(batch, accumulator, writer)
                    tell_failures(batch.results, told, strict=options.strict)
                    if options.progress:
                        for own in batch.results:
                            options.progress.ended(own)
                    if stopping.update():
                        break
            except KeyboardInterrupt:
                interrupted = True
                tell_interruption(accumulator.n_ended, len(cells) * replications, options.out)
        if interrupted:
            last = range(accumulator.n_complete)
        elif stopping.last and stopping.reached:
            last = range(stopping.last.replications)
        else:
            last = requested
        study = accumulator.study(
            scenarios[0].name, seed=seed, replications=last, days=days, last_look=stopping.last
        )
        study = dataclasses.replace(study, interrupted=interrupted)
        if writer and not interrupted:
            writer.finish(summarise(study), failures_as_json(study.failures), last)
    return study


def _store(batch: BatchResult, accumulator: Accumulator, writer: StudyWriter | None) -> None:
    if writer and batch.content is not None:
        writer.add(batch.content, batch.finished)
    for result in batch.results:
        accumulator.add(result)
        if writer and isinstance(result, Failure):
            writer.note_failure(result)


def tell_failures(results: Sequence[JobResult], told: set[str], *, strict: bool) -> None:
    """Tell the first failed decision of each controller, as soon as its episode has ended."""
    for own in results:
        if isinstance(own, Failure):
            if strict:
                raise EpisodeError(str(own))
        elif own.reason and own.controller not in told:
            told.add(own.controller)
            LOGGER.warning(
                "%s, replication %s: a decision failed: %s",
                own.controller,
                own.replication,
                own.reason,
            )


def tell_interruption(done: int, episodes: int, out: str | Path | None) -> None:
    """Say what Ctrl-C has left; what is in a folder is there when the study goes on.

    Raises
    ------
    KeyboardInterrupt
        If nothing is done.
    """
    if not done:
        raise KeyboardInterrupt
    kept = "nothing of it is stored" if out is None else f"they are safe in {out}; it goes on there"
    LOGGER.warning("interrupted: %s of %s episodes are done, %s", done, episodes, kept)


@contextlib.contextmanager
def worker_pool(
    context: JobContext, options: ExecutionOptions, cells: Sequence[Cell]
) -> Iterator[WorkerPool]:
    """Yield the workers that the options name."""
    if options.dask is not None:
        from sim.study.execution.dask_cluster import dask_pool  # an extra, which not everybody has

        names = [own.name for cell in cells for own in cell.controller.in_turn]
        with dask_pool(context, options.dask, options.workers, names) as pool:
            yield pool
    elif options.workers == 1:
        yield SerialPool(context)
    else:
        yield ProcessPool(context, options.workers)
