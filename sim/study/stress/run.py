"""Compare controllers on common days along axes on which the scenario gets harder."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sim.episode.specification import as_specs, build_for, labels
from sim.scenario import Scenario, as_scenario
from sim.study.conduct import Cell, ExecutionOptions, conduct
from sim.study.jobs import StudyProgress
from sim.study.kept import Kept
from sim.study.notebook_bar import notebook_bar
from sim.study.settings import as_keep, as_verify, check_numbers
from sim.study.store.manifest import configuration, manifest, specification_as_json
from sim.study.stress.build import build_design
from sim.study.stress.curves import StressStudy
from sim.study.stress.design import Design, cell_label, design_as_json
from sim.study.stress.summary import stress_summary
from sim.study.study import Study


def stress(
    scenario: Scenario | str | os.PathLike[str],
    controllers: Sequence[object],
    *,
    axes: Mapping[str, Sequence[object]] | None = None,
    pack: str | None = None,
    replications: int,
    seed: int | None = None,
    workers: int = 1,
    dask: str | None = None,
    verify: str = "audit",
    keep: str = "steps",
    strict: bool = False,
    deadline_s: float | None = None,
    out: str | Path | None = None,
    progress: StudyProgress | None = None,
) -> StressStudy:
    """Run every controller at every point of some axes, on the same days.

    Parameters
    ----------
    scenario
        As `load_scenario` has returned it, or the name or folder of one: every point is loaded
        again with its overrides.
    controllers
        Names, ``my_file.py:ClassName``, classes (also of a notebook), instances of them, or
        specifications with parameters. The others are compared with the first.
    axes
        Values by axis, ``{"traffic.intensity": [0.5, 1, 2]}``; see `sim.study.stress.axes`. Of
        several axes all combinations are run.
    pack
        Named points: ``"traffic"``, ``"weather"`` or ``"faults"``; they count as one more axis.
    replications
        Number of days; all points and controllers have the same ones.
    seed, workers, dask, verify, keep, strict, deadline_s, out, progress
        See `gridhaul.compare`.

    Raises
    ------
    InputError
        With every problem of axes and pack; or if a controller is not found or refuses its
        parameters, a number is too small, the cluster does not answer, or `out` holds something
        else.
    StorageError
        If the disk refuses; what was finished before is safe in `out`.
    EpisodeError
        If something fails and the study is strict.
    """
    scenario = as_scenario(scenario)
    design, scenarios = build_design(scenario, axes or {}, pack)
    specs = as_specs(controllers)
    names = labels(specs)
    check_numbers("stress", controllers=len(specs), replications=replications, workers=workers)
    check_numbers("stress", 0, seed=seed)
    for spec in specs:
        for one in spec.in_turn:
            build_for(scenario.system, one)  # fails now rather than once per episode
    root = scenario.seed if seed is None else seed
    options = ExecutionOptions(
        workers=workers,
        dask=dask,
        keep=as_keep(keep),
        out=out,
        progress=progress or notebook_bar("episodes"),
        strict=strict,
        deadline_s=deadline_s,
    )

    def make_manifest() -> Mapping[str, object]:
        config = configuration(scenario, specs, seed=root, verify=verify, keep=options.keep)
        config["stress"] = _point_configurations(design, scenarios)
        return {
            **manifest(scenario, specs, config),
            "controllers": [
                {
                    "label": cell_label(name, point),
                    **specification_as_json(spec),
                    "controller": name,
                    "point": point.label,
                    **_level_values(design, point.levels),
                }
                for point in design.points
                for name, spec in zip(names, specs, strict=True)
            ],
            "stress": {"controllers": list(names), "axes": design_as_json(design)},
        }

    def read(study: Study) -> StressStudy:
        return StressStudy(cells=study, controllers=names, design=design)

    study = conduct(
        [
            Cell(label=cell_label(name, point), controller=spec, point=i)
            for i, point in enumerate(design.points)
            for name, spec in zip(names, specs, strict=True)
        ],
        scenarios,
        options,
        seed=root,
        replications=replications,
        verify=as_verify(verify),
        make_manifest=make_manifest,
        summarise=lambda study: stress_summary(read(study)),
    )
    again = functools.partial(
        stress,
        scenario,
        specs,
        axes=axes,
        pack=pack,
        replications=study.replications,
        seed=root,
        workers=workers,
        dask=dask,
        verify=verify,
        keep=keep,
        deadline_s=deadline_s,
        progress=progress,
    )
    return read(dataclasses.replace(study, stored=Kept(again, out)))


def _point_configurations(design: Design, scenarios: Sequence[Scenario]) -> dict[str, object]:
    return {
        point.label: {"overrides": design.overrides(point), "digest": own.digest}
        for point, own in zip(design.points, scenarios, strict=True)
    }


def _level_values(design: Design, levels: Sequence[int]) -> dict[str, object]:
    """Return the level on each axis: its position, or its label where there is none."""
    found: dict[str, object] = {}
    for axis, level in zip(design.axes, levels, strict=True):
        own = axis.levels[level]
        found[axis.name] = own.label if own.position is None or axis.is_pack else own.position
    return found
