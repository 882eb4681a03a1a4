"""Write the table of ``engine.md`` anew: run this file with a folder, best where nothing else runs.

Each measurement is made in a process of its own, one after the other, and kept in the folder;
another run goes on from there. ``--days`` and ``--rows`` say how many days, and of which rows.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ortools.math_opt.python import mathopt

from controllers.optimisation.model import LinearModel
from controllers.optimisation.protobuf import model_proto
from controllers.optimisation.result import Solution
from controllers.optimisation.work_limits import WorkLimits
from controllers.scheduling.dispatch.dispatch import dispatch
from controllers.scheduling.problem.problem import SchedulingProblem
from controllers.scheduling.routing.column_generation import doing_nothing_usd
from controllers.scheduling.routing.monolithic import milp
from controllers.scheduling.schedule import park, schedule
from controllers.scheduling.search import Search
from sim.control import SolveStatus
from sim.units import FloatArray

DOCS = Path(__file__).parents[1]
sys.path.insert(0, str(DOCS / "reproduction"))
from page import put, table  # noqa: E402

from tests.benchmarks.test_engine import posed  # noqa: E402

PAGE = Path(__file__).with_suffix(".md")
BUSES = {"ieee33": 33, "ieee123": 124, "oberrhein": 179}
STATIONS = {"ieee33": 6, "ieee123": 7, "oberrhein": 20}
TRUCKS = (3, 6, 12, 24, 48)
GRIDS = {"24 x 1 h": 60, "96 x 15 min": 15}
# Wall clock that each solver may take [s].
BUDGET_S = 60.0
SOLVERS = {"HiGHS": mathopt.SolverType.HIGHS, "SCIP": mathopt.SolverType.GSCIP}
MOST_TRUCKS_OF_SOLVERS = 12
ENGINE = "engine"


class Case(NamedTuple):
    """What is measured, by whom."""

    scenario: str
    trucks: int
    grid: str
    day: int
    method: str


def main() -> None:
    """Measure what is missing, and put the tables into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where measurements are kept")
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--days-of-solvers", type=int, default=3)
    parser.add_argument("--rows", default="", help="only those whose label contains this")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    kept = asked.folder / "measured.jsonl"
    lines = kept.read_text().splitlines() if kept.exists() else []
    known = {Case(*row.pop("case")): row for row in map(json.loads, lines)}
    for case in cases(asked.days, asked.days_of_solvers):
        if case in known or asked.rows not in label(case):
            continue
        known[case] = _alone(case)
        with kept.open("a") as file:
            file.write(json.dumps({"case": case, **known[case]}) + "\n")
    for grid in GRIDS:
        put(PAGE, grid, tables(known, grid))
    put(PAGE, "measured", f"Measured until {dt.datetime.now():%Y-%m-%d}, {_machine()}.")


def cases(days: int, days_of_solvers: int) -> list[Case]:
    """Return all measurements, in order; quarter hours up to 24 trucks, of the engine alone."""
    found = []
    for grid, minutes in GRIDS.items():
        for scenario in BUSES:
            for trucks in TRUCKS if minutes == 60 else TRUCKS[:-1]:
                found += [Case(scenario, trucks, grid, day, ENGINE) for day in range(days)]
                if minutes == 60 and trucks <= MOST_TRUCKS_OF_SOLVERS:
                    found += [
                        Case(scenario, trucks, grid, day, solver)
                        for solver in SOLVERS
                        for day in range(days_of_solvers)
                    ]
    return found


def label(case: Case) -> str:
    """Return the row that a measurement belongs to."""
    return f"{case.scenario}, {case.trucks} trucks, {case.grid}, {case.method}"


def _alone(case: Case) -> dict[str, float | None]:
    """Measure in a new process, so that memory is that of one plan."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(measured, case).result()


def measured(case: Case) -> dict[str, float | None]:
    """Return values [USD], seconds of wall clock and the most memory [MB] of one plan."""
    # Compiles, or loads, what is compiled.
    schedule(posed("tiny", 1, 2, {}), Search())
    problem = posed(
        case.scenario,
        case.trucks,
        STATIONS[case.scenario],
        {"timing.period_min": GRIDS[case.grid]},
        case.day,
    )
    search = Search()
    began = time.perf_counter()
    if case.method == ENGINE:
        found = schedule(problem, search)
        seconds = time.perf_counter() - began
        memory = _most_memory_mb()
        assert found is not None
        parked = park(problem, search)
        assert parked is not None
        return {
            "plan": found.outcome.objective_usd,
            "bound": found.outcome.bound_usd,
            "seconds": seconds,
            "memory": memory,
            "nothing": doing_nothing_usd(problem, search),
            "parked": parked.outcome.objective_usd,
        }
    limited = Limited(SOLVERS[case.method], began + BUDGET_S)
    still = ((),) * problem.n_vehicles
    routes, _, bound = milp(problem, search.limits, still, limited)
    seconds, memory = time.perf_counter() - began, _most_memory_mb()
    return {
        "plan": None if routes is None else _value(problem, routes),
        "bound": bound,
        "seconds": seconds,
        "memory": memory,
    }


def _value(problem: SchedulingProblem, routes: Any) -> float | None:
    found = dispatch(problem, routes, WorkLimits())
    return None if found is None else found.outcome.objective_usd


def _most_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Limited:
    """Minimises by a solver of MathOpt, on one thread, until the time of all solves is over."""

    def __init__(self, solver: mathopt.SolverType, ends: float) -> None:
        self._solver = solver
        self._ends = ends

    def __call__(
        self,
        model: LinearModel,
        *,
        limits: WorkLimits | None = None,
        start: FloatArray | None = None,
    ) -> Solution:
        """Minimise; see `controllers.optimisation.solve.solve`."""
        left_s = max(self._ends - time.perf_counter(), 1.0)
        gap = (limits or WorkLimits()).relative_gap
        parameters = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=left_s), relative_gap_tolerance=gap
        )
        if self._solver is mathopt.SolverType.HIGHS:
            parameters.highs.int_options["threads"] = 1
        own = mathopt.Model.from_model_proto(model_proto(model))
        variables = list(own.variables())
        hints = []
        if start is not None:
            values = dict(zip(variables, start.tolist(), strict=True))
            hints.append(mathopt.SolutionHint(variable_values=values))
        result = mathopt.solve(
            own,
            self._solver,
            params=parameters,
            model_params=mathopt.ModelSolveParameters(solution_hints=hints),
        )
        found = result.has_primal_feasible_solution()
        bound = result.best_objective_bound()
        return Solution(
            status=SolveStatus.FEASIBLE if found else SolveStatus.FAILED,
            objective=result.objective_value() if found else None,
            bound=bound if np.isfinite(bound) else None,
            values=np.array(result.variable_values(variables)) if found else None,
            duals=None,
            basis=None,
            seconds=result.solve_time().total_seconds(),
        )


def tables(known: Mapping[Case, Mapping[str, Any]], grid: str) -> str:
    """Return the table of the engine, and that of the solvers where they were asked."""
    engine, solvers = [], []
    for scenario, n_buses in BUSES.items():
        for trucks in TRUCKS:
            own = _days(known, scenario, trucks, grid, ENGINE)
            if not own:
                continue
            plan, bound, nothing, parked, seconds, memory = (
                np.array([row[key] for row in own.values()], dtype=np.float64)
                for key in ("plan", "bound", "nothing", "parked", "seconds", "memory")
            )
            gap = 100 * (plan - bound) / (nothing - bound)
            moving = 100 * (plan - bound) / np.maximum(parked - bound, 1e-9)
            fleet = f"{scenario}, {n_buses} buses", f"{trucks} x {STATIONS[scenario]}"
            engine.append(
                (
                    *fleet,
                    str(len(own)),
                    *(f"{values.mean():,.0f}" for values in (nothing, parked, plan, bound)),
                    f"{gap.mean():.2f} / {gap.max():.2f}",
                    f"{moving.mean():.1f} / {moving.max():.1f}",
                    f"{seconds.mean():.1f} / {seconds.max():.1f}",
                    f"{memory.max():,.0f}",
                )
            )
            for solver in SOLVERS:
                solvers += _row_of_solver(known, fleet, own, (scenario, trucks, grid, solver))
    header = (
        f"{grid}, feeder",
        "trucks x stations",
        "days",
        "doing nothing",
        "parked",
        "plan",
        "bound",
        "gap [%]",
        "of moving [%]",
        "s",
        "MB",
    )
    text = table(header, engine) if engine else ""
    if solvers:
        header = (
            f"{grid}, feeder",
            "trucks x stations",
            "solver",
            "days",
            "no plan on",
            "plan - ours",
            "bound - ours",
            "s",
            "MB",
        )
        text += "\n" + table(header, solvers)
    return text


def _row_of_solver(
    known: Mapping[Case, Mapping[str, Any]],
    fleet: tuple[str, str],
    ours: Mapping[int, Mapping[str, Any]],
    row: tuple[str, int, str, str],
) -> list[Sequence[str]]:
    own = {day: found for day, found in _days(known, *row).items() if day in ours}
    if not own:
        return []
    planned = [day for day, found in own.items() if found["plan"] is not None]
    bounded = [day for day, found in own.items() if found["bound"] is not None]
    more = [own[day]["plan"] - ours[day]["plan"] for day in planned]
    lower = [own[day]["bound"] - ours[day]["bound"] for day in bounded]
    seconds = [found["seconds"] for found in own.values()]
    memory = [found["memory"] for found in own.values()]
    return [
        (
            *fleet,
            row[-1],
            str(len(own)),
            str(len(own) - len(planned)),
            f"{np.mean(more):+,.1f}" if more else "",
            f"{np.mean(lower):+,.5g}" if lower else "",
            f"{np.mean(seconds):.0f}",
            f"{max(memory):,.0f}",
        )
    ]


def _days(
    known: Mapping[Case, Mapping[str, Any]], scenario: str, trucks: int, grid: str, method: str
) -> dict[int, Mapping[str, Any]]:
    return {
        case.day: found
        for case, found in known.items()
        if case[:3] == (scenario, trucks, grid) and case.method == method
    }


def _machine() -> str:
    return f"Python {platform.python_version()} on {platform.machine()}, one process of one thread"


if __name__ == "__main__":
    main()
