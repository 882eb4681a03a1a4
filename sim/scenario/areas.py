"""Areas, parties and owners: checks of their names, and the areas as the system has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sim.plugins import suggestion
from sim.scenario.branches import integers
from sim.scenario.content import Content
from sim.scenario.problems import Problems
from sim.scenario.references import closed_branches, reachable
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.system.areas import OUTSIDE, PARTIES, Area
from sim.system.grid import Grid
from sim.system.tariff import Tariff


def check_areas(content: Content, config: ScenarioFile | None, problems: Problems) -> None:
    """Note parties, owners and operators that do not exist, and areas that are not apart.

    Parameters
    ----------
    content
        The CSV tables.
    config
        The TOML file, None where it is not valid itself.
    problems
        Takes note.
    """
    if config is None:
        return
    _check_parties(content, config, problems)
    if not config.area:
        return
    before = len(problems)
    _check_sources(content, config, problems)
    if content.complete and len(problems) == before:
        _check_apart(content, config, problems)


def _check_parties(content: Content, config: ScenarioFile, problems: Problems) -> None:
    parties, where = config.parties, content.where
    for party in _twice(parties):
        problems.add(where, "parties", party, "is given twice", "Name each party once")
    for party in parties:
        if party in OUTSIDE:
            message = "is a party outside of every scenario"
            problems.add(where, "parties", party, message, "Rename it")

    def check(where: str, key: str, party: str, known: Sequence[str] = parties) -> None:
        if party not in known:
            remedy = f"{suggestion(party, known)}, or add it to parties in {content.where}"
            problems.add(where, key, party, "is no party of the scenario", remedy)

    for area in config.area:
        check(where, f"area.{area.name}.operator", area.operator)
    for line, truck in content.vehicles.rows:
        check(content.vehicles.where, f"line {line}, owner", truck.owner)
    for line, train in content.trains.rows:
        check(content.trains.where, f"line {line}, owner", train.owner)
    if parties != PARTIES:  # where no parties are named, cars may belong to anybody
        for group in config.ev:
            check(where, f"ev.{group.name}.owner", group.owner, (*parties, "customers"))


def _check_sources(content: Content, config: ScenarioFile, problems: Problems) -> None:
    """Note what keeps every source from feeding exactly one area."""
    where = content.where
    for name in _twice(area.name for area in config.area):
        problems.add(where, "area.name", name, "is given twice", "Rename one of the areas")
    sources = [source.bus for source in config.grid.source]
    named = [bus for area in config.area for bus in area.sources]
    for area in config.area:
        for bus in area.sources:
            if bus not in sources:
                message, remedy = "is no bus of grid.source", suggestion(bus, sources)
                problems.add(where, f"area.{area.name}.sources", bus, message, remedy)
    for bus in _twice(named):
        problems.add(where, "area.sources", bus, "is named twice", "Let it feed one area")
    for bus in sources:
        if bus not in named:
            remedy = "Name it under sources of an area"
            problems.add(where, "grid.source", bus, "feeds no area", remedy)
    for area in config.area:
        if area.tariff is not None and "stored_usd_per_mwh" in area.tariff.model_fields_set:
            key, value = f"area.{area.name}.tariff", area.tariff.stored_usd_per_mwh
            message = "stored_usd_per_mwh is the same in all areas"
            problems.add(where, key, value, message, "Move it to [tariff]")


def _check_apart(content: Content, config: ScenarioFile, problems: Problems) -> None:
    """Note buses that sources of two areas feed."""
    branches = closed_branches(content)
    fed_by: dict[str, str] = {}
    for area in config.area:
        both = [bus for bus in sorted(reachable(area.sources, branches)) if bus in fed_by]
        if both:
            other = fed_by[both[0]]
            message = f"is fed by {other} and by {area.name}, and areas are not connected"
            more = f" ({len(both)} buses are)" if len(both) > 1 else ""
            remedy = "Open a line between them, or name the sources of both under one area"
            problems.add(content.where, f"area.{area.name}", both[0], message + more, remedy)
        for bus in reachable(area.sources, branches):
            fed_by.setdefault(bus, area.name)


def _twice(names: Iterable[str]) -> list[str]:
    """Return the names that are given more than once, in order."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [name for name, count in seen.items() if count > 1]


def make_areas(
    content: Content, config: ScenarioFile, grid: Grid, tariffs: Sequence[Tariff]
) -> tuple[Area, ...]:
    """Return the areas that the scenario names, each with its tariff."""
    place = {bus: k for k, bus in enumerate(grid.source_bus.tolist())}
    return tuple(
        Area(
            name=area.name,
            sources=integers([place[content.buses.names[bus]] for bus in area.sources]),
            operator=area.operator,
            tariff=tariff,
        )
        for area, tariff in zip(config.area, tariffs, strict=True)
    )
