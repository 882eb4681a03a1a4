"""Commands for job arrays: a part of ``compare``, ``missing`` and ``collect``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import (
    DONE,
    FAILED,
    INTERRUPTED,
    AllOption,
    JsonOption,
    StudyOptions,
)

if TYPE_CHECKING:
    from sim.episode.specification import ControllerSpec
    from sim.scenario import Scenario

FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="What the jobs with --shard have filled.")
]


def run_part(
    scenario: Scenario,
    controllers: Sequence[ControllerSpec],
    part: str,
    options: StudyOptions,
    *,
    until: float | None,
) -> int:
    """Run one shard of a comparison and return the exit code."""
    from sim.errors import InputError
    from sim.report.terminal.progress import progress
    from sim.study.array.shard import Shard, run_shard
    from sim.study.comparison import comparison
    from sim.study.conduct import ExecutionOptions

    shard = Shard.parse(part)
    if until is not None:
        raise InputError.single(
            where="--shard",
            key="until",
            value=until,
            message="looks at all days, and a shard knows its own",
            remedy="Leave out --until, or --shard",
        )
    compared = comparison(
        scenario, controllers, seed=options.seed, verify=options.verify, keep=options.keep
    )
    with progress(quiet=options.quiet) as bar:
        execution = ExecutionOptions(
            workers=options.workers,
            dask=options.dask,
            keep=compared.keep,
            out=options.out,
            progress=bar,
            strict=options.strict,
            deadline_s=options.deadline,
        )
        found = run_shard(compared, shard, execution, options.replications)
    for failure in found.failures:
        typer.echo(f"failed: {failure}", err=True)
    if not options.quiet:
        typer.echo(
            f"Shard {part}: {found.stored} of {found.episodes} episodes are in {options.out}"
        )
    if found.interrupted:
        return INTERRUPTED
    return FAILED if found.failures else DONE


def missing(
    folder: FolderArgument,
    array: Annotated[
        bool, typer.Option("--array", help="Print one option for sbatch, nothing if none lacks.")
    ] = False,
) -> None:
    """Name the shards of a study that lack episodes."""
    from sim.study.array.collect import array_of
    from sim.study.array.collect import missing as missing_

    lacking = missing_(folder)
    if array:
        if lacking:
            typer.echo(f"--array={array_of(lacking)}")
        return
    for each in lacking:
        typer.echo(
            f"{each.shard.number}/{each.shard.of}: {each.missing} of {each.episodes} episodes"
        )
    if not lacking:
        typer.echo("Nothing is missing.")


def collect(
    folder: FolderArgument, everything: AllOption = False, as_json: JsonOption = False
) -> None:
    """Make one study of all shards: the same bytes as one process would have written."""
    from sim.report.terminal import console
    from sim.study.array.collect import collect as collect_

    study = collect_(folder)
    console.print_study(study, as_json=as_json, everything=everything)
    raise typer.Exit(FAILED if study.failures or study.without_decisions else DONE)
