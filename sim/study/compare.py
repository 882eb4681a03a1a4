"""Compare controllers on common days."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from sim.scenario import Scenario
from sim.study.comparison import comparison
from sim.study.conduct import ExecutionOptions, conduct
from sim.study.inference.contrasts import declared
from sim.study.inference.ladder import declared_ladder
from sim.study.inference.stopping import check_until
from sim.study.jobs import StudyProgress
from sim.study.kept import Kept
from sim.study.notebook_bar import notebook_bar
from sim.study.settings import check_numbers
from sim.study.study import Study
from sim.study.summary import study_summary


def compare(
    scenario: Scenario | str | os.PathLike[str],
    controllers: Sequence[object],
    *,
    replications: int,
    seed: int | None = None,
    workers: int = 1,
    dask: str | None = None,
    until: float | None = None,
    verify: str = "audit",
    keep: str = "steps",
    strict: bool = False,
    deadline_s: float | None = None,
    out: str | Path | None = None,
    progress: StudyProgress | None = None,
) -> Study:
    """Run every controller on the same days.

    Parameters
    ----------
    scenario
        As `load_scenario` returns it, or the name or folder of one.
    controllers
        Names, ``my_file.py:ClassName``, classes (also of a notebook), instances of them, or
        specifications with parameters. The others are compared with the first.
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
        the baseline's mean: 0.01 stands for 1 %. See `sim.study.inference.stopping`.
    verify
        How many steps pandapower computes again: ``"full"``, ``"audit"`` or ``"off"``.
    keep
        What `out` keeps of each episode: ``"steps"`` for all tables, ``"summary"`` for its metrics,
        payments and decisions summed up.
    strict
        Stop at the first failed decision or episode; what was finished before is safe in `out`.
    deadline_s
        Wall clock for each decision [s]; one that takes longer has status ``deadline``, and the
        plan in force stays. None for no limit.
    out
        Folder for the tables. A study in it is continued if it is this one: only what is missing
        is run, failed episodes included.
    progress
        Follows the study, for example to draw a bar; a notebook has one anyway.

    Raises
    ------
    InputError
        If a controller is not found or refuses its parameters, a number is too small, the cluster
        does not answer, or `out` holds something else.
    StorageError
        If the disk refuses; what was finished before is safe in `out`.
    EpisodeError
        If something fails and the study is strict.
    """
    check_numbers("compare", replications=replications, workers=workers)
    compared = comparison(scenario, controllers, seed=seed, verify=verify, keep=keep)
    scenario, specs, root = compared.scenario, compared.controllers, compared.seed
    check_until(until, replications=replications, controllers=len(specs))
    options = ExecutionOptions(
        workers=workers,
        dask=dask,
        keep=compared.keep,
        out=out,
        progress=progress or notebook_bar("episodes"),
        strict=strict,
        deadline_s=deadline_s,
    )

    def read(study: Study) -> Study:
        named = {cell.label: cell.controller for cell in compared.cells}
        return dataclasses.replace(
            study,
            declared=declared(named),
            declared_ladder=declared_ladder(named),
            parties=scenario.system.parties,
        )

    study = conduct(
        compared.cells,
        [scenario],
        options,
        seed=root,
        replications=replications,
        verify=compared.verify,
        make_manifest=compared.manifest,
        summarise=lambda study: study_summary(read(study)),
        until=until,
    )
    again = functools.partial(
        compare,
        scenario,
        specs,
        replications=study.replications,
        seed=root,
        workers=workers,
        dask=dask,
        verify=verify,
        keep=keep,
        deadline_s=deadline_s,
        progress=progress,
    )
    return dataclasses.replace(read(study), stored=Kept(again, out))
