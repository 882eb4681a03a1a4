"""What users read where a controller cannot be built: place, key, value, fault and remedy."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sim.episode.specification import (
    ControllerSpec,
    Successor,
    as_spec,
    build,
    build_for,
    effective_parameters,
    labels,
    specify,
    with_source,
)
from sim.errors import InputError
from sim.system.system import System

FILE = Path(__file__).parents[1] / "study" / "controllers_under_test.py"
TUNED, PLAIN, CONDUCTOR = (f"{FILE}:{name}" for name in ("Tuned", "Plain", "Conductor"))
STRANGE = """\
from dataclasses import dataclass
from sim.control import Plan


class Mute:
    def start(self, system, rng): ...


class Misplaced:
    requires = frozenset({"rail"})

    def start(self, system, rng): ...

    def decide(self, observation):
        return Plan()


class Fragile(Mute):
    capabilities = None

    def __init__(self):
        raise KeyError("x")

    def decide(self, observation):
        return Plan()


class Careless(Mute):
    capabilities = "rail"

    def decide(self, observation):
        return Plan()


class Plain(Mute):
    class Parameters:
        gain = 1

    def decide(self, observation):
        return Plan()


class Both(Mute):
    @dataclass(frozen=True, kw_only=True)
    class Parameters:
        gain: int = 1
        secret: int = 2

    def __init__(self, parameters):
        self.parameters = parameters

    def decide(self, observation):
        return Plan()
"""


@pytest.fixture
def strange(tmp_path: Path) -> str:
    file = tmp_path / "strange.py"
    file.write_text(STRANGE)
    return str(file)


def told(do: Callable[[], object]) -> list[str]:
    with pytest.raises(InputError) as caught:
        do()
    return [str(problem) for problem in caught.value.problems]


def test_a_name_is_needed_once() -> None:
    assert told(lambda: specify([], {})) == [
        (
            "--controllers: controllers = '': names no controller. "
            "Name at least one; `gridhaul list` shows them."
        )
    ]
    assert told(lambda: specify(["idle", "greedy", "idle"], {})) == [
        "--controllers: controllers = 'idle': is named more than once. Name every controller once."
    ]
    one = ControllerSpec(name="rolling", parameters=(("horizon", 4),))
    assert told(lambda: labels([one, one])) == [
        (
            "controllers: controllers = 'rolling(horizon=4)': stands for the same controller "
            "with the same parameters more than once. Name every configuration once."
        )
    ]


def test_settings_that_fit_nobody_are_all_named_with_what_there_is() -> None:
    assert told(lambda: specify([PLAIN, TUNED], {"gian": 2.0, "other": 1})) == [
        (
            f"{PLAIN}, {TUNED}: controller.gian = 2.0: is no parameter of this controller. "
            "Did you mean 'gain'? There is: gain, horizon."
        ),
        (
            f"{PLAIN}, {TUNED}: controller.other = 1: is no parameter of this controller. "
            "There is: gain, horizon."
        ),
    ]
    assert told(lambda: specify([PLAIN, TUNED], {f"{PLAIN}.gain": 2})) == [
        (
            f"{PLAIN}: controller.gain = 2: is no parameter of this controller. "
            "Leave it out; this controller takes no parameters."
        )
    ]
    assert told(lambda: specify([TUNED], {f"{CONDUCTOR}.other": 2})) == [
        (
            f"{CONDUCTOR}: controller.other = 2: is no parameter of this controller. "
            "There is: gain, horizon."
        )
    ]


def test_a_setting_goes_to_all_who_know_it(strange: str) -> None:
    both = f"{strange}:Both"
    tuned, other = specify([TUNED, both], {"gain": 2})
    assert tuned == ControllerSpec(name=TUNED, parameters=(("gain", 2),))
    assert other == ControllerSpec(name=both, parameters=(("gain", 2),))


def test_wrong_values_are_all_named_with_their_key() -> None:
    spec = ControllerSpec(name=TUNED, parameters=(("horizon", "soon"), ("gain", "much")))
    first, second = told(lambda: build(spec))
    assert first.startswith(
        f"{TUNED}: controller.horizon = 'soon': Input should be a valid integer"
    )
    assert second.startswith(f"{TUNED}: controller.gain = 'much': Input should be a valid number")
    assert first.endswith(". See the docstring of the controller's Parameters.")
    (refused,) = told(lambda: build(ControllerSpec(name=TUNED, parameters=(("gain", -1),))))
    assert "controller = {'gain': -1}: gain(=-1.0) must be >= 0. See the docstring" in refused
    (unknown,) = told(lambda: build(ControllerSpec(name=TUNED, parameters=(("horizn", 3),))))
    assert unknown == (
        f"{TUNED}: controller.horizn = 3: is no parameter of this controller. "
        "Did you mean 'horizon'? There is: gain, horizon."
    )


def test_classes_that_are_no_controllers_are_told_what_is_missing(strange: str) -> None:
    assert told(lambda: build(ControllerSpec(name=f"{strange}:Mute"))) == [
        (
            f"{strange}:Mute: controller = 'Mute': has no method 'decide'. "
            "A controller has start(system, rng) and decide(observation)."
        )
    ]
    assert told(lambda: build(ControllerSpec(name=f"{strange}:Misplaced"))) == [
        (
            f"{strange}:Misplaced: requires = frozenset({{'rail'}}): is an attribute of the class, "
            "where nobody reads it. Write capabilities = Capabilities(requires=...)."
        )
    ]
    assert told(lambda: build(ControllerSpec(name=f"{strange}:Fragile"))) == [
        (
            f"{strange}:Fragile: controller = 'Fragile': cannot be built (KeyError: 'x'). "
            "Its constructor takes its Parameters, or nothing where there are none."
        )
    ]
    assert told(lambda: build(ControllerSpec(name=f"{strange}:Careless")))[0].startswith(
        f"{strange}:Careless: "
    )
    name = f"{strange}:Plain"
    (found,) = told(lambda: specify([name], {}))
    assert found.startswith(f"{name}: Parameters = <class ")
    assert found.endswith(
        ": is no dataclass. Decorate it with @dataclass(frozen=True, kw_only=True)."
    )


def system(*features: str) -> System:
    return cast("Any", SimpleNamespace(name="here", features=frozenset(features)))


def test_a_controller_for_another_system_is_told_what_this_one_has(strange: str) -> None:
    conductor = ControllerSpec(name=CONDUCTOR)
    assert told(lambda: build_for(system("roads", "units"), conductor)) == [
        (
            f"{CONDUCTOR}: requires = 'rail': needs rail, which here does not have. "
            "Name a controller for a system with roads, units."
        )
    ]
    assert told(lambda: build_for(system(), conductor)) == [
        (
            f"{CONDUCTOR}: requires = 'rail': needs rail, which here does not have. "
            "Name a controller that requires nothing, such as 'idle'."
        )
    ]
    assert told(lambda: build_for(system("roads", "rail", "units"), conductor)) == [
        (
            f"{CONDUCTOR}: requires = 'rail': cannot plan for roads, on which vehicles of here "
            "move. Name a controller for a system with rail, roads, units."
        )
    ]


def test_a_controller_acts_where_it_lacks_nothing_and_leaves_no_vehicle_without_a_plan() -> None:
    for features in (("rail",), ("rail", "units")):
        assert type(build_for(system(*features), ControllerSpec(name=CONDUCTOR))).__name__ == (
            "Conductor"
        )
    plain = ControllerSpec(name=PLAIN)
    assert type(build_for(system("rail", "roads"), plain)).__name__ == "Plain"


def test_effective_parameters_are_those_set_and_the_defaults_of_the_rest() -> None:
    spec = ControllerSpec(name=TUNED, parameters=(("gain", "2"),))
    assert effective_parameters(spec) == {"horizon": 4, "gain": 2.0}
    assert effective_parameters(ControllerSpec(name=PLAIN)) == {}


def test_a_name_stands_for_a_controller_with_its_defaults() -> None:
    assert as_spec("idle") == ControllerSpec(name="idle")
    own = ControllerSpec(name="idle", parameters=(("x", 1),))
    assert as_spec(own) is own


def test_a_specification_keeps_the_text_of_its_file_and_of_its_successors(strange: str) -> None:
    """So it means the same when the file has become another, or none."""
    name = f"{strange}:Both"
    then = Successor(from_period=5, controller=ControllerSpec(name=name))
    found = with_source(ControllerSpec(name=name, parameters=(("gain", 3),), then=then))
    Path(strange).unlink()
    assert found.source == STRANGE
    assert found.then is not None
    assert found.then == dataclasses.replace(
        then, controller=ControllerSpec(name=name, source=STRANGE)
    )
    assert effective_parameters(found) == {"gain": 3, "secret": 2}
    assert cast("Any", build(found)).parameters.gain == 3
    assert with_source(found) == found
    assert with_source(ControllerSpec(name="idle")).source == ""
