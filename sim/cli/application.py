"""The application: every command in the order of ``gridhaul --help``, and its exit codes."""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from sim.cli.arrays import collect, missing
from sim.cli.demo import demo
from sim.cli.episodes import replay, run
from sim.cli.folders import export, new, report
from sim.cli.imports import imports
from sim.cli.inspection import check, check_controller, describe, list_
from sim.cli.options import BAD_INPUT, DONE, FAILED
from sim.cli.plain_signs import use_plain_signs
from sim.cli.studies import STRESS_HELP, compare, pareto, stress
from sim.cli.termination import ending_when_asked
from sim.errors import GridhaulError, InputError, printable


def common(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Simulate mobile battery storage in power grids, and compare controllers on common days."""
    if context.invoked_subcommand is None and not version:
        typer.echo(context.get_help())
        raise typer.Exit(DONE)
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"gridhaul {version_of('gridhaul')}")
        raise typer.Exit(DONE)


app = typer.Typer(
    name="gridhaul",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(common)
app.command()(demo)
app.command()(new)
app.command("list")(list_)
app.command()(run)
app.command()(compare)
app.command(help=STRESS_HELP)(stress)
app.command()(pareto)
app.command()(missing)
app.command()(collect)
app.command()(replay)
app.command()(report)
app.command()(check)
app.command("check-controller")(check_controller)
app.command()(describe)
app.command()(export)
app.add_typer(imports)


def main() -> None:
    """Run the command line; exit with 0 (done), 1 (failed run, broken law) or 2 (bad input).

    A batch system that ends it by SIGTERM or SIGUSR1 sees 143.
    """
    # Small matrices gain nothing from threads, and with one thread the results of one process
    # equal those of many. Must be set before the numerical libraries are imported.
    for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(key, "1")
    warnings = logging.StreamHandler(sys.stderr)
    warnings.setFormatter(logging.Formatter("gridhaul: warning: %(message)s"))
    logging.getLogger("gridhaul").handlers = [warnings]
    use_plain_signs()
    try:
        with ending_when_asked():
            app()
    except InputError as error:
        _fail(error, BAD_INPUT)
    except GridhaulError as error:
        _fail(error, FAILED)
    except BrokenPipeError:  # whoever reads the output has had enough
        raise
    except OSError as error:
        _fail(error, BAD_INPUT)


def _fail(error: Exception, code: int) -> None:
    typer.echo(f"gridhaul: {printable(str(error))}", err=True)
    sys.exit(code)
