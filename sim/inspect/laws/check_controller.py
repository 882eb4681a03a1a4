"""Check a controller: run the laws on it, and say which one breaks and how to see it."""

from __future__ import annotations

import copy
import enum
import gc
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sim.control import Controller
from sim.episode.specification import ControllerSpec, as_spec, build_for, with_source
from sim.errors import EpisodeError, InputError, Problem
from sim.inspect.laws.broken import Broken
from sim.inspect.laws.determinism import Trace, law_determinism_across_processes
from sim.inspect.laws.energy import law_energy
from sim.inspect.laws.failures import law_named_failures, law_no_failures
from sim.inspect.laws.limits import law_limits
from sim.inspect.laws.money import law_money
from sim.inspect.laws.non_anticipation import law_non_anticipation
from sim.inspect.laws.scenario_choice import has_surprises, shortened, suitable_scenario
from sim.inspect.laws.source_line import line_in
from sim.inspect.laws.witness import Witness, live, no_guard
from sim.plugins import is_file
from sim.scenario import Scenario
from sim.uncertainty.realisation import Nature
from sim.world.guard import Guard, limit_power

N_PERIODS = 8

# In the order in which they are looked at.
LAWS = {
    "failures": "no decision fails, and every failure would be counted with its reason",
    "determinism": "one seed gives one result, in any process",
    "memory": "no episode knows of another one",
    "non-anticipation": "another future changes nothing that was decided before it",
    "limits": "nothing is ordered that a battery cannot do",
    "energy": "batteries and grid balance, with the guard and without",
    "money": "the ledger sums to the metrics",
}


class Verdict(enum.StrEnum):
    """What is found of a law.

    Attributes
    ----------
    KEPT
        It holds in the episodes that were run.
    BROKEN
        It does not.
    NOT_JUDGED
        Another law is broken without which this one says nothing.
    """

    KEPT = "kept"
    BROKEN = "broken"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawResult:
    """What is found of one law.

    Attributes
    ----------
    law, meaning
        Its name, and what it says.
    verdict
        What is found.
    finding
        Where it is broken: a sentence with scenario and time. Else empty.
    replication, period
        Of the first breach, None where it lies in no single period.
    command
        What shows the breach on the command line.
    """

    law: str
    meaning: str
    verdict: Verdict
    finding: str = ""
    replication: int = 0
    period: int | None = None
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LawReport:
    """What `check_controller` finds.

    Attributes
    ----------
    controller, scenario
        Who was checked, and where.
    n_periods
        Length of the episodes.
    laws
        One result per law.
    remarks
        What the reader should know of the check itself.
    """

    controller: str
    scenario: str
    n_periods: int
    laws: tuple[LawResult, ...]
    remarks: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether every law is kept."""
        return all(each.verdict is Verdict.KEPT for each in self.laws)

    @property
    def broken(self) -> tuple[LawResult, ...]:
        """The laws that are broken."""
        return tuple(each for each in self.laws if each.verdict is Verdict.BROKEN)


def check_controller(
    controller: str | ControllerSpec, scenario: Scenario | None = None
) -> LawReport:
    """Run the laws on a controller.

    Some ten short episodes are run, one or two of them in new processes.

    Parameters
    ----------
    controller
        A registered name, ``my_file.py:ClassName``, or a specification with parameters.
    scenario
        Where; None takes the smallest installed scenario with what the controller requires.

    Raises
    ------
    InputError
        If the controller cannot be built, or does not fit the scenario; with the line of its file.
    """
    spec = with_source(as_spec(controller))
    file = spec.name.rpartition(":")[0] if is_file(spec.name) else ""
    try:
        whole = suitable_scenario(spec) if scenario is None else scenario
        build_for(whole.system, spec)
    except InputError as error:
        raise _with_line(error, file) from error
    check = _Check(spec, shortened(whole, N_PERIODS), file)
    results = check.results()
    remarks = () if has_surprises(whole) else (f"{whole.name} has no surprises to anticipate",)
    return LawReport(
        controller=str(spec),
        scenario=whole.name,
        n_periods=check.scenario.system.timing.n_periods,
        laws=results,
        remarks=remarks,
    )


def _with_line(error: InputError, file: str) -> InputError:
    """Return an error with the line of the user's file that raised it, where one did."""
    line = line_in(error, file)
    if not line:
        return error
    first, *others = error.problems
    return InputError(
        [
            Problem(
                where=first.where,
                key=first.key,
                value=first.value,
                message=first.message + line,
                remedy=first.remedy,
            ),
            *others,
        ]
    )


Look: TypeAlias = Callable[[], None]


class _Check:
    """The episodes of one check, each run once."""

    def __init__(self, spec: ControllerSpec, scenario: Scenario, file: str) -> None:
        self.spec, self.scenario, self.file = spec, scenario, file
        self.name = f"{spec.label} on {scenario.name}"
        self.nature = Nature.build(scenario.system, scenario.uncertainty)
        self.built = build_for(scenario.system, spec)

    def results(self) -> tuple[LawResult, ...]:
        """Look at one law after the other; what depends on a broken one is not judged."""
        try:
            first = self._live()
        except EpisodeError as error:
            line = line_in(error, self.file)
            message = f"failures: {self.name}: start() fails: {error}{line}"
            return self._judged({"failures": Broken(message)})
        broken: dict[str, Broken] = {}
        looks: list[Look] = [
            lambda: law_named_failures(first.episode),
            lambda: law_no_failures(self.scenario, *first, self.file),
            lambda: self._determinism(first),
        ]
        for look in looks:
            self._look(look, broken)
        if "determinism" not in broken and "memory" not in broken:
            self._look(self._non_anticipation, broken)
        if "failures" not in broken:
            for look in (self._limits, lambda: self._sums(first)):
                self._look(look, broken)
        return self._judged(broken)

    def _look(self, look: Look, broken: dict[str, Broken]) -> None:
        try:
            look()
        except Broken as error:
            broken.setdefault(error.law, error)

    def _make(self) -> Controller:
        """Return a new controller of one and the same class: building loads the file anew."""
        cls = type(self.built)
        return copy.deepcopy(self.built) if hasattr(cls, "Parameters") else cls()

    def _live(self, guard: Guard = limit_power, replication: int = 0) -> Witness:
        gc.collect()  # what an episode leaves in memory is no state of a controller
        return live(
            self.scenario,
            self._make(),
            replication=replication,
            guard=guard,
            nature=self.nature,
            name=self.spec.drawn_as,
        )

    def _determinism(self, first: Witness) -> None:
        self._live(replication=1)
        again = Trace.of(*self._live())
        law_determinism_across_processes(self.scenario, self.spec, Trace.of(*first), again)

    def _non_anticipation(self) -> None:
        n = self.scenario.system.timing.n_periods
        periods = tuple(sorted({min(1, n - 1), max(n - 2, 0)}))
        law_non_anticipation(
            self.scenario,
            self._make,
            periods,
            nature=self.nature,
            name=self.spec.drawn_as,
        )

    def _limits(self) -> None:
        unguarded = self._live(no_guard)
        law_energy(self.scenario, unguarded.episode)
        law_limits(self.scenario, *unguarded)

    def _sums(self, first: Witness) -> None:
        law_energy(self.scenario, first.episode)
        law_money(self.scenario, first.episode)

    def _judged(self, broken: dict[str, Broken]) -> tuple[LawResult, ...]:
        return tuple(self._result(law, broken) for law in LAWS)

    def _result(self, law: str, broken: dict[str, Broken]) -> LawResult:
        if law in broken:
            error = broken[law]
            return LawResult(
                law=law,
                meaning=LAWS[law],
                verdict=Verdict.BROKEN,
                finding=str(error).removeprefix(f"{law}: "),
                period=error.period,
                command=self._command(law),
            )
        verdict = Verdict.NOT_JUDGED if self._unjudged(law, broken) else Verdict.KEPT
        return LawResult(law=law, meaning=LAWS[law], verdict=verdict)

    def _unjudged(self, law: str, broken: dict[str, Broken]) -> bool:
        """Return whether a broken law leaves nothing to say about another one."""
        if "failures" in broken and "start() fails" in str(broken["failures"]):
            return True
        if law in ("limits", "energy", "money"):
            return "failures" in broken
        if law == "memory":
            return "determinism" in broken
        return law == "non-anticipation" and bool({"determinism", "memory"} & broken.keys())

    def _command(self, law: str) -> str:
        scenario, controller = shlex.quote(self.scenario.name), shlex.quote(self.spec.name)
        run = f"gridhaul run {scenario} --controller {controller} --replication 0 --verify off"
        if law == "determinism":
            return f"{run} --json"
        if law == "memory":
            return f"gridhaul compare {scenario} --controllers {controller} --replications 2"
        if law == "non-anticipation":
            return f"gridhaul check-controller {controller} {scenario}"
        return f"{run} --out DIR"
