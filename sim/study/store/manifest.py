"""The manifest of a study: all that its results depend on, and how two studies differ."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import sim
from sim.episode.specification import ControllerSpec, effective_parameters, labels
from sim.errors import shown
from sim.plugins import is_file, load_controller
from sim.scenario import Scenario
from sim.scenario.switched_off import switched_off
from sim.study.inference.contrasts import declared
from sim.study.inference.ladder import declared_ladder
from sim.study.store.bundle import Keep
from sim.study.store.geography import geography
from sim.uncertainty.realisation import first_days

FORMAT = 2
# Those whose arithmetic decides about the last digit of a result, or about the bytes of a table.
PACKAGES = (
    *("gridhaul", "numba", "numpy", "ortools", "pandapower", "pandas", "power-grid-model"),
    *("pyarrow", "scipy", "simpy"),
)
# Our code that no episode runs through.
WITHOUT_EFFECT = ("cli/", "report/", "importers/", "inspect/")
ABSENT = "nothing"


def configuration(
    scenario: Scenario,
    specs: Sequence[ControllerSpec],
    *,
    seed: int,
    verify: str,
    keep: Keep,
) -> dict[str, Any]:
    """Return all that the tables of a study depend on, as JSON values.

    Two studies of one configuration differ in nothing but how many replications they have.
    """
    content = {
        "format": FORMAT,
        "scenario": {"name": scenario.name, "digest": scenario.digest},
        "seed": seed,
        "verify": str(verify),
        "keep": str(keep),
        "controllers": {
            label: _controller_configuration(spec)
            for label, spec in zip(labels(specs), specs, strict=True)
        },
        # Differences and regret count from the first, and rows are in this order.
        "order": list(labels(specs)),
        "code_sha256": fingerprints([own.name for spec in specs for own in spec.in_turn]),
        "packages": {name: version(name) for name in PACKAGES},
        "python": ".".join(platform.python_version_tuple()[:2]),
    }
    return _plain(content)


def fingerprints(controllers: Iterable[str]) -> dict[str, str]:
    """Return a hash of the code that runs episodes, by package: ours, and those of controllers.

    A version number does not change while the source of an installation is edited, and half a study
    with one version of a controller and half with another would look like a result.
    """
    homes = {"sim": Path(inspect.getfile(sim))}
    for name in controllers:
        if not is_file(name):
            package = str(cast("Any", load_controller(name)).__module__).partition(".")[0]
            homes[package] = Path(str(sys.modules[package].__file__))
    return {package: _hash_of_code(home) for package, home in sorted(homes.items())}


def manifest(
    scenario: Scenario, specs: Sequence[ControllerSpec], configured: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a reader of the tables needs to know about the study, whatever its length."""
    system = scenario.system
    named = dict(zip(labels(specs), specs, strict=True))
    content = {
        "format": FORMAT,
        "gridhaul": version("gridhaul"),
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "description": scenario.description,
            "digest": scenario.digest,
            "source": scenario.source,
            "overrides": dict(scenario.overrides),
            "switched_off": list(switched_off(scenario)),
        },
        "seed": configured["seed"],
        "verify": configured["verify"],
        "keep": configured["keep"],
        "controllers": [
            {"label": label, **specification_as_json(spec)} for label, spec in named.items()
        ],
        "contrasts": [each._asdict() for each in declared(named)],
        "ladder": [each._asdict() for each in declared_ladder(named)],
        "system": {
            "step_h": system.timing.step_h,
            "end_h": system.timing.end_h,
            "profile_days": len(first_days(system, scenario.uncertainty)),
            "buses": list(system.grid.bus_name),
            "v_min_pu": system.grid.v_min_pu.tolist(),
            "v_max_pu": system.grid.v_max_pu.tolist(),
            "penalties": {
                "voltage_usd_per_pu_h": system.penalties.voltage_usd_per_pu_h,
                "loading_usd_per_percent_h": system.penalties.loading_usd_per_percent_h,
            },
            "stations": [
                {"name": station.name, "set_up_h": station.set_up_h} for station in system.stations
            ],
            "vehicles": [vehicle.name for vehicle in system.vehicles],
            **({"parties": list(system.parties)} if system.has_parties else {}),
            "map": geography(system),
        },
        "configuration": dict(configured),
        "configuration_sha256": _sha256(json.dumps(configured, sort_keys=True)),
    }
    return _plain(content)


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what distinguishes the configuration of a folder from the one asked for."""
    yield from _differences(there, here, "")


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in sorted({*there, *here}):
        old, new = there.get(key, ABSENT), here.get(key, ABSENT)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, f"{prefix}{key}.")
        elif isinstance(old, Mapping) and new is ABSENT:
            yield f"{prefix}{key} is there and not here"
        elif isinstance(new, Mapping) and old is ABSENT:
            yield f"{prefix}{key} is here and not there"
        else:
            yield f"{prefix}{key} is {_brief(old)} there and {_brief(new)} here"


def json_text(content: object) -> str:
    """Return JSON with a line break at its end; what JSON does not know becomes its text."""
    return json.dumps(content, indent=2, allow_nan=False, default=str) + "\n"


def _controller_configuration(spec: ControllerSpec) -> dict[str, object]:
    content: dict[str, object] = {
        "name": spec.name,
        "parameters": effective_parameters(spec),
        "file_sha256": _sha256(spec.source) if spec.source else None,
    }
    if spec.then is not None:
        after = _controller_configuration(spec.then.controller)
        content["then"] = {"from_period": spec.then.from_period, **after}
    return content


def specification_as_json(spec: ControllerSpec) -> dict[str, object]:
    """Return a specification as JSON values, from which it can be made again."""
    content: dict[str, object] = {"name": spec.name, "parameters": dict(spec.parameters)}
    if spec.then is not None:
        after = specification_as_json(spec.then.controller)
        content["then"] = {"from_period": spec.then.from_period, **after}
    return content


def _plain(content: Mapping[str, object]) -> dict[str, Any]:
    """Return JSON values. Parameters may be infinite, which JSON cannot say: those become texts."""
    values: dict[str, Any] = json.loads(
        json.dumps(content, default=str), parse_constant=lambda text: text
    )
    return values


def _brief(value: object) -> str:
    return value if value is ABSENT else shown(value)


@functools.cache  # what this process has imported, whatever is edited later
def _hash_of_code(home: Path) -> str:
    folder = home.parent if home.name == "__init__.py" else home
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]
    digest = hashlib.sha256()
    for file in files:
        place = file.relative_to(folder).as_posix()
        if not place.startswith(WITHOUT_EFFECT):
            digest.update(f"{place}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
