"""Parse settings of the command line: ``key=value`` texts become typed overrides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np

from sim.episode.verification import Verify
from sim.errors import InputError, Problem, shown
from sim.plugins import suggestion
from sim.scenario.overrides import toml_value
from sim.study.store.bundle import Keep

CONTROLLER_PREFIX = "controller."
DAYS = "timing.days"

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``--set`` asked for.

    Attributes
    ----------
    scenario
        Overrides of the scenario by dotted key.
    controller
        Parameters of the controllers by field, or by ``name.field``; without the prefix.
    """

    scenario: dict[str, object]
    controller: dict[str, object]


def parse(texts: Iterable[str], *, days: int | None = None) -> Settings:
    """Return the settings in `texts`, each ``key=value`` with a TOML value.

    A value that is no TOML, such as a bare word, is taken as text. `days` is short for
    ``timing.days``.

    Raises
    ------
    InputError
        Naming every text that is not of this form and every key given twice.
    """
    found: dict[str, object] = {} if days is None else {DAYS: days}
    problems: list[Problem] = []
    for text in texts:
        key, separator, value = (part.strip() for part in text.partition("="))
        if not separator or not key or not value:
            problems.append(_problem(text, "is not of the form key=value"))
        elif key in found:
            problems.append(_problem(text, "sets a key that has been set before"))
        else:
            found[key] = toml_value(value)
    if problems:
        raise InputError(problems)
    prefix = CONTROLLER_PREFIX
    return Settings(
        scenario={key: value for key, value in found.items() if not key.startswith(prefix)},
        controller={
            key.removeprefix(prefix): value
            for key, value in found.items()
            if key.startswith(prefix)
        },
    )


def parse_for_scenario(texts: Iterable[str]) -> dict[str, object]:
    """Return the settings in `texts` where no controller runs; see `parse`.

    Raises
    ------
    InputError
        Also if one of them is for a controller.
    """
    settings = parse(texts)
    if settings.controller:
        raise InputError(
            _problem(f"{CONTROLLER_PREFIX}{key}", "is for a controller, and none runs here")
            for key in settings.controller
        )
    return settings.scenario


def parse_for_controller(texts: Iterable[str], controller: str | None) -> dict[str, object]:
    """Return the settings in `texts` where only a controller can be set; see `parse`.

    Raises
    ------
    InputError
        Also if one of them is for the scenario, or there is no controller.
    """
    settings = parse(texts)
    reason = "is for the scenario, which is that of the study"
    problems = [_problem(key, reason) for key in settings.scenario]
    if controller is None:
        reason = "is for a controller that takes over, and there is none; give --with"
        problems += [_problem(f"{CONTROLLER_PREFIX}{key}", reason) for key in settings.controller]
    if problems:
        raise InputError(problems)
    return settings.controller


def as_verify(text: str) -> Verify:
    """Return the amount of verification called `text`.

    Raises
    ------
    InputError
        If there is no such amount.
    """
    return _choice(Verify, text, "verify", "is no amount of verification")


def as_keep(text: str) -> Keep:
    """Return how much of each episode a study keeps.

    Raises
    ------
    InputError
        If there is no such choice.
    """
    return _choice(Keep, text, "keep", "is nothing that can be kept")


def _choice(choices: type[Choice], text: str, key: str, message: str) -> Choice:
    try:
        return choices(text)
    except ValueError:
        raise InputError.single(
            where=key,
            key=key,
            value=text,
            message=message,
            remedy=suggestion(str(text), [str(choice) for choice in choices]),
        ) from None


def _problem(text: str, message: str) -> Problem:
    return Problem(
        where="--set",
        key="set",
        value=shown(text),
        message=message,
        remedy="Write for example --set traffic.intensity=2 --set controller.horizon=12",
    )


def check_numbers(where: str, least: int = 1, **numbers: object) -> None:
    """Refuse what is no whole number, or below `least`; None counts as left out.

    Raises
    ------
    InputError
        Naming all of them.
    """
    problems = []
    for key, value in numbers.items():
        message = ""
        if value is None:
            continue
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            message = f"is of type {type(value).__name__}, not a whole number"
        elif value < least:
            message = f"must be at least {least}"
        if message:
            remedy = "Choose a positive number" if least else "Choose 0 or a positive number"
            problems.append(
                Problem(where=where, key=key, value=shown(value), message=message, remedy=remedy)
            )
    if problems:
        raise InputError(problems)
