"""Which controller, with which parameters: the part of a study that names its policies."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from sim.control import Capabilities, Controller, capabilities_of
from sim.episode.fitting import misfit
from sim.episode.source_of import file_name, source_of
from sim.errors import GridhaulError, InputError, Problem, described, shown
from sim.plugins import (
    CONTROLLERS,
    is_file,
    load_controller,
    read_source,
    registered,
    suggestion,
)
from sim.system.system import System
from sim.user_code import contained


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSpec:
    """A controller by name and parameters; small, hashable and picklable.

    Attributes
    ----------
    name
        A registered name, or ``my_file.py:ClassName``.
    parameters
        Fields of the controller's ``Parameters`` with their values; the others keep their defaults.
    source
        Text of the controller's file, as `with_source` reads it; empty reads the file when built.
    then
        Who takes over during the day, if anybody does.
    """

    name: str
    parameters: tuple[tuple[str, object], ...] = ()
    source: str = dataclasses.field(default="", repr=False)
    then: Successor | None = None

    def __str__(self) -> str:
        inner = ", ".join(f"{key}={value}" for key, value in self.parameters)
        own = f"{self.name}({inner})" if inner else self.name
        return f"{own}, {self.then}" if self.then else own

    @property
    def label(self) -> str:
        """What tables call it where nobody else is called so."""
        return f"{self.name}, {self.then}" if self.then else self.name

    @property
    def drawn_as(self) -> str:
        """What stands for it in the key of its random stream: its name, or that of its class.

        Of a file, the class alone: how its path was typed and what else it holds change nothing.
        """
        own = self.name.rpartition(":")[2] if is_file(self.name) else self.name
        if self.then is None:
            return own
        return f"{own}, from period {self.then.from_period} {self.then.controller.drawn_as}"

    @property
    def in_turn(self) -> tuple[ControllerSpec, ...]:
        """Who decides, one after the other."""
        alone = dataclasses.replace(self, then=None)
        return (alone, *self.then.controller.in_turn) if self.then else (alone,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """Who takes over from a controller.

    Attributes
    ----------
    from_period
        Index of the first period that it plans.
    controller
        Who it is; nobody takes over from it.
    """

    from_period: int
    controller: ControllerSpec

    def __post_init__(self) -> None:
        if self.controller.then is not None:
            raise ValueError(f"controller(={self.controller}) must not hand over again.")

    def __str__(self) -> str:
        return f"from period {self.from_period} {self.controller}"


def build(spec: ControllerSpec) -> Controller:
    """Return a new controller as `spec` describes it; who takes over from it is built apart.

    Raises
    ------
    InputError
        If the controller is not found, lacks one of the parameters, or refuses a value.
    """
    cls = cast("Any", load_controller(spec.name, spec.source))
    parameters = getattr(cls, "Parameters", None)
    for method in ("start", "decide"):
        if not callable(getattr(cls, method, None)):
            raise InputError.single(
                where=spec.name,
                key="controller",
                value=cls.__name__,
                message=f"has no method {method!r}",
                remedy="A controller has start(system, rng) and decide(observation)",
            )
    misplaced = sorted({each.name for each in dataclasses.fields(Capabilities)} & {*dir(cls)})
    if misplaced:
        raise InputError.single(
            where=spec.name,
            key=misplaced[0],
            value=getattr(cls, misplaced[0]),
            message="is an attribute of the class, where nobody reads it",
            remedy=f"Write capabilities = Capabilities({misplaced[0]}=...)",
        )
    if parameters is None:
        if spec.parameters:
            raise InputError(
                [_unknown(spec.name, key, value, ()) for key, value in spec.parameters]
            )
        return _make(spec, cls)
    return _make(spec, cls, _fill(spec, parameters))


def build_for(system: System, spec: ControllerSpec) -> Controller:
    """Return a new controller that is to act on `system`.

    Raises
    ------
    InputError
        As `build`; or if it requires what the system does not have, or moves vehicles and plans
        for some of the ways only on which this fleet moves, or plans for one area only.
    """
    controller = build(spec)
    capabilities = capabilities_of(controller)
    message = misfit(capabilities, system)
    if not message:
        return controller
    raise InputError.single(
        where=spec.name,
        key="requires",
        value=", ".join(sorted(capabilities.requires)),
        message=message,
        remedy=f"Name a controller for a system with {', '.join(sorted(system.features))}"
        if system.features
        else "Name a controller that requires nothing, such as 'idle'",
    )


def declared_capabilities(spec: ControllerSpec) -> Capabilities:
    """Return what the class of a controller says of itself, whatever its parameters.

    Raises
    ------
    InputError
        If the controller is not found.
    """
    return capabilities_of(load_controller(spec.name, spec.source))


def _make(spec: ControllerSpec, cls: Callable[..., Any], *parameters: object) -> Controller:
    try:
        with contained():
            controller = cast("Controller", cls(*parameters))
            capabilities_of(controller)  # complains where they are none
        return controller
    except GridhaulError:
        raise
    except Exception as error:
        raise InputError.single(
            where=spec.name,
            key="controller",
            value=getattr(cls, "__name__", spec.name),
            message=f"cannot be built ({described(error)})",
            remedy="Its constructor takes its Parameters, or nothing where there are none",
        ) from error


def with_source(spec: ControllerSpec) -> ControllerSpec:
    """Return `spec` with the text of its file in it, if it names one.

    It then means the same on every machine, and whatever becomes of the file.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    then = spec.then and dataclasses.replace(
        spec.then, controller=with_source(spec.then.controller)
    )
    return dataclasses.replace(spec, source=spec.source or read_source(spec.name), then=then)


def effective_parameters(spec: ControllerSpec) -> dict[str, object]:
    """Return all parameters of a controller, defaults included; work limits are among them."""
    cls = load_controller(spec.name, spec.source)
    parameters = getattr(cls, "Parameters", None)
    return {} if parameters is None else dataclasses.asdict(cast("Any", _fill(spec, parameters)))


def specify(names: Sequence[str], settings: Mapping[str, object]) -> tuple[ControllerSpec, ...]:
    """Return one specification per name, `settings` dealt out to those who know them.

    A setting ``field`` goes to every controller that has the field; ``name.field`` goes to the
    controller of that name only.

    Raises
    ------
    InputError
        If no name is given, one is given twice, or a setting fits no controller.
    """
    if not names:
        raise InputError.single(
            where="--controllers",
            key="controllers",
            value="",
            message="names no controller",
            remedy="Name at least one; `gridhaul list` shows them",
        )
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InputError.single(
            where="--controllers",
            key="controllers",
            value=", ".join(twice),
            message="is named more than once",
            remedy="Name every controller once",
        )
    fields = {name: _fields(name) for name in names}
    dealt: dict[str, list[tuple[str, object]]] = {name: [] for name in names}
    problems = []
    for key, value in settings.items():
        owner, _, field = key.rpartition(".")
        takers = [owner] if owner else [name for name in names if field in fields[name]]
        if not takers or not set(takers) <= set(names) or field not in fields[takers[0]]:
            known = fields.get(owner, frozenset().union(*fields.values()))
            problems.append(_unknown(owner or ", ".join(names), field, value, known))
            continue
        for name in takers:
            dealt[name].append((field, value))
    if problems:
        raise InputError(problems)
    return tuple(ControllerSpec(name=name, parameters=tuple(dealt[name])) for name in names)


def as_spec(controller: object) -> ControllerSpec:
    """Return `controller` as a specification.

    Parameters
    ----------
    controller
        A specification, a name, ``my_file.py:ClassName``, a class, or an instance of one that holds
        nothing but its parameters.

    Raises
    ------
    InputError
        If it is none of these, or its source cannot be sent to other processes.
    """
    if isinstance(controller, ControllerSpec):
        return controller
    if isinstance(controller, str):
        return ControllerSpec(name=controller)
    if isinstance(controller, type):
        return _of_class(controller)
    if callable(getattr(controller, "decide", None)):
        return _of_instance(controller)
    raise InputError.single(
        where="controller",
        key="controller",
        value=controller,
        message=f"is of type {type(controller).__name__}",
        remedy="Give a name, 'my_file.py:MyController', a class or an instance of one",
    )


def as_specs(controllers: Sequence[object]) -> tuple[ControllerSpec, ...]:
    """Return several controllers as specifications with their sources; see `as_spec`."""
    if isinstance(controllers, str) or not isinstance(controllers, Sequence):
        raise InputError.single(
            where="controllers",
            key="controllers",
            value=controllers,
            message=f"is of type {type(controllers).__name__}, not a list",
            remedy="Write for example ['idle', 'greedy']",
        )
    return tuple(with_source(as_spec(controller)) for controller in controllers)


def _of_class(cls: type) -> ControllerSpec:
    path = f"{cls.__module__}:{cls.__qualname__}"
    for point in registered(CONTROLLERS):
        if point.value == path:
            return ControllerSpec(name=point.name)
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) or ""
    if file.endswith(".py") and "." not in cls.__module__ and cls.__module__ != "__main__":
        return ControllerSpec(name=f"{file}:{cls.__qualname__}")
    return ControllerSpec(name=f"{file_name(cls)}:{cls.__name__}", source=source_of(cls))


def _of_instance(controller: object) -> ControllerSpec:
    """Return the class of an instance with its parameters; other state cannot be sent."""
    state = dict(vars(controller)) if hasattr(controller, "__dict__") else {}
    parameters = state.pop("parameters", None)
    state.pop("capabilities", None)
    is_record = dataclasses.is_dataclass(parameters) and not isinstance(parameters, type)
    if state or not (parameters is None or is_record):
        name = next(iter(state), "parameters")
        raise InputError.single(
            where=type(controller).__name__,
            key=name,
            value=state.get(name, parameters),
            message="is state of an instance, which other processes do not have",
            remedy="Give the class, and make what it needs fields of a dataclass Parameters",
        )
    values = (
        [(field.name, getattr(parameters, field.name)) for field in dataclasses.fields(parameters)]
        if dataclasses.is_dataclass(parameters)
        else []
    )
    return dataclasses.replace(_of_class(type(controller)), parameters=tuple(values))


def labels(specs: Sequence[ControllerSpec]) -> tuple[str, ...]:
    """Return how to call each controller in tables: its name, with parameters where names clash."""
    names = [spec.label for spec in specs]
    found = tuple(spec.label if names.count(spec.label) == 1 else str(spec) for spec in specs)
    twice = sorted({label for label in found if found.count(label) > 1})
    if twice:
        raise InputError.single(
            where="controllers",
            key="controllers",
            value=", ".join(twice),
            message="stands for the same controller with the same parameters more than once",
            remedy="Name every configuration once",
        )
    return found


def _fields(name: str) -> frozenset[str]:
    parameters = getattr(load_controller(name), "Parameters", None)
    if parameters is None:
        return frozenset()
    if not dataclasses.is_dataclass(parameters):
        raise InputError.single(
            where=name,
            key="Parameters",
            value=parameters,
            message="is no dataclass",
            remedy="Decorate it with @dataclass(frozen=True, kw_only=True)",
        )
    return frozenset(field.name for field in dataclasses.fields(parameters) if field.init)


def _fill(spec: ControllerSpec, parameters: type[Any]) -> object:
    known = {field.name for field in dataclasses.fields(parameters) if field.init}
    problems = [
        _unknown(spec.name, key, value, known) for key, value in spec.parameters if key not in known
    ]
    if problems:
        raise InputError(problems)
    # The dataclass stays plain: pydantic only converts and checks what the command line brings.
    try:
        return TypeAdapter(parameters).validate_python(dict(spec.parameters))
    except ValidationError as error:
        raise InputError(
            Problem(
                where=spec.name,
                key=".".join(["controller", *(str(part) for part in found["loc"])]),
                value=shown(found["input"]),
                message=found["msg"].removeprefix("Value error, ").removesuffix("."),
                remedy="See the docstring of the controller's Parameters",
            )
            for found in error.errors()
        ) from error


def _unknown(where: str, key: str, value: object, known: Collection[str]) -> Problem:
    if not known:
        remedy = "Leave it out; this controller takes no parameters"
    else:
        remedy = suggestion(key, known)
    return Problem(
        where=where,
        key=f"controller.{key}",
        value=shown(value),
        message="is no parameter of this controller",
        remedy=remedy,
    )
