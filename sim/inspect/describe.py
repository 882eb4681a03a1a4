"""What can be set: keys of a scenario and parameters of controllers, with unit, default, meaning.

Everything is read off the models that check the input and the docstrings of the dataclasses that
they fill, so that there is one source.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from sim.errors import InputError
from sim.plugins import CONTROLLERS, load_controller, names, suggestion
from sim.scenario.schema.toml_tables import ScenarioFile

REQUIRED = "required"
# Endings of names, longest first.
UNITS = {
    "usd_per_percent_h": "USD/(% h)",
    "usd_per_pu_h": "USD/(pu h)",
    "usd_per_mwh": "USD/MWh",
    "usd_per_span": "USD/span",
    "per_line_year": "1/(line year)",
    "per_1000_km": "1/1000 km",
    "kwh_per_km": "kWh/km",
    "per_day": "1/day",
    "per_h": "1/h",
    "step_min": "min",
    "period_min": "min",
    "delay_min": "min",
    "mwh": "MWh",
    "kwh": "kWh",
    "mva": "MVA",
    "mw": "MW",
    "kw": "kW",
    "pu": "pu",
    "usd": "USD",
    "km": "km",
    "days": "days",
    "hours": "h",
    "h": "h",
}
# Where a docstring names the dataclass that a table fills.
FILLS = re.compile(r"`(sim\.[\w.]+\.[A-Z]\w+)`")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Something that can be set.

    Attributes
    ----------
    name
        Dotted key, as ``--set`` takes it; ``<name>`` stands for any name, ``[]`` for an entry of a
        list.
    unit
        Unit, empty where there is none.
    default
        Its default as text, ``"required"`` where there is none.
    meaning
        What it means.
    """

    name: str
    unit: str
    default: str
    meaning: str


def scenario_keys() -> tuple[Key, ...]:
    """Return all keys of ``scenario.toml``."""
    return tuple(_keys(ScenarioFile, ""))


def controller_keys(name: str) -> tuple[Key, ...]:
    """Return the parameters of a controller, none where it takes none.

    Raises
    ------
    InputError
        If there is no such controller.
    """
    parameters = getattr(load_controller(name), "Parameters", None)
    if parameters is None:
        return ()
    told = _attributes(parameters)
    return tuple(
        _key(f"controller.{field.name}", field.name, _default_of(field), told.get(field.name, ""))
        for field in dataclasses.fields(parameters)
        if field.init
    )


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema of ``scenario.toml`` with meanings, for editors."""
    schema = ScenarioFile.model_json_schema()
    tables = {"ScenarioFile": schema, **schema.get("$defs", {})}
    for model in _models(ScenarioFile):
        told = _meanings(model)
        for name, own in tables.get(model.__name__, {}).get("properties", {}).items():
            if told.get(name):
                own["description"] = told[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def check_kind(kind: str) -> None:
    """Refuse what cannot be described.

    Raises
    ------
    InputError
        Naming what can.
    """
    kinds = ("scenario", "controller", "metric", "all")
    if kind not in kinds:
        raise InputError.single(
            where="describe",
            key="what",
            value=kind,
            message="cannot be described",
            remedy=suggestion(kind, kinds),
        )


def installed_controllers() -> tuple[str, ...]:
    """Return the names of the controllers that are installed."""
    return names(CONTROLLERS)


def unit_of(name: str, meaning: str = "") -> str:
    """Return the unit in a name's ending, or in brackets at the end of its meaning."""
    for ending, unit in UNITS.items():
        if name == ending or name.endswith(f"_{ending}"):
            return unit
    found = re.search(r"\[([^\]\d][^\]]*)\]\.?$", meaning)
    return found.group(1) if found and found.group(1) != "-" else ""


def _keys(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    told = _meanings(model)
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        if inner is None:
            default = REQUIRED if field.is_required() else _shown(field.get_default())
            if field.default_factory is not None:
                default = "none"
            yield _key(f"{prefix}{name}", name, default, told.get(name, ""))
        elif isinstance(field.annotation, type):
            yield from _keys(inner, f"{prefix}{name}.")
        else:
            marks: dict[Any, str] = {dict: ".<name>", tuple: "[]"}
            inside = marks.get(get_origin(field.annotation), "")
            yield from _keys(inner, f"{prefix}{name}{inside}.")


def _key(full: str, name: str, default: str, meaning: str) -> Key:
    return Key(name=full, unit=unit_of(name, meaning), default=default, meaning=meaning)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``dict[str, Model]``, None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        inner = _model_in(field.annotation)
        if inner is not None:
            yield from _models(inner)


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the meanings of a table's keys: its own, or of the dataclass it fills."""
    text = inspect.getdoc(model) or ""
    found = FILLS.search(text)
    told: dict[str, str] = {}
    if found:
        module, _, name = found.group(1).rpartition(".")
        told = _attributes(getattr(importlib.import_module(module), name))
    told |= _attributes(model)
    return {name: told.get(name, "") for name in model.model_fields}


def _attributes(cls: type) -> dict[str, str]:
    """Return the meanings in the ``Attributes`` of docstrings, of base classes too."""
    found: dict[str, str] = {}
    for own in reversed(cls.__mro__):
        lines = inspect.cleandoc(own.__doc__ or "").split("\n")
        if "Attributes" not in lines:
            continue
        of: list[str] = []
        for line in lines[lines.index("Attributes") + 2 :]:
            if line.startswith(" "):
                for name in of:
                    found[name] = f"{found[name]} {line.strip()}".strip()
            elif line.strip():
                of = [name.strip() for name in line.split(",")]
                found.update(dict.fromkeys(of, ""))
    return {name: text.replace("`", "") for name, text in found.items()}


def _default_of(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return _shown(field.default)
    return REQUIRED if field.default_factory is dataclasses.MISSING else "none"


def _shown(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple) and len(set(value)) == 1 and len(value) > 1:
        return f"{len(value)} x {value[0]}"
    return str(value)
