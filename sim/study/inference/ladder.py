"""The ladder of a study: what each of its controllers is worth beside the one a step below.

Controllers declare their rung (`Capabilities.rung`); nothing here knows one by name. A step is the
objective of the controller below less that of the one above it, on common days; positive means that
what the step adds is worth money.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from sim.control import Rung
from sim.episode.specification import ControllerSpec, declared_capabilities
from sim.errors import GridhaulError
from sim.plugins import CONTROLLERS, names
from sim.study.inference.contrasts import NamedDifference

STEP = "step"
WHOLE = "all steps"


def declared_ladder(specs: Mapping[str, ControllerSpec]) -> tuple[NamedDifference, ...]:
    """Return the steps of a study, the lowest first, and the whole where there are several.

    Where the controller one step below is not in the study, the next one further down that is takes
    its place; what the missing ones add is then part of the step, and `meaning` says so. Of those
    missing, only registered ones are asked what is below them: no file is run that the study does
    not name. There is a whole only where every step starts where the one before ended.

    Parameters
    ----------
    specs
        Controllers of the study by label; one that is declared by name is looked for by label.
    """
    found = []
    for label, spec in specs.items():
        below = list(_below(declared_capabilities(spec).rung))
        present = [i for i, rung in enumerate(below) if rung.above in specs]
        if present and below[present[0]].above != label:
            passed = below[: present[0] + 1]
            found.append((len(below), _step(label, passed)))
    steps = tuple(step for _, step in sorted(found, key=lambda own: own[0]))
    joined = all(upper.without == lower.having for lower, upper in itertools.pairwise(steps))
    if len(steps) < 2 or not joined:
        return steps
    first, last = steps[0].without, steps[-1].having
    whole = NamedDifference(WHOLE, first, last, "all of the above")
    return (*steps, whole)


def _step(label: str, passed: list[Rung]) -> NamedDifference:
    """Return the step to a controller from the last of the rungs below it."""
    missing = [rung.above for rung in passed[:-1]]
    words = "; ".join(rung.adds for rung in reversed(passed))
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        words += f" ({', '.join(reversed(missing))} {verb} not in the study)"
    return NamedDifference(STEP, passed[-1].above, label, words)


def _below(rung: Rung | None) -> Iterator[Rung]:
    """Yield the rungs from one down to the foot of the ladder."""
    seen: set[str] = set()
    while rung is not None and rung.above not in seen:
        yield rung
        seen.add(rung.above)
        rung = _rung_of(rung.above)


def _rung_of(name: str) -> Rung | None:
    """Return what a registered controller declares, None where nothing can be known."""
    if name not in names(CONTROLLERS):
        return None
    try:
        return declared_capabilities(ControllerSpec(name=name)).rung
    except GridhaulError:  # somebody else's package does not import; that is not this study's fault
        return None
