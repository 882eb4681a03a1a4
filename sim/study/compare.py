"""Several controllers on the same days."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sim.errors import InputError, Problem
from sim.scenario import Scenario
from sim.study.crews import Crew, ProcessCrew, SerialCrew
from sim.study.days import Days
from sim.study.execute import execute
from sim.study.jobs import Failure, Finished, Job
from sim.study.manifest import configuration, manifest
from sim.study.resume import finished_episodes
from sim.study.settings import as_keep, as_verify
from sim.study.specification import ControllerSpec, as_spec, build, labels, with_source
from sim.study.stopping import check_until
from sim.study.study import Study
from sim.study.summary import failures_as_rows, study_summary
from sim.study.tally import Looks, Tally
from sim.study.worker import Batch, Work
from sim.study.writer import StudyWriter


def compare(
    scenario: Scenario,
    controllers: Sequence[str | ControllerSpec],
    *,
    replications: int,
    seed: int | None = None,
    workers: int = 1,
    dask: str | None = None,
    until: float | None = None,
    verify: str = "audit",
    keep: str = "steps",
    out: str | Path | None = None,
    command: Mapping[str, object] | None = None,
    on_resume: Callable[[int], None] | None = None,
    on_episode: Callable[[Finished | Failure], None] | None = None,
) -> Study:
    """Run every controller on the same days.

    Parameters
    ----------
    scenario
        See `load_scenario`.
    controllers
        Registered names, ``my_file.py:ClassName``, or specifications with parameters. The others
        are compared with the first.
    replications
        Number of days; intervals need two or more.
    seed
        Root of all randomness; None takes the scenario's.
    workers
        Number of processes; the results do not depend on it. With more than one, a script needs
        the ``if __name__ == "__main__"`` guard. One stays in this process.
    dask
        Address of a Dask scheduler whose workers run the episodes, or ``"local"`` to start a
        cluster of `workers` on this machine for the time being.
    until
        Stop before all `replications` are run, once the paired intervals are so narrow relative to
        the baseline's mean: 0.01 stands for 1 %. See `sim.study.stopping`.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``.
    keep
        What `out` keeps of each episode: ``"steps"`` for all tables, ``"summary"`` for its figures,
        payments and decisions summed up.
    out
        Folder for the tables. A study in it is continued if it is this one: only what is missing
        is run, failed episodes included.
    command
        Who asks, for the list of commands in `out`.
    on_resume
        Called once with the number of episodes that `out` has already.
    on_episode
        Called in this process whenever an episode has ended.

    Raises
    ------
    InputError
        If a controller is not found or refuses its parameters, a number is too small, the cluster
        does not answer, or `out` holds something else.
    StorageError
        If the disk refuses; what was finished before is safe in `out`.
    """
    specs = tuple(with_source(as_spec(controller)) for controller in controllers)
    names = labels(specs)
    _check_numbers(controllers=len(specs), replications=replications, workers=workers)
    check_until(until, replications=replications, controllers=len(specs))
    for spec in specs:
        build(spec)  # complains now rather than once per episode
    root = scenario.seed if seed is None else seed
    kept = as_keep(keep)
    asked = range(replications)
    work = Work(
        scenario=scenario,
        seed=root,
        verify=as_verify(verify),
        keep=None if out is None else kept,
    )
    tally = Tally(names)
    days = Days.of_scenario(scenario, root, asked)
    looks = Looks(tally, names, days, until, most=replications)
    with contextlib.ExitStack() as stack:
        writer = None
        if out is not None:
            config = configuration(scenario, specs, seed=root, verify=verify, keep=kept)
            about = manifest(scenario, specs, config)
            writer = stack.enter_context(
                StudyWriter(Path(out), about, asked, command=command or {})
            )
            for result in finished_episodes(writer.folder):
                tally.add(result)
            if on_resume:
                on_resume(len(writer.stored))
        stored = writer.stored if writer else frozenset()
        jobs = [
            Job(label=name, controller=spec, replication=replication)
            for replication in asked
            for name, spec in zip(names, specs, strict=True)
            if (name, replication) not in stored
        ]
        if jobs and not looks.look():
            crew = stack.enter_context(_crew(work, workers, dask, specs))
            batches = stack.enter_context(contextlib.closing(execute(jobs, crew)))
            for batch in batches:
                _keep(batch, tally, writer)
                if on_episode:
                    for own in batch.results:
                        on_episode(own)
                if looks.look():
                    break
        last = range(looks.last.replications) if looks.last and looks.reached else asked
        study = tally.study(
            scenario.name, seed=root, replications=last, days=days, last_look=looks.last
        )
        if writer:
            writer.finish(study_summary(study), failures_as_rows(study.failures), last)
    return study


def _keep(batch: Batch, tally: Tally, writer: StudyWriter | None) -> None:
    if writer and batch.content is not None:
        writer.add(batch.content, batch.finished)
    for result in batch.results:
        tally.add(result)
        if writer and isinstance(result, Failure):
            writer.give_up(result)


@contextlib.contextmanager
def _crew(
    work: Work, workers: int, dask: str | None, specs: Sequence[ControllerSpec]
) -> Iterator[Crew]:
    if dask is not None:
        from sim.study.cluster import dask_crew  # an extra, which not everybody has

        with dask_crew(work, dask, workers, [spec.name for spec in specs]) as crew:
            yield crew
    elif workers == 1:
        yield SerialCrew(work)
    else:
        yield ProcessCrew(work, workers)


def _check_numbers(**numbers: int) -> None:
    problems = [
        Problem(
            where="compare",
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
