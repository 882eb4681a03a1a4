"""Running a study: every cell on every replication, kept on disk as it goes.

A cell is a controller at a point. A comparison has one point; a stress study has many. Whatever the
cells are, they live the same replications.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.episode.specification import ControllerSpec
from sim.episode.verification import Verify
from sim.errors import InputError, Problem
from sim.scenario import Scenario
from sim.study.accumulator import Looks, Tally
from sim.study.execution.execute import execute
from sim.study.execution.pools import Crew, ProcessCrew, SerialCrew
from sim.study.execution.worker import Batch, Work
from sim.study.inference.days import Days
from sim.study.jobs import Failure, Finished, Job
from sim.study.store.bundle import Keep
from sim.study.store.resume import finished_episodes
from sim.study.store.writer import StudyWriter
from sim.study.study import Study
from sim.study.summary import failures_as_rows


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
class Running:
    """How a study is run; nothing of this changes what is found.

    Attributes
    ----------
    workers, dask
        See `sim.study.compare.compare`.
    keep, out, command
        What is kept of each episode, where, and who asks.
    on_resume, on_episode
        Called with the number of episodes that are there, and with each that has ended.
    """

    workers: int = 1
    dask: str | None = None
    keep: Keep = Keep.STEPS
    out: str | Path | None = None
    command: Mapping[str, object] | None = None
    on_resume: Callable[[int], None] | None = None
    on_episode: Callable[[Finished | Failure], None] | None = None


def conduct(
    cells: Sequence[Cell],
    scenarios: Sequence[Scenario],
    running: Running,
    *,
    seed: int,
    replications: int,
    verify: Verify,
    about: Callable[[], Mapping[str, Any]],
    summarise: Callable[[Study], Mapping[str, object]],
    until: float | None = None,
) -> Study:
    """Run all cells on the same replications.

    Parameters
    ----------
    cells
        What is run, in the order of the tables; the first is what a rule that stops compares with.
    scenarios
        By point; all of them draw the same days.
    running
        Who runs it and where it is kept.
    seed, replications, verify, until
        See `sim.study.compare.compare`.
    about
        Makes what the folder says of the study; see `sim.study.store.manifest.manifest`.
    summarise
        Makes the content of ``summary.json``.

    Raises
    ------
    InputError
        If the cluster does not answer, or the folder holds something else.
    StorageError
        If the disk refuses; what was finished before is safe.
    """
    names = tuple(cell.label for cell in cells)
    asked = range(replications)
    work = Work(
        scenarios=tuple(scenarios),
        seed=seed,
        verify=verify,
        keep=None if running.out is None else running.keep,
    )
    tally = Tally(names)
    days = Days.of_scenario(scenarios[0], seed, asked)
    looks = Looks(tally, names, days, until, most=replications)
    with contextlib.ExitStack() as stack:
        writer = None
        if running.out is not None:
            writer = stack.enter_context(
                StudyWriter(Path(running.out), about(), asked, command=running.command or {})
            )
            for result in finished_episodes(writer.folder):
                tally.add(result)
            if running.on_resume:
                running.on_resume(len(writer.stored))
        stored = writer.stored if writer else frozenset()
        jobs = [
            Job(
                label=cell.label,
                controller=cell.controller,
                replication=replication,
                point=cell.point,
            )
            for replication in asked
            for cell in cells
            if (cell.label, replication) not in stored
        ]
        if jobs and not looks.look():
            crew = stack.enter_context(_crew(work, running, cells))
            batches = stack.enter_context(contextlib.closing(execute(jobs, crew)))
            for batch in batches:
                _keep(batch, tally, writer)
                if running.on_episode:
                    for own in batch.results:
                        running.on_episode(own)
                if looks.look():
                    break
        last = range(looks.last.replications) if looks.last and looks.reached else asked
        study = tally.study(
            scenarios[0].name, seed=seed, replications=last, days=days, last_look=looks.last
        )
        if writer:
            writer.finish(summarise(study), failures_as_rows(study.failures), last)
    return study


def check_numbers(where: str, **numbers: int) -> None:
    """Refuse numbers below 1.

    Raises
    ------
    InputError
        Naming all of them.
    """
    problems = [
        Problem(
            where=where,
            key=key,
            value=str(value),
            message="must be at least 1",
            remedy="Choose a positive number",
        )
        for key, value in numbers.items()
        if value < 1
    ]
    if problems:
        raise InputError(problems)


def _keep(batch: Batch, tally: Tally, writer: StudyWriter | None) -> None:
    if writer and batch.content is not None:
        writer.add(batch.content, batch.finished)
    for result in batch.results:
        tally.add(result)
        if writer and isinstance(result, Failure):
            writer.give_up(result)


@contextlib.contextmanager
def _crew(work: Work, running: Running, cells: Sequence[Cell]) -> Iterator[Crew]:
    if running.dask is not None:
        from sim.study.execution.dask_cluster import dask_crew  # an extra, which not everybody has

        names = [own.name for cell in cells for own in cell.controller.in_turn]
        with dask_crew(work, running.dask, running.workers, names) as crew:
            yield crew
    elif running.workers == 1:
        yield SerialCrew(work)
    else:
        yield ProcessCrew(work, running.workers)
