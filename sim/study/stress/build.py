"""Build the design of a stress study and its scenarios from axes with values, or a pack."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from sim.errors import InputError, Problem, shown
from sim.plugins import suggestion
from sim.scenario import Scenario, load_varied
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.study.stress.axes import AXES, FIXED_OUTAGES, GRID_OUTAGE, NO_OUTAGE, PACKS, KnownAxis
from sim.study.stress.axes import Pack as KnownPack
from sim.study.stress.design import PACK, Axis, Design, Level, Point

MOST_POINTS = 64
FORMAT = "Write for example --axis traffic.intensity=0.5,1,2"
OUTAGE = re.compile(
    r"line:(?P<line>.+)@(?P<h>\d+):(?P<min>[0-5]\d)/(?P<length>\d+(\.\d+)?)(?P<unit>h|min)"
)
OUTAGE_FORMAT = "Write line:FROM-TO@18:00/2h with the names of two buses, or none"
# These decide which days are run and how long: points would have no days in common.
DAY_KEYS = ("seed", "timing.", "profiles.")
OUTAGE_FROM_H, OUTAGE_H = 18.0, 2.0  # of the critical line of a pack


def parse_axes(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the values by axis of texts such as ``traffic.intensity=0.5,1,2``.

    An axis that is given twice has the values of both; what is of another form is an axis without
    values, which `build_design` refuses with all else that is wrong.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, values = (part.strip() for part in text.partition("="))
        own = tuple(value.strip() for value in values.split(",") if value.strip())
        found[name] = found.get(name, ()) + own
    return found


def build_design(
    scenario: Scenario, axes: Mapping[str, Sequence[object]], pack: str | None
) -> tuple[Design, tuple[Scenario, ...]]:
    """Return the design and the scenario of each of its points.

    Parameters
    ----------
    scenario
        What is stressed.
    axes
        Values by name of the axis.
    pack
        Named points, which count as one more axis.

    Raises
    ------
    InputError
        With every problem of every axis.
    """
    problems: list[Problem] = []
    found = [] if pack is None else list(_pack(scenario, pack, problems))
    found += [_axis(scenario, name, values, problems) for name, values in axes.items()]
    if not found and not problems:
        problems.append(_problem("axis", "", "nothing is varied", f"{FORMAT}, or --pack traffic"))
    _refuse_overlaps(found, problems)
    n_points = math.prod(len(axis.levels) for axis in found)
    if n_points > MOST_POINTS:
        message = f"make {n_points} points; at most {MOST_POINTS} are run"
        values = " x ".join(str(len(axis.levels)) for axis in found)
        problems.append(_problem("axis", values, message, "Take fewer values or axes"))
        raise InputError(problems)
    loaded: dict[str, Scenario] = {}
    for axis in found:
        for level in axis.levels:
            _load_level(scenario, axis, level, loaded, problems)
    if problems:
        raise InputError(problems)
    design = Design(axes=tuple(found))
    return design, tuple(_scenario(scenario, design, point, loaded) for point in design.points)


def _scenario(
    scenario: Scenario, design: Design, point: Point, loaded: Mapping[str, Scenario]
) -> Scenario:
    overrides = design.overrides(point)
    return loaded.get(repr(overrides)) or load_varied(scenario, overrides)


def _load_level(
    scenario: Scenario,
    axis: Axis,
    level: Level,
    loaded: dict[str, Scenario],
    problems: list[Problem],
) -> None:
    """Load the scenario at a level; its problems are those of the axis."""
    try:
        loaded[repr(dict(level.overrides))] = load_varied(scenario, level.overrides)
    except InputError as error:
        where = "--pack" if axis.is_pack else "--axis"
        problems += [
            Problem(
                where=where,
                key=axis.name,
                value=level.label,
                message=own.message if own.key in level.overrides else f"{own.key} {own.message}",
                remedy=own.remedy,
            )
            for own in error.problems
        ]


def _axis(scenario: Scenario, name: str, values: Sequence[object], problems: list[Problem]) -> Axis:
    known = {axis.name: axis for axis in AXES}.get(name)
    refusal = None if known else _refusal(name)
    levels: list[Level] = []
    if refusal is not None:
        problems.append(refusal)
    elif not len(values):
        problems.append(_problem(name, "", "has no values", FORMAT))
    elif name == GRID_OUTAGE:
        levels = [own for text in values for own in _outage(scenario, str(text), problems)]
    else:
        levels = [own for value in values for own in _number(name, known, value, problems)]
    seen: set[object] = set()
    for level in levels:
        same = repr(dict(level.overrides))
        if same in seen:
            problems.append(_problem(name, level.label, "is given twice", "Give each value once"))
        seen.add(same)
    return Axis(
        name=name,
        unit=known.unit if known else "",
        scale=name,
        meaning=known.meaning if known else "",
        raises=known.raises if known else "",
        levels=tuple(levels),
    )


def _refusal(name: str) -> Problem | None:
    """Return why a key cannot be an axis, None if it may."""
    if name.startswith("controller."):
        remedy = "Compare configurations with gridhaul compare, or set it with --set"
        return _problem(name, "", "is a parameter of controllers, not of the scenario", remedy)
    if name.startswith(DAY_KEYS):
        message = "decides which days are lived, and points would have none in common"
        return _problem(name, "", message, "Set it with --set and run a study for each value")
    if _leads_to_a_number(ScenarioFile, name.split(".")):
        return None
    names = [axis.name for axis in AXES]
    keys = [".".join(own) for own in _numbers(ScenarioFile)]
    close = difflib.get_close_matches(name, [*names, *keys], n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    remedy = f"{hint}There is: {', '.join(names)}, and every number of scenario.toml"
    return _problem(name, "", "is no axis", remedy)


def _number(
    name: str, known: KnownAxis | None, value: object, problems: list[Problem]
) -> Iterator[Level]:
    """Yield the level of a number, nothing but a problem if it is none."""
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        problems.append(_problem(name, value, "is no number", FORMAT))
    elif known is not None and not known.low <= number <= known.high:
        message = f"lies outside {known.low:g} to {known.high:g}"
        problems.append(_problem(name, value, message, "Choose a value inside"))
    else:
        whole = int(number) if number.is_integer() else number
        key = known.key if known else name
        yield Level(label=f"{number:.12g}", position=number, overrides={key: whole})


def _outage(scenario: Scenario, text: str, problems: list[Problem]) -> Iterator[Level]:
    """Yield the level of an outage, nothing but a problem if it cannot be had."""
    if text == NO_OUTAGE:
        yield Level(label=text, position=None, overrides={FIXED_OUTAGES: []})
        return
    found = OUTAGE.fullmatch(text)
    if found is None:
        problems.append(_problem(GRID_OUTAGE, text, "is no outage", OUTAGE_FORMAT))
        return
    from_h = int(found["h"]) + int(found["min"]) / 60
    hours = float(found["length"]) / (60 if found["unit"] == "min" else 1)
    end_h = scenario.system.timing.end_h
    before = len(problems)
    line = _line(scenario, found["line"], text, problems)
    if not from_h < end_h:
        message = f"starts when the episode of {end_h:g} h is over"
        problems.append(_problem(GRID_OUTAGE, text, message, "Choose an earlier hour"))
    if not hours > 0:
        problems.append(_problem(GRID_OUTAGE, text, "takes no time", OUTAGE_FORMAT))
    if line is not None and len(problems) == before:
        outage = {"line": line, "from_h": from_h, "hours": hours}
        yield Level(label=text, position=None, overrides={FIXED_OUTAGES: [outage]})


def _line(scenario: Scenario, asked: str, text: str, problems: list[Problem]) -> str | None:
    """Return the name of the line between two buses, or of that name."""
    grid = scenario.system.grid
    names: dict[str, list[str]] = {}
    for name, one, other in zip(
        grid.lines.name, grid.lines.from_bus, grid.lines.to_bus, strict=True
    ):
        ends = grid.bus_name[one], grid.bus_name[other]
        for alias in {name, "-".join(ends), "-".join(reversed(ends))}:
            names.setdefault(alias, []).append(name)
    if asked in grid.lines.name:
        return asked
    found = names.get(asked, [])
    if not found:
        close = suggestion(asked, names)
        problems.append(_problem(GRID_OUTAGE, text, f"there is no line {asked!r}", close))
    elif len(found) > 1:
        remedy = f"Name one of them: {', '.join(found)}"
        problems.append(_problem(GRID_OUTAGE, text, "several lines lead there", remedy))
    return found[0] if len(found) == 1 else None


def _pack(scenario: Scenario, name: str, problems: list[Problem]) -> Iterator[Axis]:
    known = {pack.name: pack for pack in PACKS}
    if name not in known:
        problems.append(
            Problem(
                where="--pack",
                key="pack",
                value=shown(name),
                message="is no pack",
                remedy=suggestion(name, known),
            )
        )
        return
    pack = known[name]
    axis = {axis.name: axis for axis in AXES}.get(pack.along)
    yield Axis(
        name=f"{PACK}{pack.name}",
        unit=axis.unit if axis else "",
        scale=pack.along,
        raises=axis.raises if axis else "",
        levels=tuple(
            Level(
                label=point.name,
                position=_position(scenario, pack, point.overrides),
                overrides={
                    **point.overrides,
                    **(_critical_line_outage(scenario) if point.critical_line else {}),
                },
                meaning=point.meaning,
            )
            for point in pack.points
        ),
    )


def _position(scenario: Scenario, pack: KnownPack, overrides: Mapping[str, float]) -> float | None:
    """Return where a point of a pack lies on its axis; the scenario as it is lies on it, too."""
    if pack.along and not overrides:
        value: Any = scenario.uncertainty
        for part in pack.along.split("."):
            value = getattr(value, part)
        return float(value)
    return overrides[pack.along] if list(overrides) == [pack.along] else None


def _critical_line_outage(scenario: Scenario) -> dict[str, object]:
    """Return the outage of the line that cuts off most load, if no more than half of it.

    Where no line in service cuts off any, as in a mesh, it is that of the highest rating.
    """
    system = scenario.system
    grid, loads = system.grid, system.loads
    in_service = np.flatnonzero(grid.lines.from_closed & grid.lines.to_closed)
    if not len(in_service):
        return {}
    lost_mw = np.zeros(len(grid.lines.name))
    for k in in_service.tolist():
        out = np.zeros(len(lost_mw), dtype=np.bool_)
        out[k] = True
        lost_mw[k] = loads.p_mw[~grid.without(out).supplied()[loads.bus]].sum()
    lost_mw[lost_mw > loads.p_mw.sum() / 2] = 0.0
    worth = lost_mw if lost_mw.any() else grid.lines.max_i_ka
    line = int(in_service[worth[in_service].argmax()])
    end_h = system.timing.end_h
    from_h, hours = OUTAGE_FROM_H, OUTAGE_H
    if end_h < from_h + hours:  # a short episode: in its middle
        from_h, hours = end_h / 2, end_h / 4
    return {FIXED_OUTAGES: [{"line": grid.lines.name[line], "from_h": from_h, "hours": hours}]}


def _refuse_overlaps(axes: Sequence[Axis], problems: list[Problem]) -> None:
    """Refuse two axes that set one key: the second would undo the first."""
    owner: dict[str, str] = {}
    for axis in axes:
        for key in dict.fromkeys(key for level in axis.levels for key in level.overrides):
            if owner.setdefault(key, axis.name) != axis.name:
                message = f"sets {key}, and so does {owner[key]}"
                problems.append(_problem(axis.name, key, message, "Vary it once"))


def _leads_to_a_number(model: type[BaseModel], parts: Sequence[str]) -> bool:
    """Whether a dotted key may name a number of the schema; lists by number, tables by name."""
    here: object = model
    for part in parts:
        if isinstance(here, type) and issubclass(here, BaseModel):
            if part not in here.model_fields:
                return False
            here = here.model_fields[part].annotation
        elif get_origin(here) is dict:
            here = get_args(here)[1]
        elif get_origin(here) is tuple and part.isdecimal():
            here = get_args(here)[0]
        else:
            return False
    return _is_number(here)


def _numbers(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Yield the numbers of the schema that need no name or number of an entry."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from ((name, *rest) for rest in _numbers(info.annotation))
        elif _is_number(info.annotation):
            yield (name,)


def _is_number(annotation: object) -> bool:
    if annotation in (int, float):
        return True
    wrapped = get_origin(annotation) is UnionType or hasattr(annotation, "__metadata__")
    return wrapped and any(_is_number(own) for own in get_args(annotation))


def _problem(key: str, value: object, message: str, remedy: str) -> Problem:
    where = "--pack" if key.startswith(PACK) else "--axis"
    return Problem(where=where, key=key, value=shown(value), message=message, remedy=remedy)
