"""The one door to OR-Tools MathOpt: a model in arrays, limits on the work, an honest result.

Work limits are counts of nodes and iterations, so that a solve gives the same bytes on every
machine. The wall clock is only a safety net; where it ends a search, the status says
`SolveStatus.DEADLINE`.
"""

from __future__ import annotations

import ctypes
import dataclasses
import datetime as dt
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ortools.math_opt import callback_pb2, model_parameters_pb2, parameters_pb2, result_pb2
from ortools.math_opt.core.python import solver as core
from ortools.math_opt.python import mathopt
from pybind11_abseil.status import StatusNotOk  # type: ignore[import-untyped]

from controllers.optimisation.model import LinearModel
from controllers.optimisation.protobuf import model_proto, solution_of
from controllers.optimisation.result import Solution
from controllers.optimisation.work_limits import WorkLimits
from sim.control.progress import is_heard, tell
from sim.errors import SolverError
from sim.units import FloatArray

SEED = 1

# A line of the log of HiGHS while it branches: bound, best value, gap, four counts, seconds.
_SEARCH_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S+)(?:\s+\d\S*){4}\s+[\d.]+s$")

# So many iterations per row and column and GLOP goes round in circles; it needs two or three.
CYCLING = 20

# GLOP ends so where it cannot reach its tolerances.
_GAVE_UP = (
    result_pb2.TERMINATION_REASON_IMPRECISE,
    result_pb2.TERMINATION_REASON_NUMERICAL_ERROR,
    result_pb2.TERMINATION_REASON_OTHER_ERROR,
)


def solve(
    model: LinearModel,
    *,
    limits: WorkLimits | None = None,
    start: FloatArray | None = None,
    duals: bool = False,
    presolve: bool = True,
    highs: bool = False,
) -> Solution:
    """Minimise a linear or mixed-integer linear model on one thread.

    Parameters
    ----------
    model
        The model. With integers, or where GLOP gives up or cycles, it goes to HiGHS, otherwise to
        GLOP.
    limits
        Work limits; the defaults where None.
    start
        A feasible solution to start a mixed-integer search from, ``(variable,)``.
    duals
        Whether to return duals; only for models without integers.
    presolve
        Whether a mixed-integer model is simplified first; some take longer to simplify than to
        solve.
    highs
        Whether a model without integers goes to HiGHS at once. With many free variables in
        degenerate rows, GLOP 9.15 may cycle, or call infeasible what is not.

    Returns
    -------
    Solution
        Solution and status.

    Raises
    ------
    SolverError
        Where the solver refuses the model, for example because of NaN.
    ValueError
        Where duals are asked of a model with integers.
    """
    limits = limits or WorkLimits()
    mixed = bool(model.integer.any())
    if mixed and duals:
        raise ValueError("duals do not exist for a model with integers; fix them first.")
    log = _read_log(model) if mixed and is_heard() else None
    first = start if mixed else None
    began = time.perf_counter()
    if mixed or highs:
        result = _call(model, limits, first, highs=True, presolve=presolve, log=log)
    else:
        most = min(limits.iterations, CYCLING * sum(model.matrix.shape))
        result = _call(model, dataclasses.replace(limits, iterations=most), None, highs=False)
        cycles = limits.iterations > most <= result.solve_stats.simplex_iterations
        if cycles or (not result.solutions and result.termination.reason in _GAVE_UP):
            result = _call(model, limits, None, highs=True, presolve=presolve)
    return solution_of(model, result, limits, began, mixed=mixed, duals=duals)


def _call(
    model: LinearModel,
    limits: WorkLimits,
    start: FloatArray | None,
    *,
    highs: bool,
    presolve: bool = True,
    log: Callable[[Sequence[str]], None] | None = None,
) -> result_pb2.SolveResultProto:
    """Hand the model to MathOpt and turn its refusals into `SolverError`."""
    parameters = mathopt.SolveParameters(
        time_limit=dt.timedelta(seconds=limits.deadline_s), random_seed=SEED
    )
    if highs:
        # HiGHS refuses the common parameter for threads.
        parameters.highs.int_options["threads"] = 1
        parameters.node_limit = limits.nodes
        parameters.relative_gap_tolerance = limits.relative_gap
        if not presolve:
            parameters.presolve = mathopt.Emphasis.OFF
        solver = mathopt.SolverType.HIGHS
    else:
        parameters.iteration_limit = limits.iterations
        solver = mathopt.SolverType.GLOP
    hints = model_parameters_pb2.ModelSolveParametersProto()
    if start is not None:
        values = hints.solution_hints.add().variable_values
        values.ids.extend(range(len(start)))
        values.values.extend(start.tolist())
    try:
        # Protocol buffers in and out: the object layer of `mathopt.solve` costs more than many
        # of our solves.
        with _silence():
            return core.solve(
                model_proto(model),
                solver.value,
                parameters_pb2.SolverInitializerProto(),
                parameters.to_proto(),
                hints,
                log,
                callback_pb2.CallbackRegistrationProto(),
                None,
                None,
            )
    except (StatusNotOk, RuntimeError, ValueError) as error:
        raise SolverError(f"The solver refused the model: {error}") from error


def _read_log(model: LinearModel) -> Callable[[Sequence[str]], None]:
    """Return what tells the progress of a search from the log of HiGHS, line by line.

    HiGHS writes a line every 5 s and where it finds a better solution.
    """
    n_rows, n_columns = model.matrix.shape
    stage = (
        f"search in {n_columns:,} columns, {int(model.integer.sum()):,} of them integer, "
        f"and {n_rows:,} rows"
    )
    tell(stage)

    def read(lines: Sequence[str]) -> None:
        for line in lines:
            found = _SEARCH_LINE.search(line)
            if found:
                bound, best = (_finite(text) for text in found.groups()[:2])
                tell(stage, best=best, bound=bound)

    return read


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what the solver's C++ prints away from standard output, which belongs to ``--json``.

    The HiGHS of OR-Tools 9.15 prints a line where it polishes a solution, whatever its options say.
    """
    sys.stdout.flush()
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        # What C has buffered must be gone before the descriptor is back.
        libc.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
