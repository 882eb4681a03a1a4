"""What ``gridhaul demo`` runs: an installed scenario says so in a file ``demo.toml`` beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from sim.errors import InputError
from sim.plugins import SCENARIOS, names
from sim.scenario import scenario_folder

FILE = "demo.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """A comparison that shows what gridhaul does.

    Attributes
    ----------
    scenario, controllers, replications
        What is compared, on how many days; differences are taken from the first controller.
    """

    scenario: str
    controllers: tuple[str, ...]
    replications: int


def demonstration() -> Demonstration:
    """Return the comparison of the first installed scenario that names one.

    Raises
    ------
    InputError
        If no scenario does.
    """
    for name in names(SCENARIOS):
        file = scenario_folder(name) / FILE
        if file.is_file():
            content = tomllib.loads(file.read_text(encoding="utf-8"))
            return Demonstration(
                scenario=name,
                controllers=tuple(content["controllers"]),
                replications=content["replications"],
            )
    raise InputError.single(
        where="scenarios",
        key=FILE,
        value="",
        message="no installed scenario has this file",
        remedy="Reinstall gridhaul",
    )
