"""The catalogue of installed scenarios and controllers, one line each."""

from __future__ import annotations

import inspect
import tomllib
from dataclasses import dataclass

from sim.control import capabilities_of
from sim.episode.fitting import fits
from sim.errors import InputError
from sim.plugins import CONTROLLERS, SCENARIOS, load_controller, names
from sim.scenario import load_scenario, scenario_folder
from sim.system.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One line about each installed thing, by name.

    Attributes
    ----------
    scenarios
        Titles of the scenarios.
    controllers
        First lines of the controllers' docstrings.
    fitting
        Names of the controllers that each scenario has what they require for; none of a scenario
        that cannot be loaded.
    """

    scenarios: dict[str, str]
    controllers: dict[str, str]
    fitting: dict[str, tuple[str, ...]]


def catalogue() -> Catalogue:
    """Return what is installed. Something that does not load is listed with the reason."""
    return Catalogue(
        scenarios={name: _title(name) for name in names(SCENARIOS)},
        controllers={name: _first_line(name) for name in names(CONTROLLERS)},
        fitting={name: _fitting(name) for name in names(SCENARIOS)},
    )


def _fitting(scenario: str) -> tuple[str, ...]:
    try:
        system = load_scenario(scenario).system
    except InputError:
        return ()
    return tuple(name for name in names(CONTROLLERS) if _fits(name, system))


def _fits(controller: str, system: System) -> bool:
    try:
        return fits(capabilities_of(load_controller(controller)), system)
    except (InputError, TypeError):
        return False


def _title(name: str) -> str:
    try:
        folder = scenario_folder(name)
        text = (folder / "scenario.toml").read_text(encoding="utf-8")
        return str(tomllib.loads(text).get("title", ""))
    except (InputError, OSError, tomllib.TOMLDecodeError) as error:
        return _broken(error)


def _first_line(name: str) -> str:
    try:
        return (inspect.getdoc(load_controller(name)) or "").partition("\n")[0]
    except InputError as error:
        return _broken(error)


def _broken(error: Exception) -> str:
    return f"cannot be loaded: {str(error).partition(chr(10))[0]}"
