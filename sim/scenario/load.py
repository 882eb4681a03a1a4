"""Load a `Scenario` from a name or a folder; all problems are reported at once."""

from __future__ import annotations

import hashlib
import html
import json
import os
import pickle
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim import plugins
from sim.errors import InputError
from sim.plugins import suggestion
from sim.scenario.areas import check_areas, make_areas
from sim.scenario.assemble import (
    make_batteries,
    make_delays,
    make_evs,
    make_generators,
    make_grid,
    make_loads,
    make_penalties,
    make_roads,
    make_stations,
    make_tariff,
    make_timing,
    make_units,
    make_vehicles,
)
from sim.scenario.content import Content, read_content
from sim.scenario.csv_table import read_table
from sim.scenario.files import MOST_TOML_BYTES, path_inside, small_enough
from sim.scenario.limits import check_size
from sim.scenario.market import check_fleet, with_market
from sim.scenario.overrides import with_overrides
from sim.scenario.prices import NAMES, check_one_source, is_series_file, make_series_tariff
from sim.scenario.problems import Problems
from sim.scenario.railway import check_rails, make_rails, make_trains
from sim.scenario.references import check_references
from sim.scenario.schema.money_tables import AreaTable, TariffBlock
from sim.scenario.schema.toml_tables import ScenarioFile
from sim.scenario.schema.uncertain_tables import DelayRow
from sim.scenario.uncertainty import make_uncertainty
from sim.scenario.used_profiles import read_record, used_series
from sim.scenario.ways import ways_between
from sim.system.rent import RentContract
from sim.system.system import System
from sim.system.tariff import Tariff
from sim.uncertainty.model import Record, Uncertainty

FILE = "scenario.toml"
NO_OVERRIDES: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """A scenario, ready to run.

    Attributes
    ----------
    name
        Registered name, or the name of the folder.
    title, description
        For people.
    system
        What exists; all that a controller sees.
    uncertainty
        What may happen; the record in it is seen by no controller.
    seed
        Root seed, unless the user gives another.
    days
        Length of an episode, in days begun.
    source, overrides
        What `load_scenario` was given.
    digest
        SHA-256 over everything above but name and source, as resolved, overrides and record
        included: two scenarios with one digest are the same, whatever they are called.
    """

    name: str
    title: str
    description: str
    system: System
    uncertainty: Uncertainty
    seed: int
    days: int
    source: str
    overrides: Mapping[str, object]
    digest: str

    def __repr__(self) -> str:
        system = self.system
        return (
            f"<Scenario {self.name}: {system.grid.n_buses} buses, {len(system.stations)} stations, "
            f"{len(system.vehicles)} vehicles, {self.days} days of {system.timing.n_periods} "
            f"periods, digest {self.digest[:12]}>"
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        about = html.escape(f"{self.title}. {self.description}".strip())
        return f"<b>{html.escape(self.name)}</b>: {about}<br><code>{html.escape(repr(self))}</code>"


def as_scenario(scenario: Scenario | str | os.PathLike[str]) -> Scenario:
    """Return a scenario, which may be given by its name or folder.

    Raises
    ------
    InputError
        If it is neither, or as `load_scenario`.
    """
    if isinstance(scenario, Scenario):
        return scenario
    if isinstance(scenario, str | os.PathLike):
        return load_scenario(scenario)
    raise InputError.single(
        where="scenario",
        key="scenario",
        value=scenario,
        message=f"is of type {type(scenario).__name__}",
        remedy="Give a name, a folder, or what load_scenario returns",
    )


def scenario_folder(name_or_folder: str | os.PathLike[str]) -> Path:
    """Return the folder of a scenario.

    A bare word is a registered name first, so that a folder that happens to lie in the working
    directory does not stand in for it; ``./word`` is always a folder.

    Raises
    ------
    InputError
        If there is neither.
    """
    text = os.fspath(name_or_folder)
    known = plugins.names(plugins.SCENARIOS)
    if text in known:
        folder = plugins.load(plugins.SCENARIOS, text)
        if not isinstance(folder, Path):
            raise InputError.single(
                where="scenarios",
                key=text,
                value=folder,
                message="is registered, but not as a pathlib.Path of a folder",
                remedy="Mend the entry point of the package that registers it",
            )
    else:
        folder = Path(text)
    try:
        found = (folder / FILE).is_file()
    except OSError:  # too long a name
        found = False
    if not found:
        raise InputError.single(
            where="scenario",
            key="scenario",
            value=text,
            message=f"is neither a registered name nor a folder with a {FILE}",
            remedy=suggestion(text, known),
        )
    return folder


def load_scenario(
    name_or_folder: str | os.PathLike[str], overrides: Mapping[str, object] = NO_OVERRIDES
) -> Scenario:
    """Read, check and resolve a scenario.

    Parameters
    ----------
    name_or_folder
        A registered name (``"tiny"``) or the path of a folder.
    overrides
        Values by dotted key of ``scenario.toml``, ``{"timing.days": 2}``. Texts are read as TOML
        values, as the command line gives them.

    Raises
    ------
    InputError
        With every problem of the input: TOML, tables, names across them, overrides, record.
    """
    folder = scenario_folder(name_or_folder)
    where = f"{folder.name}/{FILE}"
    problems = Problems()
    config = _read_config(folder, where, overrides, problems)
    content = read_content(folder, where, problems)
    check_references(content, config, problems)
    check_rails(content, config, problems)
    check_areas(content, config, problems)
    if config is None:
        problems.raise_if_any()
        raise AssertionError("a file that is not valid has problems")

    timing = make_timing(config, where, problems)
    dated = is_series_file(folder, config)
    check_one_source(config, has_series_file=dated, where=where, problems=problems)
    in_series = dated or config.tariff.import_column is not None
    tariff_blocks = () if dated else _tariff_blocks(folder, config, where, problems)
    area_blocks = _area_blocks(folder, config, where, problems)
    delay_rows = _delay_rows(folder, config, where, problems)
    batteries = make_batteries(config, where, problems)
    series, kinds = used_series(content, config, problems)
    tariff = record = delays = None
    area_tariffs: list[Tariff | None] = []
    if timing is not None:
        check_size(config, content, len(series), timing, where, problems)
        area_tariffs = [
            None
            if area.tariff is None
            else make_tariff(config.of_area(area), blocks, timing, _place(where, area), problems)
            for area, blocks in zip(config.area, area_blocks, strict=True)
        ]
        delays = make_delays(config, delay_rows, timing, where, problems)
        record = read_record(folder, config, series, kinds, timing, where, problems)
        if not in_series:
            tariff = make_tariff(config, tariff_blocks, timing, where, problems)
        elif record is not None:
            tariff = make_series_tariff(config, record, timing)
    uncertainty = make_uncertainty(config, record, delays, where, problems)
    evs = make_evs(content, config, where, problems)
    units = make_units(content, problems)
    problems.raise_if_any()

    grid = make_grid(content, config, problems)
    problems.raise_if_any()
    assert timing is not None
    assert tariff is not None
    assert record is not None
    assert uncertainty is not None
    name = os.fspath(name_or_folder)
    registered = name in plugins.names(plugins.SCENARIOS)
    roads, stations = ways_between(make_roads(content), make_stations(content))
    check_fleet(config, stations, where, problems)
    problems.raise_if_any()
    system = System(
        name=name if registered else folder.resolve().name,
        timing=timing,
        grid=grid,
        loads=make_loads(content, config, tuple(series)),
        generators=make_generators(content, config, tuple(series)),
        roads=roads,
        stations=stations,
        vehicles=(
            *make_vehicles(content, batteries),
            *make_trains(content, config, batteries),
        ),
        tariff=tariff,
        penalties=make_penalties(config),
        profiles=(*series, *NAMES)[: len(record.kind)],
        evs=evs,
        units=units,
        rails=make_rails(content, config),
        parties=config.parties,
        named_areas=make_areas(content, config, grid, [own or tariff for own in area_tariffs]),
        rent=None if config.rent is None else RentContract(**dict(config.rent)),
    )
    system = with_market(system, config)
    return Scenario(
        name=system.name,
        title=config.title,
        description=config.description.strip(),
        system=system,
        uncertainty=uncertainty,
        seed=config.seed,
        days=-(-timing.n_steps // timing.steps_per_day),
        source=name,
        overrides=dict(overrides),
        digest=_digest(config, content, [tariff_blocks, *area_blocks], delay_rows, record),
    )


def load_varied(scenario: Scenario, overrides: Mapping[str, object]) -> Scenario:
    """Return `scenario`, loaded again with more overrides.

    Parts that they do not touch are those of `scenario` itself, so that what is prepared for one
    serves the other.

    Raises
    ------
    InputError
        If an override is refused, or there is no such scenario any more.
    """
    other = load_scenario(scenario.source, {**scenario.overrides, **overrides})
    record, grid = scenario.uncertainty.record, scenario.system.grid
    if _same(record, other.uncertainty.record):
        other = replace(other, uncertainty=replace(other.uncertainty, record=record))
    if _same(grid, other.system.grid):
        other = replace(other, system=replace(other.system, grid=grid))
    return other


def _same(one: object, other: object) -> bool:
    return pickle.dumps(one) == pickle.dumps(other)


def _read_config(
    folder: Path, where: str, overrides: Mapping[str, object], problems: Problems
) -> ScenarioFile | None:
    path = path_inside(folder, FILE, where, "file", problems)
    if path is None or not small_enough(path, MOST_TOML_BYTES, where, problems):
        return None
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        document = with_overrides(raw, overrides, problems)
    except (ValueError, OSError, RecursionError) as error:  # no UTF-8 and no TOML are ValueErrors
        problems.add(where, "file", FILE, f"cannot be read ({error})", "Mend the TOML")
        return None
    try:
        return ScenarioFile.model_validate(document)
    except ValidationError as error:
        problems.add_validation(error, ScenarioFile, where=where, overrides=overrides)
        return None


def _tariff_blocks(
    folder: Path, config: ScenarioFile, where: str, problems: Problems
) -> tuple[TariffBlock, ...]:
    table = config.tariff
    if table.file is None:
        return table.block
    if table.block:
        message = "is given beside [[tariff.block]]"
        problems.add(where, "tariff.file", table.file, message, "Keep one of the two")
    path = path_inside(folder, table.file, where, "tariff.file", problems)
    if path is None:
        return ()
    rows = read_table(folder, table.file, TariffBlock, problems).rows
    return tuple(row for _, row in rows)


def _place(where: str, area: AreaTable) -> str:
    return f"{where}, area {area.name}"


def _area_blocks(
    folder: Path, config: ScenarioFile, where: str, problems: Problems
) -> list[tuple[TariffBlock, ...]]:
    """Return the blocks of each area's own tariff, none where it has that of the whole grid."""
    found: list[tuple[TariffBlock, ...]] = []
    for area in config.area:
        own = config.of_area(area)
        blocks: tuple[TariffBlock, ...] = ()
        if area.tariff is not None:
            place = _place(where, area)
            if own.tariff.import_column is not None or is_series_file(folder, own):
                key = "tariff.import_column" if own.tariff.import_column else "tariff.file"
                value = own.tariff.import_column or own.tariff.file
                remedy = "Give blocks, or the series in [tariff] and no tariff for the area"
                problems.add(place, key, value, "is a series, and an area has blocks", remedy)
            else:
                blocks = _tariff_blocks(folder, own, place, problems)
        found.append(blocks)
    return found


def _delay_rows(
    folder: Path, config: ScenarioFile, where: str, problems: Problems
) -> tuple[DelayRow, ...]:
    file = config.delays.file
    if file is None or path_inside(folder, file, where, "delays.file", problems) is None:
        return ()
    return tuple(row for _, row in read_table(folder, file, DelayRow, problems).rows)


def _digest(
    config: ScenarioFile,
    content: Content,
    blocks: Sequence[tuple[TariffBlock, ...]],
    delays: tuple[DelayRow, ...],
    record: Record,
) -> str:
    """Return a hash of the resolved scenario.

    Formatting, defaults spelled out and the names of files do not matter.
    """
    elsewhere = {"profiles": {"file"}, "tariff": {"file", "block"}, "delays": {"file"}}
    text = json.dumps(
        {
            "config": config.model_dump(mode="json", exclude=elsewhere),
            "tables": content.rows(),
            # That of the whole grid, then those of the areas that a scenario names.
            "tariff": [block.model_dump(mode="json") for own in blocks for block in own],
            "delays": [row.model_dump(mode="json") for row in delays],
            "record": [str(record.start), record.step_s, list(record.kind)],
        },
        sort_keys=True,
    )
    digest = hashlib.sha256(text.encode())
    digest.update(record.values.tobytes())
    return digest.hexdigest()
