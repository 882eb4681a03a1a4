"""Several controllers on the same days."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sim.errors import InputError, Problem
from sim.scenario import Scenario
from sim.study.contrasts import with_regret
from sim.study.execute import Failure, Job, execute
from sim.study.runner import Verify, run_episode
from sim.study.settings import as_verify
from sim.study.specification import ControllerSpec, as_spec, build, labels
from sim.study.store import StudyWriter
from sim.study.study import Study
from sim.study.summary import ledger_of, manifest, study_summary, timings_of
from sim.world.episode import Episode


def compare(
    scenario: Scenario,
    controllers: Sequence[str | ControllerSpec],
    *,
    replications: int,
    seed: int | None = None,
    workers: int = 1,
    verify: str = "audit",
    out: str | Path | None = None,
    on_episode: Callable[[Job, Episode | Failure], None] | None = None,
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
        the ``if __name__ == "__main__"`` guard.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``.
    out
        Folder for the tables. An earlier study in it is replaced once this one is complete.
    on_episode
        Called in this process whenever an episode has ended, in order.

    Raises
    ------
    InputError
        If a controller is not found or refuses its parameters, a number is too small, or `out`
        holds something else.
    """
    specs = tuple(as_spec(controller) for controller in controllers)
    names = labels(specs)
    _check_numbers(controllers=len(specs), replications=replications, workers=workers)
    for spec in specs:
        build(spec)  # complains now rather than once per episode
    root = scenario.seed if seed is None else seed
    work = functools.partial(_episode, scenario=scenario, seed=root, verify=as_verify(verify))
    jobs = [
        Job(label=name, controller=spec, replication=replication)
        for replication in range(replications)
        for name, spec in zip(names, specs, strict=True)
    ]
    tally = _Tally()
    with contextlib.ExitStack() as stack:
        writer = None if out is None else stack.enter_context(StudyWriter(Path(out)))
        for job, result in execute(jobs, work, workers=workers):
            tally.add(job, result)
            if writer and isinstance(result, Episode):
                writer.add(job.label, result)
            if on_episode:
                on_episode(job, result)
        study = tally.study(scenario.name, seed=root, replications=replications, controllers=names)
        if writer:
            about = manifest(
                scenario,
                specs,
                seed=root,
                replications=range(replications),
                verify=verify,
                failures=study.failures,
            )
            writer.finish(about, study_summary(study))
    return study


@dataclass(frozen=True, slots=True)
class _Tally:
    """Figures of the episodes so far; their tables go to the writer and are not kept."""

    metrics: dict[tuple[str, int], Mapping[str, float]] = field(default_factory=dict)
    timings: dict[tuple[str, int], Mapping[str, float]] = field(default_factory=dict)
    ledgers: list[pd.DataFrame] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, job: Job, result: Episode | Failure) -> None:
        if isinstance(result, Failure):
            self.failures.append(result)
            return
        key = (job.label, job.replication)
        self.metrics[key] = result.metrics
        self.timings[key] = timings_of(result)
        entries = ledger_of(result)
        entries.insert(0, "controller", job.label)
        entries.insert(1, "replication", job.replication)
        self.ledgers.append(entries)

    def study(
        self, scenario: str, *, seed: int, replications: int, controllers: tuple[str, ...]
    ) -> Study:
        return Study(
            scenario=scenario,
            seed=seed,
            replications=replications,
            controllers=controllers,
            metrics=with_regret(_frame(self.metrics)),
            timings=_frame(self.timings),
            ledger=pd.concat(self.ledgers, ignore_index=True) if self.ledgers else pd.DataFrame(),
            failures=tuple(self.failures),
        )


def _episode(job: Job, *, scenario: Scenario, seed: int, verify: Verify) -> Episode:
    return run_episode(
        scenario, job.controller, seed=seed, replication=job.replication, verify=verify
    )


def _frame(rows: Mapping[tuple[str, int], Mapping[str, float]]) -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays(
        [[name for name, _ in rows], [replication for _, replication in rows]],
        names=["controller", "replication"],
    )
    return pd.DataFrame([dict(row) for row in rows.values()], index=index)


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
